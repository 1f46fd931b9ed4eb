"""Workflows as configuration over HTTP: export, plan, apply, drift, with the keys of both contracts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from tests.contracts.wisebot.office import CHAIN, CHAIN_EDGES, Office, error_of
from trivium.core.model.agents import ToolConfig
from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import Document

CONFIG, APPLY, DRIFT = "/api/v1/flows/config", "/api/v1/flows/apply", "/api/v1/flows/drift"
EVERY_5_MIN: JSONObject = {"intervalMinutes": 5, "inputs": {"message": "hi"}}


def chain(name: str, **fields: Any) -> JSONObject:
    """Return a small workflow."""
    return {"name": name, "steps": CHAIN, "edges": CHAIN_EDGES, **fields}


def step(kind: str, **config: Any) -> JSONObject:
    """Return a workflow's only step."""
    return {"id": "a", "key": "a", "type": kind, "config": config}


def one_step(name: str, kind: str, **config: Any) -> JSONObject:
    """Return a workflow of one step."""
    return {"name": name, "steps": [step(kind, **config)], "edges": []}


def apply(client: httpx2.Client, *workflows: JSONObject, dry: bool = False, headers: Any = None, **body: Any) -> Any:
    """Plan or apply these workflows."""
    params = {"dryRun": "true"} if dry else {}
    return client.post(APPLY, json={"workflows": [*workflows], **body}, params=params, headers=headers or {})


def ops(answer: httpx2.Response) -> list[tuple[str, str]]:
    """Return (action, name) of every line of a plan."""
    assert answer.status_code == 200, answer.text
    return [(op["action"], op["key"]) for op in answer.json()["plan"]["ops"]]


def test_apply_makes_changes_and_then_nothing(office: Office) -> None:
    made = apply(office.api, chain("Beta"), chain("Alpha", events=["message.created"]))
    assert ops(made) == [("create", "Alpha"), ("create", "Beta")]
    assert made.json()["applied"] == [
        {"section": "workflows", "action": "create", "key": "Alpha"},
        {"section": "workflows", "action": "create", "key": "Beta"},
    ]
    changed = apply(office.api, chain("Beta", enabled=False, description="Off"), chain("Alpha"))
    assert ops(changed) == [("noop", "Alpha"), ("update", "Beta")]
    noop, update = changed.json()["plan"]["ops"]
    assert noop.keys() == {"section", "action", "key"}
    assert update["changedFields"] == ["description", "enabled"]
    assert (update["before"]["enabled"], update["after"]["enabled"]) == (True, False)
    assert ops(apply(office.api, *changed.json()["config"]["workflows"])) == [("noop", "Alpha"), ("noop", "Beta")]
    stored = office.api.get("/api/v1/flows").json()["flows"]
    assert {one["name"]: (one["enabled"], one["events"]) for one in stored} == {
        "Alpha": (True, ["message.created"]),
        "Beta": (False, []),
    }


def test_dry_run_writes_nothing(office: Office) -> None:
    planned = apply(office.api, chain("Alpha"), dry=True)
    assert ops(planned) == [("create", "Alpha")]
    assert planned.json().keys() == {"dryRun", "plan"}
    assert office.api.get(CONFIG).json()["workflows"] == []
    misspelt = office.api.post(f"{APPLY}?dryrun=true", json={"workflows": [chain("Alpha")]})
    error_of(misspelt, 400)
    assert office.api.get(CONFIG).json()["workflows"] == []


def test_prune_only_when_asked(office: Office) -> None:
    apply(office.api, chain("Alpha"), chain("Beta"))
    assert ops(apply(office.api, chain("Alpha"))) == [("noop", "Alpha")]
    refused = apply(office.api, chain("Alpha"), prune=True, headers={"Max-Deletes": "0"})
    assert error_of(refused, 409)["code"] == "too_many_deletes"
    assert ops(apply(office.api, chain("Alpha"), prune=True)) == [("noop", "Alpha"), ("delete", "Beta")]
    assert [one["name"] for one in office.api.get(CONFIG).json()["workflows"]] == ["Alpha"]


def test_export_holds_everything_but_ids_times_and_secrets(office: Office) -> None:
    schedule = {"cron": "0 9 * * 1", "timeZone": "Europe/Vienna", "inputs": {"message": "hi"}, "missed": "skip"}
    office.flow(name="Weekly", schedule=schedule, events=["conversation.created"], webhook={"enabled": False})
    answer = office.api.get(CONFIG)
    document = answer.json()["workflows"][0]
    assert document["schedule"] == {"enabled": True, "intervalMinutes": None, "allowOverlap": False, **schedule}
    assert (document["webhook"], document["events"]) == ({"enabled": False}, ["conversation.created"])
    assert document.keys() == {*("name", "description", "enabled", "webhook", "schedule", "events", "steps", "edges")}
    assert not any(word in answer.text for word in ("wfs_", "secret", "wf_", "nextRun", "createdAt"))


def test_null_clears_absent_stays(office: Office) -> None:
    described = chain("Alpha", schedule=EVERY_5_MIN, description="Text", events=["message.created"])
    assert ops(apply(office.api, described)) == [("create", "Alpha")]
    assert ops(apply(office.api, {"name": "Alpha"})) == [("noop", "Alpha")]
    cleared = apply(office.api, {"name": "Alpha", "schedule": None, "description": None, "events": None})
    assert cleared.json()["plan"]["ops"][0]["changedFields"] == ["description", "events", "schedule"]
    document = office.api.get(CONFIG).json()["workflows"][0]
    assert (document["schedule"], document["description"], document["events"]) == (None, "", [])


def test_all_problems_are_named_and_nothing_is_written(office: Office) -> None:
    bad_key = one_step("Bad key", "llm", prompt="x")
    bad_key["steps"][0]["key"] = "No"  # type: ignore[index,call-overload]
    wrong = error_of(
        apply(
            office.api,
            chain("Fine"),
            bad_key,
            one_step("Bad agent", "agent", agentId="Nobody", prompt="x"),
            chain("Bad time", schedule={"cron": "never"}),
        ),
        400,
    )
    found = {(one["workflow"], one["place"]) for one in wrong["details"]["problems"]}
    assert found == {
        ("Bad key", "steps[0].key"),
        ("Bad agent", "steps[0].config.agentId"),
        ("Bad time", "schedule.cron"),
    }
    assert wrong["code"] == "invalid_workflow"
    assert [one["step"] for one in wrong["details"]["problems"] if "step" in one] == ["a", "No"]
    misshapen = error_of(apply(office.api, chain("Fine"), chain("Odd", colour="red"), {"steps": 1}), 400)
    assert [(one["workflow"], one["place"]) for one in misshapen["details"]["problems"]] == [
        ("Odd", "colour"),
        ("workflows[2]", "steps"),
    ]
    twice = error_of(apply(office.api, chain("Fine"), chain("Fine")), 400)
    assert twice["details"]["problems"][0]["workflow"] == "Fine"
    assert office.api.get(CONFIG).json()["workflows"] == []


def test_references_travel_by_name(make_office: Callable[..., Office]) -> None:
    here, there = make_office(name="Helper"), make_office(name="Helper")
    inner = here.flow(name="Inner")
    document = _document(here, "Handbook.txt")
    _document(there, "Handbook.txt")
    body = [
        {"id": "a", "key": "ask", "type": "agent", "config": {"agentId": here.agent.id, "prompt": "Hi"}},
        {"id": "b", "key": "look", "type": "knowledge", "config": {"query": "x", "files": [document]}},
        {
            "id": "c",
            "key": "each",
            "type": "map",
            "config": {"items": [1], "step": {"type": "workflow", "config": {"workflowId": inner["id"]}}},
        },
    ]
    here.flow(body, name="Outer")
    exported = here.api.get(CONFIG).json()
    config = [one["config"] for one in exported["workflows"][1]["steps"]]
    assert config[0]["agentId"] == "Helper"
    assert config[1]["files"] == ["Handbook.txt"]
    assert config[2]["step"]["config"]["workflowId"] == "Inner"
    assert ops(apply(here.api, *exported["workflows"])) == [("noop", "Inner"), ("noop", "Outer")]
    assert ops(apply(there.api, *exported["workflows"])) == [("create", "Inner"), ("create", "Outer")]
    assert there.api.get(CONFIG).json() == exported
    stored = {one["name"]: one for one in there.api.get("/api/v1/flows").json()["flows"]}
    steps = stored["Outer"]["steps"]
    assert steps[0]["config"]["agentId"] == there.agent.id
    assert steps[2]["config"]["step"]["config"]["workflowId"] == stored["Inner"]["id"]


def _document(office: Office, name: str) -> str:
    answer = office.api.post("/api/v1/knowledge-files", files={"file": (name, b"Plants need light.", "text/plain")})
    assert answer.status_code in (200, 201, 202), answer.text
    find = office.platform.store.read(lambda tx: tx.documents.first(office.organization_id, name=name))
    document: Document | None = office.site.run(find)
    assert document is not None
    return document.id


def test_unknown_and_ambiguous_names_are_told_by_their_place(office: Office) -> None:
    office.site.agent(office.organization_id, name="Twin")
    office.site.agent(office.organization_id, name="Twin")
    for kind, config, place in (
        ("agent", {"agentId": "Twin", "prompt": "x"}, "agentId"),
        ("workflow", {"workflowId": "Nowhere"}, "workflowId"),
        ("knowledge", {"query": "x", "files": ["none.pdf"]}, "files"),
        ("mcp", {"server": "crm", "tool": "find", "agentId": office.agent.id}, "server"),
    ):
        wrong = error_of(apply(office.api, one_step("One", kind, **config)), 400)
        assert wrong["details"]["problems"][0]["place"] == f"steps[0].config.{place}"
    assert apply(office.api, one_step("One", "agent", agentId="{{inputs.agent}}", prompt="x")).status_code == 200


def test_plan_may_name_agents_that_are_still_to_come(office: Office) -> None:
    coming = one_step("One", "mcp", agentId="Later", server="crm", tool="find")
    assert ops(apply(office.api, coming, dry=True, newAgents=["Later"])) == [("create", "One")]
    planned = apply(office.api, coming, dry=True, newAgents=["Later"]).headers["plan-hash"]
    error_of(apply(office.api, coming, dry=True), 400)
    error_of(apply(office.api, coming, newAgents=["Later"]), 400)
    office.site.agent(office.organization_id, name="Later", tools=(ToolConfig(type="mcp", config={}),))
    made = apply(office.api, coming, headers={"Plan-Hash": planned})
    assert ops(made) == [("create", "One")]
    assert ops(apply(office.api, coming, dry=True, newAgents=["Later"])) == [("noop", "One")]


def test_what_is_referred_to_is_made_first_and_deleted_last(office: Office) -> None:
    made = apply(
        office.api, one_step("A", "workflow", workflowId="B"), one_step("B", "workflow", workflowId="C"), chain("C")
    )
    assert [one["key"] for one in made.json()["applied"]] == ["C", "B", "A"]
    refused = error_of(apply(office.api, one_step("B", "workflow", workflowId="C"), prune=True), 409)
    assert (refused["code"], refused["details"]["place"]) == ("in_use", "steps[0].config.workflowId")
    gone = apply(office.api, prune=True)
    assert [one["key"] for one in gone.json()["applied"]] == ["A", "B", "C"]
    circle = [one_step("X", "workflow", workflowId="Y"), one_step("Y", "workflow", workflowId="X")]
    assert ops(apply(office.api, *circle)) == [("create", "X"), ("create", "Y")]
    assert ops(apply(office.api, *circle)) == [("noop", "X"), ("noop", "Y")]


def test_state_that_moved_is_412(office: Office) -> None:
    flow = office.flow(name="Alpha")
    planned = apply(office.api, chain("Alpha", description="Mine"), dry=True)
    state = {"If-Match": planned.headers["base-etag"]}
    office.api.patch(f"/api/v1/flows/{flow['id']}", json={"description": "Theirs"})
    stale = apply(office.api, chain("Alpha", description="Mine"), headers=state)
    assert error_of(stale, 412)["code"] == "precondition_failed"
    other_plan = apply(office.api, chain("Alpha", description="Mine"), headers={"Plan-Hash": "0" * 64})
    error_of(other_plan, 412)
    assert office.api.get(CONFIG).json()["workflows"][0]["description"] == "Theirs"
    again = apply(office.api, chain("Alpha", description="Mine"), dry=True)
    held = {"If-Match": again.headers["base-etag"], "Plan-Hash": again.headers["plan-hash"]}
    assert apply(office.api, chain("Alpha", description="Mine"), headers=held).status_code == 200


def test_op_that_fails_stops_the_apply(office: Office) -> None:
    apply(office.api, one_step("Busy", "human", title="OK?"), chain("Idle"))
    flows = {one["name"]: one["id"] for one in office.api.get("/api/v1/flows").json()["flows"]}
    run = office.api.post(f"/api/v1/flows/{flows['Busy']}/runs", json={}).json()["runId"]
    stopped = apply(office.api, chain("New"), prune=True)
    assert stopped.status_code == 422, stopped.text
    body = stopped.json()
    assert (body["failed"]["code"], body["failed"]["op"]["key"]) == ("workflow_busy", "Busy")
    assert body["applied"][0]["key"] == "New"
    office.api.post(f"/api/v1/runs/{run}/cancel")
    assert apply(office.api, chain("New"), prune=True).json()["failed"] is None


def test_name_that_several_have_is_left_alone(office: Office) -> None:
    for _ in range(2):
        office.flow(name="Twin")
    office.flow(name="One")
    exported = office.api.get(CONFIG).json()
    assert ([one["name"] for one in exported["workflows"]], exported["ambiguous"]) == (["One"], ["Twin"])
    assert error_of(apply(office.api, chain("Twin")), 409)["code"] == "ambiguous_name"
    assert ops(apply(office.api, prune=True)) == [("delete", "One")]


def test_drift_names_what_and_who(office: Office) -> None:
    assert office.api.get(DRIFT).json() == {"since": None, "plan": _no_plan(), "writes": []}
    apply(office.api, chain("Alpha"), chain("Beta"))
    flow = office.api.get("/api/v1/flows").json()["flows"][0]
    assert office.api.get(DRIFT).json()["plan"] == _no_plan()
    office.people.patch(f"/api/v1/flows/{flow['id']}", json={"schedule": EVERY_5_MIN})
    drift = office.api.get(DRIFT).json()
    assert [(op["action"], op["key"], op["changedFields"]) for op in drift["plan"]["ops"]] == [
        ("update", flow["name"], ["schedule"])
    ]
    assert drift["writes"] == [{"workflow": flow["name"], "action": "changed", "actor": office.email}]
    assert (drift["since"]["number"], drift["since"]["status"], drift["since"]["doneCount"]) == (1, "applied", 2)


def _no_plan() -> JSONObject:
    return {"ops": [], "summary": {"create": 0, "update": 0, "delete": 0, "noop": 0}}


@pytest.fixture
def management(office: Office) -> Iterator[Callable[..., httpx2.Client]]:
    """Make clients with a management key of these scopes."""
    with ExitStack() as stack:

        def make(*scopes: str, **options: Any) -> httpx2.Client:
            key = office.site.key(office.organization_id, "wizchat", scopes=[*scopes], **options)
            return stack.enter_context(office.site.client(Authorization=f"Bearer {key}"))

        yield make


def test_management_key_needs_its_scope(office: Office, management: Callable[..., httpx2.Client]) -> None:
    office.flow(name="Alpha")
    reader = management("workflows:read")
    assert [one["name"] for one in reader.get(CONFIG).json()["workflows"]] == ["Alpha"]
    assert apply(reader, chain("Beta"), dry=True).status_code == 200
    refused = apply(reader, chain("Beta"))
    assert refused.status_code == 403
    assert refused.json()["error"]["details"] == {"requiredScope": "workflows:write"}
    assert apply(management("workflows:write"), chain("Beta")).status_code == 200
    others = management("agents:read", "agents:write")
    assert {others.get(CONFIG).status_code, others.get(DRIFT).status_code} == {403}
    some = management("workflows:write", agent_ids=[office.agent.id])
    assert some.get(CONFIG).json()["error"]["code"] == "chatbot_not_in_key_scope"


def test_token_of_a_client_is_known_and_may_not(office: Office) -> None:
    oauth = office.platform.management.oauth
    made = oauth.create(office.organization_id, name="CI", scopes=["agents:read"])
    client, secret = office.site.run(made)
    form = {"grant_type": "client_credentials", "client_id": client.id, "client_secret": secret}
    with office.site.client() as anybody:
        token = anybody.post("/oauth/token", data=form).json()["access_token"]
    with office.site.client(Authorization=f"Bearer {token}") as signed_in:
        assert signed_in.get(CONFIG).status_code == 403


def test_people_need_a_role_and_wabee_keys_are_of_another_kind(office: Office) -> None:
    assert apply(office.people, chain("Alpha")).status_code == 200
    with office.member() as member:
        assert [one["name"] for one in member.get(CONFIG).json()["workflows"]] == ["Alpha"]
        assert apply(member, chain("Beta"), dry=True).status_code == 200
        error_of(apply(member, chain("Beta")), 403)
    with office.site.client(Authorization=f"Bearer {office.site.key(office.organization_id)}") as foreign:
        error_of(foreign.get(CONFIG), 401)
    with office.site.client() as nobody:
        error_of(nobody.get(CONFIG), 401)


def test_organizations_do_not_see_each_other(make_office: Callable[..., Office]) -> None:
    one, other = make_office(), make_office()
    apply(one.api, chain("Alpha"))
    inner = one.api.get("/api/v1/flows").json()["flows"][0]["id"]
    assert other.api.get(CONFIG).json()["workflows"] == []
    assert other.api.get(DRIFT).json()["since"] is None
    for kind, config in (
        ("agent", {"agentId": one.agent.id, "prompt": "x"}),
        ("workflow", {"workflowId": inner}),
        ("workflow", {"workflowId": "Alpha"}),
    ):
        error_of(apply(other.api, one_step("Thief", kind, **config)), 400)
    assert ops(apply(other.api, prune=True)) == []
    assert len(one.api.get(CONFIG).json()["workflows"]) == 1


@pytest.mark.parametrize(
    "body", [[], 1, {}, {"workflows": {}}, {"workflows": [1]}, {"workflows": [{}]}, {"workflows": [], "prune": "x"}]
)
def test_misshapen_bodies_are_400(office: Office, body: Any) -> None:
    error_of(office.api.post(APPLY, json=body), 400)
