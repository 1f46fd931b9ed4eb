"""Workflows whose steps leave marks outside, and killing the server while they do."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

from tests.faults.served import Killable

END_S_MAX = 90.0
Moment = tuple[int, str]


class Markers:
    """A service that marks each effect once by its idempotency key, and says when the moment to kill has come."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.to_kill: tuple[int, str] | None = None
        self.now = threading.Event()
        self.killed = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"] or 0))
                key = self.headers["idempotency-key"]
                number = int(self.path.rsplit("/", 1)[1])
                outer.asked[key] += 1
                if outer.to_kill == (number, "before"):
                    outer.to_kill = None
                    outer.killed.clear()
                    outer.now.set()
                    # An answer, even a broken one, would let the step fail before the server is gone.
                    outer.killed.wait(END_S_MAX)
                    return
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")
                outer.answered[key] += 1
                if outer.to_kill == (number, "after"):
                    outer.to_kill = None
                    outer.now.set()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def client_of(server: Killable, key: str) -> httpx2.Client:
    """Return a client with the key; close it."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=30)


def ended(server: Killable, key: str, run_id: str) -> Any:
    """Return the run when it has ended."""
    deadline = time.monotonic() + END_S_MAX
    with client_of(server, key) as client:
        while True:
            run = client.get(f"/api/v1/runs/{run_id}").json()
            if run["finishedAt"]:
                return run
            assert time.monotonic() < deadline, run
            time.sleep(0.05)


def new_key(server: Killable) -> str:
    """Return the key of a new organization."""
    organization_id = server.admin("org", "create", "Faults").strip()
    return server.admin("key", "create", "--org", organization_id, "--kind", "wisebot").strip()


def run_and_kill(
    server: Killable, markers: Markers, key: str, *, flow: dict[str, Any], moments: Sequence[Moment]
) -> Any:
    """Run a workflow, kill the server at each moment (a mark's number, before or after its answer), return the end."""
    with client_of(server, key) as client:
        saved = client.post("/api/v1/flows", json=flow)
        assert saved.status_code == 201, saved.text
        markers.to_kill = moments[0]
        run_id = client.post(f"/api/v1/flows/{saved.json()['id']}/runs").json()["runId"]
    for following in [*moments[1:], None]:
        assert markers.now.wait(END_S_MAX), "the run stands still"
        markers.now.clear()
        server.kill()
        markers.killed.set()
        markers.to_kill = following
        server.start()
    return ended(server, key, run_id)


def until(look: Callable[[], Any]) -> Any:
    """Return what `look` finds, once it finds something."""
    deadline = time.monotonic() + END_S_MAX
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found
