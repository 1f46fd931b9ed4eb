"""The queries of every turn find what they look for through an index, however much there is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, select

from tests.stores import sqlite_store
from trivium.adapters.sql import runs
from trivium.adapters.sql.records import Session
from trivium.adapters.sql.schema import organizations
from trivium.adapters.sql.statements import Prepared
from trivium.adapters.sql.store import SqliteStore
from trivium.core.ports import Transaction


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with sqlite_store(tmp_path) as opened:
        yield opened


async def _plan(store: SqliteStore, statement: Prepared) -> str:
    def unit(tx: Transaction) -> str:
        session: Session = tx.runs._session  # type: ignore[attr-defined]
        statement.run(session.cursor, session.dialect, {"b_conversation": "c1"})
        sql, order, fixed = statement._compiled[session.dialect.name]
        values = [{**fixed, "b_conversation": "c1"}[name] for name in order or ()]
        return " ".join(row[3] for row in session.cursor.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall())

    return await store.read(unit)


@pytest.mark.parametrize("statement", [runs._ACTIVE_RUN, runs._NEXT_QUEUED], ids=["active", "next queued"])
async def test_a_busy_conversation_is_seen_without_its_past_runs(store: SqliteStore, statement: Prepared) -> None:
    assert "runs_unfinished (conversation_id=?)" in await _plan(store, statement)


async def test_a_bound_limit_does_not_have_statements_compiled_anew(store: SqliteStore) -> None:
    def unit(tx: Transaction) -> list[str]:
        session: Session = tx.runs._session  # type: ignore[attr-defined]
        told: list[str] = []
        values = {"b_limit": 1, "b_offset": 0}
        for statement in (some, rest):
            statement.run(session.cursor, session.dialect, values).fetchall()
            told.append(statement._compiled["sqlite"][0].partition("LIMIT")[2])
        return told

    everyone = select(organizations.c.id)
    some = Prepared(everyone.limit(bindparam("b_limit")).offset(bindparam("b_offset")))
    rest = Prepared(everyone.offset(bindparam("b_offset")))
    assert await store.read(unit) == [" +? OFFSET +?", " -1 OFFSET +?"]
