"""How much may be used in a day or a month (UTC), what is counted against it, and when such a period begins."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON, JSONObject

BudgetPeriod = Literal["day", "month"]
BudgetOwner = Literal["key", "agent", "visitor"]
# What a database's number holds of microdollars and tokens with room to spare; more is a slip of the pen.
_AMOUNT_MAX = 10**12
_PERIODS: tuple[BudgetPeriod, ...] = ("day", "month")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What may be used in one period; None means no limit of that kind, 0 that nothing may be used."""

    period: BudgetPeriod = "day"
    requests_max: int | None = None
    tokens_max: int | None = None
    cost_usd_max: float | None = None


@dataclass(frozen=True, kw_only=True)
class AgentBudgets:
    """What all runs of an agent may use together, and what those of each visitor may."""

    agent: tuple[Budget, ...] = ()
    visitor: tuple[Budget, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A budget and whose it is; a visitor's `owner_id` names the agent, too."""

    owner: BudgetOwner
    owner_id: str
    budget: Budget


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What runs add up to: their number, the tokens and the microdollars of the model calls that have ended."""

    requests: int = 0
    tokens: int = 0
    cost_micros: int = 0


@dataclass(frozen=True, kw_only=True)
class BudgetCounter:
    """What an owner used in one period; the largest model call tells how much one more may need.

    It exists from the first moment a budget asks for it, and is then made from the stored runs.
    """

    id: str
    organization_id: str
    owner: BudgetOwner
    owner_id: str
    period: BudgetPeriod
    starts_at: datetime
    requests: int = 0
    tokens: int = 0
    cost_micros: int = 0
    call_tokens_max: int = 0
    call_cost_micros_max: int = 0


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What is added to the counter of this id, if there is one."""

    counter_id: str
    requests: int = 0
    tokens: int = 0
    cost_micros: int = 0
    call_tokens_max: int = 0
    call_cost_micros_max: int = 0


@dataclass(frozen=True, kw_only=True)
class BudgetUse:
    """A limit and what is used of it in the running period, which ends at `resets_at`."""

    limit: Limit
    spent: Spent
    resets_at: datetime


def counter_id(organization_id: str, owner: BudgetOwner, owner_id: str, *, period: BudgetPeriod, at: datetime) -> str:
    """Return the id of the counter that what begins at that time is added to."""
    return f"{organization_id}:{owner}:{owner_id}:{period}:{period_start(period, at):%Y-%m-%d}"


def to_cost_micros(cost_usd: float | None) -> int:
    """Return whole microdollars, halves rounded up, as the database does; an unknown price is 0."""
    return 0 if cost_usd is None else math.floor(cost_usd * 1e6 + 0.5)


def period_start(period: BudgetPeriod, now: datetime) -> datetime:
    """Return the midnight (UTC) at which the running day or month began."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if period == "day" else midnight.replace(day=1)


def period_end(period: BudgetPeriod, now: datetime) -> datetime:
    """Return the midnight (UTC) at which the next day or month begins."""
    start = period_start(period, now)
    # 32 days after the first of a month lie in the next one, whatever its length.
    return start + timedelta(days=1) if period == "day" else (start + timedelta(days=32)).replace(day=1)


def checked_budgets(budgets: tuple[Budget, ...]) -> tuple[Budget, ...]:
    """Return them; InvalidRequest (`invalid_budget`) for two of one period or an amount out of range."""
    if len({budget.period for budget in budgets}) < len(budgets):
        raise _invalid("There may be one budget a day and one a month.")
    for budget in budgets:
        for amount in (budget.requests_max, budget.tokens_max, budget.cost_usd_max):
            # Written so that "not a number" fails too.
            if amount is not None and not 0 <= amount <= _AMOUNT_MAX:
                raise _invalid(f"A budget is 0 to {_AMOUNT_MAX}.")
    return budgets


def read_agent_budgets(value: JSON) -> AgentBudgets:
    """Return the budgets of an agent's settings: `agent` and `visitor`, each one budget or a list of them.

    Unknown keys are ignored, None is none. InvalidRequest (`invalid_budget`) for what cannot be understood: a limit
    that was misspelt must not be none.
    """
    if value is None:
        return AgentBudgets()
    if not isinstance(value, dict):
        raise _invalid("The budgets must be an object.")
    return AgentBudgets(agent=_read_list(value.get("agent")), visitor=_read_list(value.get("visitor")))


def _read_list(value: JSON) -> tuple[Budget, ...]:
    if value is None:
        return ()
    found = value if isinstance(value, list) else [value]
    if len(found) > len(_PERIODS):
        raise _invalid("There may be one budget a day and one a month.")
    return checked_budgets(tuple(_read_one(one) for one in found))


def _read_one(value: JSON) -> Budget:
    if not isinstance(value, dict):
        raise _invalid("A budget must be an object.")
    given = value.get("period", "day")
    period = next((known for known in _PERIODS if known == given), None)
    if period is None:
        raise _invalid('The period of a budget is "day" or "month".')
    cost = value.get("cost_usd_max")
    if isinstance(cost, bool) or not isinstance(cost, int | float | None):
        raise _invalid("cost_usd_max must be a number.")
    return Budget(
        period=period,
        requests_max=_read_count(value, "requests_max"),
        tokens_max=_read_count(value, "tokens_max"),
        cost_usd_max=None if cost is None else float(cost),
    )


def _read_count(value: JSONObject, name: str) -> int | None:
    count = value.get(name)
    if isinstance(count, bool) or not isinstance(count, int | None):
        raise _invalid(f"{name} must be a whole number.")
    return count


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="invalid_budget")
