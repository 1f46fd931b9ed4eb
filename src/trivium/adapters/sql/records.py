"""The generic records: every aggregate that needs no query of its own is one line in `transaction`."""

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import Table, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Dialect

from trivium.adapters.sql.codec import Codec
from trivium.adapters.sql.schema import CONFIGURATION, codecs
from trivium.adapters.sql.statements import Prepared
from trivium.core.errors import Conflict, NotFound
from trivium.core.ports.records import Scalar
from trivium.core.ports.store import Topic

T = TypeVar("T")


class Kept:
    """Answers of the statements that every run repeats, as records, on a connection that all writers share.

    `begin` is told a number that changes with every commit of another connection; what this one changes it forgets
    itself. So an answer is never older than the transaction that gets it. Only tables of configuration are kept: small,
    read often, changed seldom.
    """

    _TABLES = frozenset({"agents", "sub_agents", "model_accounts", "webhooks", "listeners", "workflows"})
    _ANSWERS_MAX = 2_000

    def __init__(self) -> None:
        self._version: int | None = None
        self._answers: dict[Hashable, Sequence[Any]] = {}

    def begin(self, version: int) -> None:
        """Start a transaction."""
        if version != self._version:
            self._version = version
            self._answers.clear()

    def forget(self, table: str) -> None:
        """Drop what may have changed; "*" is any table."""
        if table == "*" or table in self._TABLES:
            self._answers.clear()

    def clear(self) -> None:
        """Drop all: what was read in a transaction that was rolled back may never have been."""
        self._answers.clear()

    def holds(self, table: str) -> bool:
        """True when answers about this table are kept."""
        return table in self._TABLES

    def get(self, key: Hashable) -> Sequence[Any] | None:
        """Return a kept answer."""
        return self._answers.get(key)

    def put(self, key: Hashable, answer: Sequence[Any]) -> None:
        """Keep an answer."""
        if len(self._answers) >= self._ANSWERS_MAX:
            self._answers.clear()
        self._answers[key] = answer


class Session:
    """The open transaction of a unit of work: one cursor of the driver and its dialect."""

    __slots__ = ("cursor", "dialect", "integrity_error", "kept", "signals")

    def __init__(self, cursor: Any, dialect: Dialect, integrity_error: type[Exception]) -> None:
        self.cursor = cursor
        self.dialect = dialect
        self.integrity_error = integrity_error
        # What this transaction touched, as (topic, key); told to subscribers once it is committed.
        self.signals: set[tuple[Topic, str]] = set()
        # Records of configuration that this connection read; None where nobody tells when they change (see `Kept`).
        self.kept: Kept | None = None

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> Any:
        """Run one statement; a broken unique rule becomes Conflict."""
        if self.kept is not None and statement.changes:
            self.kept.forget(statement.changes)
        try:
            return statement.run(self.cursor, self.dialect, values)
        except self.integrity_error as error:
            raise Conflict("A record with this identity exists already.", code="already_exists") from error

    def run_many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement once per row."""
        if self.kept is not None:
            self.kept.forget(statement.changes)
        if len(rows) == 1:
            statement.run(self.cursor, self.dialect, rows[0])
        elif rows:
            statement.run_many(self.cursor, self.dialect, rows)


class SqlRecords(Generic[T]):
    """Records of one table; `kind` is the word used in NotFound."""

    def __init__(self, session: Session, table: Table, kind: str, *, owner_column: str = "organization_id") -> None:
        self._session = session
        self._table = table
        self._kind = kind
        self._owner_column = owner_column
        self._codec: Codec[T] = codecs[table.name]
        self._is_configuration = table in CONFIGURATION

    def add(self, *records: T) -> None:
        """Insert; see the port."""
        statement = _insert(self._table)
        for record in records:
            row = self._codec.to_row(record)
            self._session.run(statement, row)
            self._note_change(row[self._owner_column])

    def get(self, organization_id: str, record_id: str) -> T:
        """Return it or raise NotFound; see the port."""
        rows = self._select({"organization_id": organization_id, "id": record_id}, limit=1)
        if not rows:
            raise NotFound(self._kind, record_id)
        return rows[0]

    def find(
        self,
        organization_id: str,
        *,
        limit: int = 1000,
        newest_first: bool = False,
        before: str | None = None,
        **equals: Scalar,
    ) -> list[T]:
        """Return what matches in order of creation; see the port."""
        return self._select(
            {"organization_id": organization_id, **equals},
            limit=limit,
            newest_first=newest_first,
            before=before,
        )

    def first(self, organization_id: str, **equals: Scalar) -> T | None:
        """Return the oldest that matches."""
        rows = self._select({"organization_id": organization_id, **equals}, limit=1)
        return rows[0] if rows else None

    def count(self, organization_id: str, **equals: Scalar) -> int:
        """Return how many match."""
        names, values = self._conditions({"organization_id": organization_id, **equals})
        return int(self._session.run(_count(self._table, names), values).fetchone()[0])

    def put(self, record: T) -> None:
        """Replace by id within the organization; see the port."""
        row = self._codec.to_row(record)
        row["b_id"] = row["id"]
        row["b_owner"] = row[self._owner_column]
        if self._session.run(_replace(self._table, self._owner_column), row).rowcount != 1:
            raise NotFound(self._kind, str(row["id"]))
        self._note_change(row[self._owner_column])

    def remove(self, organization_id: str, record_id: str) -> bool:
        """Delete by id; False when it was not there."""
        return self.remove_where(organization_id, id=record_id) > 0

    def remove_where(self, organization_id: str, **equals: Scalar) -> int:
        """Delete all that match; see the port."""
        if not equals:
            raise ValueError("remove_where needs a condition")
        names, values = self._conditions({"organization_id": organization_id, **equals})
        self._note_change(organization_id)
        return int(self._session.run(_delete(self._table, names), values).rowcount)

    def _note_change(self, organization_id: str) -> None:
        if self._is_configuration:
            self._session.signals.add(("configuration", organization_id))

    def _select(
        self,
        equals: Mapping[str, Scalar],
        *,
        limit: int,
        newest_first: bool = False,
        before: str | None = None,
    ) -> list[T]:
        kept = self._session.kept
        if kept is None or not kept.holds(self._table.name):
            return self._read(equals, limit=limit, newest_first=newest_first, before=before)
        key = (self._table.name, *equals.items(), limit, newest_first, before)
        found = kept.get(key)
        if found is None:
            found = tuple(self._read(equals, limit=limit, newest_first=newest_first, before=before))
            kept.put(key, found)
        return list(found)

    def _read(self, equals: Mapping[str, Scalar], *, limit: int, newest_first: bool, before: str | None) -> list[T]:
        names, values = self._conditions(equals)
        statement = _select(self._table, names, newest_first, before is not None)
        values |= {"b_limit": limit, "b_before": before}
        decode = self._codec.from_row
        return [decode(row) for row in self._session.run(statement, values).fetchall()]

    def _conditions(self, equals: Mapping[str, Scalar]) -> tuple[tuple[tuple[str, bool], ...], dict[str, Any]]:
        fields = self._codec.by_name
        names = []
        values = {}
        for name, value in equals.items():
            column = self._owner_column if name == "organization_id" else name
            names.append((column, value is None))
            values[f"b_{column}"] = fields[column].to_sql(value)
        return tuple(names), values


# Bind names carry the prefix "b_", because a bare column name in an UPDATE means a value to be set.
def _where(table: Table, names: tuple[tuple[str, bool], ...]) -> Any:
    return and_(
        *(table.c[name].is_(None) if is_null else table.c[name] == bindparam(f"b_{name}") for name, is_null in names)
    )


@lru_cache(maxsize=256)
def _insert(table: Table) -> Prepared:
    return Prepared(insert(table).values({column.name: bindparam(column.name) for column in table.c}))


@lru_cache(maxsize=256)
def _replace(table: Table, owner: str) -> Prepared:
    where = and_(table.c.id == bindparam("b_id"), table.c[owner] == bindparam("b_owner"))
    changed: dict[str, Any] = {column.name: bindparam(column.name) for column in table.c if column.name != "id"}
    return Prepared(update(table).where(where).values(changed))


@lru_cache(maxsize=1024)
def _select(table: Table, names: tuple[tuple[str, bool], ...], newest_first: bool, has_before: bool) -> Prepared:
    statement = select(*table.c).where(_where(table, names))
    if has_before:
        statement = statement.where(table.c.id < bindparam("b_before"))
    order = table.c.id.desc() if newest_first else table.c.id.asc()
    return Prepared(statement.order_by(order).limit(bindparam("b_limit")))


@lru_cache(maxsize=1024)
def _count(table: Table, names: tuple[tuple[str, bool], ...]) -> Prepared:
    return Prepared(select(func.count()).select_from(table).where(_where(table, names)))


@lru_cache(maxsize=1024)
def _delete(table: Table, names: tuple[tuple[str, bool], ...]) -> Prepared:
    return Prepared(delete(table).where(_where(table, names)))
