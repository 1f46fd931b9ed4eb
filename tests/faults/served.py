"""A server process that can be killed and started again on its data folder, and readers that come back."""

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.store import SqliteStore
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.ports import Transaction

T = TypeVar("T")

START_S_MAX = 60.0
_ANSWER = b'{"done": true}'


class CountingTool:
    """A real HTTP service that counts how often each call was answered, by its idempotency key."""

    def __init__(self) -> None:
        self.answered: Counter[str] = Counter()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"] or 0))
                time.sleep(0.01)
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(_ANSWER)))
                self.end_headers()
                outer.answered[self.headers["idempotency-key"]] += 1
                self.wfile.write(_ANSWER)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class Killable:
    """`trivium serve` on a data folder, on one port for all its lives."""

    def __init__(self, folder: Path, *, environ: dict[str, str] | None = None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = int(listener.getsockname()[1])
        self.folder = folder
        self._environ = {**os.environ, "TRIVIUM_DATA": str(folder), **(environ or {})}
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        command = [str(Path(sys.executable).with_name("trivium")), "serve", "--port", str(self.port)]
        self._child = subprocess.Popen(command, env=self._environ, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        while not self._answers():
            assert self._child.poll() is None, "the server did not start"
            assert time.monotonic() - began < START_S_MAX, "the server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._child is not None
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()

    def stop(self) -> None:
        """End it in good order."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            self._child.wait(30)

    def admin(self, *words: str) -> str:
        """Run a command of the operator and return what it prints."""
        command = [str(Path(sys.executable).with_name("trivium")), "admin", *words]
        return subprocess.run(command, env=self._environ, capture_output=True, text=True, check=True, timeout=60).stdout

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/core/v1/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def add_agent(folder: Path, organization_id: str, tool: CountingTool, *turns: JSONObject) -> str:
    """Store an agent whose model follows the turns and whose tool is the counting service; return its id."""
    tool_config: JSONObject = {
        "name": "pay",
        "url": f"http://127.0.0.1:{tool.port}/pay",
        "method": "POST",
        "input_schema": {"type": "object"},
        "is_repeatable": False,
    }
    config = ToolConfig(type="http", config=tool_config)
    return asyncio.run(_store_agent(folder, organization_id, config, list(turns)))


async def _store_agent(folder: Path, organization_id: str, tool: ToolConfig, turns: list[JSONObject]) -> str:
    database = folder / "trivium.db"
    migrate(f"sqlite:///{database}")
    store = SqliteStore(database)
    now = datetime.now(UTC)
    agent = Agent(
        id=new_id("agent"),
        organization_id=organization_id,
        name="Fault",
        model="scripted/script",
        created_at=now,
        updated_at=now,
        tools=(tool,),
        settings={
            "model_options": {"script": list(turns)},
            # Out of reach, but counted.
            "budgets": {"agent": {"period": "month", "tokens_max": 10**12}},
        },
    )
    await store.write(lambda tx: tx.agents.add(agent))
    await store.close()
    return agent.id


def read_store(folder: Path, unit: Callable[[Transaction], T]) -> T:
    """Return what a unit of work reads from a data folder nobody serves."""

    async def read() -> T:
        store = SqliteStore(folder / "trivium.db")
        try:
            return await store.read(unit)
        finally:
            await store.close()

    return asyncio.run(read())


@contextlib.contextmanager
def counting_tool() -> Iterator[CountingTool]:
    """Serve the counting tool for the length of a block."""
    tool = CountingTool()
    try:
        yield tool
    finally:
        tool.close()
