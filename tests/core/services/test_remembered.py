"""What is kept of an organization's configuration is never older than its last change."""

import asyncio
from collections.abc import AsyncGenerator, Callable
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


class Slow(Counter):
    """Answers when it is let; may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.fails = False

    async def __call__(self) -> int:
        answer = await super().__call__()
        self.begun.set()
        await self.go.wait()
        if self.fails:
            raise LookupError("The store failed.")
        return answer


@pytest.fixture
async def slow(world: World) -> tuple[Slow, Callable[[], asyncio.Task[int]]]:
    """A slow load that has begun when the first task has, and what starts a task that asks."""
    agent = await world.agent("scripted/echo")
    remembered, load = Remembered(world.store), Slow()
    remembered.open()
    return load, lambda: asyncio.create_task(remembered.get("x", agent, load))


async def test_many_who_ask_at_once_share_one_reading(slow: tuple[Slow, Callable[[], asyncio.Task[int]]]) -> None:
    load, ask = slow
    tasks = [ask() for _ in range(50)]
    await load.begun.wait()
    load.go.set()
    assert await asyncio.gather(*tasks) == [1] * 50


async def test_a_failed_reading_is_told_to_all_and_not_kept(slow: tuple[Slow, Callable[[], asyncio.Task[int]]]) -> None:
    load, ask = slow
    load.fails = True
    tasks = [ask() for _ in range(3)]
    await load.begun.wait()
    load.go.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(error) for error in told] == ["The store failed."] * 3
    load.fails = False
    assert await ask() == 2


async def test_when_the_one_who_reads_leaves_another_does(slow: tuple[Slow, Callable[[], asyncio.Task[int]]]) -> None:
    load, ask = slow
    first = ask()
    await load.begun.wait()
    others = [ask() for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    load.go.set()
    assert await asyncio.gather(*others) == [2, 2, 2]
