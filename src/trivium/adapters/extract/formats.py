"""From bytes to text: which reader takes which kind of file."""

from collections.abc import Callable

from trivium.adapters.extract.outcome import Problem, Read
from trivium.adapters.extract.recordings import read_recording
from trivium.adapters.extract.sniffing import MIME_TYPES, kind_of
from trivium.core.ports.knowledge import Extracted

CHARACTERS_MAX = 20_000_000


def extract(data: bytes, *, name: str, mime_type: str, pages_max: int, transcriber: str = "") -> Extracted:
    """Return the text of a file; Problem with the reason when there is none.

    `transcriber` is the folder of the speech model for recordings.
    """
    kind = kind_of(data, name, mime_type)
    found = read_recording(data, transcriber) if kind == "recording" else _reader(kind)(data, pages_max)
    parts = []
    characters = 0
    for part in found.parts:
        if not part.text.strip():
            continue
        characters += len(part.text)
        if characters > CHARACTERS_MAX:
            raise Problem("too_large", "The file holds more than 20 million characters of text; split it.")
        parts.append(part)
    if not parts:
        raise Problem("empty", _EMPTY.get(kind, "The file holds no text."))
    return Extracted(
        parts=tuple(parts),
        mime_type=mime_type if kind in ("image", "recording") else MIME_TYPES[kind],
        page_count=found.page_count,
        title=found.title,
    )


_EMPTY = {
    "pdf": "The PDF holds no text; it may be a scan. Upload a version with text, or install tesseract to read scans.",
    "image": "No text was recognised in the picture.",
    "recording": "Nobody was heard speaking in the recording.",
}


def _reader(kind: str) -> Callable[[bytes, int], Read]:
    """Return the reader; each brings libraries of its own, so only the one that is needed is imported."""
    if kind == "pdf":
        from trivium.adapters.extract.pdf import read_pdf

        return read_pdf
    if kind == "image":
        from trivium.adapters.extract.pictures import read_picture

        return read_picture
    if kind in ("html", "epub"):
        from trivium.adapters.extract import web

        return web.read_html if kind == "html" else web.read_epub
    if kind in ("docx", "pptx", "opendocument"):
        from trivium.adapters.extract import office

        return {"docx": office.read_docx, "pptx": office.read_pptx, "opendocument": office.read_opendocument}[kind]
    if kind in ("sheet", "csv"):
        from trivium.adapters.extract import tables

        return tables.read_sheets if kind == "sheet" else tables.read_csv
    from trivium.adapters.extract import plain

    return {
        "markdown": plain.read_markdown,
        "json": plain.read_json,
        "subtitles": plain.read_subtitles,
        "text": plain.read_text,
    }[kind]
