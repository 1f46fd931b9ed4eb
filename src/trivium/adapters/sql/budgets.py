"""Counters of budgets."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ClauseElement, bindparam, case, delete, select, update
from sqlalchemy.engine import Dialect

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.budgets import BudgetCounter, BudgetOwner, Charge

_b = schema.budget_counters.c


def _begin(dialect: Dialect) -> ClauseElement:
    if dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    values: dict[str, Any] = {column.name: bindparam(column.name) for column in _b}
    return insert(schema.budget_counters).values(values).on_conflict_do_nothing(index_elements=["id"])


_BEGIN = Prepared(_begin)
_BEGIN.changes = schema.budget_counters.name
_larger = {
    name: case((_b[name] < bindparam(f"b_{name}"), bindparam(f"b_{name}")), else_=_b[name])
    for name in ("call_tokens_max", "call_cost_micros_max")
}
_CHARGE = Prepared(
    update(schema.budget_counters)
    .where(_b.id == bindparam("b_counter_id"))
    .values(
        requests=_b.requests + bindparam("b_requests"),
        tokens=_b.tokens + bindparam("b_tokens"),
        cost_micros=_b.cost_micros + bindparam("b_cost_micros"),
        **_larger,
    )
)
_BEFORE = Prepared(
    select(*_b)
    .where(
        _b.organization_id == bindparam("b_organization"),
        _b.owner == bindparam("b_owner"),
        _b.owner_id == bindparam("b_owner_id"),
        _b.period == bindparam("b_period"),
        _b.starts_at < bindparam("b_at"),
    )
    .order_by(_b.starts_at.desc())
    .limit(1)
)
_running = (
    select(*_b)
    .where(_b.owner == bindparam("b_owner"), _b.starts_at >= bindparam("b_at"))
    .order_by(_b.starts_at.desc(), _b.id)
    .limit(bindparam("b_limit"))
)
_RUNNING = Prepared(_running)
_RUNNING_IN = Prepared(_running.where(_b.organization_id == bindparam("b_organization")))
_old = select(_b.id).where(_b.starts_at < bindparam("b_at")).limit(bindparam("b_limit"))
_PURGE = Prepared(delete(schema.budget_counters).where(_b.id.in_(_old.scalar_subquery())))


class SqlBudgetCounters(SqlRecords[BudgetCounter]):
    """See `core.ports.store.BudgetCounters`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.budget_counters, "budget_counter")

    def begin(self, counter: BudgetCounter) -> None:
        """Insert, unless there is one of this id."""
        self._session.run(_BEGIN, self._codec.to_row(counter))

    def charge(self, charges: Sequence[Charge]) -> None:
        """Add to the counters that exist; always in the same order, so that two writers cannot wait for each other."""
        rows = [{f"b_{name}": value for name, value in asdict(one).items()} for one in charges]
        rows.sort(key=lambda row: str(row["b_counter_id"]))
        self._session.run_many(_CHARGE, rows)

    def before(self, counter: BudgetCounter) -> BudgetCounter | None:
        """Return the last counter of the same owner and kind of period before this one."""
        values = {
            "b_organization": counter.organization_id,
            "b_owner": counter.owner,
            "b_owner_id": counter.owner_id,
            "b_period": counter.period,
            "b_at": to_micros(counter.starts_at),
        }
        row = self._session.run(_BEFORE, values).fetchone()
        return None if row is None else self._codec.from_row(row)

    def running(
        self, organization_id: str | None, owner: BudgetOwner, since: datetime, limit: int
    ) -> list[BudgetCounter]:
        """Return the counters of all owners of a kind whose period began since then, the latest first."""
        values = {"b_organization": organization_id, "b_owner": owner, "b_at": to_micros(since), "b_limit": limit}
        if organization_id is None:
            del values["b_organization"]
        statement = _RUNNING if organization_id is None else _RUNNING_IN
        return [self._codec.from_row(row) for row in self._session.run(statement, values).fetchall()]

    def purge(self, before: datetime, limit: int) -> int:
        """Delete counters of any organization whose period began before."""
        return int(self._session.run(_PURGE, {"b_at": to_micros(before), "b_limit": limit}).rowcount)
