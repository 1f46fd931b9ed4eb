"""What the writer's connection remembers of configuration is never older than the transaction that asks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trivium.adapters.sql.migrate import bring_up_to_date
from trivium.adapters.sql.store import SqliteStore
from trivium.core.errors import Conflict
from trivium.core.model.agents import Agent
from trivium.core.ports import Transaction

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_AGENT = Agent(id="a1", organization_id="o1", name="First", created_at=_NOW, updated_at=_NOW)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    bring_up_to_date(tmp_path / "trivium.db")
    opened = SqliteStore(tmp_path / "trivium.db")
    await opened.write(lambda tx: tx.agents.add(_AGENT))
    yield opened
    await opened.close()


def _name(tx: Transaction) -> str:
    return tx.agents.get("o1", "a1").name


async def test_an_own_change_is_seen_at_once(store: SqliteStore) -> None:
    def unit(tx: Transaction) -> tuple[str, str]:
        before = _name(tx)
        tx.agents.put(replace(_AGENT, name="Second"))
        return before, _name(tx)

    assert await store.write(unit) == ("First", "Second")


async def test_a_change_by_another_connection_is_seen(store: SqliteStore) -> None:
    assert await store.write(_name) == "First"
    other = SqliteStore(store.path)
    await other.write(lambda tx: tx.agents.put(replace(_AGENT, name="Second")))
    await other.close()
    assert await store.write(_name) == "Second"


async def test_what_was_rolled_back_is_forgotten(store: SqliteStore) -> None:
    def unit(tx: Transaction) -> None:
        tx.agents.put(replace(_AGENT, name="Second"))
        assert _name(tx) == "Second"
        raise Conflict("No.")

    with pytest.raises(Conflict):
        await store.write(unit)
    assert await store.write(_name) == "First"


async def test_other_organizations_get_nothing_that_is_kept(store: SqliteStore) -> None:
    assert await store.write(_name) == "First"
    assert await store.write(lambda tx: tx.agents.first("o2", id="a1")) is None
