"""The hard stop: no run begins, and none goes on, for a key, an agent or a visitor whose day or month is used up.

A counter comes to be when a budget first asks for it, made from the stored runs of its period. From then on it is
added to in the transactions that insert a run and that write a step of the model, so it never differs from what is
stored, and never falls when something is deleted. A run counts for the day and the month it began in. Who has no budget
is not counted.

Requests are exact. How much a model call uses is known when it has ended, so each running run is taken to be about to
use as much as the largest call its counter has seen: a call is made only while that fits below the limit. So the limit
is passed by less than one call, and by what calls that are larger than all before them are larger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from trivium.core.errors import Conflict, InvalidRequest, LimitExceeded
from trivium.core.model.access import ApiKey, Principal
from trivium.core.model.agents import Agent
from trivium.core.model.budgets import (
    AgentBudgets,
    Budget,
    BudgetCounter,
    BudgetUse,
    Limit,
    Spent,
    counter_id,
    period_end,
    period_start,
    read_agent_budgets,
    to_cost_micros,
)
from trivium.core.model.runs import Run, Usage
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.budget_counters import charges_of, counters_of
from trivium.core.services.jobs import JobRun

# What a call is taken to need before any was seen: a page of text in and out, at the price of a large model.
_CALL_TOKENS = 2_000
_CALL_COST_MICROS = 20_000
# When runs under way hold the rest of a budget, it is worth asking again soon.
_RESERVED_RETRY_S = 5.0
# Runs that wait for weeks still count for the month they began in.
_KEPT = timedelta(days=100)
_PURGE_BATCH = 1_000
_SHOWN_MAX = 10_000


def limits_of_key(
    tx: Transaction, organization_id: str, key_id: str | None, principal: Principal | None = None
) -> list[Limit]:
    """Return a key's limits: those the principal carries where it is the key, else the stored ones."""
    if key_id is None:
        return []
    if principal is not None and principal.kind == "key":
        budgets = principal.budgets
    else:
        key = tx.keys.first(organization_id, id=key_id)
        budgets = () if key is None else key.budgets
    return [Limit(owner="key", owner_id=key_id, budget=budget) for budget in budgets]


def limits_of(
    tx: Transaction, agent: Agent, *, key_id: str | None, visitor_id: str | None, principal: Principal | None = None
) -> list[Limit]:
    """Return every limit that holds for a run; Conflict for an agent whose budgets make no sense."""
    found = limits_of_key(tx, agent.organization_id, key_id, principal)
    own = _agent_budgets(agent)
    found += [Limit(owner="agent", owner_id=agent.id, budget=budget) for budget in own.agent]
    if visitor_id is not None:
        owner_id = f"{agent.id}:{visitor_id}"
        found += [Limit(owner="visitor", owner_id=owner_id, budget=budget) for budget in own.visitor]
    return found


def check_start(tx: Transaction, organization_id: str, limits: Sequence[Limit], now: datetime) -> None:
    """LimitExceeded (`budget_exceeded`) when one is used up, or taken by what runs under way may still use.

    To be called in the transaction that adds the run, so that starts at the same moment cannot slip past a limit.
    """
    for limit in limits:  # at most two (day and month) for each of key, agent and visitor
        counter = _counter(tx, organization_id, limit, now)
        running = _running(tx, organization_id, limit)
        _check(limit, counter, running=running, counts_requests=True, now=now)


class Budgets:
    """What asks for a transaction of its own."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def check(self, run: Run, limits: Sequence[Limit]) -> None:
        """To be called before a running run asks a model again: LimitExceeded (`budget_exceeded`) stops it."""
        if not any(_limits_calls(limit.budget) for limit in limits):
            return

        def unit(tx: Transaction) -> None:
            for limit in limits:  # at most six
                name = counter_id(
                    run.organization_id, limit.owner, limit.owner_id, period=limit.budget.period, at=run.created_at
                )
                counter = tx.budget_counters.first(run.organization_id, id=name)
                if counter is not None:
                    others = max(0, _running(tx, run.organization_id, limit) - 1)
                    _check(limit, counter, running=others, counts_requests=False, now=self._clock.now())

        await self._store.read(unit)

    async def check_key(self, organization_id: str, key_id: str | None) -> None:
        """LimitExceeded (`budget_exceeded`) when a key may not make a model call now that is no run of an agent."""
        if key_id is None:
            return
        now = self._clock.now()
        limits = await self._store.read(lambda tx: limits_of_key(tx, organization_id, key_id))
        if limits:
            await self._store.write(lambda tx: check_start(tx, organization_id, limits, now))

    async def charge_key(self, organization_id: str, key_id: str | None, usage: Usage) -> None:
        """Count a model call that is no run of an agent; it counts as one request."""
        if key_id is None:
            return
        now = self._clock.now()
        counters = [counter_id(organization_id, "key", key_id, period=period, at=now) for period in ("day", "month")]
        charges = [replace(one, requests=1) for one in charges_of([(counters, usage)])]
        await self._store.write(lambda tx: tx.budget_counters.charge(charges))

    async def charge_run(self, run: Run, usage: Usage) -> None:
        """Count a model call that is made for a run after its end."""
        charges = charges_of([(counters_of(run), usage)])
        await self._store.write(lambda tx: tx.budget_counters.charge(charges))

    async def of_agent(self, agent: Agent) -> list[BudgetUse]:
        """Return the agent's own budgets with what is used of them; those of its visitors are many and left out."""
        now = self._clock.now()
        limits = [Limit(owner="agent", owner_id=agent.id, budget=budget) for budget in _agent_budgets(agent).agent]

        def unit(tx: Transaction) -> list[BudgetUse]:
            return [_use(limit, _spent(tx, agent.organization_id, limit, now), now) for limit in limits]  # at most two

        return await self._store.read(unit) if limits else []

    async def of_keys(self, organization_id: str | None, keys: Sequence[ApiKey]) -> Mapping[str, Sequence[BudgetUse]]:
        """Return by key id what is used of each budget; `organization_id` None: keys of all, for the operator."""
        now = self._clock.now()
        since = period_start("month", now)
        found = await self._store.read(lambda tx: tx.budget_counters.running(organization_id, "key", since, _SHOWN_MAX))
        counters = {one.id: one for one in found}
        uses: dict[str, list[BudgetUse]] = {}
        for key in keys:
            for budget in key.budgets:
                # A key's budgets are as old as the key: without a counter nothing was used in this period.
                known = counters.get(counter_id(key.organization_id, "key", key.id, period=budget.period, at=now))
                limit = Limit(owner="key", owner_id=key.id, budget=budget)
                uses.setdefault(key.id, []).append(_use(limit, _total(known), now))
        return uses

    async def purge(self, run: JobRun) -> datetime | None:
        """Delete counters of periods long past (a job). Safe to repeat."""
        before = self._clock.now() - _KEPT
        removed = _PURGE_BATCH
        while removed == _PURGE_BATCH:
            removed = await self._store.write(lambda tx: tx.budget_counters.purge(before, _PURGE_BATCH))
        return None


def _counter(tx: Transaction, organization_id: str, limit: Limit, now: datetime) -> BudgetCounter:
    """Return the counter of the running period; it is made from the stored runs where there is none."""
    period = limit.budget.period
    name = counter_id(organization_id, limit.owner, limit.owner_id, period=period, at=now)
    known = tx.budget_counters.first(organization_id, id=name)
    if known is not None:
        return known
    starts_at = period_start(period, now)
    spent = tx.runs.spent(organization_id, limit.owner, limit.owner_id, since=starts_at)
    made = BudgetCounter(
        id=name,
        organization_id=organization_id,
        owner=limit.owner,
        owner_id=limit.owner_id,
        period=period,
        starts_at=starts_at,
        requests=spent.requests,
        tokens=spent.tokens,
        cost_micros=spent.cost_micros,
    )
    earlier = tx.budget_counters.before(made)
    if earlier is not None:
        made = replace(made, call_tokens_max=earlier.call_tokens_max, call_cost_micros_max=earlier.call_cost_micros_max)
    tx.budget_counters.begin(made)
    return made


def _running(tx: Transaction, organization_id: str, limit: Limit) -> int:
    return tx.runs.under_way(organization_id, limit.owner, limit.owner_id) if _limits_calls(limit.budget) else 0


def _limits_calls(budget: Budget) -> bool:
    return budget.tokens_max is not None or budget.cost_usd_max is not None


def _agent_budgets(agent: Agent) -> AgentBudgets:
    try:
        return read_agent_budgets(agent.settings.get("budgets"))
    except InvalidRequest as error:
        # Not the caller's doing, and a limit that cannot be read must not let everything through.
        raise Conflict(f"The budgets of agent {agent.name!r}: {error.message}", code=error.code) from error


class _Line(NamedTuple):
    what: str
    used: int
    most: int | None
    # What running runs may still use together.
    reserved: int
    unit: float = 1


def _check(limit: Limit, counter: BudgetCounter, *, running: int, counts_requests: bool, now: datetime) -> None:
    budget = limit.budget
    # Where calls were seen and none had a price, none is taken to have one.
    was_seen = counter.tokens > 0 or counter.call_tokens_max > 0
    tokens = counter.call_tokens_max or _CALL_TOKENS
    micros = counter.call_cost_micros_max if was_seen else _CALL_COST_MICROS
    cost_max = None if budget.cost_usd_max is None else to_cost_micros(budget.cost_usd_max)
    for line in (
        _Line("requests", counter.requests, budget.requests_max if counts_requests else None, 0),
        _Line("tokens", counter.tokens, budget.tokens_max, running * tokens),
        _Line("cost_usd", counter.cost_micros, cost_max, running * micros, 1e6),
    ):
        if line.most is not None and line.used + line.reserved >= line.most:
            raise _exceeded(limit, line, running=running, now=now)


def _exceeded(limit: Limit, line: _Line, *, running: int, now: datetime) -> LimitExceeded:
    assert line.most is not None  # noqa: S101 - only what has a limit can exceed it
    period = limit.budget.period
    is_used_up = line.used >= line.most
    reset_s = (period_end(period, now) - now).total_seconds()
    wait_s = reset_s if is_used_up else min(reset_s, _RESERVED_RETRY_S)
    details: dict[str, object] = {
        "budget": limit.owner,
        "period": period,
        "limit": line.what,
        "used": line.used if line.unit == 1 else line.used / line.unit,
        "max": line.most if line.unit == 1 else line.most / line.unit,
        "reset_s": round(wait_s),
    }
    message = f"The {limit.owner}'s {line.what} of this {period} are used up."
    if not is_used_up:
        details["running"] = running
        message = f"Runs under way may need what is left of the {limit.owner}'s {line.what} of this {period}."
    return LimitExceeded(message, code="budget_exceeded", details=details, retry_after_s=wait_s)


def _spent(tx: Transaction, organization_id: str, limit: Limit, now: datetime) -> Spent:
    name = counter_id(organization_id, limit.owner, limit.owner_id, period=limit.budget.period, at=now)
    known = tx.budget_counters.first(organization_id, id=name)
    if known is not None:
        return _total(known)
    return tx.runs.spent(organization_id, limit.owner, limit.owner_id, since=period_start(limit.budget.period, now))


def _total(counter: BudgetCounter | None) -> Spent:
    if counter is None:
        return Spent()
    return Spent(requests=counter.requests, tokens=counter.tokens, cost_micros=counter.cost_micros)


def _use(limit: Limit, spent: Spent, now: datetime) -> BudgetUse:
    return BudgetUse(limit=limit, spent=spent, resets_at=period_end(limit.budget.period, now))
