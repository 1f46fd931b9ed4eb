"""What everything stored adds up to, over all organizations."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Text,
    case,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from trivium.adapters.sql import schema
from trivium.adapters.sql.records import Session
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.figures import DURATION_BOUNDS_S, Figures
from trivium.core.model.runs import Usage

_MODELS_MAX = 200
_r, _j, _d = schema.runs.c, schema.jobs.c, schema.deliveries.c


class _Entries(GenericFunction[Any]):
    """The entries of a JSON list as rows, for which the engines have different words."""

    inherit_cache = True


class _Field(GenericFunction[str]):
    """A field of such an entry."""

    type = Text()
    inherit_cache = True


@compiles(_Entries, "sqlite")
def _entries_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Entries, "postgresql")
def _entries_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"jsonb_array_elements(({compiler.process(element.clauses, **options)})::jsonb)"


@compiles(_Field, "sqlite")
def _field_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    entry, name = [compiler.process(clause, **options) for clause in element.clauses]
    return f"json_extract({entry}, '$.' || {name})"


@compiles(_Field, "postgresql")
def _field_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    entry, name = [compiler.process(clause, **options) for clause in element.clauses]
    return f"({entry}->>{name})"


_entry = _Entries(_r.usage).table_valued(column("value", Text), name="entry")


def _used(name: str) -> Any:
    return _Field(_entry.c.value, literal_column(f"'{name}'"))


_model = _used("model").label("model")
_input = func.sum(cast(_used("input_tokens"), BigInteger))
_output = func.sum(cast(_used("output_tokens"), BigInteger))
_USES = Prepared(
    select(_model, _input, _output, func.sum(cast(_used("cost_usd"), Float(53))))
    .select_from(schema.runs.join(_entry, true()))
    .group_by(_model)
    .order_by((_input + _output).desc(), _model)
    .limit(_MODELS_MAX)
)
_RUNS = Prepared(select(_r.status, func.count()).group_by(_r.status))
_duration = _r.finished_at - _r.started_at
_DURATIONS = Prepared(
    select(
        func.count(_duration),
        func.coalesce(func.sum(_duration), 0),
        *(func.count(case((_duration <= int(bound * 1e6), 1))) for bound in DURATION_BOUNDS_S),
    )
)


def _counts(status: ColumnElement[str], *counted: str) -> Prepared:
    return Prepared(select(status, func.count()).where(or_(*(status == one for one in counted))).group_by(status))


_JOBS = _counts(_j.status, "queued", "running", "dead")
_DELIVERIES = _counts(_d.status, "waiting", "pending", "dead")


class SqlFigures:
    """See `core.ports.store.AllFigures`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self) -> Figures:
        """Return what everything stored adds up to."""
        count, micros, *within = self._rows(_DURATIONS)[0]
        return Figures(
            runs={status: int(number) for status, number in self._rows(_RUNS)},
            uses=[
                Usage(model=model, input_tokens=int(given), output_tokens=int(made), cost_usd=cost)
                for model, given, made, cost in self._rows(_USES)
            ],
            duration_count=int(count),
            duration_s_sum=float(micros) / 1e6,
            within=[int(number) for number in within],
            jobs={status: int(number) for status, number in self._rows(_JOBS)},
            deliveries={status: int(number) for status, number in self._rows(_DELIVERIES)},
        )

    def _rows(self, statement: Prepared) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = self._session.run(statement, {}).fetchall()
        return rows
