"""Bringing a database to the current schema."""

import fcntl
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2

# The newest revision; a test compares it with the files. Known without importing Alembic, which costs a start 150 ms.
HEAD = "0001"


def is_current(connection: Any) -> bool:
    """True when the database (an open driver connection) stands at the newest revision."""
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT version_num FROM alembic_version")
        return [row[0] for row in cursor.fetchall()] == [HEAD]
    except Exception:  # noqa: BLE001 - each driver has its own error for a missing table, and all mean "not current"
        connection.rollback()
        return False
    finally:
        cursor.close()


def bring_up_to_date(path: Path) -> bool:
    """Migrate a SQLite file, which may be missing, unless it is current; True when something was done. Blocking.

    Several processes may try at once: one migrates, the others wait for it.
    """
    with path.with_name("migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            connection = dbapi2.connect(str(path))
            try:
                if is_current(connection):
                    return False
            finally:
                connection.close()
        migrate(f"sqlite:///{path.absolute()}")
        return True


def migrate(url: str) -> None:
    """Run all migrations that are missing, in one transaction each. Blocking; safe to repeat."""
    # Imported here, because a start on a current database does not need it.
    from alembic import command
    from alembic.config import Config

    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")
