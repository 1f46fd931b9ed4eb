"""Committing the events of all live runs together, and handing them to readers once they are durable."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trivium.core.errors import Conflict, CoreError
from trivium.core.events import RunEvent, StepFinished, StoredEvent, TextDelta, is_final, size_of
from trivium.core.model.runs import Usage
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.budget_counters import charges_of

logger = logging.getLogger(__name__)

# How long text may be gathered before it is committed. It grows with the number of streams, because each commit then
# carries more: 20 ms up to 100 streams, at most 150 ms.
_GATHER_MIN_S = 0.02
_GATHER_MAX_S = 0.15
_GATHER_FREE_STREAMS = 100
_GATHER_PER_STREAM_S = 0.0002
# A run whose text is not committed fast enough stops reading from its model at this point.
_TEXT_MAX = 64_000
# What a reader that keeps up is served from memory; one that is further behind reads from the store.
_RING_MAX = 256
_RING_CHARS_MAX = 128_000

Extra = Callable[[Transaction], None]


@dataclass(eq=False)
class LiveRun:
    """A run driven by this process: its committed events, as far as memory keeps them, and who waits for more."""

    run_id: str
    organization_id: str
    owner: str
    seq: int = 0
    # What the model calls of the run are added to.
    counters: Sequence[str] = ()
    ring: deque[StoredEvent] = field(default_factory=deque)
    _ring_chars: int = 0
    is_closed: bool = False
    has_text: bool = False
    _text: list[str] = field(default_factory=list)
    _text_size: int = 0
    _events: list[tuple[datetime, RunEvent]] = field(default_factory=list)
    _extras: list[Extra] = field(default_factory=list)
    _waiters: list[asyncio.Future[None]] = field(default_factory=list)

    def since(self, after: int) -> list[StoredEvent] | None:
        """Return committed events after `after`, or None when memory no longer holds all of them."""
        missing = self.seq - after
        if missing <= 0:
            return []
        if missing > len(self.ring):
            return None
        if missing == 1:
            return [self.ring[-1]]
        return list(self.ring)[-missing:]

    async def wait(self) -> None:
        """Return when something new is committed, or the run is no longer live here."""
        if self.is_closed:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(future)
        await future

    def close(self) -> None:
        """Tell readers that nothing more comes from this process."""
        self.is_closed = True
        self._wake()

    def publish(self, events: Sequence[StoredEvent]) -> None:
        """Hand committed events to readers."""
        ring = self.ring
        for stored in events:
            ring.append(stored)
            self._ring_chars += size_of(stored.event)
        while len(ring) > _RING_MAX or (self._ring_chars > _RING_CHARS_MAX and len(ring) > 1):
            self._ring_chars -= size_of(ring.popleft().event)
        self.seq = events[-1].seq
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for future in waiters:
            if not future.done():
                future.set_result(None)

    def add_text(self, text: str) -> int:
        """Gather text; return how many characters wait."""
        self._text.append(text)
        self._text_size += len(text)
        return self._text_size

    def add(self, at: datetime, events: Sequence[RunEvent], extra: Extra | None) -> None:
        """Queue events behind the text gathered so far."""
        self._close_text(at)
        if len(events) == 1 and self._events and extra is None:
            joined = _joined(self._events[-1][1], events[0])
            if joined is not None:
                self._events[-1] = (self._events[-1][0], joined)
                return
        self._events.extend((at, event) for event in events)
        if extra is not None:
            self._extras.append(extra)

    def take(self, at: datetime) -> tuple[list[tuple[datetime, RunEvent]], list[Extra]]:
        """Return everything that waits to be committed, in order."""
        self._close_text(at)
        taken = (self._events, self._extras)
        self._events, self._extras = [], []
        return taken

    def _close_text(self, at: datetime) -> None:
        if self._text:
            self._events.append((at, TextDelta(text="".join(self._text))))
            self._text.clear()
            self._text_size = 0


@dataclass
class _Batch:
    live: LiveRun
    first_seq: int
    events: list[tuple[datetime, RunEvent]]
    extras: list[Extra]
    waiters: list[asyncio.Future[None]]
    error: CoreError | None = None


class EventWriter:
    """One writer for all runs of the process. Whatever is waiting when it turns to the store shares one transaction.

    `post` and `text` return at once, `commit` when its events are durable; the order of one run's events is that of the
    calls. The first text of a run is never held back. When another process has taken a run over, `commit` raises
    Conflict("lease_lost") and nothing of it is written.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._dirty: dict[LiveRun, list[asyncio.Future[None]]] = {}
        self._urgent = asyncio.Event()
        self._gathering = asyncio.Event()
        self._lost: set[LiveRun] = set()
        self._task: asyncio.Task[None] | None = None
        # Held while runs are written: two that change the same runs in two orders would wait for each other.
        self.turn = asyncio.Lock()

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="event-writer")

    async def close(self) -> None:
        """Write what waits and stop."""
        if self._task is None:
            return
        for live in list(self._dirty):
            with contextlib.suppress(CoreError):
                await self.commit(live)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def text(self, live: LiveRun, piece: str) -> bool:
        """Gather a piece of the answer; True when so much is not yet durable that `drain` should be awaited."""
        is_much = live.add_text(piece) > _TEXT_MAX
        self._dirty.setdefault(live, [])
        if not live.has_text:
            live.has_text = True
            self._urgent.set()
        self._gathering.set()
        return is_much or live in self._lost

    async def drain(self, live: LiveRun) -> None:
        """Return when what was gathered is durable; Conflict when the run is no longer ours."""
        await self.commit(live)

    def post(self, live: LiveRun, *events: RunEvent) -> None:
        """Queue events; they become durable with the next commit."""
        live.add(self._clock.now(), events, None)
        self._dirty.setdefault(live, [])
        self._gathering.set()

    async def commit(self, live: LiveRun, *events: RunEvent, extra: Extra | None = None) -> None:
        """Return when these events, and `extra` in the same transaction, are durable."""
        if live in self._lost:
            raise _lease_lost(live)
        live.add(self._clock.now(), events, extra)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._dirty.setdefault(live, []).append(future)
        self._urgent.set()
        self._gathering.set()
        # What was queued is written even when the caller goes away.
        await asyncio.shield(future)

    def forget(self, live: LiveRun) -> None:
        """Drop what this process remembers of a run it no longer drives."""
        self._lost.discard(live)
        self._dirty.pop(live, None)

    async def _run(self) -> None:
        while True:
            await self._gathering.wait()
            # Until something is urgent, let more text come together.
            streams = len(self._dirty)
            gather_s = _GATHER_MIN_S + max(0, streams - _GATHER_FREE_STREAMS) * _GATHER_PER_STREAM_S
            if not self._urgent.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(gather_s, _GATHER_MAX_S)):
                        await self._urgent.wait()
            self._urgent.clear()
            self._gathering.clear()
            dirty, self._dirty = self._dirty, {}
            await self._write(dirty)

    async def _write(self, dirty: dict[LiveRun, list[asyncio.Future[None]]]) -> None:
        now = self._clock.now()
        batches = []
        for live, waiters in dirty.items():
            events, extras = live.take(now)
            if live in self._lost:
                batch = _Batch(live, 0, [], [], waiters, _lease_lost(live))
            else:
                batch = _Batch(live, live.seq + 1, events, extras, waiters)
            batches.append(batch)
        # Where other processes write, too, what only appends need not wait for its turn among all others.
        plain = [batch for batch in batches if _guards_itself(batch)]
        rest = [batch for batch in batches if not _guards_itself(batch)]
        async with self.turn:
            if plain and rest:
                await asyncio.gather(self._write_group(plain, True), self._write_group(rest, False))
            else:
                await self._write_group(batches, not rest)
        for batch in batches:
            self._publish(batch)

    async def _write_group(self, batches: Sequence[_Batch], guards_itself: bool) -> None:
        try:
            await self._store.write(lambda tx: _append_all(tx, batches), guards_itself=guards_itself)
        except Exception:
            logger.exception("A shared commit of run events failed; each run is written alone.")
            for batch in batches:
                await self._write_alone(batch)

    async def _write_alone(self, batch: _Batch) -> None:
        batch.error = None
        try:
            await self._store.write(lambda tx: _append_all(tx, [batch]))
        except CoreError as error:
            batch.error = error
        except Exception as error:
            logger.exception("Events of run %s could not be written.", batch.live.run_id)
            batch.error = CoreError(f"The store failed: {type(error).__name__}", code="store_failed")

    def _publish(self, batch: _Batch) -> None:
        live = batch.live
        if batch.error is not None:
            self._lost.add(live)
        elif batch.events:
            live.publish([StoredEvent(seq, at, event) for seq, (at, event) in enumerate(batch.events, batch.first_seq)])
            if is_final(batch.events[-1][1]):
                live.is_closed = True
        for future in batch.waiters:
            if future.done():
                continue
            if batch.error is None:
                future.set_result(None)
            else:
                future.set_exception(batch.error)


def _guards_itself(batch: _Batch) -> bool:
    """True when the run's own counter is all that has to be looked at: text, tools, notes."""
    return not batch.extras and not any(isinstance(event, StepFinished) for _, event in batch.events)


def _append_all(tx: Transaction, batches: Sequence[_Batch]) -> None:
    uses: list[tuple[Sequence[str], Usage]] = []
    for batch in batches:
        if batch.error is not None:
            continue
        try:
            if batch.events:
                tx.events.append(batch.live.run_id, batch.live.owner, batch.first_seq, batch.events)
        except Conflict as error:
            batch.error = error
            continue
        for extra in batch.extras:
            extra(tx)
        uses += [(batch.live.counters, event.usage) for _, event in batch.events if isinstance(event, StepFinished)]
    if uses:
        tx.budget_counters.charge(charges_of(uses))


def _joined(first: RunEvent, second: RunEvent) -> TextDelta | None:
    """Return two pieces of one sub-agent's text as one; what the agent itself says was gathered before."""
    if isinstance(first, TextDelta) and isinstance(second, TextDelta) and first.producer == second.producer:
        return TextDelta(text=first.text + second.text, producer=first.producer)
    return None


def _lease_lost(live: LiveRun) -> Conflict:
    return Conflict(f"Run {live.run_id} is driven by another process.", code="lease_lost")
