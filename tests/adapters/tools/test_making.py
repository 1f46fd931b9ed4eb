"""PDF documents and presentations: real files that others can read."""

import io
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.core.services.workflows.bench import open_store
from trivium.adapters.blobs.files import FileBlobs
from trivium.adapters.sql.store import SqliteStore
from trivium.adapters.tools.making import MakingTools
from trivium.adapters.tools.making.deck import Slide, write_deck
from trivium.adapters.tools.making.pdf import PAGES_MAX, write_pdf
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.ports import ToolContext

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
AGENT = Agent(
    id="a1",
    organization_id="o1",
    name="Desk",
    created_at=NOW,
    updated_at=NOW,
    tools=(ToolConfig(type="create_pdf"), ToolConfig(type="builtin:create_deck", requires_approval=True)),
)


def _text_of(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    try:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)
    finally:
        document.close()


def test_pdf_holds_headings_lists_and_accents() -> None:
    text = "# Offer\n\nDear **Zoë**, the price is 5 € (net).\n\n- first\n- second\n1. third\n## Terms\n30 days\\net"
    written = write_pdf("Offer for Müller", text)
    found = _text_of(written.data)
    for part in ("Offer for Müller", "Dear Zoë, the price is 5 € (net).", "• first", "1. third", "30 days\\net"):
        assert part in found
    assert (written.page_count, written.warnings) == (1, [])


def test_long_pdf_has_more_pages_and_an_end() -> None:
    assert write_pdf("Long", "word " * 5_000).page_count > 5
    written = write_pdf("Too long", "line\n" * 10_000)
    assert written.page_count == PAGES_MAX
    assert "cut after 100 pages" in written.warnings[0]


def test_scripts_that_the_fonts_lack_are_reported() -> None:
    written = write_pdf("Hi", "Привет, world")
    assert "??????, world" in _text_of(written.data)
    assert written.warnings == ["6 characters are not of a Western European script and were replaced."]


@given(title=st.text(min_size=1, max_size=40), text=st.text(max_size=400))
@settings(max_examples=40, deadline=None)
def test_any_text_makes_a_file_that_opens(title: str, text: str) -> None:
    document = pypdfium2.PdfDocument(write_pdf(title, text).data)
    assert len(document) >= 1
    document.close()
    archive = zipfile.ZipFile(io.BytesIO(write_deck(title, [Slide(title=text[:200], lines=[text])])))
    for name in archive.namelist():
        ElementTree.fromstring(archive.read(name))


def test_deck_has_its_slides_in_any_script() -> None:
    data = write_deck("Plan <1>", [Slide(title="Первый", lines=["a & b", "二"]), Slide(title="Last")])
    archive = zipfile.ZipFile(io.BytesIO(data))
    slides = [name for name in archive.namelist() if name.startswith("ppt/slides/slide")]
    assert len(slides) == 3
    texts = ElementTree.fromstring(archive.read("ppt/slides/slide2.xml")).itertext()
    assert list(texts) == ["Первый", "a & b", "二"]
    assert data == write_deck("Plan <1>", [Slide(title="Первый", lines=["a & b", "二"]), Slide(title="Last")])


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await open_store(tmp_path, "o1")
    yield store
    await store.close()


async def test_repeated_call_finds_the_file_it_made(store: SqliteStore, tmp_path: Path) -> None:
    tools = MakingTools(
        store=store, blobs=FileBlobs(tmp_path / "blobs"), clock=HandClock(), base_url="https://trivium.example/"
    )
    assert [(one.name, one.requires_approval) for one in await tools.specs(AGENT)] == [
        ("create_pdf", False),
        ("create_deck", True),
    ]
    context = ToolContext(organization_id="o1", agent=AGENT, conversation_id="c1", run_id="r1", call_id="k1")
    first = await tools.call("create_pdf", {"title": "A/B: ../x", "text": "Hi"}, context)
    output = cast("dict[str, Any]", first.output)
    assert output["fileUrl"].startswith("https://trivium.example/files/made_")
    assert output["name"] == "A B  .. x.pdf"
    again = await tools.call("create_pdf", {"title": "A/B: ../x", "text": "Hi"}, context)
    assert cast("dict[str, Any]", again.output)["fileUrl"] == output["fileUrl"]
    files = await store.read(lambda tx: tx.made_files.find("o1"))
    assert len(files) == 1
