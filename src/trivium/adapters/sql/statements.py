"""Statements compiled once per dialect and run on the driver's own cursor.

SQLAlchemy writes the SQL for both engines; its per-call machinery (40 µs a statement) is left out, because a turn
makes a dozen of them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ClauseElement, Delete, Insert, SelectBase, Update
from sqlalchemy.engine import Dialect


class Prepared:
    """A statement with named bind parameters; values are given as the driver takes them (see `codec`).

    A function makes the statement where the engines differ; it is called once per dialect.
    """

    def __init__(self, statement: ClauseElement | Callable[[Dialect], ClauseElement]) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}
        # The table it changes, "" when it only reads, and "*" when that is known to the database alone.
        self.changes = _changed_table(statement)

    def _for(self, dialect: Dialect) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
        made = self._statement
        statement = made if isinstance(made, ClauseElement) else made(dialect)
        compiled: Any = statement.compile(dialect=dialect)
        positions = getattr(compiled, "positiontup", None)
        order = None if positions is None else tuple(positions)
        fixed = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}
        entry = (str(compiled), order, fixed)
        self._compiled[dialect.name] = entry
        return entry

    def run(self, cursor: Any, dialect: Dialect, values: Mapping[str, Any]) -> Any:
        """Execute and return the cursor."""
        sql, order, fixed = self._compiled.get(dialect.name) or self._for(dialect)
        if fixed:
            values = {**fixed, **values}
        cursor.execute(sql, values if order is None else [values[name] for name in order])
        return cursor

    def run_many(self, cursor: Any, dialect: Dialect, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once per row, in one call of the driver."""
        sql, order, fixed = self._compiled.get(dialect.name) or self._for(dialect)
        if fixed:
            rows = [{**fixed, **row} for row in rows]
        cursor.executemany(sql, rows if order is None else [[row[name] for name in order] for row in rows])


def _changed_table(statement: ClauseElement | Callable[[Dialect], ClauseElement]) -> str:
    if isinstance(statement, Insert | Update | Delete):
        return str(getattr(statement.table, "name", "*"))
    return "" if isinstance(statement, SelectBase) else "*"
