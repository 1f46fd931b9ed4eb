"""`kill -9` at every step of a workflow: each step's effect happens once, and the run ends."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.faults.served import Killable

STEPS = 10
# Twice each step: while its effect is being made, and after it was answered but perhaps not noted.
POINTS = min(2 * STEPS, int(os.environ.get("TRIVIUM_FAULT_POINTS", "10")))
END_S_MAX = 90.0


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


@pytest.fixture
def markers() -> Iterator[Markers]:
    markers = Markers()
    yield markers
    markers.close()


@pytest.fixture
def server(tmp_path: Path, markers: Markers) -> Iterator[Killable]:
    environ = {"TRIVIUM_OUTBOUND_ALLOW": f"127.0.0.1:{markers.port}", "TRIVIUM_LEASE_S": "2"}
    server = Killable(tmp_path / "data", environ=environ)
    server.start()
    yield server
    server.stop()


def _client(server: Killable, key: str) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=30)


def _flow(markers: Markers) -> dict[str, Any]:
    url = f"http://127.0.0.1:{markers.port}/mark/"
    steps = [
        {"id": f"s{n}", "key": f"s{n}", "type": "http", "config": {"method": "POST", "url": f"{url}{n}", "body": {}}}
        for n in range(STEPS)
    ]
    edges = [{"from": f"s{n}", "to": f"s{n + 1}"} for n in range(STEPS - 1)]
    return {"name": "Marks", "steps": steps, "edges": edges}


@pytest.mark.server
@pytest.mark.timeout(60 + POINTS * 30)
def test_every_step_has_its_effect_once_wherever_the_server_is_killed(server: Killable, markers: Markers) -> None:
    moments = [(number, when) for number in range(STEPS) for when in ("before", "after")]
    if len(moments) > POINTS:
        moments = [(number, "after" if number % 2 else "before") for number in range(STEPS)]
    chosen = moments[:POINTS]
    organization_id = server.admin("org", "create", "Faults").strip()
    key = server.admin("key", "create", "--org", organization_id, "--kind", "wisebot").strip()
    with _client(server, key) as client:
        flow_id = client.post("/api/v1/flows", json=_flow(markers)).json()["id"]
        markers.to_kill = chosen[0]
        run_id = client.post(f"/api/v1/flows/{flow_id}/runs").json()["runId"]
    for following in [*chosen[1:], None]:
        assert markers.now.wait(END_S_MAX), "the run stands still"
        markers.now.clear()
        server.kill()
        markers.killed.set()
        markers.to_kill = following
        server.start()
    run = _ended(server, key, run_id)
    assert (run["status"], len(run["steps"])) == ("succeeded", STEPS), run
    assert {one["status"] for one in run["steps"]} == {"succeeded"}
    # One key for each step, so that a receiver that looks at keys acts once, however often it was asked.
    assert len(markers.asked) == STEPS
    assert set(markers.answered) == set(markers.asked)
    # Nothing is asked twice but what was in flight, or not yet noted, at a kill.
    assert sum(markers.asked.values()) <= STEPS + len(chosen)


def _ended(server: Killable, key: str, run_id: str) -> Any:
    deadline = time.monotonic() + END_S_MAX
    with _client(server, key) as client:
        while True:
            run = client.get(f"/api/v1/runs/{run_id}").json()
            if run["finishedAt"]:
                return run
            assert time.monotonic() < deadline, run
            time.sleep(0.05)
