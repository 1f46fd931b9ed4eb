"""A process that dies leaves runs that another one ends, without losing or repeating anything."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.services.world import SystemClock, World, open_world, script
from trivium.core.events import RunFinished, RunResumed, StoredEvent, TextDelta, ToolCalled, ToolReturned
from trivium.core.model.runs import Run
from trivium.core.ports import Transaction

pytestmark = pytest.mark.anyio


async def die(world: World) -> None:
    """End the process's tasks as a kill would: nothing more is written, no lease is given up."""
    world.driver._keeper.cancel()  # type: ignore[union-attr]
    for task in list(world.driver._tasks.values()):
        task.cancel()
    world.driver._writer._task.cancel()  # type: ignore[union-attr]
    await asyncio.sleep(0)
    await world.store.close()


async def read(world: World, run: Run, after: int = 0) -> list[StoredEvent]:
    return [stored async for stored in world.runs.events("org_a", run.id, after)]


async def test_text_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    first = await open_world(tmp_path)
    run = await first.ask(await first.agent("scripted/tokens?count=60&delay_ms=3"))
    seen: list[StoredEvent] = []
    async for stored in first.runs.events("org_a", run.id):
        seen.append(stored)
        if len(seen) == 5:
            break
    await die(first)
    second = await open_world(tmp_path, owner="server-2")
    seen += await read(second, run, seen[-1].seq)
    assert [stored.seq for stored in seen] == list(range(1, len(seen) + 1))
    text = "".join(stored.event.text for stored in seen if isinstance(stored.event, TextDelta))
    assert text == "".join(f"t{index} " for index in range(60))
    assert sum(isinstance(stored.event, RunResumed) for stored in seen) == 1
    assert (await second.runs.get("org_a", run.id)).output == text
    await second.close()


async def test_a_tool_that_answered_is_not_called_again(tmp_path: Path) -> None:
    turns = script({"tool_calls": [{"name": "pay"}]}, {"text": "Paid. " * 50, "delay_ms": 3})
    first = await open_world(tmp_path)
    run = await first.ask(await first.agent("scripted/script", **turns))
    async for stored in first.runs.events("org_a", run.id):
        if isinstance(stored.event, ToolReturned):
            break
    await die(first)
    second = await open_world(tmp_path, owner="server-2")
    assert (await second.runs.result("org_a", run.id)).status == "succeeded"
    assert (first.tools.calls, second.tools.calls) == (["pay"], [])
    await second.close()


@pytest.mark.parametrize(("tool", "status", "calls"), [("add", "succeeded", ["add"]), ("pay", "failed", [])])
async def test_a_call_in_flight_is_repeated_only_if_that_is_safe(
    tmp_path: Path, tool: str, status: str, calls: list[str]
) -> None:
    first = await open_world(tmp_path)
    first.tools.blocks = asyncio.Event()
    turns = script({"tool_calls": [{"name": tool}]}, {"text": "Done."})
    run = await first.ask(await first.agent("scripted/script", **turns))
    async for stored in first.runs.events("org_a", run.id):
        if isinstance(stored.event, ToolCalled):
            break
    await first.tools.started.wait()
    await die(first)
    second = await open_world(tmp_path, owner="server-2")
    ended = await second.runs.result("org_a", run.id)
    assert (ended.status, second.tools.calls) == (status, calls)
    assert ended.error_code == (None if status == "succeeded" else "tool_interrupted")
    await second.close()


async def test_queued_runs_follow_after_a_crash(tmp_path: Path) -> None:
    first = await open_world(tmp_path)
    agent = await first.agent("scripted/tokens?count=20&delay_ms=5")
    asked = [await first.ask(agent, conversation="c") for _ in range(3)]
    await die(first)
    second = await open_world(tmp_path, owner="server-2")
    ended = [await second.runs.result("org_a", run.id) for run in asked]
    assert [run.status for run in ended] == ["succeeded"] * 3
    await second.close()


async def test_a_process_that_lost_its_lease_writes_no_more(tmp_path: Path) -> None:
    first = await open_world(tmp_path)
    run = await first.ask(await first.agent("scripted/tokens?count=60&delay_ms=5"))
    async for stored in first.runs.events("org_a", run.id):
        if isinstance(stored.event, TextDelta):
            break
    second = await open_world(tmp_path, owner="server-2")
    events = await read(second, run)
    assert [stored.seq for stored in events] == list(range(1, len(events) + 1))
    text = "".join(stored.event.text for stored in events if isinstance(stored.event, TextDelta))
    assert text == "".join(f"t{index} " for index in range(60))
    await second.close()
    await first.close()


async def test_a_queued_run_that_another_process_began_is_read_from_the_store(tmp_path: Path) -> None:
    world = await open_world(tmp_path)
    agent = await world.agent("scripted/tokens?count=2000&delay_ms=5")
    busy = await world.ask(agent, conversation="c")
    queued = await world.ask(agent, conversation="c")
    reading = asyncio.create_task(read(world, queued))
    await asyncio.sleep(0)

    def elsewhere(tx: Transaction) -> None:
        now = SystemClock().now()
        run = replace(tx.runs.get("org_a", queued.id), status="running", lease_owner="elsewhere")
        tx.runs.put(run)
        tx.events.append(run.id, "elsewhere", 1, [(now, RunFinished(output="Done."))])
        tx.runs.finish(replace(run, status="succeeded", output="Done.", finished_at=now), "elsewhere")

    await world.store.write(elsewhere)
    async with asyncio.timeout(10):
        events = await reading
    assert [stored.event for stored in events] == [RunFinished(output="Done.")]
    await world.runs.cancel("org_a", busy.id)
    await world.close()
