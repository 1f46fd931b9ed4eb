"""Keeping, contradicting, finding and forgetting, with the packaged embedder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.stores import sqlite_store
from trivium.adapters.embed.universal import UniversalEmbedder
from trivium.core.errors import InvalidRequest, NotFound
from trivium.core.model.memory import DEFAULT_MODULE, Memory, Strategy
from trivium.core.services.memory import Memories, cosine, decode_vector, encode_vector

EMBEDDER = UniversalEmbedder()


class Bench:
    """The service of one agent in one organization."""

    def __init__(self, memories: Memories, clock: HandClock) -> None:
        self.memories = memories
        self.clock = clock

    async def keep(self, text: str, strategy: Strategy = "naive", **options) -> tuple[Memory, list[str]]:
        self.clock.advance(minutes=1)
        memory, affected = await self.memories.observe("o1", "a1", text, strategy=strategy, **options)
        return memory, list(affected)

    async def texts(self, **options) -> list[str]:
        return [memory.text for memory in await self.memories.find("o1", "a1", DEFAULT_MODULE, **options)]

    async def best(self, query: str, **options) -> str:
        return (await self.memories.search("o1", "a1", query, **options))[0].memory.text


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = HandClock()
    async with sqlite_store(tmp_path) as store:
        yield Bench(Memories(store=store, clock=clock, embedder=EMBEDDER), clock)


@pytest.mark.parametrize("strategy", ["delete", "update"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Plant 7 is closed on Fridays", "Plant 7 is open on Fridays now"),
        ("My name is Ada", "My name is Grace"),
        ("I prefer tea", "I prefer coffee"),
        ("Our budget is 5000 euros", "Our budget is 8000 euros"),
    ],
)
async def test_what_contradicts_is_settled(bench: Bench, strategy: Strategy, old: str, new: str) -> None:
    first, _ = await bench.keep(old)
    _, affected = await bench.keep(new, strategy)
    assert affected == [first.id]
    if strategy == "delete":
        assert await bench.texts() == [new]
    else:
        assert await bench.texts() == [new, f"No longer true since 2026-01-05: {old}"]


@pytest.mark.parametrize("strategy", ["naive", "delete", "update"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Plant 7 is closed on Fridays", "Plant 8 is closed on Fridays"),
        ("I like tea", "I live in Berlin"),
        ("My favourite colour is blue", "My favourite food is pizza"),
    ],
)
async def test_what_is_about_something_else_stays(bench: Bench, strategy: Strategy, old: str, new: str) -> None:
    await bench.keep(old)
    assert (await bench.keep(new, strategy))[1] == []
    assert await bench.texts() == [new, old]


async def test_naive_adds_whatever_is_said(bench: Bench) -> None:
    await bench.keep("I prefer tea")
    assert (await bench.keep("I prefer coffee"))[1] == []
    assert len(await bench.texts()) == 2


async def test_search_goes_by_meaning_then_by_recency(bench: Bench) -> None:
    await bench.keep("Plant 7 is closed on Fridays")
    await bench.keep("The user's favourite drink is tea")
    assert await bench.best("When is plant 7 closed?") == "Plant 7 is closed on Fridays"
    assert await bench.best("What should I serve?") == "The user's favourite drink is tea"
    old, _ = await bench.keep("The meeting is in room A")
    bench.clock.advance(days=90)
    new, _ = await bench.keep("The meeting is in room B")
    found = await bench.memories.search("o1", "a1", "Where is the meeting?")
    assert [one.memory.id for one in found][:2] == [new.id, old.id]
    assert all(0 <= one.score <= 1 for one in found)


async def test_at_most_ten_are_found_and_invalid_ones_last(bench: Bench) -> None:
    await bench.keep("My name is Ada")
    await bench.keep("My name is Grace", "update")
    for number in range(12):
        await bench.keep(f"Note {number}: nothing")
    found = await bench.memories.search("o1", "a1", "What is my name?")
    assert len(found) == 10
    assert found[0].memory.text == "My name is Grace"


async def test_organizations_agents_modules_and_visitors_are_apart(bench: Bench) -> None:
    await bench.keep("shared")
    await bench.keep("of v1", visitor_id="v1")
    await bench.keep("of v2", visitor_id="v2")
    assert await bench.texts() == ["shared"]
    assert await bench.texts(visitor_id="v1") == ["of v1", "shared"]
    for place in (("o2", "a1", DEFAULT_MODULE), ("o1", "a2", DEFAULT_MODULE), ("o1", "a1", "other")):
        assert await bench.memories.find(*place) == []
        assert await bench.memories.reset(*place) == 0
    with pytest.raises(NotFound):
        await bench.memories.change("o2", "a1", (await bench.memories.find("o1", "a1", DEFAULT_MODULE))[0].id, "x")


async def test_what_is_corrected_or_forgotten_is(bench: Bench) -> None:
    memory, _ = await bench.keep("My name is Ada")
    await bench.memories.change("o1", "a1", memory.id, "My name is Grace")
    assert await bench.texts() == ["My name is Grace"]
    assert await bench.memories.remove("o1", "a1", DEFAULT_MODULE, [memory.id, "unknown"]) == [memory.id]
    await bench.keep("x")
    assert await bench.memories.reset("o1", "a1", DEFAULT_MODULE) == 1
    assert await bench.texts() == []


async def test_an_id_is_kept_once(bench: Bench) -> None:
    for _ in range(2):
        await bench.keep("My name is Ada", "update", memory_id="mem-1")
    assert await bench.texts() == ["My name is Ada"]


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 4001])
async def test_a_text_that_is_no_use_is_refused(bench: Bench, text: str) -> None:
    with pytest.raises(InvalidRequest):
        await bench.keep(text)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40).filter(lambda values: max(map(abs, values)) > 0.01))
def test_a_vector_keeps_its_direction(values: list[float]) -> None:
    vector = decode_vector(encode_vector(values))
    assert cosine(vector, vector) == pytest.approx(1.0)
    assert [(value > 0.1, value < -0.1) for value in values if abs(value) > 0.1] == [
        (coded > 0, coded < 0) for value, coded in zip(values, vector, strict=True) if abs(value) > 0.1
    ]
