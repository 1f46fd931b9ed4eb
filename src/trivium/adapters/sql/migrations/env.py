"""How Alembic reaches the database: the same driver as the server, one SQLite library per process."""

from typing import Any

from alembic import context
from sqlalchemy import create_engine, pool, text

from trivium.adapters.sql.schema import metadata, say_for_postgresql

_LOCK = 7_216_311


def _run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or ""
    options: dict[str, Any] = {"poolclass": pool.NullPool}
    if url.startswith("sqlite"):
        from pysqlite3 import dbapi2

        options["module"] = dbapi2
    else:
        say_for_postgresql()
    with create_engine(url, **options).connect() as connection:
        context.configure(connection=connection, target_metadata=metadata)
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                # Of several processes that start at once, one migrates and the others wait for it.
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            context.run_migrations()


_run()
