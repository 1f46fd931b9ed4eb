"""Conversations end with the months that are set, and only then."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.core.reconcile.bench import Bench, WallClock, new_bench
from trivium.adapters.blobs.files import FileBlobs
from trivium.core.model.conversations import Conversation, Message
from trivium.core.services.jobs import Jobs
from trivium.core.services.removal import Removal
from trivium.core.services.telemetry import Forgetting


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with new_bench(tmp_path / "store.db") as bench:
        yield bench


def new_forgetting(bench: Bench, folder: Path) -> Forgetting:
    clock = WallClock()
    removal = Removal(jobs=Jobs(store=bench.store, clock=clock), blobs=FileBlobs(folder))
    return Forgetting(store=bench.store, clock=clock, removal=removal)


async def add_conversation(bench: Bench, name: str, *, days_ago: int) -> None:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    ids = {"organization_id": "o1", "created_at": at}
    conversation = Conversation(id=name, agent_id=bench.agent.id, external_id=name, updated_at=at, **ids)  # type: ignore[arg-type]
    message = Message(id=f"m_{name}", conversation_id=name, position=1, role="user", text="Hi", **ids)  # type: ignore[arg-type]
    await bench.store.write(lambda tx: tx.conversations.add(conversation))
    await bench.store.write(lambda tx: tx.messages.add(message))


async def test_only_what_is_too_old_is_forgotten(bench: Bench, tmp_path: Path) -> None:
    await bench.apply({"telemetry": {"retention_months": 2}})
    agent = await bench.store.read(lambda tx: tx.agents.get("o1", bench.agent.id))
    for name, days in (("old", 70), ("older", 700), ("new", 40)):
        await add_conversation(bench, name, days_ago=days)
    forgetting = new_forgetting(bench, tmp_path)
    assert await forgetting.forget(agent) == 2
    assert await forgetting.forget(agent) == 0
    assert [one.id for one in await bench.store.read(lambda tx: tx.conversations.find("o1"))] == ["new"]
    assert [one.id for one in await bench.store.read(lambda tx: tx.messages.find("o1"))] == ["m_new"]


async def test_nothing_is_forgotten_unless_it_is_said(bench: Bench, tmp_path: Path) -> None:
    await add_conversation(bench, "ancient", days_ago=9_000)
    assert await new_forgetting(bench, tmp_path).forget(bench.agent) == 0
