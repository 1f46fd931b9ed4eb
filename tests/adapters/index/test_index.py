"""The index finds what a plain product would, keeps up with changes, and forgets nothing it should know."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.knowledge import ORG, Library, embedder, open_library
from trivium.adapters.index import MatrixIndex
from trivium.adapters.index.codes import quantise, restore, sentences_of
from trivium.adapters.index.ranking import Scope, find_candidates
from trivium.adapters.index.segments import Segment, build, merge
from trivium.adapters.index.words import hashes_of, words_of
from trivium.core.ports.knowledge import EncodedPassage
from trivium.core.services.searching import Searching

DIMENSIONS = 128


def code(
    document: str, number: int, words: str, generator: np.random.Generator, near: np.ndarray | float = 0.0
) -> EncodedPassage:
    vector = near + generator.normal(size=(1, DIMENSIONS))
    data = quantise(vector / np.linalg.norm(vector)) + np.array(hashes_of(words), dtype="<u4").tobytes()
    return EncodedPassage(passage_id=f"{document}-{number}", document_id=document, revision="r", code=data)


def segment(*names: str) -> Segment:
    generator = np.random.default_rng(len(names))
    return build(
        [((name, "r"), [code(name, n, f"all {name} word{n}", generator) for n in range(3)]) for name in names],
        DIMENSIONS,
    )


def found(part: Segment, word: str) -> list[str]:
    return [part.passage_ids[row] for row in part.rows_with(hashes_of(word)[0])]


def test_a_merge_keeps_the_living_and_their_words() -> None:
    both = merge(segment("a", "b"), segment("c"), frozenset({("a", "r"), ("c", "r")}))
    assert both.passage_ids == ("a-0", "a-1", "a-2", "c-0", "c-1", "c-2")
    assert found(both, "word1") == ["a-1", "c-1"]
    assert found(both, "b") == []
    assert len(both.vectors) == len(both.bits) == len(both.scales) == len(both.owner) == 6


@given(st.lists(st.lists(st.floats(-1, 1), min_size=8, max_size=8).filter(any), min_size=1, max_size=5))
def test_a_quantised_vector_keeps_its_direction(rows: list[list[float]]) -> None:
    matrix = np.array(rows)
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    vectors, scales = restore(quantise(matrix), 8)
    assert np.abs(vectors * scales[:, None] - matrix).max() < 0.005


def test_words_compare_across_case_accents_and_number() -> None:
    assert words_of("Prices") == words_of("price")
    assert words_of("Übermäßig CAFÉ") == words_of("ubermassig cafe")
    assert {"kst-1042", "kst", "1042"} <= words_of("Error KST-1042!")
    assert words_of("東京都") == {"東京", "京都"}
    assert words_of("class") == {"class"}


def test_sentences_end_in_every_script() -> None:
    assert sentences_of("It is open. Come in soon! 今日は晴れです。明日は雨です。Yes.") == [
        "It is open.",
        "Come in soon!",
        "今日は晴れです。",
        "明日は雨です。 Yes.",
    ]


class Given:
    """An embedder that returns one vector for whatever it is asked."""

    id, dimensions = "given", DIMENSIONS

    def __init__(self, vector: np.ndarray) -> None:
        self.vector = vector

    def embed(self, texts):
        return [self.vector for _ in texts]


def test_the_best_of_many_are_those_of_a_full_product() -> None:
    """Beyond 2,048 passages the signs choose the candidates; the best by the full vectors have to be among them."""
    generator = np.random.default_rng(7)
    topics = generator.normal(size=(100, DIMENSIONS))
    codes = [code("doc", n, f"word{n % 50}", generator, topics[n % 100]) for n in range(5000)]
    parts = [build([(("doc", "r"), codes[:4000])], DIMENSIONS), build([(("late", "r"), codes[4000:])], DIMENSIONS)]
    vectors, scales = restore(b"".join(one.code[: DIMENSIONS + 4] for one in codes), DIMENSIONS)
    kept = 0
    for topic in topics[:20]:
        question = topic + generator.normal(size=DIMENSIONS)
        question /= np.linalg.norm(question)
        scope = Scope({"doc": "r", "late": "r"}, depth=5)
        _, found = find_candidates(parts, scope, "nothing", Given(question))
        best = np.argsort(-(vectors @ question) * scales)[:5]
        kept += sum(f"doc-{n}" in {one.passage_id for one in found[:5]} for n in best)
    assert kept >= 97


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with open_library(tmp_path) as library:
        yield library


async def test_another_process_is_seen_at_the_next_search(library: Library) -> None:
    """Two indexes over one store stand for two processes."""
    other = MatrixIndex(library.store, embedder())
    elsewhere = Searching(store=library.store, indexes=[other])
    assert await elsewhere.search(ORG, "tea") == []
    document = await library.add("tea.txt", "Tea is served at four.")
    assert [one.passage.text for one in await elsewhere.search(ORG, "tea")] == ["Tea is served at four."]
    await library.add("tea.txt", "Tea is served at five.")
    assert [one.passage.text for one in await elsewhere.search(ORG, "tea")] == ["Tea is served at five."]
    await library.knowledge.delete(ORG, document.id)
    assert await elsewhere.search(ORG, "tea") == []
    await other.close()


async def test_as_many_hits_come_as_are_asked_for(library: Library) -> None:
    await library.add("list.csv", "\n".join(["name,n", *(f"Shelf {n},{n}" for n in range(90))]))
    assert len(await library.knowledge.search(ORG, "shelf", top_k=90)) == 90
    assert len(await library.knowledge.search(ORG, "shelf", top_k=3)) == 3
