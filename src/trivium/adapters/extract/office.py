"""Word, PowerPoint and OpenDocument text: zip and XML."""

import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree as Xml

from trivium.adapters.extract.archives import open_archive, parse_xml, read_member
from trivium.adapters.extract.outcome import Problem, Read
from trivium.core.ports.knowledge import ExtractedPart

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_HEADING = re.compile(r"(?:heading|title|\w*berschrift|titre|titolo|t[ií]tulo|kop)\s*(\d?)", re.IGNORECASE)


class _Path:
    """The headings above the current place."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, str]] = []

    def enter(self, level: int, name: str) -> None:
        self._steps = [*(step for step in self._steps if step[0] < level), (level, name)]

    def __str__(self) -> str:
        return " > ".join(name for _, name in self._steps)


def read_docx(data: bytes, pages_max: int) -> Read:
    """Return paragraphs under their headings, tables with their rows; pages are not stored in this format."""
    archive = open_archive(data)
    names = _style_levels(archive)
    body = parse_xml(read_member(archive, "word/document.xml")).find(f"{_W}body")
    return Read(_docx_parts(body, names) if body is not None else [])


def _style_levels(archive: zipfile.ZipFile) -> dict[str, int]:
    """Return style id → heading level; the ids are translated in localised programs, the names mostly are not."""
    if "word/styles.xml" not in archive.namelist():
        return {}
    levels = {}
    for style in parse_xml(read_member(archive, "word/styles.xml")).iter(f"{_W}style"):
        name = style.find(f"{_W}name")
        found = _HEADING.fullmatch(name.get(f"{_W}val", "")) if name is not None else None
        if found:
            levels[style.get(f"{_W}styleId", "")] = int(found.group(1) or 1)
    return levels


def _docx_parts(body: Xml.Element, levels: dict[str, int]) -> Iterator[ExtractedPart]:
    path = _Path()
    for block in _blocks(body):
        if block.tag == f"{_W}tbl":
            yield ExtractedPart(text=_docx_table(block), heading=str(path), kind="table")
            continue
        text = _docx_text(block)
        style = block.find(f"{_W}pPr/{_W}pStyle")
        style_id = style.get(f"{_W}val", "") if style is not None else ""
        if text and style_id in levels:
            path.enter(levels[style_id], text)
            continue
        yield ExtractedPart(text=text, heading=str(path))


def _blocks(body: Xml.Element) -> Iterator[Xml.Element]:
    for block in body:
        if block.tag in (f"{_W}p", f"{_W}tbl"):
            yield block
        elif block.tag == f"{_W}sdt":
            content = block.find(f"{_W}sdtContent")
            if content is not None:
                yield from _blocks(content)


def _docx_text(paragraph: Xml.Element) -> str:
    pieces = []
    for node in paragraph.iter():
        if node.tag == f"{_W}t":
            pieces.append(node.text or "")
        elif node.tag in (f"{_W}tab", f"{_W}br", f"{_W}cr"):
            pieces.append(" ")
    return "".join(pieces).strip()


def _docx_table(table: Xml.Element) -> str:
    rows = (
        [" ".join(filter(None, map(_docx_text, cell.iter(f"{_W}p")))) for cell in row.findall(f"{_W}tc")]
        for row in table.findall(f"{_W}tr")
    )
    return "\n".join(" | ".join(row) for row in rows if any(row))


def read_pptx(data: bytes, pages_max: int) -> Read:
    """Return each slide's text under its title, with its notes; a slide is a page."""
    archive = open_archive(data)
    slides = _slides(archive)
    if len(slides) > pages_max:
        raise Problem("too_large", f"The presentation has {len(slides)} slides; at most {pages_max} are read.")
    return Read(_slide_parts(archive, slides), page_count=len(slides))


def _slides(archive: zipfile.ZipFile) -> list[str]:
    targets = _relations(archive, "ppt/presentation.xml")
    order = parse_xml(read_member(archive, "ppt/presentation.xml")).iter(f"{_P}sldId")
    return [targets[key] for slide in order if (key := slide.get(f"{_R}id", "")) in targets]


def _relations(archive: zipfile.ZipFile, path: str) -> dict[str, str]:
    folder, name = path.rsplit("/", 1)
    relations = f"{folder}/_rels/{name}.rels"
    if relations not in archive.namelist():
        return {}
    result = {}
    for node in parse_xml(read_member(archive, relations)):
        target = node.get("Target", "")
        steps = folder.split("/")
        for step in target.split("/"):
            if step == "..":
                steps = steps[:-1]
            else:
                steps.append(step)
        result[node.get("Id", "")] = target.lstrip("/") if target.startswith("/") else "/".join(steps)
    return result


def _slide_parts(archive: zipfile.ZipFile, slides: list[str]) -> Iterator[ExtractedPart]:
    names = set(archive.namelist())
    for number, path in enumerate(slides, 1):
        root = parse_xml(read_member(archive, path))
        title = next((_drawn(shape) for shape in root.iter(f"{_P}sp") if _is_title(shape)), "").replace("\n", " ")
        text = "\n".join(filter(None, (_drawn(shape) for shape in root.iter(f"{_P}sp") if not _is_title(shape))))
        if text or title:
            yield ExtractedPart(text=text or title, heading=title, page=number)
        for table in root.iter(f"{_A}tbl"):
            rows = ([_drawn(cell).replace("\n", " ") for cell in row.iter(f"{_A}tc")] for row in table.iter(f"{_A}tr"))
            yield ExtractedPart(
                text="\n".join(" | ".join(row) for row in rows), heading=title, page=number, kind="table"
            )
        for target in _relations(archive, path).values():
            if "notesSlide" in target and target in names:
                notes = parse_xml(read_member(archive, target))
                spoken = "\n".join(_drawn(shape) for shape in notes.iter(f"{_P}sp") if _is_notes_body(shape))
                yield ExtractedPart(text=spoken, heading=title, page=number)


def _drawn(shape: Xml.Element) -> str:
    lines = ("".join(run.text or "" for run in paragraph.iter(f"{_A}t")) for paragraph in shape.iter(f"{_A}p"))
    return "\n".join(line.strip() for line in lines if line.strip())


def _is_title(shape: Xml.Element) -> bool:
    place = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return place is not None and place.get("type") in ("title", "ctrTitle")


def _is_notes_body(shape: Xml.Element) -> bool:
    place = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return place is not None and place.get("type") == "body"


def read_opendocument(data: bytes, pages_max: int) -> Read:
    """Return paragraphs under their headings; slides of a presentation are pages."""
    root = parse_xml(read_member(open_archive(data), "content.xml"))
    return Read(_opendocument_parts(root))


def _opendocument_parts(root: Xml.Element) -> Iterator[ExtractedPart]:
    path = _Path()
    page = None
    inside: set[Xml.Element] = set()
    for node in root.iter():
        if node in inside:
            continue
        if node.tag == f"{_DRAW}page":
            page = (page or 0) + 1
        elif node.tag == f"{_TABLE}table":
            inside.update(node.iter())
            rows = (
                [
                    " ".join("".join(p.itertext()) for p in cell.iter(f"{_TEXT}p"))
                    for cell in row.findall(f"{_TABLE}table-cell")
                ]
                for row in node.iter(f"{_TABLE}table-row")
            )
            text = "\n".join(" | ".join(row) for row in rows if any(row))
            yield ExtractedPart(text=text, heading=str(path), page=page, kind="table")
        elif node.tag == f"{_TEXT}h":
            path.enter(int(node.get(f"{_TEXT}outline-level", "1")), "".join(node.itertext()).strip())
        elif node.tag == f"{_TEXT}p":
            yield ExtractedPart(text="".join(node.itertext()).strip(), heading=str(path), page=page)
