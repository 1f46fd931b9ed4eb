"""What callers of the embedded store learn when its file cannot be used."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from trivium.adapters.sql import store as module
from trivium.adapters.sql.migrate import bring_up_to_date
from trivium.adapters.sql.store import SqliteStore
from trivium.core.errors import UpstreamFailed
from trivium.core.ports import Transaction

pytestmark = pytest.mark.anyio


async def test_nobody_waits_for_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "trivium.db"
    path.write_bytes(b"no database at all" * 500)
    store = SqliteStore(path)
    async with asyncio.timeout(5):
        many = [store.write(lambda tx: tx.organizations.all()) for _ in range(600)]
        failed = await asyncio.gather(*many, store.read(lambda tx: tx.organizations.all()), return_exceptions=True)
        assert {type(one) for one in failed} == {UpstreamFailed}
        with pytest.raises(UpstreamFailed, match="not a database"):
            await store.write(lambda tx: tx.organizations.all())
        await store.close()


async def test_a_file_that_was_locked_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_OPEN_TRIES", 2)
    path = tmp_path / "trivium.db"
    other = dbapi2.connect(str(path), isolation_level=None)
    other.execute("CREATE TABLE held (one)")
    other.execute("BEGIN EXCLUSIVE")
    store = SqliteStore(path)
    monkeypatch.setattr(module, "_BUSY_TIMEOUT_MS", 1)
    async with asyncio.timeout(5):
        waiting = [asyncio.create_task(store.write(lambda tx: 1)) for _ in range(3)]
        for task in waiting:
            with pytest.raises(UpstreamFailed) as caught:
                await task
            assert (caught.value.code, caught.value.is_retryable) == ("database_unusable", True)
        other.execute("ROLLBACK")
        other.close()
        assert await store.write(lambda tx: 2) == 2
        await store.close()


async def test_more_units_than_a_batch_holds_are_all_written(tmp_path: Path) -> None:
    bring_up_to_date(tmp_path / "trivium.db")
    store = SqliteStore(tmp_path / "trivium.db")
    done: list[int] = []
    async with asyncio.timeout(10):
        await asyncio.gather(*(store.write(partial(_note, done, number)) for number in range(600)))
        assert done == list(range(600))
        await store.close()


def _note(done: list[int], number: int, tx: Transaction) -> None:
    done.append(number)
