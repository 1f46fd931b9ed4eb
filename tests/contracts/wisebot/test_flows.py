"""Workflows over HTTP: both ways to run them, saving, watching, forms."""

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.wisebot.office import CHAIN, CHAIN_EDGES, Office, error_of
from trivium.core.model.budgets import Budget
from trivium.core.model.json import JSONObject

FAILING = [{"id": "a", "key": "a", "type": "code", "config": {"source": "raise ValueError('no')"}}]
WAITING = [{"id": "a", "key": "a", "type": "human", "config": {"title": "OK?", "fields": [{"name": "ok"}]}}]


def _trigger(office: Office, flow: Any, **options: Any) -> Any:
    secret = options.pop("secret", flow["webhookSecret"])
    headers = options.pop("headers", {"Authorization": f"Bearer {secret}"})
    params = {"workflowId": flow["id"], **options.pop("params", {})}
    with office.site.client() as client:
        return client.post("/workflows/trigger", params=params, headers=headers, **options)


def test_dashboard_call_waits_for_the_result(office: Office) -> None:
    flow = office.flow()
    for client in (office.api, office.people):
        answer = client.post(f"/api/v1/flow/{flow['id']}", json={"inputs": {"message": "hi"}})
        assert answer.status_code == 200
        assert answer.json() == {"ok": True, "runId": answer.json()["runId"], "result": "HI", "error": None}


def test_run_that_failed_is_200_with_ok_false(office: Office) -> None:
    flow = office.flow(FAILING)
    answer = office.api.post(f"/api/v1/flow/{flow['id']}")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["ok"], body["result"]) == (False, None)
    assert body["error"] == "Step a: ValueError: no (line 1)"


def test_inputs_are_checked_and_never_guessed(office: Office) -> None:
    path = f"/api/v1/flow/{office.flow()['id']}"
    bodies: list[dict[str, object]] = [{}, {"inputs": {}}, {"message": "hi"}, {"inputs": "hi"}]
    for body in [*bodies, {"inputs": {"message": None}}]:
        error_of(office.api.post(path, json=body), 400)
    error_of(office.api.post("/api/v1/flow/wf_nothing", json={}), 404)
    error_of(office.api.post(path), 400)


def test_trigger_takes_flat_keys_and_both_headers(office: Office) -> None:
    flow = office.flow()
    for headers in ({"Authorization": f"Bearer {flow['webhookSecret']}"}, {"x-workflow-secret": flow["webhookSecret"]}):
        answer = _trigger(office, flow, headers=headers, json={"message": "hi"})
        assert answer.status_code == 200
        assert answer.json()["result"] == "HI"
    error_of(_trigger(office, flow, json={"inputs": {"message": "hi"}}), 400)


def test_trigger_without_waiting_is_202(office: Office) -> None:
    answer = _trigger(office, office.flow(), params={"wait": "false"}, json={"message": "hi"})
    assert answer.status_code == 202
    run_id = answer.json()["runId"]
    assert answer.json() == {"ok": True, "runId": run_id, "status": "queued"}
    run = _ended(office, run_id)
    assert (run["trigger"], run["status"], run["result"]) == ("webhook", "succeeded", "HI")


def test_wrong_secret_and_unknown_workflow_look_alike(office: Office) -> None:
    flow = office.flow()
    wrong = error_of(_trigger(office, flow, secret="wfs_wrong", json={"message": "x"}), 401)
    unknown = error_of(_trigger(office, {**flow, "id": "wf_unknown"}, json={"message": "x"}), 401)
    missing = error_of(_trigger(office, flow, headers={}, json={"message": "x"}), 401)
    assert wrong == unknown == missing
    error_of(_trigger(office, flow, secret=office.jwt, json={}), 401)
    other = office.flow()
    error_of(_trigger(office, flow, secret=other["webhookSecret"], json={"message": "x"}), 401)


def test_trigger_body_must_be_an_object_and_the_webhook_on(office: Office) -> None:
    flow = office.flow()
    error_of(_trigger(office, flow, json=[1]), 400)
    error_of(_trigger(office, flow, content=b"{"), 400)
    office.api.patch(f"/api/v1/flows/{flow['id']}", json={"webhook": {"enabled": False}})
    error_of(_trigger(office, flow, json={"message": "x"}), 409)
    office.api.patch(f"/api/v1/flows/{flow['id']}", json={"enabled": False})
    error_of(office.api.post(f"/api/v1/flow/{flow['id']}", json={"inputs": {"message": "x"}}), 409)


def test_secret_is_shown_once_and_can_be_replaced(office: Office) -> None:
    flow = office.flow()
    assert flow["webhookSecret"] not in office.api.get(f"/api/v1/flows/{flow['id']}").text
    fresh = office.api.post(f"/api/v1/flows/{flow['id']}/secret").json()
    assert fresh["webhook"]["secretLastFour"] == fresh["webhookSecret"][-4:]
    error_of(_trigger(office, flow, json={"message": "x"}), 401)
    assert _trigger(office, fresh, json={"message": "x"}).status_code == 200


def test_flow_is_saved_as_it_was_given_and_can_be_sent_back(office: Office) -> None:
    steps = [
        *CHAIN[:2],
        {
            "id": "s4",
            "key": "each",
            "type": "map",
            "name": "",
            "config": {
                "items": "{{inputs.list}}",
                "step": {"type": "knowledge", "config": {"query": "{{item}}", "topK": 3}},
            },
            "timeoutSeconds": 30.0,
            "retry": {"attempts": 3, "waitSeconds": 2.0},
            "default": None,
        },
    ]
    schedule = {"intervalMinutes": 30, "inputs": {"message": "tick"}}
    edges = [{"from": "s1", "to": "s2"}, {"from": "s1", "to": "s4"}]
    flow = office.flow(steps, edges, schedule=schedule, events=["conversation.created"])
    stored = office.api.get(f"/api/v1/flows/{flow['id']}").json()
    assert stored["steps"][2] == steps[2]
    assert stored["schedule"]["intervalMinutes"] == 30
    assert stored["schedule"]["nextRunAt"]
    again = office.api.put(f"/api/v1/flows/{flow['id']}", json=stored)
    assert again.status_code == 200, again.text
    assert again.json()["version"] == stored["version"] == 1
    exported = office.api.get(f"/api/v1/flows/{flow['id']}/export").json()
    assert office.api.post("/api/v1/flows/import", json=exported).status_code == 201


@pytest.mark.parametrize(
    ("steps", "edges", "place"),
    [
        (CHAIN, [*CHAIN_EDGES, {"from": "s3", "to": "s1"}], "edges"),
        (CHAIN, [{"from": "s1", "to": "s9"}], "edges[0].to"),
        (CHAIN, [], "steps[1].config.expression"),
        ([{**CHAIN[0], "config": {"valueType": "date"}}], [], "steps[0].config.valueType"),
        ([{**CHAIN[0], "config": {"fieldd": "x"}}], [], "steps[0].config.fieldd"),
        ([{**CHAIN[0], "type": "magic"}], [], "steps[0].type"),
    ],
)
def test_unsound_flow_is_400_and_names_the_place(office: Office, steps: Any, edges: Any, place: str) -> None:
    body = error_of(office.api.post("/api/v1/flows", json={"name": "x", "steps": steps, "edges": edges}), 400)
    assert body["details"]["place"] == place
    assert place in body["message"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"config": {"seconds": -1}}, "seconds"),
        ({"config": {"secondz": 1}}, "secondz"),
        ({"type": "code", "config": {"source": "1", "timeout": "9"}}, "timeout"),
        ({"type": "human", "config": {"title": "x", "expiresInSeconds": 0}}, "expiresInSeconds"),
        ({"timeoutSeconds": "5"}, "timeoutSeconds"),
        ({"retry": {"attempts": 99}}, "retry.attempts"),
        ({"retry": {"tries": 2}}, "retry.tries"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_refusal_names_step_and_field(office: Office, changes: dict[str, Any], field: str) -> None:
    wrong = {"id": "s9", "key": "pause", "type": "delay", "config": {"seconds": 1}, **changes}
    body = error_of(office.api.post("/api/v1/flows", json={"name": "x", "steps": [*CHAIN[:1], wrong]}), 400)
    assert (body["details"]["step"], body["details"]["field"]) == ("pause", field)


@pytest.mark.parametrize(
    ("schedule", "place"),
    [
        ({"cron": "every day"}, "schedule.cron"),
        ({"intervalMinutes": 5, "timeZone": "Mars/Base"}, "schedule.timeZone"),
        ({"intervalMinutes": 0}, "schedule.intervalMinutes"),
        ({"intervalMinutes": "5"}, "schedule.intervalMinutes"),
        ({"intervalMinutes": 5}, "schedule.inputs.message"),
    ],
)
def test_unsound_schedule_names_its_place(office: Office, schedule: JSONObject, place: str) -> None:
    body = {"name": "x", "steps": CHAIN, "edges": CHAIN_EDGES, "schedule": schedule}
    assert error_of(office.api.post("/api/v1/flows", json=body), 400)["details"]["place"] == place


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(
    field=st.sampled_from(["name", "steps", "edges", "schedule", "events", "webhook", "step", "config"]),
    value=JSON_VALUES,
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_definition_is_saved_or_refused(office: Office, field: str, value: Any) -> None:
    body: dict[str, Any] = {"name": "x", "steps": [*CHAIN], "edges": CHAIN_EDGES, field: value}
    if field in ("step", "config"):
        del body[field]
        body["steps"][1] = {**CHAIN[1], "config": value} if field == "config" else value
    answer = office.api.post("/api/v1/flows", json=body)
    assert answer.status_code == 201 or error_of(answer, 400)


def test_versions_and_preconditions(office: Office) -> None:
    flow = office.flow()
    path = f"/api/v1/flows/{flow['id']}"
    changed = office.api.put(path, json={"steps": CHAIN[:1], "edges": []}, headers={"If-Match": '"1"'})
    assert changed.json()["version"] == 2
    error_of(office.api.put(path, json={"name": "y"}, headers={"If-Match": '"1"'}), 412)
    versions = office.api.get(f"{path}/versions").json()["versions"]
    assert [one["version"] for one in versions] == [2, 1]


def test_runs_are_listed_with_their_steps_and_run_again(office: Office) -> None:
    flow = office.flow()
    run_id = office.api.post(f"/api/v1/flow/{flow['id']}", json={"inputs": {"message": "hi"}}).json()["runId"]
    listed = office.api.get(f"/api/v1/flows/{flow['id']}/runs").json()["runs"]
    assert [one["id"] for one in listed] == [run_id]
    run = office.api.get(f"/api/v1/runs/{run_id}").json()
    assert [(one["key"], one["status"], one["output"]) for one in run["steps"]] == [
        ("message", "succeeded", "hi"),
        ("upper", "succeeded", "HI"),
        ("out", "succeeded", "HI"),
    ]
    again = office.api.post(f"/api/v1/runs/{run_id}/rerun", json={"fromStep": "upper"})
    assert again.status_code == 202
    assert _ended(office, again.json()["id"])["result"] == "HI"
    error_of(office.api.post(f"/api/v1/runs/{run_id}/rerun", json={"fromStep": "zzz"}), 400)
    error_of(office.api.get("/api/v1/runs/wfr_nothing"), 404)


def test_form_is_shown_answered_and_the_run_ends(office: Office) -> None:
    flow = office.flow(WAITING)
    run_id = office.api.post(f"/api/v1/flows/{flow['id']}/runs").json()["runId"]
    _until(lambda: office.api.get("/api/v1/forms").json()["forms"])
    form = office.api.get("/api/v1/forms").json()["forms"][0]
    assert (form["runId"], form["stepKey"], form["form"]["title"]) == (run_id, "a", "OK?")
    path = f"/api/v1/runs/{run_id}/steps/a/answer"
    error_of(office.api.post(path, json={"values": {"other": 1}}), 400)
    assert office.api.post(path, json={"values": {"ok": "yes"}}).status_code == 202
    assert _ended(office, run_id)["result"] == {"ok": "yes"}
    error_of(office.api.post(path, json={"values": {"ok": "no"}}), 409)


def test_run_is_cancelled_and_a_busy_flow_is_not_deleted(office: Office) -> None:
    flow = office.flow(WAITING)
    run_id = office.api.post(f"/api/v1/flows/{flow['id']}/runs").json()["runId"]
    error_of(office.api.delete(f"/api/v1/flows/{flow['id']}"), 409)
    assert office.api.post(f"/api/v1/runs/{run_id}/cancel").json()["status"] == "cancelled"
    assert office.api.delete(f"/api/v1/flows/{flow['id']}").status_code == 204
    error_of(office.api.get(f"/api/v1/flows/{flow['id']}"), 404)


def test_agent_and_knowledge_steps_reach_the_organizations_own(office: Office) -> None:
    office.api.post(
        "/api/v1/knowledge-files",
        files={"file": ("returns.txt", b"An item may be returned within 30 days of delivery.", "text/plain")},
    )
    _until(lambda: office.api.get("/api/v1/knowledge-files").json()["files"][0]["status"] == "ready")
    steps = [
        {
            "id": "a",
            "key": "ask",
            "type": "agent",
            "config": {"agentId": office.agent.id, "prompt": "Say {{inputs.word}}"},
        },
        {
            "id": "k",
            "key": "found",
            "type": "knowledge",
            "config": {"query": "returns", "files": ["returns.txt"], "topK": 1},
        },
        {"id": "l", "key": "llm", "type": "llm", "config": {"model": "scripted/echo", "prompt": "{{inputs.word}}"}},
        {
            "id": "o",
            "key": "out",
            "type": "output",
            "config": {"value": {"said": "{{ask}}", "found": "{{found.0.document}}", "echo": "{{llm}}"}},
        },
    ]
    edges = [{"from": "a", "to": "o"}, {"from": "k", "to": "o"}, {"from": "l", "to": "o"}]
    answer = office.api.post(
        f"/api/v1/flow/{office.flow(steps, edges)['id']}", json={"inputs": {"word": "hello"}}
    ).json()
    assert answer["result"] == {"said": "Say hello", "found": "returns.txt", "echo": "hello"}, answer


def test_conversation_event_starts_a_flow(office: Office) -> None:
    step = {"id": "a", "key": "a", "type": "transform", "config": {"template": "{{inputs.event}}"}}
    flow = office.flow([step], events=["conversation.created"])
    office.session("somebody new")
    runs = _until(lambda: office.api.get(f"/api/v1/flows/{flow['id']}/runs").json()["runs"])
    run = _ended(office, runs[0]["id"])
    assert (run["trigger"], run["result"]) == ("event", "conversation.created")


def _step(step_id: str, key: str, kind: str, **config: Any) -> dict[str, Any]:
    return {"id": step_id, "key": key, "type": kind, "config": config}


def _ended(office: Office, run_id: str) -> Any:
    def look() -> Any:
        run = office.api.get(f"/api/v1/runs/{run_id}").json()
        return run if run["finishedAt"] else None

    return _until(look)


def _until(look: Any, timeout_s: float = 20) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def test_activity_says_who_saved_a_workflow(office: Office) -> None:
    flow = office.flow(name="Triage")
    assert office.people.patch(f"/api/v1/flows/{flow['id']}", json={"enabled": False}).status_code == 200
    assert office.people.delete(f"/api/v1/flows/{flow['id']}").status_code == 204
    happenings = office.site.run(office.platform.activity.recent(office.organization_id, 15))
    saved = [one for one in happenings if one.type.startswith("workflow.")]
    assert [(one.type, one.subject) for one in saved] == [
        ("workflow.deleted", "Triage"),
        ("workflow.changed", "Triage"),
        ("workflow.created", "Triage"),
    ]
    assert saved[0].actor == saved[1].actor == office.email
    assert saved[2].actor not in ("", office.email)


def test_the_model_steps_of_a_workflow_count_for_the_key_that_starts_it(office: Office) -> None:
    step = {"id": "a", "key": "a", "type": "llm", "config": {"model": "scripted/echo", "prompt": "Hello"}}
    second = {**step, "id": "b", "key": "b"}
    flow = office.flow([step, second], [{"from": "a", "to": "b"}])
    path = f"/api/v1/flow/{flow['id']}"
    secret = office.site.key(office.organization_id, "wisebot", budgets=(Budget(tokens_max=1),))
    with office.site.client(Authorization=f"Bearer {secret}") as api:
        stopped = api.post(path, json={})
        assert stopped.status_code == 200
        assert (stopped.json()["ok"], stopped.json()["error"]) == (
            False,
            "Step b: The key's tokens of this day are used up.",
        )
        refused = api.post(path, json={})
    assert (error_of(refused, 429)["code"], int(refused.headers["Retry-After"]) > 0) == ("budget_exceeded", True)
    assert office.api.post(path, json={}).json()["ok"] is True


def test_an_answer_that_is_kept_shows_its_secret_to_the_caller_alone(office: Office) -> None:
    body = {"name": "Once", "steps": CHAIN, "edges": CHAIN_EDGES}
    headers = {"Idempotency-Key": "once-secret"}
    first, again = (office.api.post("/api/v1/flows", json=body, headers=headers) for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    stored = office.site.run(
        office.platform.store.read(lambda tx: [one.body for one in tx.once_requests.find("idempotency", limit=1000)])
    )
    assert stored
    assert not any(first.json()["webhookSecret"] in one for one in stored)
