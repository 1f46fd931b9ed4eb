"""The store in the place that the settings name: a file, or a PostgreSQL server."""

from pathlib import Path
from typing import TYPE_CHECKING

from trivium.adapters.sql.migrate import bring_up_to_date, is_current, migrate

if TYPE_CHECKING:
    from trivium.adapters.sql.postgres import PostgresStore
    from trivium.adapters.sql.store import SqliteStore

_CONNECT_S = 10


def make_current(path: Path, url: str) -> bool:
    """Bring the schema up to date, at `url` or, when that is empty, in the file; True when something was migrated."""
    if not url:
        return bring_up_to_date(path)
    # An extra: only installations with PostgreSQL have it.
    import psycopg

    with psycopg.connect(url, connect_timeout=_CONNECT_S) as connection:
        if is_current(connection):
            return False
    migrate(url)
    return True


def open_store(path: Path, url: str) -> "SqliteStore | PostgresStore":
    """Return the store with its schema up to date. Blocking."""
    make_current(path, url)
    if not url:
        from trivium.adapters.sql.store import SqliteStore

        return SqliteStore(path)
    from trivium.adapters.sql.postgres import PostgresStore

    return PostgresStore(url)
