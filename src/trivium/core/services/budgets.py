"""The hard stop: no run begins for a key, an agent or a visitor whose day or month is used up."""

from collections.abc import Iterator
from datetime import datetime

from trivium.core.errors import Conflict, InvalidRequest, LimitExceeded
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent
from trivium.core.model.budgets import AgentBudgets, Budget, Spent, period_end, period_start, read_agent_budgets
from trivium.core.ports import Transaction


def check_budgets(
    tx: Transaction, principal: Principal, agent: Agent, *, visitor_id: str | None, now: datetime
) -> None:
    """LimitExceeded (`budget_exceeded`) when a budget is used up; Conflict for an agent whose budgets make no sense.

    To be called in the transaction that adds the run, so that starts at the same moment cannot slip past a limit. What
    has no budget is not counted. Tokens and cost are known when a run has ended: those under way when the limit is
    reached end on their own, bounded by the limits of a run. A model without a known price costs nothing here.
    """
    organization_id = agent.organization_id
    # At most two (day and month) for each of key, agent and visitor.
    for owner, budget, whose in _budgets_of(tx, principal, agent, visitor_id):
        spent = tx.runs.spent(
            organization_id,
            since=period_start(budget.period, now),
            with_usage=budget.tokens_max is not None or budget.cost_usd_max is not None,
            **whose,
        )
        _check(owner, budget, spent, now)


def _budgets_of(
    tx: Transaction, principal: Principal, agent: Agent, visitor_id: str | None
) -> Iterator[tuple[str, Budget, dict[str, str]]]:
    for budget in _key_budgets(tx, principal):
        yield "key", budget, {"principal_id": principal.id}
    own = _agent_budgets(agent)
    for budget in own.agent:
        yield "agent", budget, {"agent_id": agent.id}
    if visitor_id is not None:
        for budget in own.visitor:
            yield "visitor", budget, {"agent_id": agent.id, "visitor_id": visitor_id}


def _key_budgets(tx: Transaction, principal: Principal) -> tuple[Budget, ...]:
    if principal.kind == "system" and principal.id.startswith("key_"):
        # A step of a workflow that a key started: its runs count for the key, so its budgets hold here as well.
        key = tx.keys.first(principal.organization_id, id=principal.id)
        return () if key is None else key.budgets
    return principal.budgets


def _agent_budgets(agent: Agent) -> AgentBudgets:
    try:
        return read_agent_budgets(agent.settings.get("budgets"))
    except InvalidRequest as error:
        # Not the caller's doing, and a limit that cannot be read must not let everything through.
        raise Conflict(f"The budgets of agent {agent.name!r}: {error.message}", code=error.code) from error


def _check(owner: str, budget: Budget, spent: Spent, now: datetime) -> None:
    for what, used, most in (
        ("requests", spent.requests, budget.requests_max),
        ("tokens", spent.tokens, budget.tokens_max),
        ("cost_usd", spent.cost_usd, budget.cost_usd_max),
    ):
        if most is not None and used >= most:
            wait_s = (period_end(budget.period, now) - now).total_seconds()
            raise LimitExceeded(
                f"The {owner}'s {what} of this {budget.period} are used up.",
                code="budget_exceeded",
                details={
                    "budget": owner,
                    "period": budget.period,
                    "limit": what,
                    "used": used,
                    "max": most,
                    "reset_s": round(wait_s),
                },
                retry_after_s=wait_s,
            )
