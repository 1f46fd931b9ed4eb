"""The documented memory operations and ours; keeping what was said in a run (section 7)."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.contracts.site import Site
from tests.contracts.wabee.client import Wabee, wabee
from tests.contracts.wabee.test_access import check_envelope

pytestmark = pytest.mark.server
MEMORY = {"id", "module_id", "content", "created_at", "updated_at", "valid", "metadata"}


@pytest.fixture
def plant(site: Site) -> Iterator[Wabee]:
    with wabee(site) as opened:
        yield opened


def keep(plant: Wabee, text: str, **body: object) -> dict:
    answer = plant.http.post("/core/v1/memory/observation", json={"input": text, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(plant: Wabee, module: str = "agent_memory") -> list[str]:
    answer = plant.http.get("/core/v1/memory/list", params={"module_id": module})
    return [memory["content"] for memory in answer.json()]


def test_an_observation_is_kept_listed_and_found(plant: Wabee) -> None:
    kept = keep(plant, "Plant 7 is closed on Fridays")
    assert kept.keys() == {"memory", "affected"}
    assert kept["memory"].keys() == MEMORY
    keep(plant, "The user drinks tea")
    assert listed(plant) == ["The user drinks tea", "Plant 7 is closed on Fridays"]
    found = plant.http.get("/core/v1/memory/search", params={"query": "When is plant 7 closed?"}).json()
    assert found[0].keys() == MEMORY | {"score"}
    assert found[0]["content"] == "Plant 7 is closed on Fridays"


def test_the_strategy_is_read_in_any_case_and_settles_conflicts(plant: Wabee) -> None:
    first = keep(plant, "My name is Ada", addition_strategy="NAIVE")
    second = keep(plant, "My name is Grace", addition_strategy="Update")
    assert second["affected"] == [first["memory"]["id"]]
    memories = plant.http.get("/core/v1/memory/list?module_id=agent_memory").json()
    assert [memory["valid"] for memory in memories] == [True, False]


def test_the_body_names_the_module_before_the_query(plant: Wabee) -> None:
    plant.http.post("/core/v1/memory/observation?module_id=q", json={"input": "in q"})
    plant.http.post("/core/v1/memory/observation?module_id=q", json={"input": "in b", "module_id": "b"})
    assert (listed(plant, "q"), listed(plant, "b"), listed(plant)) == (["in q"], ["in b"], [])


def test_memories_are_corrected_deleted_and_reset(plant: Wabee) -> None:
    kept = keep(plant, "My name is Ada")["memory"]
    changed = plant.http.patch(f"/core/v1/memory/{kept['id']}", json={"content": "My name is Eve"})
    assert changed.json()["memory"]["content"] == "My name is Eve"
    answer = plant.http.post("/core/v1/memory/delete", json={"module_id": "agent_memory", "ids": [kept["id"], "x"]})
    assert answer.json() == {"deleted": [kept["id"]]}
    keep(plant, "again")
    assert plant.http.post("/core/v1/memory/reset", json={"module_id": "agent_memory"}).json() == {"deleted": 1}
    assert listed(plant) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/core/v1/memory/list", None, 422),
        ("GET", "/core/v1/memory/search", None, 422),
        ("GET", "/core/v1/memory/search?query=", None, 422),
        ("POST", "/core/v1/memory/observation", {}, 422),
        ("POST", "/core/v1/memory/observation", {"input": ""}, 422),
        ("POST", "/core/v1/memory/observation", {"input": " "}, 400),
        ("POST", "/core/v1/memory/observation", {"input": "x", "addition_strategy": "magic"}, 422),
        ("POST", "/core/v1/memory/observation", {"input": "x", "module_id": ""}, 422),
        ("POST", "/core/v1/memory/delete", {"ids": []}, 422),
        ("POST", "/core/v1/memory/reset", {}, 422),
        ("PATCH", "/core/v1/memory/unknown", {"content": "x"}, 404),
    ],
)
def test_a_call_of_another_shape_is_refused(plant: Wabee, method: str, path: str, body: object, status: int) -> None:
    check_envelope(plant.http.request(method, path, json=body), status)


def test_memories_of_another_organization_do_not_exist(site: Site, plant: Wabee) -> None:
    kept = keep(plant, "private")["memory"]
    with wabee(site) as other:
        assert listed(other) == []
        check_envelope(other.http.patch(f"/core/v1/memory/{kept['id']}", json={"content": "x"}), 404)
        deleted = other.http.post("/core/v1/memory/delete", json={"ids": [kept["id"]]})
        assert deleted.json() == {"deleted": []}
    assert listed(plant) == ["private"]


def test_what_was_said_is_retained_when_asked_and_recalled_later(plant: Wabee) -> None:
    said = {"messages": [{"role": "user", "content": "My name is Ada. What is the outlook?"}]}
    plant.http.post("/core/v1/chain", json=said)
    plant.http.post("/core/v1/chain", json={**said, "auto_memory_retain": True})
    deadline = time.monotonic() + 20
    while not listed(plant) and time.monotonic() < deadline:
        plant.http.get("/core/v1/health")
    (memory,) = plant.http.get("/core/v1/memory/list?module_id=agent_memory").json()
    assert (memory["content"], memory["metadata"]["found_by"]) == ("My name is Ada.", "rules")
    plant.ask("What is my name?", headers={"session-id": "later"})
    steps = plant.http.get("/core/v1/sessions/later/trace").json()["requests"][0]["steps"]
    (recalled,) = [json.loads(step["content"]) for step in steps if step["step_name"] == "memory"]
    assert recalled[0]["content"] == "My name is Ada."
