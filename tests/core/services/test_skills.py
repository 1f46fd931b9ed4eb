"""What a model is told of skills, manner and collections, and loading a skill on demand."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.core.reconcile.bench import Bench, new_bench
from trivium.core.model.agents import Agent
from trivium.core.model.runs import InputMessage, Run, RunInput
from trivium.core.ports import ToolContext
from trivium.core.services.remembered import Remembered
from trivium.core.services.skills import Skills


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with new_bench(tmp_path / "store.db") as bench:
        yield bench


async def told(bench: Bench, **metadata: Any) -> str:
    """Return what a run with this metadata is told."""
    agent = await bench.store.read(lambda tx: tx.agents.get("o1", bench.agent.id))
    context = await Skills(store=bench.store, remembered=Remembered(bench.store)).context(
        new_run(agent, **metadata), agent
    )
    return "" if context is None else context.text


def new_run(agent: Agent, **metadata: Any) -> Run:
    return Run(
        id="r1",
        organization_id="o1",
        agent_id=agent.id,
        conversation_id="c1",
        request_id="q",
        channel="api",
        status="running",
        input=RunInput(messages=(InputMessage(role="user", text="Hello"),)),
        created_at=agent.created_at,
        metadata=metadata,
    )


async def test_always_skills_are_told_and_others_offered(bench: Bench) -> None:
    skills = [
        {"name": "tone", "body": "Be kind.", "mode": "always"},
        {"name": "refunds", "body": "Ask for the number.", "description": "How to refund"},
        {"name": "off", "body": "Never seen.", "mode": "always", "enabled": False},
    ]
    await bench.apply({"skills": skills, "agent": {"behavior": {"response_length": "short"}}})
    text = await told(bench)
    assert "Be kind." in text
    assert "refunds: How to refund" in text
    assert "one to three sentences" in text
    assert "Ask for the number." not in text
    assert "Never seen." not in text


async def test_a_skill_is_loaded_on_demand(bench: Bench) -> None:
    await bench.apply({"skills": [{"name": "refunds", "body": "Ask for the number."}]})
    skills, agent = Skills(store=bench.store, remembered=Remembered(bench.store)), bench.agent
    (spec,) = await skills.specs(agent)
    assert spec.input_schema["properties"]["name"]["enum"] == ["refunds"]  # type: ignore[call-overload, index]
    context = ToolContext(organization_id="o1", agent=agent, conversation_id="c1", run_id="r1", call_id="1")
    assert (await skills.call(spec.name, {"name": "refunds"}, context)).output == "Ask for the number."
    assert (await skills.call(spec.name, {"name": "other"}, context)).is_error
    assert not await skills.specs(replace(agent, id="another"))


async def test_a_collection_has_its_own_words(bench: Bench) -> None:
    items = [{"id": "sw-2025", "instructions": "Only the 2025 edition.", "response_length": "long"}]
    await bench.apply({"collections": {"collections": items}, "agent": {"behavior": {"response_length": "short"}}})
    collection = await bench.store.read(lambda tx: tx.collections.find("o1")[0])
    text = await told(bench, collection_id=collection.id)
    assert "Only the 2025 edition." in text
    assert "Answer in detail." in text
    assert "one to three" not in text
