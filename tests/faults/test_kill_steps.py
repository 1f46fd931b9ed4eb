"""`kill -9` inside loops, inner workflows, agents' steps and forms: every effect once, and every run ends."""

import contextlib
import itertools
from typing import Any

import httpx2
import pytest

from tests.faults.marking import Markers, client_of, ended, new_key, run_and_kill, until
from tests.faults.served import Killable

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]


def _step(key: str, kind: str, **config: Any) -> dict[str, Any]:
    return {"id": key, "key": key, "type": kind, "config": config}


def _mark(markers: Markers, number: int | str) -> dict[str, Any]:
    url = f"http://127.0.0.1:{markers.port}/mark/{number}"
    return _step(f"m{number}", "http", method="POST", url=url, body={})


def _row(*steps: dict[str, Any]) -> dict[str, Any]:
    ids = [step["id"] for step in steps]
    edges = [{"from": one, "to": other} for one, other in itertools.pairwise(ids)]
    return {"name": "Row", "steps": list(steps), "edges": edges}


def _slow_agent(server: Killable, key: str, *, tokens: int) -> str:
    with client_of(server, key) as client:
        agent = {"name": "Slow", "model": f"scripted/tokens?count={tokens}&delay_ms=50"}
        return str(client.post("/api/v1/agents", json=agent).json()["id"])


def _agent_runs(client: httpx2.Client) -> list[str]:
    return [one["status"] for one in client.get("/api/v1/agent-runs").json()["runs"]]


@pytest.mark.parametrize("kind", ["map", "loop"])
def test_every_item_has_its_effect_once(server: Killable, markers: Markers, kind: str) -> None:
    body = {
        "type": "http",
        "config": {**_mark(markers, 0)["config"], "url": _mark(markers, "{{item}}")["config"]["url"]},
    }
    each = _step("each", kind, items=[0, 1, 2, 3], step=body)
    moments = [(1, "before"), (2, "after")]
    run = run_and_kill(server, markers, new_key(server), flow=_row(each, _mark(markers, 4)), moments=moments)
    assert run["status"] == "succeeded", run
    assert (len(markers.asked), set(markers.answered)) == (5, set(markers.asked))
    # Asked again is only what was in flight at a kill: one item of a loop, up to four of a map.
    assert sum(markers.asked.values()) <= 5 + 2 * (4 if kind == "map" else 1)


def test_inner_workflow_runs_once(server: Killable, markers: Markers) -> None:
    key = new_key(server)
    with client_of(server, key) as client:
        inner_id = client.post("/api/v1/flows", json=_row(_mark(markers, 1), _mark(markers, 2))).json()["id"]
    flow = _row(_mark(markers, 0), _step("sub", "workflow", workflowId=inner_id), _mark(markers, 3))
    moments = [(0, "after"), (1, "before"), (1, "after"), (2, "before"), (2, "after"), (3, "before")]
    run = run_and_kill(server, markers, key, flow=flow, moments=moments)
    assert run["status"] == "succeeded", run
    assert (len(markers.asked), set(markers.answered)) == (4, set(markers.asked))
    with client_of(server, key) as client:
        inner_runs = client.get(f"/api/v1/flows/{inner_id}/runs").json()["runs"]
    assert [(one["status"], one["parentRunId"]) for one in inner_runs] == [("succeeded", run["id"])]


def test_agent_is_asked_once_and_goes_on_where_it_was(server: Killable, markers: Markers) -> None:
    key = new_key(server)
    agent_id = _slow_agent(server, key, tokens=60)
    flow = _row(_mark(markers, 0), _step("ask", "agent", agentId=agent_id, prompt="Hello"), _mark(markers, 1))
    with client_of(server, key) as client:
        flow_id = client.post("/api/v1/flows", json=flow).json()["id"]
        run_id = client.post(f"/api/v1/flows/{flow_id}/runs").json()["runId"]
        until(lambda: _agent_runs(client))
    for _ in range(2):
        server.kill()
        server.start()
    run = ended(server, key, run_id)
    assert run["status"] == "succeeded", run
    answer = next(one["output"] for one in run["steps"] if one["key"] == "ask")
    assert len(answer.split()) == 60
    with client_of(server, key) as client:
        assert _agent_runs(client) == ["succeeded"]
    assert (len(markers.asked), set(markers.answered)) == (2, set(markers.asked))


def test_form_and_its_answer_outlive_kills(server: Killable, markers: Markers) -> None:
    key = new_key(server)
    form = _step("ok", "human", title="OK?", fields=[{"name": "yes"}])
    with client_of(server, key) as client:
        flow_id = client.post("/api/v1/flows", json=_row(_mark(markers, 0), form, _mark(markers, 1))).json()["id"]
        run_id = client.post(f"/api/v1/flows/{flow_id}/runs").json()["runId"]
        until(lambda: client.get("/api/v1/forms").json()["forms"])
    server.kill()
    server.start()
    with client_of(server, key) as client:
        assert [one["runId"] for one in client.get("/api/v1/forms").json()["forms"]] == [run_id]
        answered = client.post(f"/api/v1/runs/{run_id}/steps/ok/answer", json={"values": {"yes": "of course"}})
        assert answered.status_code == 202
    server.kill()
    server.start()
    run = ended(server, key, run_id)
    assert run["status"] == "succeeded", run
    assert next(one["output"] for one in run["steps"] if one["key"] == "ok") == {"yes": "of course"}
    assert (len(markers.asked), set(markers.answered)) == (2, set(markers.asked))


def test_cancel_reaches_the_agent_over_a_kill(server: Killable) -> None:
    key = new_key(server)
    agent_id = _slow_agent(server, key, tokens=10_000)
    with client_of(server, key) as client:
        flow = _row(_step("ask", "agent", agentId=agent_id, prompt="Hello"))
        flow_id = client.post("/api/v1/flows", json=flow).json()["id"]
        run_id = client.post(f"/api/v1/flows/{flow_id}/runs").json()["runId"]
        until(lambda: "running" in _agent_runs(client))
        # The server dies somewhere between the transaction of the cancel and its answer.
        with contextlib.suppress(httpx2.HTTPError):
            client.post(f"/api/v1/runs/{run_id}/cancel", timeout=0.03)
    server.kill()
    server.start()
    with client_of(server, key) as client:
        status = client.get(f"/api/v1/runs/{run_id}").json()["status"]
        if status != "cancelled":
            # It died before; then nothing was cancelled at all.
            assert "running" in _agent_runs(client)
            client.post(f"/api/v1/runs/{run_id}/cancel")
        until(lambda: _agent_runs(client) == ["cancelled"])
