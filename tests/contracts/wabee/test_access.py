"""Who may ask which agent, and what everybody else is told."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.contracts.site import Site
from tests.contracts.wabee.client import Wabee, wabee
from trivium.core.model.budgets import Budget
from trivium.core.model.json import JSONObject

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def plant(site: Site) -> Iterator[Wabee]:
    with wabee(site) as opened:
        yield opened


def check_envelope(answer, status: int) -> dict:
    """The one error body: the documented three fields and the three that the Go client decodes."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert body.keys() == {"body", "status_code", "details", "code", "message", "detail"}
    assert (answer.status_code, body["status_code"], body["code"]) == (status, status, status)
    assert isinstance(body["body"], str)
    assert isinstance(body["detail"], str)
    assert isinstance(body["message"], str)
    assert "Traceback" not in answer.text
    return body


@pytest.mark.parametrize("name", ["x-wabee-access", "X-API-Key", "Authorization"])
def test_a_key_is_taken_from_each_of_three_headers(site: Site, plant: Wabee, name: str) -> None:
    value = f"Bearer {plant.key}" if name == "Authorization" else plant.key
    with site.client(**{name: value}) as client:
        assert client.get("/core/v1/metadata").json()["name"] == "Plant agent"


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-wabee-access": "nonsense"}, {"x-wabee-access": "wab_live_unknown"}, {"authorization": "Basic eDp5"}],
)
def test_without_a_good_key_it_is_401(site: Site, headers: dict[str, str]) -> None:
    with site.client(**headers) as client:
        for method, path in (
            ("POST", "/core/v1/chain"),
            ("POST", "/core/v1/chain_streaming"),
            ("GET", "/core/v1/metadata"),
            ("GET", "/core/v1/sessions"),
            ("DELETE", "/core/v1/sessions/x"),
        ):
            answer = client.request(method, path, content=b"not even JSON" if method == "POST" else None)
            check_envelope(answer, 401)


def test_a_key_of_another_contract_is_401(site: Site, plant: Wabee) -> None:
    for kind in ("wisebot", "wizchat"):
        with site.client(**{"x-wabee-access": site.key(plant.agent.organization_id, kind)}) as client:
            check_envelope(client.get("/core/v1/metadata"), 401)


def test_an_agent_can_be_named_in_the_path(site: Site, plant: Wabee) -> None:
    second = site.agent(plant.agent.organization_id, name="Second")
    key = site.key(plant.agent.organization_id)
    with site.client(**{"x-wabee-access": key}) as client:
        assert client.get(f"/agents/{second.id}/core/v1/metadata").json()["name"] == "Second"
        answer = client.post(
            f"/agents/{second.id}/core/v1/chain", json={"messages": [{"role": "user", "content": "hi"}]}
        )
        assert answer.json()["output"] == "hi"


def test_a_key_for_other_agents_is_403(site: Site, plant: Wabee) -> None:
    second = site.agent(plant.agent.organization_id, name="Second")
    answer = plant.http.get(f"/agents/{second.id}/core/v1/metadata")
    check_envelope(answer, 403)


def test_an_agent_of_another_organization_does_not_exist(site: Site, plant: Wabee) -> None:
    with site.client(**{"x-wabee-access": site.key(site.organization())}) as client:
        for path in ("metadata", "sessions", "sessions/x", "sessions/streams/active"):
            answer = client.get(f"/agents/{plant.agent.id}/core/v1/{path}")
            if path not in ("sessions", "sessions/streams/active"):
                check_envelope(answer, 404)
        body = {"messages": [{"role": "user", "content": "hi"}]}
        check_envelope(client.post(f"/agents/{plant.agent.id}/core/v1/chain", json=body), 404)


def test_conversations_of_another_organization_do_not_exist(site: Site, plant: Wabee) -> None:
    plant.ask(headers={"session-id": "private"})
    with wabee(site) as other:
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/trace")):
            check_envelope(other.http.request(method, f"/core/v1/sessions/private{path}"), 404)
        assert other.http.get("/core/v1/sessions").json()["sessions"] == []
    assert plant.http.get("/core/v1/sessions/private").status_code == 200


def test_a_key_for_all_agents_asks_the_default(site: Site) -> None:
    organization_id = site.organization()
    site.agent(organization_id, name="First")
    second = site.agent(organization_id, name="Second")
    with site.client(**{"x-wabee-access": site.key(organization_id)}) as client:
        assert client.get("/core/v1/metadata").json()["name"] == "First"
    third = site.agent(site.organization(), name="Third")
    site.make_default(third)
    site.make_default(second)
    with site.client(**{"x-wabee-access": site.key(third.organization_id)}) as client:
        assert client.get("/core/v1/metadata").json()["name"] == "Third"


def test_an_organization_without_agents_says_so(site: Site) -> None:
    with site.client(**{"x-wabee-access": site.key(site.organization())}) as client:
        check_envelope(client.get("/core/v1/metadata"), 404)


def test_a_rate_limit_says_when_to_come_back(site: Site, plant: Wabee) -> None:
    key = site.key(plant.agent.organization_id, rate_limit_per_min=2)
    with site.client(**{"x-wabee-access": key}) as client:
        statuses = [client.get("/core/v1/metadata").status_code for _ in range(3)]
        limited = client.get("/core/v1/metadata")
    assert statuses == [200, 200, 429]
    check_envelope(limited, 429)
    assert int(limited.headers["retry-after"]) >= 1


def test_an_expired_key_is_401(site: Site, plant: Wabee) -> None:
    soon = site.platform.clock.now() + timedelta(milliseconds=50)
    key = site.key(plant.agent.organization_id, expires_at=soon)
    with site.client(**{"x-wabee-access": key}) as client:
        while site.platform.clock.now() < soon:
            client.get("/core/v1/health")
        check_envelope(client.get("/core/v1/metadata"), 401)


def test_health_needs_no_key_and_tells_more_with_one(site: Site, plant: Wabee) -> None:
    with site.client() as client:
        assert client.get("/core/v1/health").json() == {"status": "healthy"}
    detail = plant.http.get("/core/v1/health").json()
    assert detail.keys() == {"status", "version", "uptime_seconds", "checks"}
    assert all(isinstance(state, str) for state in detail["checks"].values())


def test_metadata_describes_the_agent(plant: Wabee) -> None:
    plant.use("csv_search")
    data = plant.http.get("/core/v1/metadata").json()
    assert data.keys() == {"name", "description", "metadata", "version", "tools"}
    assert data["tools"] == ["csv_search"]
    assert isinstance(data["metadata"], dict)


@pytest.mark.parametrize("path", ["/core/v1/chain", "/core/v1/chain_streaming"])
def test_a_key_whose_budget_is_used_up_starts_nothing_more(site: Site, plant: Wabee, path: str) -> None:
    organization_id = plant.agent.organization_id
    secret = site.key(organization_id, agent_ids=[plant.agent.id], budgets=(Budget(requests_max=1),))
    with site.client(**{"x-wabee-access": secret}) as client:
        body = {"messages": [{"role": "user", "content": "Hi"}]}
        assert client.post(path, json=body).status_code == 200
        refused = client.post(path, json=body)
    check_envelope(refused, 429)
    assert 0 < int(refused.headers["Retry-After"]) <= 86_401
    assert plant.ask().status_code == 200


def test_a_run_that_uses_a_budget_up_ends_in_the_middle(site: Site, plant: Wabee) -> None:
    call: JSONObject = {"text": "I add.", "tool_calls": [{"name": "add"}]}
    agent = site.agent(plant.agent.organization_id, call, {"text": "Done."})
    secret = site.key(agent.organization_id, agent_ids=[agent.id], budgets=(Budget(tokens_max=1),))
    other = site.key(agent.organization_id, agent_ids=[agent.id], budgets=(Budget(tokens_max=1),))
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    with site.client(**{"x-wabee-access": secret}) as client:
        refused = client.post("/core/v1/chain", json=body)
    shown = check_envelope(refused, 429)
    assert "tokens of this day are used up" in shown["body"]
    assert int(refused.headers["Retry-After"]) > 0
    with site.client(**{"x-wabee-access": other}) as client:
        streamed = client.post("/core/v1/chain_streaming", json=body)
    assert streamed.status_code == 200
    assert "The key's tokens of this day are used up." in streamed.text
