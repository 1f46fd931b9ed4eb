"""What budgets count: exactly what is stored, once, whatever happens in between; and what that stops."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.core.services.test_run_driver import die
from tests.core.services.world import CALLER, SystemClock, World, open_world, question, script
from tests.stores import sqlite_store
from trivium.adapters.blobs.files import FileBlobs
from trivium.adapters.models.registry import ModelRegistry
from trivium.core.errors import LimitExceeded
from trivium.core.events import RunFailed, StepFinished, ToolReturned
from trivium.core.model.agents import Agent, RunLimits
from trivium.core.model.budgets import Budget, BudgetCounter, Limit, Spent, counter_id
from trivium.core.model.ids import new_id
from trivium.core.model.jobs import Job
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.runs import Run, Usage
from trivium.core.ports import Store, Transaction
from trivium.core.services.admission import Admission, RunSettings
from trivium.core.services.budget_counters import counters_of
from trivium.core.services.budgets import Budgets, check_start
from trivium.core.services.conversations import Conversations
from trivium.core.services.event_writer import EventWriter, LiveRun
from trivium.core.services.jobs import JobRun, Jobs
from trivium.core.services.models import Models
from trivium.core.services.removal import Removal
from trivium.core.services.sub_agents import SubAgents

pytestmark = pytest.mark.anyio
CALL: JSONObject = {"text": "I add.", "tool_calls": [{"name": "add"}]}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await open_world(tmp_path)
    yield made
    await made.close()


def limited(*turns: JSONObject, **budget: JSON) -> dict[str, Any]:
    """The settings of an agent with a budget, whose model follows the turns."""
    return {"settings": {**script(*turns)["settings"], "budgets": {"agent": budget}}}


def tokens_of(run: Run) -> int:
    return sum(use.input_tokens + use.output_tokens for use in run.usage)


async def counter_of(store: Store, agent: Agent) -> BudgetCounter:
    name = counter_id(agent.organization_id, "agent", agent.id, period="day", at=SystemClock().now())
    return await store.read(lambda tx: tx.budget_counters.get(agent.organization_id, name))


async def test_a_run_is_stopped_in_its_middle(world: World) -> None:
    agent = await world.agent("scripted/script", **limited(CALL, CALL, CALL, {"text": "Done."}, tokens_max=1))
    run = await world.answer(agent)
    assert (run.status, run.error_code, world.tools.calls) == ("failed", "budget_exceeded", ["add"])
    assert run.error_message == "The agent's tokens of this day are used up."
    events = await world.store.read(lambda tx: tx.events.read(run.id, 0, 100))
    assert isinstance(events[-1].event, RunFailed)
    assert (events[-1].event.output, events[-1].event.details["budget"]) == ("I add.", "agent")
    assert (await counter_of(world.store, agent)).tokens == tokens_of(run) > 0
    with pytest.raises(LimitExceeded):
        await world.ask(agent)


async def test_fifty_starts_at_once_pass_the_limit_by_less_than_one_call(world: World) -> None:
    free = await world.agent("scripted/tokens?count=40&delay_ms=1")
    size = tokens_of(await world.answer(free))
    agent = replace(free, settings={"budgets": {"agent": {"tokens_max": 6 * size + 1}}})
    await world.store.write(lambda tx: tx.agents.put(agent))
    refused: list[LimitExceeded] = []

    async def one() -> None:
        try:
            await world.answer(agent)
        except LimitExceeded as error:
            refused.append(error)

    # The first run tells how large a call is; before that, those under way would be taken to need 2,000 tokens.
    await one()
    await asyncio.gather(*(one() for _ in range(50)))
    counter = await counter_of(world.store, agent)
    runs = await world.store.read(lambda tx: tx.runs.find("org_a", agent_id=agent.id))
    assert counter.tokens == sum(tokens_of(run) for run in runs)
    assert 6 * size < counter.tokens < 7 * size + 1
    assert (counter.requests, len(refused)) == (len(runs), 51 - (len(runs) - 1))
    assert {error.code for error in refused} == {"budget_exceeded"}
    assert refused[0].details["running"] == 5
    assert refused[0].retry_after_s == 5.0


async def test_a_process_that_dies_counts_nothing_twice(tmp_path: Path) -> None:
    first = await open_world(tmp_path)
    slow: JSONObject = {"text": "Word. " * 40, "delay_ms": 3}
    run = await first.ask(await first.agent("scripted/script", **limited(CALL, slow, tokens_max=10**6)))
    async for stored in first.runs.events("org_a", run.id):
        if isinstance(stored.event, ToolReturned):
            break
    await die(first)
    second = await open_world(tmp_path, owner="server-2")
    ended = await second.runs.result("org_a", run.id)
    agent = await second.store.read(lambda tx: tx.agents.get("org_a", run.agent_id))
    counter = await counter_of(second.store, agent)
    assert (counter.requests, counter.tokens) == (1, tokens_of(ended))
    assert (ended.status, len(ended.usage)) == ("succeeded", 2)
    await second.close()


async def test_a_counter_does_not_fall_when_a_conversation_is_deleted(world: World, tmp_path: Path) -> None:
    removal = Removal(jobs=Jobs(store=world.store, clock=SystemClock()), blobs=FileBlobs(tmp_path / "blobs"))
    agent = await world.agent("scripted/echo", **limited({}, requests_max=2))
    run = await world.answer(agent)
    before = await counter_of(world.store, agent)
    await Conversations(store=world.store, removal=removal).delete("org_a", run.conversation_id)
    assert await counter_of(world.store, agent) == before
    await world.answer(agent)
    with pytest.raises(LimitExceeded):
        await world.ask(agent)


async def test_a_runs_own_limit_counts_its_sub_agents(world: World) -> None:
    task: JSONObject = {"name": "delegate_to_research", "input": {"task": "Find it."}}
    turns = script({"text": "Long. " * 50, "tool_calls": [task]}, {"text": "Done."})
    agent = await world.agent("scripted/script", limits=RunLimits(tokens_max=150), **turns)
    await SubAgents(store=world.store, clock=SystemClock()).create(agent, name="Research", description="", objective="")
    run = await world.answer(agent)
    assert (run.status, run.error_code) == ("failed", "token_limit")
    events = await world.store.read(lambda tx: tx.events.read(run.id, 0, 1000))
    steps = [stored.event for stored in events if isinstance(stored.event, StepFinished)]
    assert run.usage == tuple(step.usage for step in steps)
    assert [step.producer is None for step in steps] == [True, False]


async def test_money_is_stopped_before_the_next_call(world: World) -> None:
    agent = await world.agent("scripted/echo")
    budgets = Budgets(store=world.store, clock=SystemClock())
    limit = Limit(owner="agent", owner_id=agent.id, budget=Budget(cost_usd_max=0.01))
    now = SystemClock().now()
    await world.store.write(lambda tx: check_start(tx, "org_a", [limit], now))
    run = await world.answer(agent)
    await budgets.charge_run(run, Usage(model="m", input_tokens=1, cost_usd=0.0099994))
    await budgets.check(run, [limit])
    await budgets.charge_run(run, Usage(model="m", cost_usd=0.000001))
    with pytest.raises(LimitExceeded) as caught:
        await budgets.check(run, [limit])
    assert (caught.value.details["used"], caught.value.details["max"]) == (0.01, 0.01)


async def test_old_counters_are_dropped(world: World) -> None:
    agent = await world.agent("scripted/echo", **limited({}, requests_max=9))
    await world.answer(agent)
    for days, left in ((90, 1), (110, 0)):
        clock = HandClock(SystemClock().now() + timedelta(days=days))
        await Budgets(store=world.store, clock=clock).purge(_job(clock.now()))
        assert await world.store.read(lambda tx: tx.budget_counters.count("org_a")) == left


async def test_use_is_shown_with_its_budget(world: World) -> None:
    agent = await world.agent("scripted/echo", **limited({}, requests_max=9, tokens_max=10**6))
    service = Budgets(store=world.store, clock=SystemClock())
    ((unused,), run) = (await service.of_agent(agent), await world.answer(agent))
    (used,) = await service.of_agent(agent)
    assert (unused.spent, used.spent) == (Spent(), Spent(requests=1, tokens=tokens_of(run)))
    assert used.limit.budget == Budget(requests_max=9, tokens_max=10**6)


def _job(now: datetime) -> JobRun:
    job = Job(id="job_1", organization_id="", name="budgets.purge", created_at=now, due_at=now)

    async def report(_: int) -> None:
        pass

    return JobRun(job=job, report=report)


# Any interleaving of runs that begin, use a model, end and are deleted, with budgets that appear at any moment, over
# three days: each counter equals the sum over the runs of its owner that began in its period.

_ORGANIZATIONS = ("org_a", "org_b")
_OP = st.one_of(
    st.tuples(st.just("start"), st.integers(0, 1), st.integers(0, 1)),
    st.tuples(st.just("use"), st.integers(0, 20), st.integers(0, 500)),
    st.tuples(st.just("end"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("look"), st.integers(0, 1), st.integers(0, 5)),
    st.tuples(st.just("later"), st.integers(1, 20), st.just(0)),
)


@dataclass
class _Play:
    store: Store
    clock: HandClock
    writer: EventWriter
    runs: list[Run] = field(default_factory=list)
    lives: list[LiveRun] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)

    async def start(self, organization: int, visitor: int) -> None:
        admission = Admission(clock=self.clock, models=Models(ModelRegistry()), settings=RunSettings(owner="p"))
        caller = replace(CALLER, organization_id=_ORGANIZATIONS[organization])
        agent = await self.store.read(lambda tx: tx.agents.find(caller.organization_id)[0])
        request = question(agent, visitor_id=f"v{visitor}")
        ids = {"run_id": new_id("run"), "new_conversation_id": new_id("conv")}
        begun, _ = await self.store.write(lambda tx: admission.admit(tx, caller, request, **ids))
        run = begun.run
        live = LiveRun(run_id=run.id, organization_id=run.organization_id, owner="p", seq=1, counters=counters_of(run))
        self.runs.append(run)
        self.lives.append(live)

    async def use(self, number: int, tokens: int) -> None:
        if number < len(self.runs) and number not in self.ended:
            used = Usage(model="m", input_tokens=tokens, output_tokens=1, cost_usd=tokens * 1.7e-6 or None)
            await self.writer.commit(self.lives[number], StepFinished(step=1, usage=used))
            self.runs[number] = replace(self.runs[number], usage=(*self.runs[number].usage, used))

    async def end(self, number: int, _: int) -> None:
        if number < len(self.runs) and number not in self.ended:
            self.ended.add(number)
            done = replace(self.runs[number], status="succeeded")

            def finish(tx: Transaction) -> None:
                assert tx.runs.finish(done, "p")

            await self.writer.commit(self.lives[number], extra=finish)

    async def look(self, organization: int, which: int) -> None:
        """A budget asks."""
        name = _ORGANIZATIONS[organization]
        agent_id = f"agent_{organization}"
        owners = (("key", "key_a"), ("agent", agent_id), ("visitor", f"{agent_id}:v0"))
        owner, owner_id = owners[which // 2]
        budget = Budget(period="day" if which % 2 else "month", tokens_max=10**9)
        limit = Limit(owner=owner, owner_id=owner_id, budget=budget)  # type: ignore[arg-type]
        now = self.clock.now()
        await self.store.write(lambda tx: check_start(tx, name, [limit], now))

    async def later(self, hours: int, _: int) -> None:
        self.clock.advance(hours=hours)


async def _play(ops: list[tuple[str, int, int]], folder: Path) -> None:
    clock = HandClock(datetime(2026, 1, 30, 9, tzinfo=UTC))
    async with sqlite_store(folder) as store:
        now = clock.now()
        for number, name in enumerate(_ORGANIZATIONS):
            agent = Agent(
                id=f"agent_{number}",
                organization_id=name,
                name="A",
                model="scripted/echo",
                created_at=now,
                updated_at=now,
            )
            await store.write(lambda tx, agent=agent: tx.agents.add(agent))  # type: ignore[misc]
        play = _Play(store, clock, EventWriter(store, clock))
        play.writer.start()
        for name, first, second in ops:
            step: Callable[[int, int], Awaitable[None]] = getattr(play, name)
            await step(first, second)
        counters = await store.read(
            lambda tx: [one for name in _ORGANIZATIONS for one in tx.budget_counters.find(name)]
        )
        for counter in counters:
            counted = [run for run in play.runs if counter.id in counters_of(run)]
            uses = [use for run in counted for use in run.usage]
            assert counter.requests == len(counted)
            assert counter.tokens == sum(use.input_tokens + use.output_tokens for use in uses)
            assert counter.cost_micros == sum(round((use.cost_usd or 0) * 1e6) for use in uses)
        await play.writer.close()


@settings(max_examples=30, deadline=None)
@given(ops=st.lists(_OP, max_size=40))
def test_counters_equal_the_sum_over_stored_runs(ops: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(ops, Path(folder)))
