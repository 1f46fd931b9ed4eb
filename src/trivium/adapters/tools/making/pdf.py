"""A small PDF writer: headings, paragraphs and lists, on A4, in the fonts that every reader has.

The fourteen standard fonts know the Western European letters of Windows-1252 and no others (ISO 32000-1, 9.6.2.2), so
what is written in other scripts is replaced by question marks and reported.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

PAGES_MAX = 100
_WIDTH, _HEIGHT, _MARGIN = 595.0, 842.0, 57.0
_TITLE, _BODY = 20.0, 11.0
_HEADINGS = {1: 16.0, 2: 13.5, 3: 12.0}
_HEADING = re.compile(r"(#{1,3})\s+(.+)")
_ITEM = re.compile(r"\s*(?:[-*]|\d{1,3}[.)])\s+")
_MARKS = re.compile(r"\*\*(.+?)\*\*|__(.+?)__|`(.+?)`")
# Widths of Helvetica in thousandths of the size (Adobe's metrics), from space to tilde; other letters count as 556.
_WIDTHS = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 "
    "278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 "
    "611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 "
    "556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"
)
_WIDTH_OF = {chr(32 + number): int(width) for number, width in enumerate(_WIDTHS.split())}


@dataclass(frozen=True)
class Line:
    """A line as it is set: its text, size, weight, and how far it stands in."""

    text: str
    size: float = _BODY
    is_bold: bool = False
    indent: float = 0.0
    gap: float = 0.0


@dataclass
class Written:
    """The file, and what could not be kept of the text."""

    data: bytes
    page_count: int
    warnings: list[str] = field(default_factory=list)


def write_pdf(title: str, text: str) -> Written:
    """Return a PDF of a text in simple Markdown: `#` headings, lists, paragraphs; what is beyond 100 pages is cut."""
    lines = [Line(part, _TITLE, is_bold=True) for part in _wrapped(title, _TITLE, 0.0)]
    lines += list(_lines(text))
    pages = _paged(lines)
    warnings = []
    if len(pages) > PAGES_MAX:
        pages = pages[:PAGES_MAX]
        warnings.append(f"The text was cut after {PAGES_MAX} pages.")
    lost = sum(1 for char in title + text if not _is_known(char))
    if lost:
        warnings.append(f"{lost} characters are not of a Western European script and were replaced.")
    return Written(data=_file(title, pages), page_count=len(pages), warnings=warnings)


def _lines(text: str) -> Iterator[Line]:
    for raw in text.replace("\r\n", "\n").split("\n"):
        plain = raw.expandtabs(4).rstrip()
        heading = _HEADING.fullmatch(plain)
        if not plain:
            yield Line("", gap=-_BODY * 0.6)
        elif heading:
            size = _HEADINGS[len(heading[1])]
            for number, part in enumerate(_wrapped(_unmarked(heading[2]), size, 0.0)):
                yield Line(part, size, is_bold=True, gap=0.0 if number else size * 0.6)
        elif item := _ITEM.match(plain):
            sign = item.group().strip()
            head = "\u2022 " if sign in ("-", "*") else f"{sign} "
            for number, part in enumerate(_wrapped(_unmarked(plain[item.end() :]), _BODY, 24.0)):
                yield Line((head if number == 0 else "  ") + part, indent=12.0)
        else:
            for part in _wrapped(_unmarked(plain), _BODY, 0.0):
                yield Line(part)


def _unmarked(text: str) -> str:
    return _MARKS.sub(lambda match: next(group for group in match.groups() if group), text)


def _wrapped(text: str, size: float, indent: float) -> list[str]:
    room = (_WIDTH - 2 * _MARGIN - indent) * 1000 / size
    lines, line, used = [], "", 0.0
    for word in text.split(" "):
        for piece in _pieces(word, room):
            width = _width(piece)
            if line and used + 278 + width > room:
                lines.append(line)
                line, used = "", 0.0
            line, used = (f"{line} {piece}", used + 278 + width) if line else (piece, width)
    return [*lines, line]


def _pieces(word: str, room: float) -> Iterator[str]:
    """Yield a word, in pieces where it is wider than a line."""
    most = max(1, int(room // 1015))
    if _width(word) <= room:
        yield word
    else:
        for start in range(0, len(word), most):
            yield word[start : start + most]


def _width(text: str) -> float:
    return sum(_WIDTH_OF.get(char, 556) for char in text) * 1.03


def _paged(lines: Sequence[Line]) -> list[list[tuple[float, Line]]]:
    pages: list[list[tuple[float, Line]]] = [[]]
    y = _HEIGHT - _MARGIN
    for line in lines:
        height = line.size * 1.35 + line.gap
        if y - height < _MARGIN and pages[-1]:
            pages.append([])
            y = _HEIGHT - _MARGIN
            if len(pages) > PAGES_MAX:
                break
        y -= height
        if line.text:
            pages[-1].append((y, line))
    return pages


def _file(title: str, pages: Sequence[Sequence[tuple[float, Line]]]) -> bytes:
    """Return catalog, pages, two fonts, the title, and a page object and its content for each page."""
    first = 6
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(pages)))
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        font.format("Helvetica").encode(),
        font.format("Helvetica-Bold").encode(),
        b"<< /Title (" + _escaped(title) + b") /Producer (Trivium) >>",
    ]
    for number, page in enumerate(pages):
        box = f"[0 0 {_WIDTH:g} {_HEIGHT:g}]"
        fonts = "<< /Font << /F1 3 0 R /F2 4 0 R >> >>"
        content = first + 2 * number + 1
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Resources {fonts} /Contents {content} 0 R >>".encode()
        )
        stream = zlib.compress(b"\n".join(_shown(y, line) for y, line in page))
        head = f"<< /Length {len(stream)} /Filter /FlateDecode >>".encode()
        objects.append(head + b"\nstream\n" + stream + b"\nendstream")
    data = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n".encode() + one + b"\nendobj\n"
    table = len(data)
    data += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    data += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    data += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 5 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(data)


def _shown(y: float, line: Line) -> bytes:
    font = "F2" if line.is_bold else "F1"
    place = f"BT /{font} {line.size:g} Tf {_MARGIN + line.indent:g} {y:.1f} Td (".encode()
    return place + _escaped(line.text) + b") Tj ET"


def _escaped(text: str) -> bytes:
    data = "".join(char if ord(char) >= 32 else " " for char in text).encode("cp1252", "replace")
    return data.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _is_known(char: str) -> bool:
    try:
        char.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True
