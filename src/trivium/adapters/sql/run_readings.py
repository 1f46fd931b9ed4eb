"""What is read of many runs at once: pages, totals, what has not ended."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, bindparam, func, literal_column, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import from_micros, to_micros
from trivium.adapters.sql.records import SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.events import StepFinished
from trivium.core.model.budgets import BudgetOwner, Spent, to_cost_micros
from trivium.core.model.runs import Run, RunStatus, RunTotals, Usage

_r = schema.runs.c
_e = schema.run_events.c
_step = msgspec.json.Decoder(StepFinished)
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


class _MicrosSum(GenericFunction[int]):
    """The same for dollars, each entry rounded to whole microdollars as `to_cost_micros` does; null is nothing."""

    type = BigInteger()
    inherit_cache = True


@compiles(_MicrosSum, "sqlite")
def _micros_sum_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    column, name = [compiler.process(clause, **options) for clause in element.clauses]
    micros = f"CAST(json_extract(value, '$.' || {name}) * 1e6 + 0.5 AS INTEGER)"
    return f"(SELECT coalesce(sum({micros}), 0) FROM json_each({column}))"  # noqa: S608 - of compiled clauses


@compiles(_MicrosSum, "postgresql")
def _micros_sum_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    column, name = [compiler.process(clause, **options) for clause in element.clauses]
    micros = f"floor((value->>{name})::float8 * 1e6 + 0.5)::bigint"
    return f"(SELECT coalesce(sum({micros}), 0) FROM jsonb_array_elements({column}::jsonb))"  # noqa: S608


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


def _of_owner(owner: BudgetOwner) -> tuple[ColumnElement[bool], ...]:
    organization = _r.organization_id == bindparam("b_organization")
    if owner == "key":
        return organization, _r.key_id == bindparam("b_key")
    agent = _r.agent_id == bindparam("b_agent")
    return (organization, agent) if owner == "agent" else (organization, agent, _r.visitor_id == bindparam("b_visitor"))


@lru_cache
def _spent(owner: BudgetOwner) -> tuple[Prepared, Prepared]:
    where = (*_of_owner(owner), _r.created_at >= bindparam("b_since"))
    micros = func.coalesce(func.sum(_MicrosSum(_r.usage, bindparam("b_cost", "cost_usd", literal_execute=False))), 0)
    ended = select(func.count(), _tokens("input_tokens"), _tokens("output_tokens"), micros).where(*where)
    # The usage of a run is stored with it when it ends; until then it is in its events.
    steps = (
        select(_e.data)
        .join(schema.runs, _r.id == _e.run_id)
        .where(*where, or_(*(_r.status == status for status in _UNFINISHED)), _e.type == "StepFinished")
    )
    return Prepared(ended), Prepared(steps)


@lru_cache
def _under_way(owner: BudgetOwner) -> Prepared:
    # The index of running runs is the one to take, so the others are kept from being taken by what says nothing.
    organization, *rest = _of_owner(owner)
    others = [condition.left + "" == condition.right for condition in rest]
    is_running = _r.status == literal_column("'running'")
    return Prepared(select(func.count()).select_from(schema.runs).where(organization, is_running, *others))


def _names(organization_id: str, owner: BudgetOwner, owner_id: str) -> dict[str, object]:
    if owner == "key":
        return {"b_organization": organization_id, "b_key": owner_id}
    agent_id, _, visitor_id = owner_id.partition(":")
    names: dict[str, object] = {"b_organization": organization_id, "b_agent": agent_id}
    return names | {"b_visitor": visitor_id} if owner == "visitor" else names


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

    def spent(self, organization_id: str, owner: BudgetOwner, owner_id: str, *, since: datetime) -> Spent:
        """Return what an owner's runs that began since then add up to."""
        values = _names(organization_id, owner, owner_id) | {"b_since": to_micros(since)}
        ended, steps = _spent(owner)
        count, given, made, micros = self._session.run(ended, values).fetchone()
        uses = [_step.decode(row[0]).usage for row in self._session.run(steps, values).fetchall()]
        return Spent(
            requests=int(count),
            tokens=int(given) + int(made) + sum(use.input_tokens + use.output_tokens for use in uses),
            cost_micros=int(micros) + sum(to_cost_micros(use.cost_usd) for use in uses),
        )

    def under_way(self, organization_id: str, owner: BudgetOwner, owner_id: str) -> int:
        """Return how many of an owner's runs are running now."""
        values = _names(organization_id, owner, owner_id)
        return int(self._session.run(_under_way(owner), values).fetchone()[0])

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
