"""Telling a tracer of each run that has ended, out of what is stored and out of the run's way."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from trivium.core.errors import CoreError
from trivium.core.events import RunEvent, StoredEvent
from trivium.core.model.runs import Run
from trivium.core.ports import Store, Transaction
from trivium.core.ports.tracing import RunTracer

logger = logging.getLogger(__name__)

_WAITING_MAX = 2_000
_EVENTS_MAX = 20_000
_PAUSE_S = 1.0
_TRIES_MAX = 5


class RunTracing:
    """A bounded list of ended runs, told to the tracer each second. It is in memory: what a crash takes is not told."""

    def __init__(self, *, store: Store, tracer: RunTracer) -> None:
        self._store = store
        self._tracer = tracer
        # Run id → (organization id, tries). Changed by the store's thread, too, so only with single operations.
        self._waiting: dict[str, tuple[str, int]] = {}
        self._is_over = asyncio.Event()
        self.dropped_count = 0

    def finished(self, tx: Transaction, run: Run, final: RunEvent) -> None:
        """Note the run (a finish hook); dropped and counted when 2,000 wait already."""
        if len(self._waiting) < _WAITING_MAX:
            self._waiting[run.id] = (run.organization_id, 1)
        else:
            self.dropped_count += 1

    async def run(self) -> None:
        """Tell the tracer until `stop`, then once more."""
        told_dropped = 0
        while not self._is_over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_over.wait(), _PAUSE_S)
            await self.flush()
            if self.dropped_count > told_dropped:
                told_dropped = self.dropped_count
                logger.warning("Runs end faster than they can be traced; %d were left out so far.", told_dropped)

    def stop(self) -> None:
        """Let `run` end; call it when no more runs can end."""
        self._is_over.set()

    async def flush(self) -> None:
        """Tell of the runs that wait. One whose end is not committed yet is looked at again, a few times."""
        again: dict[str, tuple[str, int]] = {}
        while self._waiting:
            run_id, (organization_id, tries) = self._waiting.popitem()
            try:
                found = await self._read(organization_id, run_id)
                if found is not None:
                    await self._tracer.export(*found)
                elif tries < _TRIES_MAX:
                    again[run_id] = (organization_id, tries + 1)
            except CoreError as error:
                logger.warning("Run %s could not be traced: %s", run_id, error.code)
            except Exception:
                logger.exception("Run %s could not be traced.", run_id)
        for run_id, entry in again.items():
            self._waiting.setdefault(run_id, entry)

    async def _read(self, organization_id: str, run_id: str) -> tuple[Run, Sequence[StoredEvent]] | None:
        def unit(tx: Transaction) -> tuple[Run, Sequence[StoredEvent]] | None:
            run = tx.runs.first(organization_id, id=run_id)
            if run is None or not run.is_final:
                return None
            return run, tx.events.read(run_id, 0, _EVENTS_MAX)

        return await self._store.read(unit)
