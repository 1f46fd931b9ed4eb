"""Running units of work: one writer thread with group commit on SQLite, reader threads beside it."""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pysqlite3 import dbapi2

from trivium.adapters.sql.pending import Pending, Waiting, fail_all, resolve_all, take
from trivium.adapters.sql.records import Kept, Session
from trivium.adapters.sql.signals import Signals
from trivium.adapters.sql.sqlite_dialect import sqlite_dialect
from trivium.adapters.sql.transaction import SqlTransaction
from trivium.core.errors import LimitExceeded, UpstreamFailed
from trivium.core.ports.store import Topic, Transaction

R = TypeVar("R")

# A WAL-reset race could corrupt files up to this version (sqlite.org/wal.html, "WAL-reset bug").
_SQLITE_MIN = (3, 51, 3)
_BATCH_MAX = 256
_QUEUE_MAX = 20_000
_READERS = 3
_BUSY_TIMEOUT_MS = 10_000
_OPEN_TRIES, _OPEN_PAUSE_S = 200, 0.05
_PRAGMAS = ("synchronous=FULL", "cache_size=-16000", "temp_store=MEMORY", "mmap_size=268435456", "trusted_schema=OFF")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Writer:
    connection: Any
    session: Session
    transaction: SqlTransaction
    kept: Kept


class SqliteStore:
    """The embedded store: a WAL file, durable at every commit (synchronous=FULL).

    All writes of the process pass through one thread; units that wait at the same moment share a commit. If one of them
    raises, the batch is rolled back and each unit runs in a transaction of its own. Reads run on their own threads and
    never wait for writers. While the file cannot be opened (locked for more than 10 s, or no database at all) calls
    raise UpstreamFailed; each of them tries again.
    """

    def __init__(self, path: Path) -> None:
        if dbapi2.sqlite_version_info < _SQLITE_MIN:
            raise RuntimeError(f"SQLite {dbapi2.sqlite_version} is too old; at least 3.51.3 is needed.")
        self.path = path
        self._queue: Waiting = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_loop, name="store-writer", daemon=True)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader")
        self._local = threading.local()
        self._opened: list[Any] = []
        self._dialect = sqlite_dialect()
        self._signals = Signals()
        self._writer.start()

    @property
    def queue_length(self) -> int:
        """How many units wait for the writer thread."""
        return self._queue.qsize()

    async def write(self, unit: Callable[[Transaction], R], *, guards_itself: bool = False) -> R:
        """Run the unit on the writer thread, where it has no rivals; see the port.

        LimitExceeded when 20,000 units wait already.
        """
        if self._queue.qsize() > _QUEUE_MAX:
            raise LimitExceeded("The database is busy.", code="busy", retry_after_s=1.0)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._queue.put(Pending(unit, future, loop))
        return await future

    async def read(self, unit: Callable[[Transaction], R]) -> R:
        """Run the unit on a reader thread, on one snapshot; see the port."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, unit)

    def subscribe(self, topic: Topic, listener: Callable[[str], None]) -> Callable[[], None]:
        """Be told of commits of this process; see the port."""
        return self._signals.subscribe(topic, listener)

    async def close(self) -> None:
        """Finish what is queued and close every connection."""
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        self._readers.shutdown()
        for connection in self._opened:
            connection.close()

    def _connect(self) -> Any:
        try:
            connection = dbapi2.connect(
                str(self.path), isolation_level=None, check_same_thread=False, cached_statements=512
            )
        except dbapi2.Error as error:
            raise _unusable(error) from error
        try:
            connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
            _use_wal(connection)
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except dbapi2.Error as error:
            connection.close()
            raise _unusable(error) from error
        self._opened.append(connection)
        return connection

    def _session(self, connection: Any) -> Session:
        return Session(connection.cursor(), self._dialect, dbapi2.IntegrityError)

    def _read(self, unit: Callable[[Transaction], R]) -> R:
        if not hasattr(self._local, "connection"):
            connection = self._local.connection = self._connect()
            connection.execute("PRAGMA query_only=ON")
            self._local.transaction = SqlTransaction(self._session(connection))
        self._local.connection.execute("BEGIN")
        try:
            return unit(self._local.transaction)
        finally:
            self._local.connection.execute("ROLLBACK")

    def _write_loop(self) -> None:
        writer: _Writer | None = None
        is_open = True
        while is_open:
            batch: list[Pending] = []
            is_open = take(self._queue, batch, _BATCH_MAX)
            if not batch:
                continue
            try:
                writer = writer or self._open_writer()
                self._run_batch(writer, batch)
            except BaseException as error:  # noqa: BLE001 - handed to the callers that wait
                _log.error("The database file %s cannot be written: %s", self.path, error)
                # Nobody may wait for a thread that cannot go on. The next batch gets a new connection.
                writer = None
                while is_open and not self._queue.empty():
                    is_open = take(self._queue, batch, _BATCH_MAX)
                fail_all(batch, error)
            else:
                # Listeners hear of a change before whoever made it goes on.
                self._signals.publish(writer.session.signals)
                writer.session.signals.clear()
            resolve_all(batch)

    def _open_writer(self) -> _Writer:
        connection = self._connect()
        session = self._session(connection)
        kept = session.kept = Kept()
        return _Writer(connection, session, SqlTransaction(session), kept)

    def _run_batch(self, writer: _Writer, batch: list[Pending]) -> None:
        connection, kept = writer.connection, writer.kept
        try:
            connection.execute("BEGIN IMMEDIATE")
            kept.begin(connection.execute("PRAGMA data_version").fetchone()[0])
            for pending in batch:
                pending.value = pending.unit(writer.transaction)
            connection.execute("COMMIT")
            for pending in batch:
                pending.is_done = True
        except BaseException as error:  # noqa: BLE001 - handed to the caller that waits for this unit
            kept.clear()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if len(batch) == 1:
                batch[0].error, batch[0].is_done = error, True
                return
            for pending in batch:
                self._run_batch(writer, [pending])


def _use_wal(connection: Any) -> None:
    """Switch the log on. SQLite does not wait for another process that opens the file at this moment, so we do."""
    for attempt in range(_OPEN_TRIES):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except dbapi2.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF in (dbapi2.SQLITE_BUSY, dbapi2.SQLITE_LOCKED)
            if not is_busy or attempt == _OPEN_TRIES - 1:
                raise
            time.sleep(_OPEN_PAUSE_S)
        else:
            return


def _unusable(error: Exception) -> UpstreamFailed:
    return UpstreamFailed(f"The database cannot be used: {error}.", code="database_unusable", is_retryable=True)
