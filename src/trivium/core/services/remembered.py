"""What was worked out of an organization's configuration, kept until some of it changes."""

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


@dataclass(slots=True)
class _Entry(Generic[T]):
    agent: Agent
    version: int
    at: float
    value: T


class Remembered:
    """Answers per agent that would otherwise be read from the store in every run.

    A change by this process is seen by the next question; one by another process within half a second. Until `open` is
    called nothing is kept.
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
        version = self._versions.get(agent.organization_id, 0)
        now = time.monotonic()
        entry = self._entries.get((kind, agent.id))
        if entry is not None and entry.version == version and now - entry.at < _KEPT_S and entry.agent == agent:
            return cast("T", entry.value)
        value = await load()
        if len(self._entries) >= _ENTRIES_MAX:
            self._entries.clear()
        self._entries[kind, agent.id] = _Entry(agent, version, now, value)
        return value

    def _on_change(self, organization_id: str) -> None:
        if len(self._versions) >= _ENTRIES_MAX:
            self._entries.clear()
            self._versions.clear()
        self._versions[organization_id] = self._versions.get(organization_id, 0) + 1
