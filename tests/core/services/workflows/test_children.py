"""Runs that steps begin: found again after a crash, new for each try, and ended with their step."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from tests.core.services.workflows.bench import ORGANIZATION, Bench, open_store, step
from tests.core.services.world import SystemClock, World, open_world
from trivium.core.errors import UpstreamFailed
from trivium.core.model.json import JSON
from trivium.core.model.organizations import Organization
from trivium.core.model.workflows import WorkflowRun
from trivium.core.services.workflows.actions import Actions, Call, Done, Outcome
from trivium.core.services.workflows.service import Draft

SLOW = "scripted/tokens?count=1000&delay_ms=50"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path)
    bench = Bench(store)
    await bench.driver.open()
    yield bench
    await bench.driver.close(grace_s=1)
    await store.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = await open_world(tmp_path)
    organization = Organization(id="org_a", name="A", created_at=SystemClock().now())
    await world.store.write(lambda tx: tx.organizations.add(organization))
    yield world
    await world.close()


class _Desk:
    """Workflows over a world of real agent runs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bench = Bench(world.store, agent_runs=world.runs)
        nothing = cast("Any", None)
        actions = Actions(
            store=world.store,
            clock=self.bench.clock,
            runs=world.runs,
            models=nothing,
            tools=nothing,
            search=nothing,
            outbound=nothing,
            code=nothing,
            prices=nothing,
            budgets=nothing,
        )
        self.bench.use("agent", actions.agent)

    async def start(self, model: str, **fields: Any) -> WorkflowRun:
        """Start a workflow of one agent step."""
        agent = await self.world.agent(model)
        one = step("ask", "agent", {"agent_id": agent.id, "prompt": "Hi"}, **fields)
        workflow, _ = await self.bench.workflows.create("org_a", Draft(name="Test", steps=(one,)))
        return await self.bench.workflows.start("org_a", workflow.id, {})

    async def agent_runs(self) -> list[str]:
        """Return the statuses of the agents' runs, oldest first."""
        found = await self.world.store.read(lambda tx: tx.runs.find("org_a"))
        return [one.status for one in found]

    async def until(self, statuses: list[str]) -> None:
        with anyio.fail_after(10):
            while await self.agent_runs() != statuses:  # noqa: ASYNC110 - the store is what tells
                await anyio.sleep(0.01)


async def test_cancel_ends_the_agents_run(world: World) -> None:
    desk = _Desk(world)
    run = await desk.start(SLOW)
    await desk.until(["running"])
    cancelled = await desk.bench.workflows.cancel("org_a", run.id)
    assert (cancelled.status, await desk.agent_runs()) == ("cancelled", ["cancelled"])


async def test_what_is_marked_ends_though_nobody_stops_it(world: World) -> None:
    desk = _Desk(world)
    run = await desk.start(SLOW)
    await desk.until(["running"])
    # As a process leaves it that is killed right after the transaction of the cancel.
    children = desk.bench.driver.children
    await world.store.write(lambda tx: children.end_run(tx, "org_a", run.id, "Enough."))
    await desk.until(["cancelled"])


async def test_cancelled_run_begins_nothing_more(world: World) -> None:
    desk = _Desk(world)
    run = await desk.start(SLOW)
    # The step is about to begin its agent's run when the cancel comes in from another process.
    other = Bench(world.store, desk.bench.clock, agent_runs=world.runs)
    await other.workflows.cancel("org_a", run.id)
    await desk.bench.driver.idle()
    assert await desk.agent_runs() in ([], ["cancelled"])
    assert (await desk.bench.workflows.run("org_a", run.id)).status == "cancelled"


async def test_timed_out_agent_step_ends_its_run_and_tries_with_a_new_one(world: World) -> None:
    desk = _Desk(world)
    run = await desk.start(SLOW, timeout_s=0.2, attempts_max=2, retry_wait_s=0)
    with anyio.fail_after(20):
        while not run.is_final:
            await desk.bench.again(run)
            run = await desk.bench.workflows.run("org_a", run.id)
    assert (run.status, run.error_code) == ("failed", "timeout")
    await desk.until(["cancelled", "cancelled"])


async def test_retry_of_a_failed_inner_workflow_gets_a_new_run(bench: Bench) -> None:
    tries: list[str] = []

    async def second_time(call: Call) -> Outcome:
        tries.append(call.run.id)
        if len(tries) < 2:
            raise UpstreamFailed("not yet")
        return Done(output="done")

    bench.use("http", second_time)
    inner = await bench.save(step("a"))
    outer = await bench.save(step("sub", "workflow", {"workflow_id": inner.id}, attempts_max=2, retry_wait_s=0))
    run = await _to_end(bench, await bench.run(outer))
    assert (run.status, run.result, len(set(tries))) == ("succeeded", "done", 2)


async def test_resumed_step_finds_the_inner_run_it_began(bench: Bench) -> None:
    started = anyio.Event()

    async def hang(call: Call) -> Outcome:
        started.set()
        await anyio.sleep_forever()
        raise AssertionError

    bench.use("http", hang)
    inner = await bench.save(step("a"))
    outer = await bench.save(step("sub", "workflow", {"workflow_id": inner.id}))
    run = await bench.workflows.start(ORGANIZATION, outer.id, {})
    with anyio.fail_after(5):
        await started.wait()
    await bench.driver.close(grace_s=0)
    other = Bench(bench.store, bench.clock)
    await other.driver.open()
    run = await _to_end(other, run)
    inner_runs = await other.workflows.runs(ORGANIZATION, workflow_id=inner.id)
    assert (run.status, [one.status for one in inner_runs]) == ("succeeded", ["succeeded"])


async def test_failed_step_ends_the_inner_runs_beside_it(bench: Bench) -> None:
    inner = await bench.save(step("ask", "human", {"title": "Well?"}))
    outer = await bench.save(
        step("sub", "workflow", {"workflow_id": inner.id}),
        step("pause", "delay", {"seconds": 60}),
        step("bad", "transform", {"expression": "1 / inputs.zero"}),
        edges="pause>bad",
    )
    run = await bench.run(outer, {"zero": 0})
    bench.clock.advance(seconds=61)
    run = await _to_end(bench, run)
    inner_runs = await bench.workflows.runs(ORGANIZATION, workflow_id=inner.id)
    assert (run.status, [one.status for one in inner_runs]) == ("failed", ["cancelled"])
    assert await bench.workflows.forms(ORGANIZATION) == []


async def test_inner_run_cancelled_by_hand_fails_the_outer_step(bench: Bench) -> None:
    inner = await bench.save(step("ask", "human", {"title": "Well?"}))
    outer = await bench.save(step("sub", "workflow", {"workflow_id": inner.id}))
    run = await bench.run(outer)
    waiting = (await bench.workflows.runs(ORGANIZATION, workflow_id=inner.id))[0]
    await bench.workflows.cancel(ORGANIZATION, waiting.id, "No longer wanted.")
    run = await _to_end(bench, run)
    assert (run.status, run.error) == ("failed", "Step sub: No longer wanted.")


async def test_inner_workflow_that_takes_too_long_is_ended(bench: Bench) -> None:
    inner = await bench.save(step("ask", "human", {"title": "Well?"}))
    outer = await bench.save(step("sub", "workflow", {"workflow_id": inner.id}, timeout_s=60))
    run = await bench.run(outer)
    bench.clock.advance(seconds=30)
    assert (await bench.again(run)).status == "waiting"
    bench.clock.advance(seconds=31)
    run = await _to_end(bench, run)
    assert (run.status, run.error_code) == ("failed", "timeout")
    assert [one.status for one in await bench.workflows.runs(ORGANIZATION, workflow_id=inner.id)] == ["cancelled"]


async def test_item_that_failed_ends_what_it_began(bench: Bench) -> None:
    inner = await bench.save(step("ask", "human", {"title": "Well?"}))
    body: JSON = {"type": "workflow", "config": {"workflow_id": inner.id}}
    outer = await bench.save(step("each", "map", {"items": [1, 2], "step": body}, timeout_s=0.3))
    run = await bench.run(outer)
    assert (run.status, run.error_code) == ("failed", "timeout")
    inner_runs = await bench.workflows.runs(ORGANIZATION, workflow_id=inner.id)
    assert [one.status for one in inner_runs] == ["cancelled", "cancelled"]


async def test_cancelled_runs_are_told(bench: Bench) -> None:
    told: list[str] = []
    bench.driver.finish_hooks.append(lambda tx, run: told.append(f"{run.id} {run.status}"))
    inner = await bench.save(step("ask", "human", {"title": "Well?"}))
    run = await bench.run(await bench.save(step("sub", "workflow", {"workflow_id": inner.id})))
    await bench.workflows.cancel(ORGANIZATION, run.id)
    child = (await bench.workflows.runs(ORGANIZATION, workflow_id=inner.id))[0]
    assert told == [f"{run.id} cancelled", f"{child.id} cancelled"]


async def test_events_begin_one_run_each_newest_first(bench: Bench) -> None:
    workflow = await bench.save(step("a"), event_types=("message.created",))

    def tell(event_id: str) -> Any:
        return bench.store.write(
            lambda tx: bench.workflows.start_on_event(
                tx, ORGANIZATION, "message.created", data={"n": event_id}, event_id=event_id
            )
        )

    for event_id in ("m3", "m1", "m1", "m2", "m3"):
        await tell(event_id)
    runs = await bench.workflows.runs(ORGANIZATION, workflow_id=workflow.id)
    assert [one.inputs["n"] for one in runs] == ["m2", "m1", "m3"]


async def _to_end(bench: Bench, run: WorkflowRun) -> WorkflowRun:
    with anyio.fail_after(10):
        while not (run := await bench.workflows.run(run.organization_id, run.id)).is_final:
            await bench.timetable.tick()
            await bench.driver.idle()
    return run
