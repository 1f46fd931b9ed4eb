"""Which counters of budgets a run belongs to, and what its model calls add to them."""

from collections.abc import Iterable, Sequence
from datetime import UTC

from trivium.core.model.budgets import BudgetOwner, Charge, to_cost_micros
from trivium.core.model.runs import Run, Usage
from trivium.core.ports import Transaction


def charge_start(tx: Transaction, run: Run) -> None:
    """Count a run in the transaction that adds it."""
    tx.budget_counters.charge([Charge(counter_id=one, requests=1) for one in counters_of(run)])


def counters_of(run: Run) -> tuple[str, ...]:
    """Return the ids of the counters that a run is added to, as far as there are such counters."""
    owners: list[tuple[BudgetOwner, str]] = [("agent", run.agent_id)]
    if run.key_id is not None:
        owners.append(("key", run.key_id))
    if run.visitor_id is not None:
        owners.append(("visitor", f"{run.agent_id}:{run.visitor_id}"))
    day = f"{run.created_at.astimezone(UTC):%Y-%m-%d}"
    starts = (("day", day), ("month", f"{day[:8]}01"))
    return tuple(
        f"{run.organization_id}:{owner}:{owner_id}:{period}:{start}"
        for owner, owner_id in owners
        for period, start in starts
    )


def charges_of(uses: Iterable[tuple[Sequence[str], Usage]]) -> list[Charge]:
    """Return what model calls add to the counters they name, one charge for each counter."""
    found: dict[str, Charge] = {}
    for counters, usage in uses:
        tokens, micros = usage.input_tokens + usage.output_tokens, to_cost_micros(usage.cost_usd)
        for one in counters:
            before = found.get(one) or Charge(counter_id=one)
            found[one] = Charge(
                counter_id=one,
                tokens=before.tokens + tokens,
                cost_micros=before.cost_micros + micros,
                call_tokens_max=max(before.call_tokens_max, tokens),
                call_cost_micros_max=max(before.call_cost_micros_max, micros),
            )
    return list(found.values())
