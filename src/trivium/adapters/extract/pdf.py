"""PDF through PDFium."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2
from pypdfium2 import raw

from trivium.adapters.extract.outcome import Problem, Read
from trivium.adapters.extract.pictures import is_ocr_available, text_of_picture
from trivium.core.ports.knowledge import ExtractedPart

_SCAN_DPI = 200
_SCAN_POINTS_MAX = 3000
_SCANNED_PAGES_MAX = 50
_LINE_IS_SHORT = 0.75
_HEADING_CHARACTERS_MAX = 120
_HEADING_SIZE = 1.12
_BULLET = re.compile(r"^([-\u2013\u2022*\u25aa\u25e6]|\d+[.)]|[a-z][.)])\s")
# PDFium marks a hyphen at the end of a line with U+FFFE.
_HYPHENS = "\ufffe\u00ad"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page and the size of its letters in points."""

    text: str
    size: float


def read_pdf(data: bytes, pages_max: int) -> Read:
    """Return the text page by page; pages without text are read by OCR when that is installed (the first 50)."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Problem("encrypted", "The PDF is protected by a password; upload a copy without it.") from error
        raise Problem("unreadable", "The PDF is damaged and cannot be read.") from error
    if len(document) > pages_max:
        raise Problem("too_large", f"The PDF has {len(document)} pages; at most {pages_max} are read.")
    title = str(document.get_metadata_dict().get("Title") or "")
    return Read(_pages(document), page_count=len(document), title=title)


def _pages(document: pypdfium2.PdfDocument) -> Iterator[ExtractedPart]:
    scans = 0
    heading = ""
    for number in range(len(document)):
        try:
            page = document[number]
        except pypdfium2.PdfiumError:
            # One damaged page should not cost the others.
            continue
        lines = _lines(page)
        if not lines and scans < _SCANNED_PAGES_MAX and is_ocr_available():
            scans += 1
            lines = [Line(text, 0.0) for text in _scanned(page).splitlines()]
        for is_heading, paragraph in paragraphs_of(lines):
            if is_heading:
                heading = paragraph
            kind = "heading" if is_heading else "text"
            yield ExtractedPart(text=paragraph, heading=heading, page=number + 1, kind=kind)  # type: ignore[arg-type]
        page.close()


def _lines(page: pypdfium2.PdfPage) -> list[Line]:
    words = page.get_textpage()
    text = words.get_text_range()
    lines = []
    start = 0
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped:
            place = start + line.index(stripped[0])
            lines.append(Line(stripped, round(float(raw.FPDFText_GetFontSize(words.raw, place)), 1)))
        start += len(line) + 1
    return lines


def _scanned(page: pypdfium2.PdfPage) -> str:
    # A page of the size of a house would not fit the memory as a picture.
    points = max(page.get_size())
    scale = min(_SCAN_DPI / 72, _SCAN_POINTS_MAX * _SCAN_DPI / 72 / max(points, 1) / 4)
    return text_of_picture(page.render(scale=scale).to_pil())


def paragraphs_of(lines: list[Line]) -> list[tuple[bool, str]]:
    """Return (is heading, text) of a page.

    A line that stops well short of the others ends its paragraph; larger letters than the page's own make a heading,
    if text follows before the next one.
    """
    sizes = Counter[float]()
    for line in lines:
        sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    widest = max((len(line.text) for line in lines if line.size <= body), default=0)
    blocks: list[tuple[bool, list[str]]] = []
    is_open = False
    for line in lines:
        is_heading = body > 0 and line.size > body * _HEADING_SIZE and len(line.text) <= _HEADING_CHARACTERS_MAX
        if not is_open or is_heading or blocks[-1][0] or _BULLET.match(line.text):
            blocks.append((is_heading, []))
        blocks[-1][1].append(line.text)
        is_open = not is_heading and len(line.text) >= widest * _LINE_IS_SHORT
    paragraphs = [(is_heading, _joined(block)) for is_heading, block in blocks]
    following = [*(is_heading for is_heading, _ in paragraphs[1:]), False][: len(paragraphs)]
    return [
        (is_heading and not next_is_heading, text)
        for (is_heading, text), next_is_heading in zip(paragraphs, following, strict=True)
    ]


def _joined(lines: list[str]) -> str:
    text = lines[0]
    for before, line in pairwise(lines):
        text = text[:-1] + line if before[-1] in _HYPHENS else f"{text} {line}"
    return text.strip(_HYPHENS)
