"""What was worked out of an organization's configuration, kept until some of it changes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from trivium.core.model.agents import Agent
from trivium.core.ports import Store

T = TypeVar("T")

# Another process on the same database (a command of the operator) may have changed something unheard.
_KEPT_S = 0.5
_ENTRIES_MAX = 10_000
# The one who read the store was cancelled: somebody else has to.
_GIVEN_UP = object()


@dataclass(slots=True)
class _Entry(Generic[T]):
    agent: Agent
    version: int
    at: float
    value: "asyncio.Future[T]"


class Remembered:
    """Answers per agent that would otherwise be read from the store in every run.

    A change by this process is seen by the next question; one by another process within half a second. Until `open` is
    called nothing is kept. Of those who ask at the same moment one reads the store and all get its answer.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._versions: dict[str, int] = {}
        self._entries: dict[tuple[str, str], _Entry[object]] = {}
        self._stop: Callable[[], None] | None = None

    def open(self) -> None:
        """Begin to keep answers; call it on the event loop that asks."""
        self._stop = self._store.subscribe("configuration", self._on_change)

    def close(self) -> None:
        """Keep nothing any more."""
        if self._stop is not None:
            self._stop()
        self._stop = None
        self._entries.clear()

    async def get(self, kind: str, agent: Agent, load: Callable[[], Awaitable[T]]) -> T:
        """Return what `load` returned for this agent as it is now."""
        if self._stop is None:
            return await load()
        while True:
            entry = self._fresh(kind, agent)
            if entry is None:
                return await self._load(kind, agent, load)
            # A reader that gives up must not take the answer away from the others.
            value = entry.value.result() if entry.value.done() else await asyncio.shield(entry.value)
            if value is not _GIVEN_UP:
                return cast("T", value)

    def _fresh(self, kind: str, agent: Agent) -> _Entry[object] | None:
        entry = self._entries.get((kind, agent.id))
        if entry is None or entry.version != self._versions.get(agent.organization_id, 0):
            return None
        if entry.agent is not agent and entry.agent != agent:
            return None
        return entry if time.monotonic() - entry.at < _KEPT_S else None

    async def _load(self, kind: str, agent: Agent, load: Callable[[], Awaitable[T]]) -> T:
        if len(self._entries) >= _ENTRIES_MAX:
            self._entries.clear()
        version, now = self._versions.get(agent.organization_id, 0), time.monotonic()
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        entry = self._entries[kind, agent.id] = _Entry(agent, version, now, answer)
        try:
            value = await load()
        except BaseException as error:
            if self._entries.get((kind, agent.id)) is entry:
                del self._entries[kind, agent.id]
            if isinstance(error, Exception):
                answer.set_exception(error)
                answer.exception()  # Nobody else may wait for it.
            else:
                answer.set_result(_GIVEN_UP)
            raise
        answer.set_result(value)
        return value

    def _on_change(self, organization_id: str) -> None:
        if len(self._versions) >= _ENTRIES_MAX:
            self._entries.clear()
            self._versions.clear()
        self._versions[organization_id] = self._versions.get(organization_id, 0) + 1
