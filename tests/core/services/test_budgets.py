"""Budgets stop runs of keys, agents and visitors exactly at the limit, and begin anew with the period."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.clock import HandClock
from tests.core.services.world import CALLER, World, open_world, question
from trivium.adapters.models.registry import ModelRegistry
from trivium.adapters.sql.statements import Prepared
from trivium.core.errors import Conflict, InvalidRequest, LimitExceeded
from trivium.core.model.access import ApiKey, Principal
from trivium.core.model.agents import Agent
from trivium.core.model.budgets import Budget, checked_budgets, period_end, period_start, read_agent_budgets
from trivium.core.model.conversations import Conversation
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSON
from trivium.core.model.runs import Run, Usage
from trivium.core.ports import Transaction
from trivium.core.services.admission import Admission, RunSettings
from trivium.core.services.budget_counters import charges_of, counters_of
from trivium.core.services.models import Models

pytestmark = pytest.mark.anyio
START = datetime(2026, 2, 27, 9, tzinfo=UTC)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await open_world(tmp_path)
    yield made
    await made.close()


class Door:
    """Lets runs in at a time set by hand, without running them: what they used is put into the store instead."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = HandClock(START)
        self._admission = Admission(
            clock=self.clock, models=Models(ModelRegistry()), settings=RunSettings(owner="server-1")
        )

    async def start(self, agent: Agent, *usage: Usage, principal: Principal = CALLER, **request: Any) -> Run:
        """Admit a run; with usage, end it."""
        begun, _ = await self.world.store.write(
            lambda tx: self._admission.admit(
                tx, principal, question(agent, **request), run_id=new_id("run"), new_conversation_id=new_id("conv")
            )
        )
        return await self.end(begun.run, *usage) if usage else begun.run

    async def end(self, run: Run, *usage: Usage) -> Run:
        """End a run that used this."""
        ended = replace(run, status="succeeded", usage=usage, lease_owner=None, finished_at=self.clock.now())

        def unit(tx: Transaction) -> None:
            tx.runs.put(ended)
            tx.budget_counters.charge(charges_of([(counters_of(run), one) for one in usage]))

        await self.world.store.write(unit)
        return ended

    async def refused(self, agent: Agent, **request: Any) -> LimitExceeded:
        """Return why a run is not let in."""
        with pytest.raises(LimitExceeded) as caught:
            await self.start(agent, **request)
        assert caught.value.code == "budget_exceeded"
        return caught.value


@pytest.fixture
def door(world: World) -> Door:
    return Door(world)


def budgets(**values: Any) -> dict[str, Any]:
    return {"settings": {"budgets": values}}


def holder(*limits: Budget, key_id: str = "key_a") -> Principal:
    return replace(CALLER, budgets=limits, id=key_id, key_id=key_id)


@pytest.mark.parametrize("owner", ["key", "agent", "visitor"])
async def test_of_twenty_starts_at_once_exactly_the_limit_pass(world: World, owner: str) -> None:
    limit: dict[str, JSON] = {} if owner == "key" else {owner: {"requests_max": 5}}
    agent = await world.agent("scripted/echo", **budgets(**limit))
    principal = holder(Budget(requests_max=5)) if owner == "key" else CALLER
    refused: list[LimitExceeded] = []

    async def one() -> None:
        try:
            await world.runs.start(principal, question(agent, visitor_id="vis_1"))
        except LimitExceeded as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(one)
    assert await world.store.read(lambda tx: tx.runs.count("org_a", agent_id=agent.id)) == 5
    assert await world.store.read(lambda tx: tx.conversations.count("org_a", agent_id=agent.id)) == 5
    assert [(error.code, error.details["budget"], error.details["used"]) for error in refused] == [
        ("budget_exceeded", owner, 5)
    ] * 15


async def test_tokens_of_every_model_and_direction_count(door: Door) -> None:
    agent = await door.world.agent("scripted/echo", **budgets(agent={"tokens_max": 100}))
    await door.start(agent, Usage(model="a", input_tokens=40, output_tokens=20), Usage(model="b", output_tokens=39))
    await door.start(agent, Usage(model="a", input_tokens=1))
    error = await door.refused(agent)
    assert error.details == {
        "budget": "agent",
        "period": "day",
        "limit": "tokens",
        "used": 100,
        "max": 100,
        "reset_s": 15 * 3600,
    }
    assert error.retry_after_s == 15 * 3600


async def test_cost_counts_and_an_unknown_price_does_not(door: Door) -> None:
    agent = await door.world.agent("scripted/echo")
    principal = holder(Budget(period="month", cost_usd_max=0.5))
    await door.start(agent, Usage(model="a", cost_usd=0.3), Usage(model="b", cost_usd=None), principal=principal)
    await door.start(agent, Usage(model="a", cost_usd=0.25), principal=principal)
    error = await door.refused(agent, principal=principal)
    assert (error.details["limit"], error.details["used"]) == ("cost_usd", pytest.approx(0.55))
    await door.start(agent, principal=holder(*principal.budgets, key_id="key_b"))


async def test_a_budget_begins_anew_with_its_period(door: Door) -> None:
    agent = await door.world.agent(
        "scripted/echo", **budgets(agent=[{"requests_max": 1}, {"period": "month", "requests_max": 2}])
    )
    await door.start(agent)
    assert (await door.refused(agent)).details["period"] == "day"
    door.clock.at = datetime(2026, 2, 28, tzinfo=UTC)
    await door.start(agent)
    door.clock.at = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
    assert (await door.refused(agent)).retry_after_s == 1.0
    door.clock.at = datetime(2026, 3, 1, tzinfo=UTC)
    await door.start(agent)


async def test_visitors_keys_agents_and_organizations_count_apart(door: Door) -> None:
    limits = budgets(visitor={"requests_max": 1})
    agent = await door.world.agent("scripted/echo", **limits)
    other = await door.world.agent("scripted/echo", **limits)
    theirs = await door.world.agent("scripted/echo", organization_id="org_b", **limits)
    stranger = replace(holder(Budget(requests_max=1)), organization_id="org_b")
    await door.start(agent, visitor_id="vis_1")
    await door.refused(agent, visitor_id="vis_1")
    await door.start(agent, visitor_id="vis_2")
    await door.start(other, visitor_id="vis_1")
    await door.start(agent)
    await door.start(theirs, visitor_id="vis_1", principal=stranger)
    await door.refused(theirs, visitor_id="vis_3", principal=stranger)


async def test_a_conversation_tells_who_its_visitor_is(door: Door) -> None:
    agent = await door.world.agent("scripted/echo", **budgets(visitor={"requests_max": 1}))
    now = door.clock.now()
    conversation = Conversation(
        id="conv_1",
        organization_id="org_a",
        agent_id=agent.id,
        external_id="c",
        created_at=now,
        updated_at=now,
        visitor_id="vis_1",
    )
    await door.world.store.write(lambda tx: tx.conversations.add(conversation))
    await door.start(agent, conversation_id="conv_1")
    await door.refused(agent, conversation_id="conv_1")


async def test_a_key_cannot_go_around_its_budget_through_a_workflow(door: Door) -> None:
    agent = await door.world.agent("scripted/echo")
    key = ApiKey(
        id="key_w",
        organization_id="org_a",
        kind="wisebot",
        name="k",
        prefix="p",
        last_four="1234",
        secret_hash="h",
        created_at=START,
        budgets=(Budget(requests_max=1),),
    )
    await door.world.store.write(lambda tx: tx.keys.add(key))
    workflow = Principal(organization_id="org_a", kind="system", id="key_w", key_id="key_w")
    await door.start(agent, principal=workflow)
    assert (await door.refused(agent, principal=workflow)).details["budget"] == "key"


async def test_without_a_budget_nothing_more_is_asked_of_the_store(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    run = Prepared.run

    def counted(self: Prepared, cursor: Any, dialect: Any, values: Any) -> Any:
        nonlocal count
        count += 1
        return run(self, cursor, dialect, values)

    monkeypatch.setattr(Prepared, "run", counted)
    free = await door.world.agent("scripted/echo")
    limited = await door.world.agent("scripted/echo", **budgets(agent={"requests_max": 5}))
    counts = []
    for agent in (free, limited):
        await door.start(agent)
        count = 0
        await door.start(agent, visitor_id="vis_1")
        counts.append(count)
    with monkeypatch.context() as bare:
        bare.setattr("trivium.core.services.admission.limits_of", lambda *_, **__: ())
        count = 0
        await door.start(free, visitor_id="vis_1")
    assert counts == [count, count + 1]


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"agent": 5},
        {"agent": {"period": "week"}},
        {"agent": {"requests_max": "5"}},
        {"agent": {"tokens_max": True}},
        {"visitor": {"cost_usd_max": -0.01}},
        {"visitor": [{"requests_max": 1}, {"requests_max": 2}]},
    ],
)
async def test_budgets_that_make_no_sense_let_nothing_through(door: Door, value: JSON) -> None:
    agent = await door.world.agent("scripted/echo")
    with pytest.raises(InvalidRequest):
        read_agent_budgets(value)
    broken = replace(agent, settings={"budgets": value})
    await door.world.store.write(lambda tx: tx.agents.put(broken))
    with pytest.raises(Conflict):
        await door.start(agent)


def test_unknown_keys_are_ignored_and_zero_is_a_limit() -> None:
    found = read_agent_budgets({"agent": {"requests_max": 0, "color": "red"}, "other": 1})
    assert found.agent == (Budget(requests_max=0),)
    assert (found.visitor, read_agent_budgets(None).agent) == ((), ())
    for wrong in [(Budget(), Budget()), (Budget(cost_usd_max=float("nan")),)]:
        with pytest.raises(InvalidRequest):
            checked_budgets(wrong)


@pytest.mark.parametrize("month", range(1, 13))
def test_a_month_ends_where_the_next_begins(month: int) -> None:
    now = datetime(2028, month, 29 if month == 2 else 30, 23, 59, tzinfo=UTC)
    assert period_start("month", now) == datetime(2028, month, 1, tzinfo=UTC)
    assert period_end("month", now) == datetime(2028 + month // 12, month % 12 + 1, 1, tzinfo=UTC)
