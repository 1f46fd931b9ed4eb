"""`Idempotency-Key` on whatever is posted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contracts.site import Site
from tests.contracts.wabee.client import Wabee, events_of, typed, wabee
from tests.contracts.wabee.test_access import check_envelope

pytestmark = pytest.mark.server
KEY = {"Idempotency-Key": "k-1", "session-id": "s"}


@pytest.fixture
def plant(site: Site) -> Iterator[Wabee]:
    with wabee(site) as opened:
        yield opened


def count(plant: Wabee) -> int:
    return int(plant.http.get("/core/v1/metrics").json()["total_requests"])


def test_the_same_key_gets_the_same_answer_and_one_run(plant: Wabee) -> None:
    first, again = plant.ask("hi", headers=KEY), plant.ask("hi", headers=KEY)
    assert (again.status_code, again.text) == (first.status_code, first.text)
    assert again.headers["run-id"] == first.headers["run-id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert count(plant) == 1


def test_at_the_same_moment_it_is_one_run(plant: Wabee) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: plant.ask("hi", headers=KEY), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert count(plant) == 1


def test_another_body_under_the_same_key_is_409(plant: Wabee) -> None:
    plant.ask("hi", headers=KEY)
    answer = check_envelope(plant.ask("ho", headers=KEY), 409)
    assert answer["details"]["error"] == "idempotency_key_reused"


def test_keys_are_apart_by_path_and_caller(site: Site, plant: Wabee) -> None:
    plant.ask("hi", headers=KEY)
    helper = {"name": "A", "description": "", "objective": ""}
    assert plant.http.post("/core/v1/chain/sub_agents", json=helper, headers=KEY).status_code == 201
    assert plant.http.post("/core/v1/chain/sub_agents", json=helper, headers=KEY).status_code == 201
    with wabee(site) as other:
        assert other.ask("ho", headers=KEY).json()["output"] == "ho"


def test_a_stream_is_taken_up_from_its_beginning(plant: Wabee) -> None:
    first, again = plant.stream("hi", headers=KEY), plant.stream("hi", headers=KEY)
    assert typed(events_of(again.text)) == "hi"
    assert events_of(again.text) == events_of(first.text)
    assert count(plant) == 1


def test_what_was_refused_may_be_tried_again(plant: Wabee) -> None:
    unknown = {"tool_name": "later", "tool_input": {}}
    check_envelope(plant.http.post("/core/v1/tool/execute", json=unknown, headers=KEY), 404)
    check_envelope(plant.http.post("/core/v1/tool/execute", json=unknown, headers=KEY), 404)
    check_envelope(plant.ask(headers={"Idempotency-Key": "x" * 201}), 400)
    with plant.site.client() as stranger:
        check_envelope(stranger.post("/core/v1/chain", json={}, headers=KEY), 401)
