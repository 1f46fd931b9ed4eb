"""PDF through PDFium."""

import re
from collections.abc import Iterator

import pypdfium2

from trivium.adapters.extract.outcome import Problem, Read
from trivium.adapters.extract.pictures import is_ocr_available, text_of_picture
from trivium.core.ports.knowledge import ExtractedPart

_SCAN_DPI = 200
_SCANNED_PAGES_MAX = 50
_LINE_IS_SHORT = 0.75
_HEADING_CHARACTERS_MAX = 80
_BULLET_SIGNS = "-\u2013\u2022*\u25aa\u25e6"
_BULLET = re.compile(rf"^([{_BULLET_SIGNS}]|\d+[.)]|[a-z][.)])\s")


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
        page = document[number]
        text = page.get_textpage().get_text_range()
        if not text.strip() and scans < _SCANNED_PAGES_MAX and is_ocr_available():
            scans += 1
            text = text_of_picture(page.render(scale=_SCAN_DPI / 72).to_pil())
        for is_heading, paragraph in paragraphs_of(text):
            if is_heading:
                heading = paragraph
            yield ExtractedPart(
                text=paragraph, heading=heading, page=number + 1, kind="heading" if is_heading else "text"
            )
        page.close()


def paragraphs_of(text: str) -> list[tuple[bool, str]]:
    """Return (is heading, text) of a page: a line that stops well short of the others ends its paragraph."""
    # PDFium marks a hyphen at the end of a line with U+FFFE.
    text = re.sub(r"[\ufffe\u00ad]\r?\n?", "", text)
    lines = [line.strip() for line in text.replace("\r", "").split("\n")]
    widest = max(map(len, lines), default=0)
    result: list[tuple[bool, str]] = []
    open_lines: list[str] = []

    def close() -> None:
        if open_lines:
            paragraph = " ".join(open_lines)
            result.append((len(open_lines) == 1 and _is_heading(paragraph, widest), paragraph))
            open_lines.clear()

    for line in lines:
        if not line or (open_lines and _BULLET.match(line)):
            close()
        if line:
            open_lines.append(line)
            if len(line) < widest * _LINE_IS_SHORT:
                close()
    close()
    return result


def _is_heading(line: str, widest: int) -> bool:
    return (
        len(line) <= min(_HEADING_CHARACTERS_MAX, widest * _LINE_IS_SHORT)
        and line[-1] not in ".!?,;:)|"
        and (line[0].isupper() or line[0].isdigit())
        and sum(c.isalpha() for c in line) * 2 > len(line)
        and line[0] not in _BULLET_SIGNS
    )
