"""`kill -9` in the middle of an apply of workflows: a second apply completes it, and nothing is there twice."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.faults.served import Killable

WORKFLOWS = 300
pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Killable]:
    server = Killable(tmp_path / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server: Killable) -> Iterator[httpx2.Client]:
    """Return a client with a management key, as the configuration client holds it."""
    organization_id = server.admin("org", "create", "Faults").strip()
    key = server.admin("key", "create", "--org", organization_id, "--kind", "wizchat").strip().splitlines()[-1]
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}/api/v1/flows", headers=headers, timeout=60) as client:
        yield client


def _body(count: int = WORKFLOWS) -> dict[str, Any]:
    """Return workflows of which each but the last refers to the next one."""
    last = {"id": "a", "key": "a", "type": "output", "config": {"value": 1}}
    workflows = [
        {
            "name": f"w{number:03}",
            "steps": [{**last, "type": "workflow", "config": {"workflowId": f"w{number + 1:03}"}}],
        }
        for number in range(count - 1)
    ]
    return {"workflows": [*workflows, {"name": f"w{count - 1:03}", "steps": [last]}]}


def _names(client: httpx2.Client) -> list[str]:
    found = client.get("/config").raise_for_status().json()
    assert "ambiguous" not in found
    return [one["name"] for one in found["workflows"]]


def test_second_apply_completes_what_a_kill_cut_off(server: Killable, client: httpx2.Client) -> None:
    def apply() -> None:
        with pytest.raises(httpx2.TransportError):
            client.post("/apply", json=_body())

    applying = threading.Thread(target=apply)
    applying.start()
    while not _names(client):
        assert applying.is_alive(), "the apply ended before anything was seen of it"
    server.kill()
    applying.join()
    server.start()
    there = _names(client)
    assert 0 < len(there) < WORKFLOWS, "the kill came too late"
    # What is there is whole: it refers to nothing that was not made before it.
    assert there == [f"w{number:03}" for number in range(WORKFLOWS - len(there), WORKFLOWS)]
    done = client.post("/apply", json=_body())
    assert done.status_code == 200, done.text
    assert Counter(one["action"] for one in done.json()["applied"]) == {
        "noop": len(there),
        "create": WORKFLOWS - len(there),
    }
    assert len(_names(client)) == WORKFLOWS
    assert client.post("/apply?dryRun=true", json=_body()).json()["plan"]["summary"]["noop"] == WORKFLOWS


def test_two_applies_at_once_make_everything_once(client: httpx2.Client) -> None:
    body = _body(40)
    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda _: client.post("/apply", json=body), range(4))]
    assert [one.status_code for one in answers] == [200] * 4
    made = [one.json()["plan"]["summary"]["create"] for one in answers]
    assert sorted(made) == [0, 0, 0, 40]
    assert len(_names(client)) == 40
    state = {"If-Match": client.get("/config").headers["etag"]}
    with ThreadPoolExecutor(2) as pool:
        changes = [{"workflows": [{"name": "w000", "description": text}]} for text in ("one", "two")]
        codes = [*pool.map(lambda change: client.post("/apply", json=change, headers=state).status_code, changes)]
    assert sorted(codes) == [200, 412]
