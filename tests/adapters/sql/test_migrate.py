"""Bringing a database up to date."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pysqlite3 import dbapi2

from trivium.adapters.sql.migrate import bring_up_to_date, is_current


def test_a_missing_database_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "trivium.db"
    assert bring_up_to_date(path)
    assert not bring_up_to_date(path)
    connection = dbapi2.connect(str(path))
    assert is_current(connection)
    connection.close()


def test_two_starts_at_once_migrate_once(tmp_path: Path) -> None:
    path = tmp_path / "trivium.db"
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(bring_up_to_date, [path, path])) == [False, True]
