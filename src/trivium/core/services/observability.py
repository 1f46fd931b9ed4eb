"""What happened, for people and machines: readings of stored runs. Nothing is counted twice or kept apart."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trivium.core.events import StoredEvent
from trivium.core.model.figures import Figures
from trivium.core.model.runs import Run, RunTotals
from trivium.core.ports import Store, Transaction

_RUNS_MAX = 200
_EVENTS_MAX = 5_000
_FIGURES_AGE_S_MIN = 1.0
# Of the time, reading figures takes at most a tenth, however many runs there are.
_FIGURES_AGE_PER_COST = 10.0


@dataclass(frozen=True, kw_only=True)
class RunTrace:
    """A run and what happened in it, without the pieces of its text; `output` of the run is the whole of it."""

    run: Run
    events: Sequence[StoredEvent]


@dataclass(frozen=True, kw_only=True)
class RunPage:
    """Runs, newest first, and how many there are in all."""

    runs: Sequence[Run]
    total: int
    has_more: bool


class Observability:
    """Traces, logs and totals."""

    def __init__(self, *, store: Store) -> None:
        self._store = store
        self._figures: tuple[float, Figures] | None = None
        self._figures_lock = asyncio.Lock()

    async def trace(
        self, organization_id: str, conversation_id: str, *, request_id: str | None = None
    ) -> Sequence[RunTrace]:
        """Return the last 200 runs of a conversation (with that request id) in the order they were asked for.

        Their newest 5,000 events are told; those of older runs are left out. NotFound.
        """

        def unit(tx: Transaction) -> Sequence[RunTrace]:
            tx.conversations.get(organization_id, conversation_id)
            only = {} if request_id is None else {"request_id": request_id}
            runs = tx.runs.find(
                organization_id, conversation_id=conversation_id, newest_first=True, limit=_RUNS_MAX, **only
            )
            events: dict[str, list[StoredEvent]] = {}
            for run_id, event in tx.events.outline(conversation_id, _EVENTS_MAX):
                events.setdefault(run_id, []).append(event)
            return [RunTrace(run=run, events=events.get(run.id, [])) for run in reversed(runs)]

        return await self._store.read(unit)

    async def of_channel(self, organization_id: str, channel: str, *, limit: int = 100) -> Sequence[Run]:
        """Return the newest runs that came in by one channel."""
        return await self._store.read(
            lambda tx: tx.runs.find(organization_id, channel=channel, newest_first=True, limit=limit)
        )

    async def totals(self, organization_id: str, agent_id: str) -> RunTotals:
        """Return what an agent's runs add up to."""
        return await self._store.read(lambda tx: tx.runs.totals(organization_id, agent_id))

    async def figures(self) -> Figures:
        """Return what the whole installation adds up to, for its operator.

        At least a second old readings are replaced, later where a reading takes long: then after ten times as long.
        """
        async with self._figures_lock:
            began = time.monotonic()
            if self._figures is None or began >= self._figures[0]:
                figures = await self._store.read(lambda tx: tx.figures.read())
                ended = time.monotonic()
                self._figures = (ended + max(_FIGURES_AGE_S_MIN, _FIGURES_AGE_PER_COST * (ended - began)), figures)
            return self._figures[1]

    async def log(
        self,
        organization_id: str,
        agent_id: str,
        *,
        run_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 10,
        offset: int = 0,
    ) -> RunPage:
        """Return a page of an agent's runs, newest first."""
        runs, total = await self._store.read(
            lambda tx: tx.runs.page(
                organization_id, agent_id, run_id=run_id, since=since, until=until, limit=limit, offset=offset
            )
        )
        return RunPage(runs=runs, total=total, has_more=offset + len(runs) < total)
