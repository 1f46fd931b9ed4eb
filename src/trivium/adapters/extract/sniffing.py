"""What a file is, by its bytes; its name only decides between kinds of text."""

import io
import zipfile

from trivium.adapters.extract.outcome import Problem
from trivium.adapters.extract.recordings import is_recording

_TEXT_BY_ENDING = {
    "md": "markdown",
    "markdown": "markdown",
    "csv": "csv",
    "tsv": "csv",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
    "html": "html",
    "htm": "html",
    "xhtml": "html",
    "srt": "subtitles",
    "vtt": "subtitles",
}
_TEXT_BY_MIME = {
    "text/markdown": "markdown",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/json": "json",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/x-subrip": "subtitles",
    "text/vtt": "subtitles",
}
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
_ARCHIVES = (b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD_BYTES = 1024

MIME_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "sheet": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "opendocument": "application/vnd.oasis.opendocument.text",
    "epub": "application/epub+zip",
    "markdown": "text/markdown",
    "csv": "text/csv",
    "json": "application/json",
    "html": "text/html",
    "subtitles": "text/vtt",
    "text": "text/plain",
    "image": "image",
    "recording": "recording",
}


def kind_of(data: bytes, name: str, mime_type: str) -> str:
    """Return the kind, a key of `MIME_TYPES`; Problem when it is one that holds no text for us."""
    head = data[:_HEAD_BYTES]
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise Problem("empty", "The file is empty.")
    if b"%PDF-" in head:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(data)
    if head.startswith(_OLE):
        return _kind_of_ole(data)
    if head.startswith(_IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "image"
    if is_recording(head):
        return "recording"
    if head.startswith(_ARCHIVES) or head.startswith(b"PK"):
        raise Problem("unsupported", "An archive cannot be searched; upload the files in it one by one.")
    return _kind_of_text(data, name, mime_type)


def _kind_of_text(data: bytes, name: str, mime_type: str) -> str:
    is_wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if not is_wide and b"\x00" in data[: 64 * _HEAD_BYTES]:
        raise Problem("unsupported", "This kind of file is not supported: it holds no text that could be read.")
    start = data[:_HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "html"
    if start.startswith(b"webvtt"):
        return "subtitles"
    ending = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    plain_type = mime_type.split(";")[0].strip().lower()
    return _TEXT_BY_ENDING.get(ending) or _TEXT_BY_MIME.get(plain_type) or "text"


def _kind_of_zip(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            start = archive.read("mimetype")[:80] if "mimetype" in names else b""
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Problem("unreadable", "The file is damaged: its contents cannot be unpacked.") from error
    for path, kind in (("word/document.xml", "docx"), ("ppt/presentation.xml", "pptx"), ("xl/workbook.xml", "sheet")):
        if path in names:
            return kind
    if "xl/workbook.bin" in names:
        return "sheet"
    if start.startswith(b"application/epub"):
        return "epub"
    if start.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
        return "sheet"
    if start.startswith(b"application/vnd.oasis.opendocument"):
        return "opendocument"
    raise Problem("unsupported", "An archive cannot be searched; upload the files in it one by one.")


def _kind_of_ole(data: bytes) -> str:
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise Problem("encrypted", "The file is protected by a password; upload a copy without it.")
    if "Workbook".encode("utf-16-le") in data:
        return "sheet"
    raise Problem("unsupported", "This old Office format is not supported; save the file as DOCX, PPTX or PDF.")
