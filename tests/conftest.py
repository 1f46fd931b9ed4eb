"""What every test gets."""

import os
import signal
import uuid
from collections.abc import Iterator

import pytest

from tests.postgres import PostgresMissing, running_postgres

# As in the server, and before the first test that brings numpy: several threads add up in another order.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
# Whoever starts the tests in the background has their programs ignore Ctrl-C, which some tests send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs PostgreSQL by what it asks for, so that no test can forget the mark."""
    for item in items:
        if "postgres_server" in getattr(item, "fixturenames", ()):
            item.add_marker("postgres")


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Run async tests on asyncio's own loop, where a time-out can end a test that hangs; servers run on uvloop."""
    return ("asyncio", {"use_uvloop": False})


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Return the URL of a PostgreSQL without a database: ours, or the one the environment names."""
    if url := os.environ.get("TRIVIUM_TEST_POSTGRES_URL"):
        yield url.rstrip("/")
        return
    try:
        with running_postgres() as url:
            yield url
    except PostgresMissing:
        pytest.skip("no PostgreSQL for this platform; TRIVIUM_TEST_POSTGRES_URL can name one")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Return the URL of an empty database of the test's own (10 ms to make and to drop)."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"{postgres_server}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
