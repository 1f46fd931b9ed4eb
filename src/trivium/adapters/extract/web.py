"""HTML and EPUB."""

import posixpath
import re
import zipfile
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from trivium.adapters.extract.archives import elements, open_archive, parse_xml, read_member
from trivium.adapters.extract.outcome import Problem, Read
from trivium.adapters.extract.plain import decode
from trivium.core.ports.knowledge import ExtractedPart

_SILENT = "script, style, noscript, template, svg, canvas, iframe, form, nav, footer, [hidden], [aria-hidden=true]"
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_BLOCKS = {"p", "li", "blockquote", "pre", "dd", "dt", "figcaption", "td", "caption", "address", "summary"}
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]*\n[ \t\r\f\v\u00a0\n]*|[ \t\r\f\v\u00a0]+")
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([A-Za-z0-9_-]{2,40})", re.IGNORECASE)
_DEPTH_MAX = 400


def read_html(data: bytes, pages_max: int) -> Read:
    """Return the text under its headings, without navigation, forms and scripts; tables apart."""
    tree = LexborHTMLParser(_html_text(data))
    title = tree.css_first("title")
    return Read(parts_of(tree), title=title.text(strip=True) if title else "")


def _html_text(data: bytes) -> str:
    found = _CHARSET.search(data[:4096])
    if found:
        try:
            return data.decode(found.group(1).decode())
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(data)


def parts_of(tree: LexborHTMLParser, page: int | None = None) -> Iterator[ExtractedPart]:
    """Yield the parts of a page."""
    for node in tree.css(_SILENT):
        node.decompose()
    root = tree.css_first("main, article, [role=main]") or tree.body
    if root is None or len(root.text(strip=True)) * 4 < len((tree.body or root).text(strip=True)):
        root = tree.body
    if root is None:
        return
    path: list[tuple[int, str]] = []
    block: list[str] = []

    def flush() -> Iterator[ExtractedPart]:
        text = "\n".join(line for line in (_tidy(piece) for piece in "".join(block).split("\n\n")) if line)
        block.clear()
        if text:
            yield ExtractedPart(text=text, heading=" > ".join(name for _, name in path), page=page)

    for kind, text in _walk(root, 0):
        if kind == "text":
            block.append(text)
            continue
        yield from flush()
        if kind == "table":
            yield ExtractedPart(text=text, heading=" > ".join(n for _, n in path), page=page, kind="table")
            continue
        level = _HEADINGS[kind]
        path = [*(step for step in path if step[0] < level), (level, text)]
    yield from flush()


def _walk(node: LexborNode, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEPTH_MAX:
        return
    for child in node.iter(include_text=True):
        tag = child.tag
        if tag == "-text":
            yield "text", re.sub(r"\s+", " ", child.text(deep=True) or "")
        elif tag in _HEADINGS:
            yield tag, _tidy(child.text(separator=" "))
        elif tag == "table":
            yield "table", _table(child)
        elif tag == "br":
            yield "text", "\n\n"
        else:
            is_block = tag in _BLOCKS or tag in ("div", "section", "ul", "ol", "dl", "article", "header", "main")
            if is_block:
                yield "text", "\n\n"
            yield from _walk(child, depth + 1)
            if is_block:
                yield "text", "\n\n"


def _table(table: LexborNode) -> str:
    rows = ([_tidy(cell.text(separator=" ")) for cell in row.css("th, td")] for row in table.css("tr"))
    return "\n".join(" | ".join(row) for row in rows if any(row))


def _tidy(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


def read_epub(data: bytes, pages_max: int) -> Read:
    """Return the chapters in the order of the spine; a chapter counts as a page."""
    archive = open_archive(data)
    opf_path = _package_path(archive)
    package = parse_xml(read_member(archive, opf_path))
    items = {item.get("id"): item.get("href", "") for item in elements(package, "item")}
    spine = [
        items[reference.get("idref")] for reference in elements(package, "itemref") if reference.get("idref") in items
    ]
    if len(spine) > pages_max:
        raise Problem("too_large", f"The book has {len(spine)} chapters; at most {pages_max} are read.")
    title = next((node.text or "" for node in elements(package, "title")), "")
    folder = posixpath.dirname(opf_path)
    paths = [posixpath.normpath(posixpath.join(folder, href)) for href in spine]
    return Read(_chapters(archive, paths), page_count=len(paths), title=title)


def _package_path(archive: zipfile.ZipFile) -> str:
    container = parse_xml(read_member(archive, "META-INF/container.xml"))
    path = next((node.get("full-path") for node in elements(container, "rootfile")), None)
    if path is None:
        raise Problem("unreadable", "The book is damaged: it has no table of its parts.")
    return path


def _chapters(archive: zipfile.ZipFile, paths: list[str]) -> Iterator[ExtractedPart]:
    names = set(archive.namelist())
    for number, path in enumerate(paths, 1):
        if path in names:
            yield from parts_of(LexborHTMLParser(decode(read_member(archive, path))), page=number)
