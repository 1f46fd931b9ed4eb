"""Every suite here runs over every adapter of its port."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio.to_thread
import pytest

from tests.stores import sqlite_store
from trivium.core.ports import Store

ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """Return the name of a migrated database that others are copied from."""
    import psycopg

    from trivium.adapters.sql.migrate import migrate

    name = f"template_{uuid.uuid4().hex}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    migrate(f"{postgres_server}/{name}")
    return name


@pytest.fixture
def migrated_postgres(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """Return the URL of a migrated database of the test's own."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
        yield f"{postgres_server}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=ENGINES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Return an empty store of each engine."""
    if request.param == "sqlite":
        async with sqlite_store(tmp_path) as store:
            yield store
        return
    from trivium.adapters.sql.postgres import PostgresStore

    url = request.getfixturevalue("migrated_postgres")
    postgres = await anyio.to_thread.run_sync(PostgresStore, url)
    yield postgres
    await postgres.close()
