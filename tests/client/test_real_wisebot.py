"""Every method of the Wisebot client, in both colours, against a real server with its sample organization."""

import uuid
from typing import Any

import pytest

from tests.client.conftest import collected, opened, settled, taken
from tests.docs.conftest import DemoServer, demo_server  # noqa: F401
from trivium_client import (
    AsyncWisebot,
    Conflict,
    NotAuthenticated,
    NotFound,
    Tools,
    Wisebot,
    trigger_workflow,
    trigger_workflow_async,
)

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]
QUESTION = "How long do I have to return an item?"
FLOW: dict[str, Any] = {
    "name": "Echo",
    "steps": [
        {"id": "s1", "key": "message", "type": "input", "name": "M", "config": {"field": "message", "required": True}},
        {"id": "s2", "key": "out", "type": "output", "name": "R", "config": {"value": "{{message}}"}},
    ],
    "edges": [{"from": "s1", "to": "s2"}],
}
FORM = {
    "name": "Ask a person",
    "steps": [
        {"id": "s1", "key": "ok", "type": "human", "config": {"title": "OK?", "fields": [{"name": "ok"}]}},
        {"id": "s2", "key": "out", "type": "output", "config": {"value": "{{ok.ok}}"}},
    ],
    "edges": [{"from": "s1", "to": "s2"}],
}


@pytest.fixture(params=[Wisebot, AsyncWisebot])
async def wisebot(request, demo_server: DemoServer):  # noqa: F811
    token = demo_server.environment["WISEBOT_ACCESS_TOKEN"]
    client = request.param(token, demo_server.environment["WISEBOTAI_BASE_URL"])
    yield client
    await settled(client.close())


@pytest.fixture
async def pair(wisebot) -> dict[str, str]:
    """Return the ids that open a new conversation with the sample agent."""
    session = await settled(wisebot.chat.create_session(f"visitor-{uuid.uuid4()}", name="Jane"))
    return {"thread_id": session.thread_id, "contact_session_id": session.contact_session_id}


async def test_organization_at_a_glance(wisebot) -> None:
    status = await settled(wisebot.v1.status())
    assert (status.organization.name, status.metrics["agents"] >= 1) == ("Acme", True)
    activity = await settled(wisebot.v1.activity.list(limit=5))
    assert len(activity.lines) == len(activity.events) <= 5
    assert "/api/v1/status" in (await settled(wisebot.openapi()))["paths"]


async def test_agents_are_made_changed_and_deleted(wisebot) -> None:
    agent = await settled(wisebot.agents.create("Doorman", "extractive", [Tools.builtin("search")], temperature=0.5))
    assert (agent.name, agent.tools[0].type, bool(agent.request_id)) == ("Doorman", "search", True)
    assert (await settled(wisebot.agents.update(agent.id, {"name": "Porter"}))).name == "Porter"
    assert (await settled(wisebot.agents.get(agent.id))).temperature == 0.5
    assert agent.id in {one.id for one in await settled(wisebot.agents.list())}
    await settled(wisebot.agents.delete(agent.id))
    with pytest.raises(NotFound):
        await settled(wisebot.agents.get(agent.id))


async def test_file_is_uploaded_found_and_downloaded(wisebot) -> None:
    steps: list[tuple[int, int | None]] = []
    content = b"We open at nine."
    file = await settled(
        wisebot.knowledge.upload(
            content, name="hours.txt", folder_path="Shop", on_progress=lambda *step: steps.append(step)
        )
    )
    assert (steps[-1], file.folder_path) == ((16, 16), "Shop")
    assert (await settled(wisebot.knowledge.resolve("hours.txt"))).file_id == file.id
    assert "hours.txt" in {one.name for one in await settled(wisebot.knowledge.list(limit=100))}
    assert (await settled(wisebot.knowledge.get(file.id))).size == len(content)
    assert await settled(wisebot.knowledge.download(file.id)) == content
    await settled(wisebot.knowledge.delete(file.id))
    with pytest.raises(NotFound):
        await settled(wisebot.knowledge.download(file.id))


async def test_visitor_is_answered(wisebot, pair) -> None:
    events = await collected(wisebot.chat.stream(prompt=QUESTION, **pair))
    assert "".join(one.delta for one in events if one.type == "text-delta") == events[-1].full_text
    assert "30 days" in events[-1].full_text
    assert events[-1].sources
    messages = await settled(wisebot.chat.messages(**pair))
    assert [message.role for message in messages] == ["user", "assistant"]
    rated = await settled(wisebot.chat.feedback(message_id=events[0].message_id, rating="up", comment="Thanks", **pair))
    assert (rated.feedback.rating, rated.feedback.comment) == ("up", "Thanks")
    stopped = await settled(wisebot.chat.stop(**pair))
    assert stopped.stopped is False


async def test_visitor_comes_back_to_the_conversation(wisebot) -> None:
    who = f"visitor-{uuid.uuid4()}"
    session = await settled(wisebot.chat.create_session(who))
    found = await settled(wisebot.chat.get_session(who))
    assert (found.conversation_id, found.resumed) == (session.conversation_id, True)
    another = await settled(wisebot.chat.create_session(who, force_new=True))
    assert another.conversation_id != session.conversation_id
    assert await settled(wisebot.chat.get_session("nobody")) is None


async def test_answer_is_made_again_edited_and_forked(wisebot, pair) -> None:
    await settled(wisebot.chat.stream(prompt="Hello", **pair).text())
    again = await settled(wisebot.chat.regenerate(**pair).text())
    assert again
    first, *_ = await settled(wisebot.chat.messages(**pair))
    text = await settled(wisebot.chat.edit(message_id=first.id, prompt=QUESTION, **pair).text())
    assert "30 days" in text
    messages = await settled(wisebot.chat.messages(**pair))
    assert [message.text for message in messages] == [QUESTION, text]
    fork = await settled(wisebot.chat.fork(message_id=messages[0].id, **pair))
    copied = {"thread_id": fork.thread_id, "contact_session_id": fork.contact_session_id}
    assert [message.text for message in await settled(wisebot.chat.messages(**copied))] == [QUESTION]


async def test_person_takes_over_in_the_inbox(wisebot, pair) -> None:
    await settled(wisebot.chat.stream(prompt=QUESTION, **pair).text())
    thread = pair["thread_id"]
    assert (await settled(wisebot.inbox.get(thread))).visitor.name == "Jane"
    async with opened(wisebot.inbox.watch(thread)) as news, opened(wisebot.chat.watch(after=1, **pair)) as visitors:
        assert [event.status for event in await taken(news, 1)] == ["unresolved"]
        reply = await settled(wisebot.inbox.reply(thread, "A person here."))
        message, status = await taken(news, 2)
        assert (message.message.id, message.message.role) == (reply.id, "human")
        assert (status.type, status.status) == ("status", "escalated")
        seen = await taken(visitors, 3)
        assert [event.type for event in seen[:2]] == ["message", "status"] or seen[1].message.id == reply.id
    assert thread in {one.id for one in await settled(wisebot.inbox.list(status="escalated", limit=200))}
    silent = await collected(wisebot.chat.stream(prompt="Still there?", **pair))
    assert (silent[-1].type, silent[-1].full_text) == ("finish", "")
    assert (await settled(wisebot.inbox.hand_back(thread)))["status"] == "unresolved"
    assert (await settled(wisebot.inbox.set_status(thread, "resolved")))["status"] == "resolved"


async def test_inbox_is_paged(wisebot) -> None:
    made = []
    for _ in range(3):
        session = await settled(wisebot.chat.create_session(f"page-{uuid.uuid4()}"))
        made.append(session.thread_id)
        named = {"thread_id": session.thread_id, "contact_session_id": session.contact_session_id}
        await settled(wisebot.chat.stream(prompt="Hello", **named).text())
    ids = [one.id for one in await collected(wisebot.inbox.iterate(page_size=1))]
    assert set(made) <= set(ids)
    assert len(ids) == len(set(ids))


async def test_tool_waits_for_a_person(wisebot) -> None:
    turns = '[{"tool_calls":[{"name":"calculator","input":{"expression":"6*7"}}]},{"text":"Done."}]'
    tools = [Tools.builtin("calculator", require_approval=True)]
    agent = await settled(wisebot.agents.create("Careful", f"scripted/script?turns={turns}", tools))
    session = await settled(wisebot.chat.create_session(f"v-{uuid.uuid4()}", agent_id=agent.id))
    stream = wisebot.chat.stream(
        prompt="Go", thread_id=session.thread_id, contact_session_id=session.contact_session_id
    )
    (asked,) = [event for event in await collected(stream) if event.type == "approval-required"]
    assert asked.tool_name == "calculator"
    with pytest.raises(NotFound):
        await settled(wisebot.chat.decide(stream.run_id, "apr_none", approve=True))
    decided = await settled(wisebot.chat.decide(stream.run_id, asked.approval_id, approve=True))
    assert decided.run_id == stream.run_id
    rest = await collected(stream.go_on())
    assert rest[-1].full_text == "Done."
    assert "approval-required" not in {event.type for event in rest}


async def test_run_is_decided_from_the_list_of_runs(wisebot) -> None:
    turns = '[{"tool_calls":[{"name":"calculator","input":{"expression":"1"}}]},{"text":"No."}]'
    tools = [Tools.builtin("calculator", require_approval=True)]
    agent = await settled(wisebot.agents.create("Careful", f"scripted/script?turns={turns}", tools))
    session = await settled(wisebot.chat.create_session(f"v-{uuid.uuid4()}", agent_id=agent.id))
    pair = {"thread_id": session.thread_id, "contact_session_id": session.contact_session_id}
    events = await collected(wisebot.chat.stream(prompt="Go", **pair))
    (run,) = await settled(wisebot.runs.list(status="waiting", agent_id=agent.id))
    refused = await settled(wisebot.runs.decide(run.id, events[-1].approval_id, approve=False))
    assert refused.id == run.id
    assert run.id in {one.id for one in await collected(wisebot.runs.iterate(agent_id=agent.id, page_size=1))}
    assert (await settled(wisebot.runs.cancel(run.id)))["status"] in {"succeeded", "cancelled"}


async def test_runs_are_looked_at(wisebot, pair) -> None:
    await settled(wisebot.chat.stream(prompt=QUESTION, **pair).text())
    (run, *_) = await settled(wisebot.runs.list(limit=1, status="succeeded"))
    whole = await settled(wisebot.runs.get(run.id))
    events = await settled(wisebot.runs.events(run.id))
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events[-1].type == "RunFinished"
    assert "".join(event.model_extra["text"] for event in events if event.type == "TextDelta") == whole["output"]
    assert (await settled(wisebot.runs.events(run.id, after=1)))[0].sequence == 2


async def test_playground_answers_later(wisebot) -> None:
    (agent, *_) = await settled(wisebot.agents.list())
    accepted = await settled(wisebot.playground.send(agent.id, QUESTION))
    run = await settled(wisebot.playground.wait(accepted.run_id, poll=0.05))
    assert "30 days" in run.text
    assert (await settled(wisebot.playground.get(accepted.run_id))).is_final
    assert accepted.session_id in {one.session_id for one in await settled(wisebot.playground.sessions())}
    assert (await settled(wisebot.playground.get_session(accepted.session_id))).messages
    await settled(wisebot.playground.delete_session(accepted.session_id))
    with pytest.raises(NotFound):
        await settled(wisebot.playground.get_session(accepted.session_id))


async def test_workflow_is_saved_in_versions(wisebot) -> None:
    flow = await settled(wisebot.workflows.create(FLOW))
    assert flow.id in {one.id for one in await settled(wisebot.workflows.list(limit=200))}
    steps = [FLOW["steps"][0], {**FLOW["steps"][1], "name": "Answer"}]
    replaced = await settled(wisebot.workflows.replace(flow.id, {**FLOW, "name": "Echo 2", "steps": steps}))
    assert (replaced["version"], replaced["steps"][1]["name"]) == (2, "Answer")
    with pytest.raises(Conflict):
        await settled(wisebot.workflows.update(flow.id, {"enabled": False}, if_version=1))
    assert (await settled(wisebot.workflows.update(flow.id, {"enabled": False}, if_version=2)))["name"] == "Echo 2"
    assert [one["version"] for one in await settled(wisebot.workflows.versions(flow.id))] == [2, 1]
    exported = await settled(wisebot.workflows.export(flow.id))
    copy = await settled(wisebot.workflows.import_definition(exported))
    assert (copy["name"], copy["enabled"], copy.id != flow.id) == ("Echo 2", False, True)
    assert {flow.id, copy.id} <= {one.id for one in await collected(wisebot.workflows.iterate(page_size=1))}
    await settled(wisebot.workflows.delete(copy.id))
    with pytest.raises(NotFound):
        await settled(wisebot.workflows.get(copy.id))


async def test_workflow_runs(wisebot) -> None:
    flow = await settled(wisebot.workflows.create(FLOW))
    result = await settled(wisebot.workflows.run(flow.id, {"message": "hi"}))
    assert (result.ok, result.result, result.error) == (True, "hi", None)
    run = await settled(wisebot.workflows.get_run(result.run_id))
    assert (run.id, [step["key"] for step in run["steps"]]) == (result.run_id, ["message", "out"])
    started = await settled(wisebot.workflows.start(flow.id, {"message": "hi"}))
    assert (await settled(wisebot.workflows.get_run(started.run_id))).id == started.run_id
    assert (await settled(wisebot.workflows.cancel_run(result.run_id)))["status"] == "succeeded"
    again = await settled(wisebot.workflows.rerun(result.run_id, from_step="out"))
    assert again["rerunOf"] == result.run_id
    assert len(await settled(wisebot.workflows.runs(flow.id, limit=2))) == 2
    assert len(await collected(wisebot.workflows.iterate_runs(flow.id, page_size=1))) == 3


async def test_workflow_waits_for_a_form(wisebot) -> None:
    flow = await settled(wisebot.workflows.create(FORM))
    started = await settled(wisebot.workflows.start(flow.id))
    forms: Any = []
    for _ in range(100):
        if forms := await settled(wisebot.workflows.forms(run_id=started.run_id)):
            break
    assert forms[0]["form"]["title"] == "OK?"
    await settled(wisebot.workflows.answer_form(started.run_id, forms[0]["stepKey"], {"ok": "yes"}))
    run: Any = None
    for _ in range(100):
        run = await settled(wisebot.workflows.get_run(started.run_id))
        if run["status"] == "succeeded":
            break
    assert (run["status"], run["result"]) == ("succeeded", "yes")


async def test_workflow_is_triggered_by_its_secret(wisebot, demo_server: DemoServer) -> None:  # noqa: F811
    flow = await settled(wisebot.workflows.create(FLOW))
    secret = (await settled(wisebot.workflows.rotate_secret(flow.id)))["webhookSecret"]
    origin = demo_server.environment["WISEBOTAI_BASE_URL"]
    assert trigger_workflow(origin, secret, flow.id, {"message": "yo"}).json()["result"] == "yo"
    assert (await trigger_workflow_async(origin, secret, flow.id, {"message": "yo"}, wait=False)).status == 202
    with pytest.raises(NotAuthenticated):
        trigger_workflow(origin, "wrong", flow.id, {"message": "yo"})
    await settled(wisebot.workflows.delete(flow.id))


async def test_keys_are_administered(wisebot) -> None:
    key = await settled(wisebot.admin.api_keys.create("Nightly"))
    assert key.key.startswith("wb_live_")
    (listed,) = [one for one in await settled(wisebot.admin.api_keys.list()) if one.id == key.id]
    assert (listed.last_four, listed.revoked_at) == (key.key[-4:], None)
    await settled(wisebot.admin.api_keys.revoke(key.id))
    with pytest.raises(NotAuthenticated):
        await settled(wisebot.login("nobody@example.com", "wrong"))


async def test_webhooks_and_what_was_sent(wisebot) -> None:
    hook = await settled(wisebot.admin.webhooks.create("https://example.com/hook", ["message.created"]))
    assert hook.secret
    assert not (await settled(wisebot.admin.webhooks.update(hook.id, enabled=False))).enabled
    sent = await settled(wisebot.admin.webhooks.test(hook.id))
    assert [one.id for one in await settled(wisebot.admin.webhooks.deliveries(hook.id))] == [sent.id]
    assert sent.id in {one.id for one in await settled(wisebot.admin.deliveries.list())}
    await settled(wisebot.admin.webhooks.test(hook.id))
    ids = [one.id for one in await collected(wisebot.admin.deliveries.iterate(page_size=1))]
    assert (sent.id in ids, len(ids)) == (True, len(set(ids)))
    assert (await settled(wisebot.admin.deliveries.get(sent.id)))["type"] == "ping"
    with pytest.raises(NotFound):
        await settled(wisebot.admin.deliveries.resend(sent.id + "x"))
    assert hook.id in {one.id for one in await settled(wisebot.admin.webhooks.list())}
    await settled(wisebot.admin.webhooks.delete(hook.id))
