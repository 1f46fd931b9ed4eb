"""Agents made and changed field by field, for callers that have no configuration document."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

from trivium.core.errors import Conflict
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSON
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.announcing import Announcing

AGENTS_MAX = 10_000
Turn = Callable[[str, str], contextlib.AbstractAsyncContextManager[object]]


@contextlib.asynccontextmanager
async def _no_turn(organization_id: str, agent_id: str) -> AsyncGenerator[None, None]:
    yield


class AgentWriting:
    """Every write counts the agent's version up, so that a configuration that was read before it is out of date."""

    def __init__(self, *, store: Store, clock: Clock, announcing: Announcing) -> None:
        self._store = store
        self._clock = clock
        self._announcing = announcing
        # Called in the transaction of every write, with what happened: "agent.created", "agent.changed" …
        self.write_hooks: list[Callable[[Transaction, Principal, Agent, str], None]] = []
        # Called in the transaction of a change with the agent as it was.
        self.before_hooks: list[Callable[[Transaction, Agent], None]] = []
        # Whoever changes an agent holds its turn, so that an apply is not disturbed half way.
        self.turn: Turn = _no_turn

    async def create(self, principal: Principal, **values: Any) -> Agent:
        """Store a new agent with these fields and return it."""
        now = self._clock.now()
        agent = Agent(
            id=new_id("agt"), organization_id=principal.organization_id, created_at=now, updated_at=now, **values
        )

        def unit(tx: Transaction) -> None:
            if tx.agents.count(agent.organization_id) >= AGENTS_MAX:
                raise Conflict(f"An organization has at most {AGENTS_MAX} agents.", code="too_many_agents")
            tx.agents.add(agent)
            self._note(tx, principal, agent, "agent.created")

        await self._store.write(unit)
        return agent

    async def change(
        self, principal: Principal, agent_id: str, settings: dict[str, JSON] | None = None, **values: Any
    ) -> Agent:
        """Set these fields and these keys of the settings; NotFound, Conflict (`busy`) while others do."""
        now = self._clock.now()

        def unit(tx: Transaction) -> Agent:
            agent = tx.agents.get(principal.organization_id, agent_id)
            for hook in self.before_hooks:
                hook(tx, agent)
            changed = replace(
                agent,
                updated_at=now,
                version=agent.version + 1,
                settings={**agent.settings, **(settings or {})},
                **values,
            )
            tx.agents.put(changed)
            self._note(tx, principal, changed, "agent.changed")
            return changed

        async with self.turn(principal.organization_id, agent_id):
            return await self._store.write(unit)

    async def remove(self, principal: Principal, agent_id: str) -> None:
        """Delete an agent; its conversations stay. Conflict for the organization's default agent, NotFound."""

        def unit(tx: Transaction) -> None:
            organization = tx.organizations.get(principal.organization_id, principal.organization_id)
            agent = tx.agents.get(principal.organization_id, agent_id)
            if organization.default_agent_id == agent_id:
                raise Conflict("This is the default agent of the organization.", code="default_agent")
            tx.agents.remove(principal.organization_id, agent_id)
            self._note(tx, principal, agent, "agent.deleted")

        async with self.turn(principal.organization_id, agent_id):
            await self._store.write(unit)

    def _note(self, tx: Transaction, principal: Principal, agent: Agent, kind: str) -> None:
        actor = principal.name or principal.id
        self._announcing.note(tx, agent.organization_id, kind, agent.name, status=agent.status, actor=actor)
        for hook in self.write_hooks:
            hook(tx, principal, agent, kind)
