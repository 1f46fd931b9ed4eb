"""Agents as they are stored, and which of them a caller means."""

from collections.abc import Sequence
from datetime import datetime

from trivium.core.errors import NotFound
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent
from trivium.core.ports import Clock, Store, Transaction

# The default agent is asked for in every call of a key that names none.
_DEFAULT_S = 1.0
_KNOWN_MAX = 10_000


class Agents:
    """Looking agents up. Their configuration is changed by `reconcile` alone."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._defaults: dict[str, tuple[datetime, str | None]] = {}

    async def get(self, organization_id: str, agent_id: str) -> Agent:
        """Return the agent; NotFound when the organization has none of that id."""
        return await self._store.read(lambda tx: tx.agents.get(organization_id, agent_id))

    async def find(self, organization_id: str, *, limit: int = 1000) -> list[Agent]:
        """Return the organization's agents, oldest first."""
        return await self._store.read(lambda tx: tx.agents.find(organization_id, limit=limit))

    async def default_id(self, principal: Principal) -> str:
        """Return the agent a caller means who names none; a change is noticed within a second.

        It is the only one the caller may use, else the organization's default, else the oldest that the caller may use.
        NotFound when there is none.
        """
        allowed = principal.agent_ids
        if allowed is not None and len(allowed) == 1:
            return next(iter(allowed))
        chosen = await self._default(principal.organization_id)
        if chosen is None or (allowed is not None and chosen not in allowed):
            chosen = await self._store.read(lambda tx: _oldest(tx, principal.organization_id, allowed))
        if chosen is None:
            raise NotFound("agent", message="There is no agent that this credential may use.")
        return chosen

    async def _default(self, organization_id: str) -> str | None:
        now = self._clock.now()
        at, known = self._defaults.get(organization_id, (None, None))
        if at is not None and 0 <= (now - at).total_seconds() < _DEFAULT_S:
            return known
        found = await self._store.read(lambda tx: tx.organizations.get(organization_id, organization_id))
        if len(self._defaults) > _KNOWN_MAX:
            self._defaults.clear()
        self._defaults[organization_id] = (now, found.default_agent_id)
        return found.default_agent_id


def _oldest(tx: Transaction, organization_id: str, allowed: Sequence[str] | frozenset[str] | None) -> str | None:
    agents = tx.agents.find(organization_id)
    return next((agent.id for agent in agents if allowed is None or agent.id in allowed), None)
