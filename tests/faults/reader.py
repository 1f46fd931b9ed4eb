"""A reader of streamed answers that comes back with its last event id, as often as it has to."""

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

_WHOLE_S_MAX = 120.0


@dataclass
class Reader:
    """Asks once and reads to the end, whatever happens to the server; everything it saw is kept in order."""

    port: int
    key: str
    session: str
    ids: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    run_ids: set[str] = field(default_factory=set)
    connections: int = 0
    is_over: bool = False

    def start(self) -> threading.Thread:
        """Read in a thread of its own."""
        thread = threading.Thread(target=self._read_all, daemon=True)
        thread.start()
        return thread

    @property
    def text(self) -> str:
        """The answer as this reader saw it."""
        return "".join(e["token"] for e in self.events if e["agent_step"] == "TYPING_TEXT")

    def _read_all(self) -> None:
        began = time.monotonic()
        while not self.is_over and time.monotonic() - began < _WHOLE_S_MAX:
            try:
                self._read_once()
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)

    def _read_once(self) -> None:
        headers = {"x-wabee-access": self.key, "session-id": self.session, "content-type": "application/json"}
        if self.connections:
            # Nothing seen yet is position 0: the run may have been stored before the connection broke.
            headers["last-event-id"] = self.ids[-1] if self.ids else "0"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            body = json.dumps({"messages": [{"role": "user", "content": "Please."}]})
            connection.request("POST", "/core/v1/chain_streaming", body, headers)
            answer = connection.getresponse()
            if answer.status == 404 and not self.ids:
                self.connections = 0  # It never got as far as being stored: ask again.
                return
            assert answer.status == 200, (answer.status, answer.read())
            self.connections += 1
            self.run_ids.add(str(answer.headers["run-id"]))
            self._take(answer)
        finally:
            connection.close()

    def _take(self, answer: http.client.HTTPResponse) -> None:
        event_id = ""
        while line := answer.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                event_id = value
            elif name == "data":
                event = json.loads(value)
                self.events.append(event)
                if event_id:
                    self.ids.append(event_id)
                self.is_over = event["finish_reason"] != "null"
