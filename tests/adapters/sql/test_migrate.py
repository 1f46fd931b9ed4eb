"""Bringing a database up to date."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pysqlite3 import dbapi2
from sqlalchemy import TextClause, create_engine, pool

from trivium.adapters.sql import migrate, schema
from trivium.adapters.sql.migrate import HEAD, bring_up_to_date, is_current


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


def test_the_newest_revision_is_the_one_that_starts_compare_with() -> None:
    folder = Path(migrate.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == HEAD


def test_migrations_make_what_the_schema_says(tmp_path: Path) -> None:
    migrate.migrate(f"sqlite:///{tmp_path / 'trivium.db'}")
    assert differences(f"sqlite:///{tmp_path / 'trivium.db'}", module=dbapi2) == []


def test_migrations_make_the_same_on_postgresql(postgres_url: str) -> None:
    migrate.migrate(postgres_url)
    assert differences(postgres_url.replace("postgresql://", "postgresql+psycopg://")) == []


def differences(url: str, **options: Any) -> list[Any]:
    """Return what would have to change in the database to make it what `schema` says."""
    schema.say_for_postgresql()
    expressions = {
        index.name
        for table in schema.metadata.tables.values()
        for index in table.indexes
        if any(isinstance(part, TextClause) for part in index.expressions)
    }
    with create_engine(url, poolclass=pool.NullPool, **options).connect() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="autogenerate skipping")
        found: list[Any] = compare_metadata(MigrationContext.configure(connection), schema.metadata)
    # An index on an expression cannot be read back from SQLite; PostgreSQL compares them.
    is_sqlite = url.startswith("sqlite")
    return [change for change in found if not (is_sqlite and getattr(change[1], "name", "") in expressions)]
