"""`kill -9` while events are accepted, run and answered: each is one run, and one answer by its id."""

import json
import os
import random
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from tests.faults.served import Killable, add_agent, counting_tool, read_store
from trivium.core.model.runs import FINAL_STATUSES, Run
from trivium.core.ports import Transaction

KILLS = int(os.environ.get("TRIVIUM_FAULT_POINTS", "20")) // 10
EVENTS_PER_LIFE = 5
TEXT = " ".join(f"word{number}" for number in range(20))


class Receiver:
    """Counts callbacks: the ids that came for each event. A fifth of the first calls fail, as receivers do."""

    def __init__(self, moment: random.Random) -> None:
        self.ids: dict[str, set[str]] = defaultdict(set)
        self.outputs: dict[str, set[str]] = defaultdict(set)
        self.failed: set[str] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                # Not twice: the second pause between tries is five minutes.
                is_taken = body["subject"] in outer.failed or moment.random() > 0.2
                if not is_taken:
                    outer.failed.add(body["subject"])
                else:
                    outer.ids[body["subject"]].add(self.headers["webhook-id"])
                    outer.outputs[body["subject"]].add(body["data"]["body"]["output"])
                self.send_response(204 if is_taken else 503)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def all_runs(tx: Transaction) -> list[Run]:
    return [run for organization in tx.organizations.all() for run in tx.runs.find(organization.id, limit=10_000)]


def send(server: Killable, key: str, event_id: str, callback_port: int) -> bool:
    """Send an event until it is acknowledged, as a sender does who gets no answer."""
    event = {
        "specversion": "1.0",
        "source": "https://example.org/fault",
        "id": event_id,
        "time": "2026-01-05T09:00:00Z",
        "data": {
            "messages": [{"role": "user", "content": "go"}],
            "callback_url": f"http://127.0.0.1:{callback_port}/done",
        },
    }
    began = time.monotonic()
    while time.monotonic() - began < 60:
        try:
            url = f"http://127.0.0.1:{server.port}/core/v1/chain_async"
            answer = httpx2.post(url, json=event, headers={"x-wabee-access": key}, timeout=20)
        except httpx2.HTTPError:
            time.sleep(0.05)
            continue
        if answer.status_code == 202:
            return True
        assert answer.status_code in (409, 429, 503), answer.text
        time.sleep(0.2)
    return False


@pytest.mark.server
@pytest.mark.timeout(300)
def test_acknowledged_events_are_each_answered_by_one_id(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    moment = random.Random(seed)
    receiver = Receiver(random.Random(seed))
    with counting_tool() as tool:
        server = Killable(tmp_path, environ={"TRIVIUM_OUTBOUND_ALLOW": f"127.0.0.1:{receiver.port}"})
        organization = json.loads(server.admin("org", "create", "Fault", "--json"))["id"]
        agent = add_agent(tmp_path, organization, tool, {"text": TEXT, "delay_ms": 10})
        words = ("key", "create", "--org", organization, "--kind", "wabee", "--agent", agent, "--json")
        key = json.loads(server.admin(*words))["key"]
        server.start()
        sent: list[str] = []
        for life in range(KILLS):
            names = [f"event-{life}-{number}" for number in range(EVENTS_PER_LIFE)]
            with ThreadPoolExecutor(EVENTS_PER_LIFE) as pool:
                results = [pool.submit(send, server, key, name, receiver.port) for name in names]
                time.sleep(moment.uniform(0.0, 0.6))
                server.kill()
                server.start()
            assert all(result.result() for result in results)
            sent += names
        began = time.monotonic()
        while len(receiver.ids) < len(sent) and time.monotonic() - began < 90:
            time.sleep(0.1)
        server.stop()
    receiver.server.shutdown()
    receiver.server.server_close()
    runs: list[Run] = read_store(tmp_path, all_runs)
    assert {run.status for run in runs} <= FINAL_STATUSES
    assert sorted(str(run.metadata["event_id"]) for run in runs) == sorted(sent)
    assert {name: len(ids) for name, ids in receiver.ids.items()} == dict.fromkeys(sent, 1)
    assert {output for outputs in receiver.outputs.values() for output in outputs} == {TEXT}
