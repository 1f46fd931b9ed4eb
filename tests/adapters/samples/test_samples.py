"""The sample organization's questions get the right answers, and others get none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.knowledge import ORG, Library, open_library
from trivium.adapters.samples import read_samples
from trivium.core.services.knowledge import POSSIBLY_FROM, QUOTE_FROM


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def samples(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Library]:
    folder: Path = tmp_path_factory.mktemp("samples")
    async with open_library(folder) as library:
        for name, data in read_samples().items():
            assert (await library.add(name, data)).status == "ready"
        yield library


@pytest.mark.parametrize(
    ("question", "name", "words"),
    [
        ("How long do I have to return an item?", "acme-refund-policy.pdf", "30 days"),
        ("Wie lange kann ich einen Artikel zurückgeben?", "acme-refund-policy.pdf", "30 days"),
        ("¿Cuánto tiempo tengo para devolver un artículo?", "acme-refund-policy.pdf", "30 days"),
        ("When do I get my money back?", "acme-refund-policy.pdf", "five working days"),
        ("What does fault code E3 mean?", "product-handbook.md", "clutch is blocked"),
        ("How do I reset the Aurora lamp?", "product-handbook.md", "unplug it for 30 seconds"),
        ("How much does the Delta cable tray cost?", "price-list.csv", "22.00"),
        ("COM-042-BT", "price-list.csv", "Comet battery"),
    ],
)
async def test_a_question_finds_its_passage(samples: Library, question: str, name: str, words: str) -> None:
    best = (await samples.knowledge.search(ORG, question, top_k=1))[0]
    assert (best.document_name, words in best.passage.text) == (name, True), best
    assert best.score >= QUOTE_FROM


@pytest.mark.parametrize(
    "question",
    [
        "Who won the football world cup in 1998?",
        "What is the capital of Mongolia?",
        "How do I train a neural network?",
        "Wie hoch ist der Mount Everest?",
        "¿Cuál es la receta de la paella?",
        "Which vaccines do I need for Kenya?",
    ],
)
async def test_a_question_beside_the_point_is_refused(samples: Library, question: str) -> None:
    best = (await samples.knowledge.search(ORG, question, top_k=1))[0]
    assert best.score < QUOTE_FROM


async def test_the_pdf_knows_its_pages(samples: Library) -> None:
    found = await samples.knowledge.search(ORG, "Which items cannot be returned?", top_k=1)
    assert found[0].passage.page == 1
    assert found[0].score > POSSIBLY_FROM
