"""Workflows as one document: what is sent, and how an apply that stopped is told from a refusal."""

import json

import pytest

from tests.client.conftest import settled
from tests.client.misbehaving import Server, answer
from trivium_client import AsyncWizChat, BadRequest, Conflict, Wisebot, WizChat, WorkflowDefinition, WorkflowSet

PLAN = {"ops": [], "summary": {"create": 0, "update": 0, "delete": 0, "noop": 0}}
DONE = {"dryRun": False, "plan": PLAN, "applied": [], "failed": None, "revision": 7}
PARTIAL = {**DONE, "failed": {"op": {"key": "Triage"}, "status": 409, "code": "changed_meanwhile", "message": "No."}}


@pytest.fixture(params=[WizChat, AsyncWizChat, Wisebot])
async def client(request, server: Server):
    client = request.param("wpk_live_1", server.url)
    yield client
    await settled(client.close())


async def test_partial_failure_is_returned_and_a_refusal_raised(server: Server, client) -> None:
    server.will(answer(PARTIAL, 422), answer({"error": {"code": "bad_request", "message": "x"}}, 422))
    result = await settled(client.workflow_config.apply({"workflows": []}))
    assert (result.failed.code, result.revision) == ("changed_meanwhile", 7)
    with pytest.raises(BadRequest):
        await settled(client.workflow_config.apply({"workflows": []}))


async def test_conditions_and_fields_are_sent_as_they_were_set(server: Server, client) -> None:
    server.will(answer({"dryRun": True, "plan": PLAN}))
    wanted = WorkflowSet(workflows=[WorkflowDefinition(name="Triage", schedule=None)])
    await settled(
        client.workflow_config.apply(wanted, dry_run=True, prune=True, if_match='"x"', plan_hash="y", max_deletes=0)
    )
    asked = server.asked[-1]
    assert json.loads(asked.body) == {"workflows": [{"name": "Triage", "schedule": None}], "prune": True}
    assert (asked.path, asked.query) == ("/api/v1/flows/apply", {"dryRun": "true"})
    sent = {name: asked.headers[name] for name in ("if-match", "plan-hash", "max-deletes")}
    assert sent == {"if-match": '"x"', "plan-hash": "y", "max-deletes": "0"}


async def test_state_that_moved_is_a_conflict(server: Server, client) -> None:
    server.will(answer({"error": {"code": "precondition_failed", "message": "x"}}, 412))
    with pytest.raises(Conflict):
        await settled(client.workflow_config.apply({"workflows": []}, if_match='"x"'))
