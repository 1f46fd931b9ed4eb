"""Running units of work on PostgreSQL: many processes, the same statements, the same guarantees."""

import asyncio
import contextlib
import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast, get_args

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from psycopg.types.string import StrDumperUnknown
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from trivium.adapters.sql.pending import Pending, Waiting, fail_all, resolve_all, take
from trivium.adapters.sql.records import Session
from trivium.adapters.sql.signals import Signals
from trivium.adapters.sql.transaction import SqlTransaction
from trivium.core.errors import LimitExceeded, UpstreamFailed
from trivium.core.ports.store import Topic, Transaction

R = TypeVar("R")

_GUARDED_WRITERS = 4
_BATCH_MAX = 64
_READERS = 4
_WAITING_MAX = 20_000
_TRIES_MAX = 12
_QUEUE_LOCK = 7_216_312
_ALONE = psycopg.IsolationLevel.SERIALIZABLE
_GUARDED = psycopg.IsolationLevel.READ_COMMITTED
_PAUSE_S = 0.002
_PAUSE_S_MAX = 0.25
_CHANNEL = "trivium"
_PAYLOAD_CHARS_MAX = 7_900
_RECONNECT_S = 1.0
_OPTIONS = "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"
_TOPICS = get_args(Topic)
_log = logging.getLogger(__name__)


class _Text(StrDumperUnknown):
    """Text as PostgreSQL takes it: a NUL, which it has no place for, becomes the sign for what cannot be shown.

    Clients may send one and models may answer with one; neither must make a call or a run fail.
    """

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


@dataclass(slots=True)
class _Connection:
    raw: "psycopg.Connection[Any]"
    session: Session
    transaction: SqlTransaction
    is_queued: bool = False


class PostgresStore:
    """The store for many processes.

    Units are written as if nobody else wrote meanwhile, as on SQLite. So they take turns, over all processes; those
    that wait in a process at the same moment share a turn and a commit. Units that guard themselves need no turn. Reads
    see one snapshot. Commits are told to other processes by NOTIFY.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._origin = uuid.uuid4().hex
        self._dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
        self._queue: Waiting = Waiting()
        self._writer = threading.Thread(target=self._write_loop, name="store-writer", daemon=True)
        self._guarded = ThreadPoolExecutor(_GUARDED_WRITERS, thread_name_prefix="store-guarded")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader")
        self._local = threading.local()
        self._opened: list[psycopg.Connection[Any]] = []
        self._signals = Signals()
        self._waiting = 0
        self._listener: threading.Thread | None = None
        self._is_closing = threading.Event()
        self._writer.start()

    @property
    def queue_length(self) -> int:
        """How many units of this process wait or are being written."""
        return self._waiting

    async def write(self, unit: Callable[[Transaction], R], *, guards_itself: bool = False) -> R:
        """Run the unit in turn, or at once when it guards itself; see the port.

        LimitExceeded when 20,000 units wait already, or when the unit met others twelve times.
        """
        if self._waiting >= _WAITING_MAX:
            raise LimitExceeded("The database is busy.", code="busy", retry_after_s=1.0)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            if guards_itself:
                return await loop.run_in_executor(self._guarded, self._write, unit, True)
            future: asyncio.Future[R] = loop.create_future()
            self._queue.put(Pending(unit, future, loop))
            return await future
        finally:
            self._waiting -= 1

    async def read(self, unit: Callable[[Transaction], R]) -> R:
        """Run the unit on one snapshot; see the port."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, unit)

    def subscribe(self, topic: Topic, listener: Callable[[str], None]) -> Callable[[], None]:
        """Be told of commits of every process; see the port."""
        if self._listener is None:
            self._listener = threading.Thread(target=self._listen, name="store-listener", daemon=True)
            self._listener.start()
        return self._signals.subscribe(topic, listener)

    async def close(self) -> None:
        """Finish what is queued and close every connection."""
        self._is_closing.set()
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._queue.put(None)
        self._writer.join()
        self._guarded.shutdown()
        self._readers.shutdown()
        if self._listener is not None:
            self._listener.join()
        for connection in self._opened:
            connection.close()

    def _write_loop(self) -> None:
        is_open = True
        while is_open:
            batch: list[Pending] = []
            is_open = take(self._queue, batch, _BATCH_MAX)
            try:
                if len(batch) < 2 or not self._write_together(batch):
                    for pending in batch:
                        self._write_pending(pending)
            except BaseException as error:  # noqa: BLE001 - handed to the callers that wait
                fail_all(batch, error)
            resolve_all(batch)

    def _write_pending(self, pending: Pending) -> None:
        try:
            pending.value = self._write(pending.unit, False)
        except BaseException as error:  # noqa: BLE001 - handed to the caller that waits
            pending.error = error
        pending.is_done = True

    def _write_together(self, batch: list[Pending]) -> bool:
        """Run the units in one transaction; False, with nothing written, when they have to be run one by one."""
        connection = self._connected(is_writer=True)
        is_committing = False
        try:
            connection.raw.isolation_level = _ALONE
            self._queue_up(connection)
            values = [_run(pending.unit, connection) for pending in batch]
            self._announce(connection)
            is_committing = True
            connection.raw.commit()
        except (errors.SerializationFailure, errors.DeadlockDetected):
            return False
        except psycopg.OperationalError as error:
            if is_committing:
                raise _unreachable() from error
            return False
        except BaseException:  # noqa: BLE001 - whoever's it is gets it when the units are run one by one
            return False
        else:
            self._signals.publish(connection.session.signals)
            for pending, value in zip(batch, values, strict=True):
                pending.value, pending.is_done = value, True
            return True
        finally:
            _undo(connection)
            _leave_queue(connection)

    def _write(self, unit: Callable[[Transaction], R], guards_itself: bool) -> R:
        for attempt in range(_TRIES_MAX):
            connection = self._connected(is_writer=True)
            is_committing = False
            try:
                connection.raw.isolation_level = _GUARDED if guards_itself else _ALONE
                if not guards_itself:
                    self._queue_up(connection)
                value = _run(unit, connection)
                self._announce(connection)
                is_committing = True
                connection.raw.commit()
            except (errors.SerializationFailure, errors.DeadlockDetected):
                _undo(connection)
                time.sleep(min(_PAUSE_S_MAX, _PAUSE_S * 2**attempt) * random.random())
            except psycopg.OperationalError as error:
                # Unless the commit was on its way nothing can have happened: the unit runs again.
                if is_committing or not self._is_lost(connection) or attempt == _TRIES_MAX - 1:
                    _undo(connection)
                    raise _unreachable() from error
            except BaseException:
                _undo(connection)
                raise
            else:
                self._signals.publish(connection.session.signals)
                connection.session.signals.clear()
                return value
            finally:
                _leave_queue(connection)
        raise LimitExceeded("The database is busy.", code="busy", retry_after_s=1.0)

    def _read(self, unit: Callable[[Transaction], R]) -> R:
        while True:
            is_new = not self._has_connection()
            connection = self._connected(is_writer=False)
            try:
                return unit(connection.transaction)
            except psycopg.OperationalError as error:
                # An old connection may have been lost while nobody used it; a new one says how things are.
                if is_new or not self._is_lost(connection):
                    raise _unreachable() from error
            finally:
                _undo(connection)

    def _has_connection(self) -> bool:
        known: _Connection | None = getattr(self._local, "connection", None)
        return known is not None and not known.raw.closed

    def _connected(self, *, is_writer: bool) -> _Connection:
        """Return this thread's connection, a new one where the old was lost."""
        known: _Connection | None = getattr(self._local, "connection", None)
        if known is not None and not known.raw.closed:
            return known
        try:
            raw = psycopg.connect(self._url, options=_OPTIONS, connect_timeout=10)
        except psycopg.OperationalError as error:
            raise _unreachable() from error
        raw.adapters.register_dumper(str, _Text)
        raw.isolation_level = _ALONE if is_writer else psycopg.IsolationLevel.REPEATABLE_READ
        raw.read_only = not is_writer
        session = Session(raw.cursor(), self._dialect, psycopg.IntegrityError)
        made = self._local.connection = _Connection(raw, session, SqlTransaction(session))
        self._opened = [one for one in self._opened if not one.closed]
        self._opened.append(raw)
        return made

    def _queue_up(self, connection: _Connection) -> None:
        """Wait for this unit's turn, among all processes.

        The lock belongs to the connection and is taken before the transaction begins, whose snapshot would be old else.
        """
        connection.raw.rollback()
        connection.raw.autocommit = True
        connection.raw.execute("SELECT pg_advisory_lock(%s)", (_QUEUE_LOCK,))
        connection.is_queued = True
        connection.raw.autocommit = False

    def _is_lost(self, connection: _Connection) -> bool:
        connection.session.signals.clear()
        return connection.raw.broken or connection.raw.closed

    def _announce(self, connection: _Connection) -> None:
        """Have the commit told to other processes; each message is `origin`, then lines of `topic key`."""
        for payload in _payloads(self._origin, connection.session.signals):
            connection.raw.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, payload))

    def _listen(self) -> None:
        while not self._is_closing.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=10) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    while not self._is_closing.is_set():
                        for notice in connection.notifies(timeout=0.5):
                            self._hear(notice.payload)
            except psycopg.Error:
                # What was missed meanwhile is found by whoever looks each second.
                _log.warning("The connection for notices was lost; trying again.", exc_info=True)
                self._is_closing.wait(_RECONNECT_S)

    def _hear(self, payload: str) -> None:
        origin, *lines = payload.split("\n")
        if origin == self._origin:
            return
        for line in lines:
            topic, _, key = line.partition(" ")
            if topic in _TOPICS:
                self._signals.publish([(cast("Topic", topic), key)])


def _run(unit: Callable[[Transaction], R], connection: _Connection) -> R:
    value = unit(connection.transaction)
    if connection.raw.info.transaction_status == TransactionStatus.INERROR:
        raise RuntimeError("A unit of work went on after a statement of it had failed.")
    return value


def _leave_queue(connection: _Connection) -> None:
    if connection.is_queued:
        connection.is_queued = False
        # A lost connection has lost its lock, too.
        with contextlib.suppress(psycopg.Error):
            connection.raw.rollback()
            connection.raw.autocommit = True
            connection.raw.execute("SELECT pg_advisory_unlock(%s)", (_QUEUE_LOCK,))
            connection.raw.autocommit = False


def _undo(connection: _Connection) -> None:
    connection.session.signals.clear()
    # A lost connection has nothing to undo.
    with contextlib.suppress(psycopg.Error):
        connection.raw.rollback()


def _payloads(origin: str, signals: Iterable[tuple[Topic, str]]) -> list[str]:
    payloads: list[str] = []
    for topic, key in sorted(signals):
        line = f"\n{topic} {key}"
        if not payloads or len(payloads[-1]) + len(line) > _PAYLOAD_CHARS_MAX:
            payloads.append(origin)
        payloads[-1] += line
    return payloads


def _unreachable() -> UpstreamFailed:
    return UpstreamFailed("The database did not answer.", code="database_unreachable", is_retryable=True)
