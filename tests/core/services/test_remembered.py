"""What is kept of an organization's configuration is never older than its last change."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.services.world import World, open_world
from trivium.core.services.remembered import Remembered

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World, None]:
    made = await open_world(tmp_path)
    yield made
    await made.close()


class Counter:
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> int:
        self.count += 1
        return self.count


async def test_an_answer_is_kept_until_a_change(world: World) -> None:
    agent = await world.agent("scripted/echo")
    remembered, load = Remembered(world.store), Counter()
    remembered.open()
    assert [await remembered.get("x", agent, load) for _ in range(3)] == [1, 1, 1]
    await world.agent("scripted/echo")
    assert await remembered.get("x", agent, load) == 2


async def test_another_organization_changes_nothing_here(world: World) -> None:
    agent = await world.agent("scripted/echo")
    remembered, load = Remembered(world.store), Counter()
    remembered.open()
    await remembered.get("x", agent, load)
    await world.agent("scripted/echo", organization_id="org_b")
    assert await remembered.get("x", agent, load) == 1


async def test_a_changed_agent_or_kind_is_asked_for_anew(world: World) -> None:
    agent = await world.agent("scripted/echo")
    remembered, load = Remembered(world.store), Counter()
    remembered.open()
    await remembered.get("x", agent, load)
    assert await remembered.get("y", agent, load) == 2
    assert await remembered.get("x", replace(agent, name="Other"), load) == 3


async def test_nothing_is_kept_before_it_listens(world: World) -> None:
    agent = await world.agent("scripted/echo")
    remembered, load = Remembered(world.store), Counter()
    assert [await remembered.get("x", agent, load) for _ in range(2)] == [1, 2]
