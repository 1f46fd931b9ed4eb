"""An empty database per test, without migrating each time."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import anyio.to_thread

from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.store import SqliteStore


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="trivium-template-")
    migrate(f"sqlite:///{folder.name}/store.db")
    return folder


@asynccontextmanager
async def sqlite_store(folder: Path) -> AsyncIterator[SqliteStore]:
    """Yield a store over a file of its own in the folder; migrated once per test process and copied from then on."""
    template = await anyio.to_thread.run_sync(_folder)
    path = folder / "store.db"
    if not path.exists():
        shutil.copyfile(Path(template.name) / "store.db", path)
    store = SqliteStore(path)
    try:
        yield store
    finally:
        await store.close()
