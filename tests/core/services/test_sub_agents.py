"""Sub-agents: kept per agent, handed tasks inside a run, resumed from their own events."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.core.services.world import SystemClock, World, open_world, script
from trivium.core.errors import Conflict, InvalidRequest, NotFound
from trivium.core.events import RunFinished, StepFinished, StoredEvent, SubAgentFinished, TextDelta, ToolCalled
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.runs import Run
from trivium.core.services.sub_agents import SubAgents

pytestmark = pytest.mark.anyio
TASK: JSONObject = {"name": "delegate_to_research", "input": {"task": "Find it."}}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World, None]:
    made = await open_world(tmp_path)
    yield made
    await made.close()


def keeper(world: World) -> SubAgents:
    return SubAgents(store=world.store, clock=SystemClock())


async def read(world: World, run: Run) -> list[StoredEvent]:
    return [stored async for stored in world.runs.events("org_a", run.id)]


async def test_a_task_is_done_by_the_sub_agent(world: World) -> None:
    # Parent and sub-agent follow the same script, each by its own number of turns.
    agent = await world.agent("scripted/script", **script({"text": "Sure.", "tool_calls": [TASK]}, {"text": "Found."}))
    made = await keeper(world).create(agent, name="Research", description="Finds", objective="Facts", tools=["add"])
    events = await read(world, await world.ask(agent))
    finished = next(s.event for s in events if isinstance(s.event, SubAgentFinished))
    assert (finished.producer.id, finished.producer.name) == (made.id, "Research")
    spoken = [s.event for s in events if isinstance(s.event, TextDelta)]
    assert "".join(event.text for event in spoken if event.producer is None) == "Sure.\n\nFound."
    assert any(event.producer is not None and event.producer.id == made.id for event in spoken)
    final = events[-1].event
    assert isinstance(final, RunFinished)
    assert len(final.usage) == sum(isinstance(s.event, StepFinished) for s in events)


async def test_a_sub_agent_uses_only_its_own_tools(world: World) -> None:
    calls: list[JSON] = [TASK, {"name": "pay"}, {"name": "add"}]
    agent = await world.agent("scripted/script", **script({"tool_calls": calls}, {"text": "Done."}))
    await keeper(world).create(agent, name="Research", description="", objective="", tools=["add"])
    events = await read(world, await world.ask(agent))
    nested = [s.event.tool for s in events if isinstance(s.event, ToolCalled) and s.event.producer is not None]
    assert sorted(nested) == ["add", "delegate_to_research", "pay"]
    assert sorted(world.tools.calls) == ["add", "add", "pay"]


async def test_a_task_is_never_handed_back(world: World) -> None:
    other: JSONObject = {"name": "delegate_to_b", "input": {"task": "You."}}
    calls: list[JSON] = [{"name": "delegate_to_a", "input": {"task": "You."}}, other]
    agent = await world.agent("scripted/script", **script({"tool_calls": calls}, {"text": "Done."}))
    for name in ("a", "b"):
        await keeper(world).create(agent, name=name, description="", objective="", workflow_type="hierarchical")
    events = await read(world, await world.ask(agent))
    final = events[-1].event
    assert isinstance(final, RunFinished)
    # Both work for the agent, and each hands on to the other once.
    assert sum(isinstance(s.event, SubAgentFinished) for s in events) == 4


async def test_names_are_unique_and_agents_apart(world: World) -> None:
    agent, other = await world.agent("scripted/echo"), await world.agent("scripted/echo", organization_id="org_b")
    service = keeper(world)
    made = await service.create(agent, name="Research", description="d", objective="o")
    with pytest.raises(Conflict):
        await service.create(agent, name="research", description="d", objective="o")
    with pytest.raises(InvalidRequest):
        await service.create(agent, name=" ", description="d", objective="o")
    with pytest.raises(NotFound):
        await service.get(other, made.id)
    with pytest.raises(NotFound):
        await service.delete(other, made.id)
    await service.delete(agent, made.id)
    assert await service.find(agent) == []
