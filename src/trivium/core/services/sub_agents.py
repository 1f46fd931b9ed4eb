"""Helpers of an agent: keeping them, and handing them tasks inside a run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from trivium.core.errors import Conflict, InvalidRequest, LimitExceeded, NotFound
from trivium.core.events import PlannedCall, Producer, RunEvent
from trivium.core.model.agents import Agent, SubAgent, ToolSpec
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.ports import ChatMessage, Clock, Store, Transaction
from trivium.core.services.progress import replay
from trivium.core.services.turn import Turn

SUB_AGENTS_MAX = 50
DEPTH_MAX = 3
DELEGATIONS_MAX = 16
_SOURCE = "sub_agent"
_TASK_SCHEMA: JSONObject = {
    "type": "object",
    "properties": {"task": {"type": "string", "description": "What to do, with everything needed to do it."}},
    "required": ["task"],
}
_FOREIGN = re.compile(r"[^a-z0-9]+")


class SubAgents:
    """The stored sub-agents of agents."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(
        self,
        agent: Agent,
        *,
        name: str,
        description: str,
        objective: str,
        tools: Sequence[str] = (),
        workflow_type: Literal["react", "hierarchical"] = "react",
    ) -> SubAgent:
        """Store a sub-agent. InvalidRequest without a name, Conflict when the name is taken, LimitExceeded after 50."""
        if not name.strip():
            raise InvalidRequest("A sub-agent needs a name.", details={"field": "name"})
        made = SubAgent(
            id="sa-" + new_id("x").removeprefix("x_"),
            organization_id=agent.organization_id,
            agent_id=agent.id,
            name=name.strip(),
            description=description,
            objective=objective,
            created_at=self._clock.now(),
            tools=tuple(dict.fromkeys(tools)),
            workflow_type=workflow_type,
        )

        def unit(tx: Transaction) -> None:
            existing = tx.sub_agents.find(agent.organization_id, agent_id=agent.id)
            if len(existing) >= SUB_AGENTS_MAX:
                raise LimitExceeded(f"An agent has at most {SUB_AGENTS_MAX} sub-agents.", code="too_many_sub_agents")
            if any(tool_name(other) == tool_name(made) for other in existing):
                raise Conflict(f"There is a sub-agent {made.name!r} already.", code="already_exists")
            tx.sub_agents.add(made)

        await self._store.write(unit)
        return made

    async def find(self, agent: Agent) -> list[SubAgent]:
        """Return the agent's sub-agents, oldest first."""
        return await self._store.read(lambda tx: tx.sub_agents.find(agent.organization_id, agent_id=agent.id))

    async def get(self, agent: Agent, sub_agent_id: str) -> SubAgent:
        """Return one, or raise NotFound."""
        found = await self._store.read(lambda tx: tx.sub_agents.get(agent.organization_id, sub_agent_id))
        return _of(agent, found)

    async def delete(self, agent: Agent, sub_agent_id: str) -> None:
        """Remove one, or raise NotFound; a task it works on now is finished all the same."""

        def unit(tx: Transaction) -> None:
            _of(agent, tx.sub_agents.get(agent.organization_id, sub_agent_id))
            tx.sub_agents.remove(agent.organization_id, sub_agent_id)

        await self._store.write(unit)


def _of(agent: Agent, sub_agent: SubAgent) -> SubAgent:
    if sub_agent.agent_id != agent.id:
        raise NotFound("sub_agent", sub_agent.id)
    return sub_agent


def tool_name(sub_agent: SubAgent) -> str:
    """Return the name under which the model hands it tasks."""
    return f"delegate_to_{_FOREIGN.sub('_', sub_agent.name.lower()).strip('_') or 'sub_agent'}"[:64]


def delegation_specs(sub_agents: Sequence[SubAgent]) -> dict[str, ToolSpec]:
    """Return one tool per sub-agent; safe to repeat, because the sub-agent's own events are its checkpoint."""
    return {
        tool_name(sub): ToolSpec(
            name=tool_name(sub),
            description=f"Hand a task to {sub.name}: {sub.description}",
            input_schema=_TASK_SCHEMA,
            is_repeatable=True,
            timeout_s=600.0,
            source={"type": _SOURCE, "id": sub.id},
        )
        for sub in sub_agents
    }


def sub_agent_of(spec: ToolSpec, sub_agents: Sequence[SubAgent]) -> SubAgent | None:
    """Return the sub-agent behind a delegation tool, or None for any other tool."""
    source = spec.source
    if not isinstance(source, dict) or source.get("type") != _SOURCE:
        return None
    return next((sub for sub in sub_agents if sub.id == source.get("id")), None)


def nested_turn(turn: Turn, call: PlannedCall, sub_agent: SubAgent, events: Sequence[RunEvent]) -> Turn:
    """Return the sub-agent's turn for a task, from where its own events in this run left it.

    It answers with the agent's model and limits; it may use the tools it was given (none that a person has to allow)
    and, when hierarchical, hand on to the others. Raises LimitExceeded beyond three levels or 16 delegations.
    """
    if turn.depth + 1 > DEPTH_MAX:
        raise LimitExceeded(f"Sub-agents may not be nested deeper than {DEPTH_MAX} levels.", code="delegation_depth")
    calls = [made.tool for step in turn.progress.steps for made in step.calls]
    if sum(name.startswith("delegate_to_") for name in calls) > DELEGATIONS_MAX:
        raise LimitExceeded(f"A run may delegate at most {DELEGATIONS_MAX} times.", code="delegation_limit")
    task = call.input.get("task") if isinstance(call.input, dict) else None
    parts = [f"You are {sub_agent.name}. {sub_agent.description}", f"Your objective: {sub_agent.objective}"]
    return replace(
        turn,
        messages=[
            ChatMessage(role="system", text="\n\n".join(parts)),
            ChatMessage(role="user", text=str(task or call.input)),
        ],
        specs=_allowed(turn.specs, sub_agent),
        progress=replay(events, call_id=call.call_id),
        producer=Producer(type="sub_agent", id=sub_agent.id, name=sub_agent.name, call_id=call.call_id),
        depth=turn.depth + 1,
        is_admitted=False,
        cited=None,
    )


def _allowed(specs: Mapping[str, ToolSpec], sub_agent: SubAgent) -> dict[str, ToolSpec]:
    own = tool_name(sub_agent)
    may_delegate = sub_agent.workflow_type == "hierarchical"
    return {
        name: spec
        for name, spec in specs.items()
        if (name in sub_agent.tools and not spec.requires_approval)
        or (may_delegate and name.startswith("delegate_to_") and name != own)
    }
