"""Runs as durable streams: order, reading, policies, limits, approval, cancelling."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.core.services.world import CALLER, World, open_world, question, script
from trivium.core.errors import Conflict, InvalidRequest, LimitExceeded, NotFound
from trivium.core.events import (
    ApprovalRequested,
    RunFinished,
    StoredEvent,
    TextDelta,
    ToolCalled,
    ToolReturned,
)
from trivium.core.model.access import Principal
from trivium.core.model.agents import RunLimits
from trivium.core.model.json import JSONObject
from trivium.core.model.runs import Run
from trivium.core.ports import Transaction

pytestmark = pytest.mark.anyio
STRANGER = Principal(organization_id="org_b", kind="key", id="key_b")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World, None]:
    made = await open_world(tmp_path)
    yield made
    await made.close()


async def read(world: World, run: Run, after: int = 0) -> list[StoredEvent]:
    return [stored async for stored in world.runs.events(run.organization_id, run.id, after)]


def one_event(run_id: str, seq: int, tx: Transaction) -> list[StoredEvent]:
    return tx.events.read(run_id, seq - 1, 1)


async def test_events_are_gap_free_and_text_equals_the_answer(world: World) -> None:
    agent = await world.agent("scripted/tokens?count=50&delay_ms=1")
    run = await world.ask(agent)
    events = await read(world, run)
    assert [stored.seq for stored in events] == list(range(1, len(events) + 1))
    text = "".join(stored.event.text for stored in events if isinstance(stored.event, TextDelta))
    final = events[-1].event
    assert isinstance(final, RunFinished)
    assert text == final.output == (await world.runs.get("org_a", run.id)).output
    assert text == "".join(f"t{index} " for index in range(50))


async def test_what_was_seen_was_stored_before(world: World) -> None:
    agent = await world.agent("scripted/tokens?count=30&delay_ms=2")
    run = await world.ask(agent)
    async for stored in world.runs.events("org_a", run.id):
        kept = await world.store.read(partial(one_event, run.id, stored.seq))
        assert kept == [stored]


async def test_a_reader_may_begin_anywhere(world: World) -> None:
    agent = await world.agent("scripted/tokens?count=40&delay_ms=1")
    run = await world.ask(agent)
    whole = await read(world, run)
    for after in (0, 1, len(whole) // 2, len(whole) - 1):
        assert await read(world, run, after) == whole[after:]
    assert await read(world, run, len(whole)) == []


async def test_a_reader_that_leaves_changes_nothing(world: World) -> None:
    agent = await world.agent("scripted/tokens?count=30&delay_ms=2")
    run = await world.ask(agent)
    reader = world.runs.events("org_a", run.id)
    await anext(reader)
    await reader.aclose()
    assert (await world.runs.result("org_a", run.id)).status == "succeeded"


async def test_tool_calls_are_committed_around_the_call(world: World) -> None:
    turns = script({"text": "Let me see.", "tool_calls": [{"name": "add", "input": {"a": 1}}]}, {"text": "Two."})
    agent = await world.agent("scripted/script", **turns)
    events = await read(world, await world.ask(agent))
    called = next(s for s in events if isinstance(s.event, ToolCalled))
    returned = next(s for s in events if isinstance(s.event, ToolReturned))
    assert called.seq < returned.seq
    assert isinstance(returned.event, ToolReturned)
    assert returned.event.output == "add done"
    final = events[-1].event
    assert isinstance(final, RunFinished)
    assert final.output == "Let me see.\n\nTwo."
    assert world.tools.calls == ["add"]


async def test_an_unknown_tool_is_told_to_the_model(world: World) -> None:
    agent = await world.agent("scripted/script", **script({"tool_calls": [{"name": "fly"}]}, {"text": "Sorry."}))
    events = await read(world, await world.ask(agent))
    returned = next(s.event for s in events if isinstance(s.event, ToolReturned))
    assert returned.is_error
    assert "no tool 'fly'" in str(returned.output)
    assert isinstance(events[-1].event, RunFinished)


async def test_a_tool_may_end_the_run_with_its_answer(world: World) -> None:
    agent = await world.agent(
        "scripted/script", **script({"tool_calls": [{"name": "answer"}]}, {"text": "Never said."})
    )
    run = await world.answer(agent)
    assert (run.status, run.output) == ("succeeded", "answer done")


async def test_a_conversation_goes_on(world: World) -> None:
    agent = await world.agent("scripted/echo")
    first = await world.answer(agent, "One", conversation="c")
    second = await world.answer(agent, "Two", conversation="c")
    assert first.conversation_id == second.conversation_id
    messages = await world.store.read(lambda tx: tx.messages.find("org_a", conversation_id=first.conversation_id))
    assert [(m.position, m.role, m.text) for m in messages] == [
        (1, "user", "One"),
        (2, "assistant", "One"),
        (3, "user", "Two"),
        (4, "assistant", "Two"),
    ]


async def test_a_second_question_waits_its_turn(world: World) -> None:
    agent = await world.agent("scripted/tokens?count=20&delay_ms=2")
    first = await world.ask(agent, "One", conversation="c")
    second = await world.ask(agent, "Two", conversation="c")
    assert (first.status, second.status) == ("running", "queued")
    assert (await world.runs.result("org_a", second.id)).status == "succeeded"
    ended = await world.runs.get("org_a", first.id)
    begun = await world.runs.get("org_a", second.id)
    assert ended.finished_at is not None
    assert begun.started_at is not None
    assert ended.finished_at <= begun.started_at


async def test_a_busy_conversation_may_refuse(world: World) -> None:
    agent = await world.agent("scripted/tokens?count=200&delay_ms=5", concurrency="reject")
    run = await world.ask(agent, conversation="c")
    with pytest.raises(Conflict, match="still answering"):
        await world.ask(agent, conversation="c")
    await world.runs.cancel("org_a", run.id)


async def test_a_new_question_may_interrupt(world: World) -> None:
    agent = await world.agent("scripted/tokens?count=20&delay_ms=20", concurrency="interrupt")
    first = await world.ask(agent, "One", conversation="c")
    second = await world.ask(agent, "Two", conversation="c")
    assert (await world.runs.result("org_a", second.id)).status == "succeeded"
    assert (await world.runs.get("org_a", first.id)).status == "cancelled"


async def test_cancelling_keeps_what_was_shown(world: World) -> None:
    agent = await world.agent("scripted/tokens?count=500&delay_ms=5")
    run = await world.ask(agent, conversation="c")
    async for stored in world.runs.events("org_a", run.id):
        if isinstance(stored.event, TextDelta):
            break
    cancelled = await world.runs.cancel("org_a", run.id, "Enough.")
    assert (cancelled.status, cancelled.error_message) == ("cancelled", "Enough.")
    text = "".join(s.event.text for s in await read(world, run) if isinstance(s.event, TextDelta))
    assert cancelled.output == text != ""
    assert (await world.runs.cancel("org_a", run.id)).status == "cancelled"


async def test_a_queued_run_can_be_cancelled(world: World) -> None:
    agent = await world.agent("scripted/tokens?count=100&delay_ms=3")
    first = await world.ask(agent, conversation="c")
    second = await world.ask(agent, conversation="c")
    assert (await world.runs.cancel("org_a", second.id)).status == "cancelled"
    assert [type(s.event).__name__ for s in await read(world, second)] == ["RunCancelled"]
    await world.runs.cancel("org_a", first.id)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (RunLimits(steps_max=3), "step_limit"),
        (RunLimits(tool_calls_max=2), "tool_call_limit"),
        (RunLimits(tokens_max=5), "token_limit"),
        (RunLimits(duration_s_max=0.05), "duration_limit"),
    ],
)
async def test_a_run_ends_at_its_limits(world: World, limits: RunLimits, code: str) -> None:
    turn: JSONObject = {"text": "Again.", "tool_calls": [{"name": "add", "input": {}}], "delay_ms": 10}
    agent = await world.agent("scripted/script", limits=limits, **script(*[turn] * 9))
    run = await world.answer(agent)
    assert (run.status, run.error_code) == ("failed", code)
    assert run.output.startswith("Again.")


async def test_a_failed_model_is_the_last_event(world: World) -> None:
    agent = await world.agent("scripted/script", **script({"text": "I was ab", "error": "model_stream_cut"}))
    run = await world.answer(agent)
    assert (run.status, run.error_code, run.output) == ("failed", "model_stream_cut", "I was ab")


async def test_a_call_waits_for_a_person(world: World) -> None:
    turns = script({"tool_calls": [{"name": "ask"}]}, {"text": "Done."})
    agent = await world.agent("scripted/script", **turns)
    run = await world.ask(agent)
    request = next(s.event for s in await read(world, run) if isinstance(s.event, ApprovalRequested))
    assert (await world.runs.get("org_a", run.id)).status == "waiting"
    assert world.tools.calls == []
    with pytest.raises(NotFound):
        await world.runs.decide("org_b", run.id, request.approval_id, is_approved=True, decided_by="eve")
    await world.runs.decide("org_a", run.id, request.approval_id, is_approved=True, decided_by="ann")
    ended = await world.runs.result("org_a", run.id)
    assert (ended.status, ended.output, world.tools.calls) == ("succeeded", "Done.", ["ask"])
    with pytest.raises(Conflict):
        await world.runs.decide("org_a", run.id, request.approval_id, is_approved=True, decided_by="ann")


async def test_a_refused_call_is_not_made(world: World) -> None:
    agent = await world.agent("scripted/script", **script({"tool_calls": [{"name": "ask"}]}, {"text": "Then not."}))
    run = await world.ask(agent)
    request = next(s.event for s in await read(world, run) if isinstance(s.event, ApprovalRequested))
    await world.runs.decide("org_a", run.id, request.approval_id, is_approved=False, decided_by="ann")
    assert (await world.runs.result("org_a", run.id)).output == "Then not."
    assert world.tools.calls == []


async def test_organizations_never_see_each_other(world: World) -> None:
    agent = await world.agent("scripted/echo")
    run = await world.answer(agent)
    with pytest.raises(NotFound):
        await world.runs.start(STRANGER, question(agent))
    for call in (
        world.runs.get("org_b", run.id),
        world.runs.cancel("org_b", run.id),
        anext(world.runs.events("org_b", run.id)),
    ):
        with pytest.raises(NotFound):
            await call
    assert await world.runs.find_resumable("org_b", run_id=run.id) is None


async def test_a_conversation_of_another_organization_is_not_found(world: World) -> None:
    run = await world.answer(await world.agent("scripted/echo"))
    other = await world.agent("scripted/echo", organization_id="org_b")
    with pytest.raises(NotFound):
        await world.runs.start(STRANGER, question(other, conversation_id=run.conversation_id))


async def test_a_run_needs_a_message_and_an_active_agent(world: World) -> None:
    agent = await world.agent("scripted/echo", status="paused")
    request = question(agent)
    with pytest.raises(Conflict, match="paused"):
        await world.runs.start(CALLER, request)
    with pytest.raises(InvalidRequest):
        await world.runs.start(CALLER, replace(request, input=replace(request.input, messages=())))


async def test_an_unconfigured_model_is_replaced_and_said(world: World) -> None:
    agent = await world.agent("openai/gpt-4o-mini")
    run = await world.answer(agent)
    assert run.model == "extractive/quote"
    assert "openai/gpt-4o-mini" in str(run.metadata["model_fallback"])


async def test_a_closing_server_takes_no_more(tmp_path: Path) -> None:
    world = await open_world(tmp_path)
    agent = await world.agent("scripted/tokens?count=1000&delay_ms=10")
    run = await world.ask(agent)
    closing = asyncio.create_task(world.driver.close(grace_s=0.05))
    await asyncio.sleep(0)
    with pytest.raises(LimitExceeded):
        await world.ask(agent)
    await closing
    left = await world.store.read(lambda tx: tx.runs.get("org_a", run.id))
    assert (left.status, left.lease_owner) == ("running", None)
    await world.store.close()
