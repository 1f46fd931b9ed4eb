"""Tools listed and run outside of a conversation; sub-agents (sections 4 and 5)."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.contracts.site import Site
from tests.contracts.wabee.client import Wabee, wabee
from tests.contracts.wabee.test_access import check_envelope
from trivium.core.ports import ToolContext, ToolResult

pytestmark = pytest.mark.server
INFO = {"id", "name", "description", "status", "created_at", "last_active"}
HELPER = {"name": "Research", "description": "Collects facts", "objective": "Find them"}


@pytest.fixture
def plant(site: Site) -> Iterator[Wabee]:
    site.tools.schemas["csv_search"] = {
        "type": "object",
        "properties": {"query": {"type": "string"}},
        "required": ["query"],
    }
    site.tools.answers["csv_search"] = lambda given, _: ToolResult(output={"found": given["query"]})
    with wabee(site) as opened:
        opened.use("csv_search", "broken", "approve_payment")
        yield opened


def test_tools_are_an_object_or_an_array_for_who_needs_one(plant: Wabee) -> None:
    documented = plant.http.get("/core/v1/tools").json()
    assert documented.keys() == {"tools"}
    assert [tool["name"] for tool in documented["tools"]] == ["csv_search", "broken", "approve_payment"]
    for tool in documented["tools"]:
        assert tool.keys() == {"name", "description", "status", "schema", "parameters"}
        assert tool["status"] == "ready"
    assert plant.http.get("/core/v1/tools?format=list").json() == documented["tools"]
    go = plant.http.get("/core/v1/tools", headers={"user-agent": "Go-http-client/1.1"})
    assert go.json() == documented["tools"]


@pytest.mark.parametrize("path", ["/core/v1/tool/execute", "/core/v1/tools/execute"])
def test_a_tool_runs_by_itself(plant: Wabee, path: str) -> None:
    answer = plant.http.post(path, json={"tool_name": "csv_search", "tool_input": {"query": "May"}}).json()
    assert answer.pop("execution_time") >= 0
    assert answer == {"tool_name": "csv_search", "output": {"found": "May"}, "status": "success", "error": None}


def test_a_tool_gets_the_stix_headers_and_the_session(site: Site, plant: Wabee) -> None:
    seen: list[ToolContext] = []

    def note(_: object, context: ToolContext) -> ToolResult:
        seen.append(context)
        return ToolResult(output=None)

    site.tools.answers["broken"] = note
    body = {"tool_name": "broken", "tool_input": {}, "session_id": "s1"}
    plant.http.post("/core/v1/tool/execute", json=body, headers={"stix-tenant": "t1"})
    assert (seen[0].headers, seen[0].conversation_id) == ({"stix-tenant": "t1"}, "s1")


def test_a_failing_tool_is_a_200_that_says_so(site: Site, plant: Wabee) -> None:
    def fail(*_: object) -> ToolResult:
        raise RuntimeError("secret detail")

    site.tools.answers["broken"] = fail
    answer = plant.http.post("/core/v1/tool/execute", json={"tool_name": "broken", "tool_input": {}})
    assert (answer.status_code, answer.json()["status"]) == (200, "error")
    assert "secret" not in answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"tool_name": "nothing", "tool_input": {}}, 404),
        ({"tool_name": "csv_search", "tool_input": {}}, 400),
        ({"tool_name": "csv_search", "tool_input": {"query": 5}}, 400),
        ({"tool_name": "approve_payment", "tool_input": {}}, 403),
        ({"tool_name": "csv_search"}, 422),
        ({"tool_input": {}}, 422),
        ({"tool_name": "csv_search", "tool_input": "May"}, 422),
        ([], 422),
    ],
)
def test_a_call_that_cannot_be_made_is_refused(plant: Wabee, body: object, status: int) -> None:
    check_envelope(plant.http.post("/core/v1/tool/execute", json=body), status)


def test_sub_agents_are_made_listed_read_and_deleted(plant: Wabee) -> None:
    made = plant.http.post("/core/v1/chain/sub_agents", json={**HELPER, "tools": ["csv_search"]})
    assert made.status_code == 201
    assert made.json().keys() == {"sub_agent_id", "sub_agent_info"}
    info = made.json()["sub_agent_info"]
    assert info.keys() == INFO
    assert info["id"].startswith("sa-")
    assert (info["status"], info["last_active"]) == ("ready", None)
    assert datetime.fromisoformat(info["created_at"]).tzinfo is not None
    assert plant.http.get("/core/v1/chain/sub_agents").json() == {"sub_agents": [info]}
    path = f"/core/v1/chain/sub_agents/{info['id']}"
    assert plant.http.get(path).json()["sub_agent_info"] == info
    assert plant.http.delete(path).status_code == 204
    check_envelope(plant.http.get(path), 404)
    check_envelope(plant.http.delete(path), 404)
    assert plant.http.get("/core/v1/chain/sub_agents").json() == {"sub_agents": []}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": None}, 422),
        ({"name": ""}, 422),
        ({"description": 5}, 422),
        ({"objective": None}, 422),
        ({"tools": "csv_search"}, 422),
        ({"workflow_type": "chaotic"}, 422),
        ({"tools": ["nothing"]}, 400),
    ],
)
def test_a_sub_agent_of_another_shape_is_refused(plant: Wabee, changes: dict, status: int) -> None:
    check_envelope(plant.http.post("/core/v1/chain/sub_agents", json={**HELPER, **changes}), status)


def test_sub_agents_of_another_organization_do_not_exist(site: Site, plant: Wabee) -> None:
    sub_agent_id = plant.http.post("/core/v1/chain/sub_agents", json=HELPER).json()["sub_agent_id"]
    check_envelope(plant.http.post("/core/v1/chain/sub_agents", json=HELPER), 409)
    with wabee(site) as other:
        check_envelope(other.http.get(f"/core/v1/chain/sub_agents/{sub_agent_id}"), 404)
        check_envelope(other.http.delete(f"/core/v1/chain/sub_agents/{sub_agent_id}"), 404)
        assert other.http.get("/core/v1/chain/sub_agents").json() == {"sub_agents": []}
