"""Whatever a file holds, its reader ends in time, and the next file is read."""

import io
import random
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from trivium.adapters.extract import ProcessExtractor
from trivium.core.errors import InvalidRequest

FILES = Path(__file__).parent / "files"
DOCX = "word/document.xml"


@pytest.fixture
async def extractor() -> AsyncIterator[ProcessExtractor]:
    extractor = ProcessExtractor(timeout_s=20, memory_max_bytes=1 << 30)
    yield extractor
    await extractor.close()


def zipped(**members: bytes) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stored.getvalue()


def laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{entities}]><x>&l9;</x>'.encode()


def many_pages() -> bytes:
    kids = " ".join(["3 0 R"] * 20_000)
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 20000/Kids["
        + kids.encode()
        + b"]>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>"
    )


HOSTILE = {
    "bomb.docx": lambda: zipped(**{DOCX: b"<x>" + b"A" * 300_000_000}),
    "laughs.docx": lambda: zipped(**{DOCX: laughs()}),
    "deep.docx": lambda: zipped(**{DOCX: b"<x>" * 200_000}),
    "empty.docx": lambda: zipped(**{DOCX: b""}),
    "deep.json": lambda: b"[" * 500_000,
    "deep.html": lambda: b"<html>" + b"<div>" * 30_000 + b"x",
    "pages.pdf": many_pages,
    "cut.pdf": lambda: (FILES / "guide.pdf").read_bytes()[:9000],
    "huge.png": lambda: (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01\x00\x00\x00\x01\x00\x00\x08\x02\x00\x00\x00" + b"\0" * 90
    ),
    "line.csv": lambda: b"a,b\n" + b'"' + b"x" * 12_000_000,
    "book.epub": lambda: zipped(mimetype=b"application/epub+zip"),
}


CODES = {
    "needs_transcript",
    "",
    "empty",
    "unreadable",
    "unsupported",
    "encrypted",
    "too_large",
    "too_slow",
    "needs_ocr",
}


async def outcome(extractor: ProcessExtractor, data: bytes, name: str) -> tuple[int, str]:
    """Return how many characters were found, and the code of the refusal."""
    try:
        found = await extractor.extract(data, name=name, mime_type="")
    except InvalidRequest as refused:
        return 0, refused.code
    return sum(len(part.text) for part in found.parts), ""


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_is_refused_and_the_next_one_read(extractor: ProcessExtractor, name: str) -> None:
    characters, code = await outcome(extractor, HOSTILE[name](), name)
    assert characters < 20_000_000
    assert code in CODES
    plain = await extractor.extract(b"still here", name="a.txt", mime_type="text/plain")
    assert plain.parts[0].text == "still here"


async def test_damaged_files_never_stop_the_reader(extractor: ProcessExtractor) -> None:
    chance = random.Random(20260105)
    originals = [path.read_bytes() for path in sorted(FILES.iterdir())]
    for _ in range(150):
        data = bytearray(chance.choice(originals))
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        _, code = await outcome(extractor, bytes(data[: chance.randrange(1, len(data))]), "x")
        assert code in CODES


async def test_a_reader_that_takes_too_long_is_ended() -> None:
    extractor = ProcessExtractor(timeout_s=0.01)
    with pytest.raises(InvalidRequest) as refused:
        await extractor.extract(b"a", name="a.txt", mime_type="")
    assert refused.value.code == "too_slow"
    await extractor.close()


async def test_the_memory_of_a_reader_has_an_end() -> None:
    extractor = ProcessExtractor(memory_max_bytes=200 << 20)
    with pytest.raises(InvalidRequest) as refused:
        await extractor.extract(b"a,b\n" + b"1,2\n" * 3_000_000, name="a.csv", mime_type="")
    assert refused.value.code in {"too_large", "unreadable"}
    await extractor.close()
