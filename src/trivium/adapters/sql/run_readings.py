"""What is read of many runs at once: pages, totals, what has not ended."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Double, bindparam, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import from_micros, to_micros
from trivium.adapters.sql.records import SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.budgets import Spent
from trivium.core.model.runs import Run, RunStatus, RunTotals, Usage

_r = schema.runs.c
_OF_AGENT = (_r.organization_id == bindparam("b_organization"), _r.agent_id == bindparam("b_agent"))
_NEWEST = (_r.created_at.desc(), _r.id.desc())
_UNFINISHED = ("queued", "running", "waiting")


class _TokenSum(GenericFunction[int]):
    """The sum of one number over the entries of a JSON list, for which the engines have different words."""

    type = BigInteger()
    inherit_cache = True


@compiles(_TokenSum, "sqlite")
def _token_sum_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    column, name = [compiler.process(clause, **options) for clause in element.clauses]
    return f"(SELECT coalesce(sum(json_extract(value, '$.' || {name})), 0) FROM json_each({column}))"  # noqa: S608 - of compiled clauses


@compiles(_TokenSum, "postgresql")
def _token_sum_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    column, name = [compiler.process(clause, **options) for clause in element.clauses]
    return f"(SELECT coalesce(sum((value->>{name})::bigint), 0) FROM jsonb_array_elements({column}::jsonb))"  # noqa: S608


class _CostSum(GenericFunction[float]):
    """The same for numbers with a fraction; null counts as nothing."""

    type = Double()
    inherit_cache = True


compiles(_CostSum, "sqlite")(_token_sum_sqlite)


@compiles(_CostSum, "postgresql")
def _cost_sum_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    column, name = [compiler.process(clause, **options) for clause in element.clauses]
    return f"(SELECT coalesce(sum((value->>{name})::float8), 0) FROM jsonb_array_elements({column}::jsonb))"  # noqa: S608


def _tokens(name: str) -> ColumnElement[int]:
    return func.coalesce(func.sum(_TokenSum(_r.usage, bindparam(f"b_{name}", name, literal_execute=False))), 0)


_latency = _r.finished_at - _r.started_at
_TOTALS = Prepared(
    select(
        _r.status,
        func.count(),
        _tokens("input_tokens"),
        _tokens("output_tokens"),
        func.count(_latency),
        func.sum(_latency),
        func.min(_latency),
        func.max(_latency),
    )
    .where(*_OF_AGENT)
    .group_by(_r.status)
)
_OPEN = Prepared(
    select(_r.conversation_id, _r.status)
    .where(*_OF_AGENT, or_(*(_r.status == status for status in _UNFINISHED)))
    .order_by(*_NEWEST)
    .limit(bindparam("b_limit"))
)
_CONDITIONS = {
    "b_run": _r.id == bindparam("b_run"),
    "b_since": _r.created_at >= bindparam("b_since"),
    "b_until": _r.created_at <= bindparam("b_until"),
}


@lru_cache
def _page(names: tuple[str, ...]) -> tuple[Prepared, Prepared]:
    where = (*_OF_AGENT, *(_CONDITIONS[name] for name in names))
    rows = select(*_r).where(*where).order_by(*_NEWEST).limit(bindparam("b_limit")).offset(bindparam("b_offset"))
    return Prepared(rows), Prepared(select(func.count()).select_from(schema.runs).where(*where))


@lru_cache
def _spent(names: tuple[str, ...], with_usage: bool) -> Prepared:
    cost = func.coalesce(func.sum(_CostSum(_r.usage, bindparam("b_cost", "cost_usd", literal_execute=False))), 0.0)
    usage = (_tokens("input_tokens"), _tokens("output_tokens"), cost) if with_usage else ()
    where = (_r[name] == bindparam(f"b_{name}") for name in names)
    return Prepared(select(func.count(), *usage).where(*where, _r.created_at >= bindparam("b_since")))


class RunReadings(SqlRecords[Run]):
    """The part of `core.ports.store.Runs` that only reads."""

    def unfinished(self, organization_id: str, agent_id: str, limit: int) -> list[tuple[str, RunStatus]]:
        """Return (conversation id, status) of runs that have not ended, newest first."""
        values = {"b_organization": organization_id, "b_agent": agent_id, "b_limit": limit}
        return [(row[0], row[1]) for row in self._session.run(_OPEN, values).fetchall()]

    def page(
        self,
        organization_id: str,
        agent_id: str,
        *,
        run_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int,
        offset: int = 0,
    ) -> tuple[list[Run], int]:
        """Return a page of an agent's runs, newest first, and how many there are in all."""
        given: dict[str, object] = {
            "b_run": run_id,
            "b_since": None if since is None else to_micros(since),
            "b_until": None if until is None else to_micros(until),
        }
        asked = {name: value for name, value in given.items() if value is not None}
        rows, count = _page(tuple(asked))
        values = {"b_organization": organization_id, "b_agent": agent_id, **asked}
        total = int(self._session.run(count, values).fetchone()[0])
        found = self._session.run(rows, {**values, "b_limit": limit, "b_offset": offset}).fetchall()
        return [self._codec.from_row(row) for row in found], total

    def uses(
        self, organization_id: str, agent_id: str, *, since: datetime, limit: int
    ) -> list[tuple[datetime, tuple[Usage, ...]]]:
        """Return when the agent's runs since then began and what each used, newest first."""
        values = {
            "b_organization": organization_id,
            "b_agent": agent_id,
            "b_since": to_micros(since),
            "b_limit": limit,
        }
        decode = self._codec.by_name["usage"].decode
        rows = self._session.run(_USES, values).fetchall()
        return [(from_micros(at), () if decode is None else decode(used)) for at, used in rows]

    def spent(
        self,
        organization_id: str,
        *,
        since: datetime,
        with_usage: bool,
        principal_id: str | None = None,
        agent_id: str | None = None,
        visitor_id: str | None = None,
    ) -> Spent:
        """Return what runs that began since then add up to, of all that are named; only requests without usage."""
        named = {"principal_id": principal_id, "agent_id": agent_id, "visitor_id": visitor_id}
        asked = {"organization_id": organization_id, **{name: one for name, one in named.items() if one is not None}}
        values = {f"b_{name}": one for name, one in asked.items()} | {"b_since": to_micros(since)}
        row = self._session.run(_spent(tuple(asked), with_usage), values).fetchone()
        if not with_usage:
            return Spent(requests=int(row[0]))
        return Spent(requests=int(row[0]), tokens=int(row[1]) + int(row[2]), cost_usd=float(row[3]))

    def totals(self, organization_id: str, agent_id: str) -> RunTotals:
        """Return what the agent's runs add up to."""
        values = {"b_organization": organization_id, "b_agent": agent_id}
        return _add_up(self._session.run(_TOTALS, values).fetchall())


_USES = Prepared(
    select(_r.created_at, _r.usage)
    .where(*_OF_AGENT, _r.created_at >= bindparam("b_since"))
    .order_by(*_NEWEST)
    .limit(bindparam("b_limit"))
)


def _add_up(rows: Sequence[Sequence[Any]]) -> RunTotals:
    ended = [row for row in rows if row[4]]
    count = sum(row[4] for row in ended)
    return RunTotals(
        count_by_status={row[0]: int(row[1]) for row in rows},
        input_tokens=sum(int(row[2]) for row in rows),
        output_tokens=sum(int(row[3]) for row in rows),
        latency_s_mean=float(sum(row[5] for row in ended)) / count / 1e6 if count else None,
        latency_s_min=float(min(row[6] for row in ended)) / 1e6 if count else None,
        latency_s_max=float(max(row[7] for row in ended)) / 1e6 if count else None,
    )
