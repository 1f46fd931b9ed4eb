"""Plain text, Markdown, JSON and subtitles."""

import json
import re
from collections.abc import Iterable, Iterator

from trivium.adapters.extract.outcome import Problem, Read
from trivium.core.model.json import JSON
from trivium.core.ports.knowledge import ExtractedPart

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_TABLE_LINE = re.compile(r"^\s*\|.*\|\s*$")
_TABLE_RULE = re.compile(r"^\s*\|?[\s:|-]+\|[\s:|-]*$")
_CUE_TIME = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{3})\s*-->")
_MARKUP = re.compile(r"<[^>]{1,80}>|\{\\[^}]{1,40}\}")
_CUES_SPAN_S = 45.0
_JSON_DEPTH_MAX = 40


def decode(data: bytes) -> str:
    """Return the text: UTF-8 or -16 by its mark, UTF-8 when it is valid, otherwise Windows-1252."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def read_text(data: bytes, pages_max: int) -> Read:
    """Return paragraphs; a form feed ends a page."""
    pages = decode(data).split("\f")
    if len(pages) == 1:
        return Read([ExtractedPart(text=pages[0])])
    return Read((ExtractedPart(text=text, page=number) for number, text in enumerate(pages, 1)), page_count=len(pages))


def read_markdown(data: bytes, pages_max: int) -> Read:
    """Return sections under their path of headings; tables apart."""
    lines = decode(data).replace("\r\n", "\n").split("\n")
    title = next((m.group(2) for line in lines[:50] if (m := _HEADING.match(line)) and len(m.group(1)) == 1), "")
    return Read(_sections(_without_front_matter(lines)), title=title)


def _without_front_matter(lines: list[str]) -> list[str]:
    if lines and lines[0].strip() == "---":
        end = next((n for n, line in enumerate(lines[1:200], 1) if line.strip() == "---"), None)
        if end is not None:
            return lines[end + 1 :]
    return lines


def _sections(lines: list[str]) -> Iterator[ExtractedPart]:
    path: list[tuple[int, str]] = []
    block: list[str] = []
    is_code = False

    def part(*, is_table: bool = False) -> ExtractedPart:
        text = "\n".join(line for line in block if not (is_table and _TABLE_RULE.match(line)))
        block.clear()
        heading = " > ".join(name for _, name in path)
        return ExtractedPart(text=text, heading=heading, kind="table" if is_table else "text")

    was_table = False
    for line in lines:
        is_code ^= bool(_FENCE.match(line))
        heading = None if is_code else _HEADING.match(line)
        is_table = not is_code and bool(_TABLE_LINE.match(line))
        if heading or is_table != was_table:
            yield part(is_table=was_table)
        was_table = is_table
        if heading is None:
            block.append(line)
            continue
        level = len(heading.group(1))
        path = [step for step in path if step[0] < level]
        path.append((level, heading.group(2)))
    yield part(is_table=was_table)


def read_json(data: bytes, pages_max: int) -> Read:
    """Return a list of records row by row, anything else as `path: value` lines; JSON Lines too."""
    text = decode(data)
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise Problem("unreadable", "The JSON is nested too deeply.") from error
    except ValueError as error:
        try:
            value = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise Problem("unreadable", f"This is not valid JSON: {error}.") from error
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return Read(_record(item) for item in value)
    return Read([ExtractedPart(text="\n".join(_lines(value, "", 0)))])


def _record(item: dict[str, JSON]) -> ExtractedPart:
    flat = {key: value for key, value in item.items() if isinstance(value, str | int | float | bool)}
    return ExtractedPart(text="\n".join(_lines(item, "", 0)), kind="row", data=flat)  # type: ignore[arg-type]


def _lines(value: JSON, path: str, depth: int) -> Iterator[str]:
    if depth > _JSON_DEPTH_MAX:
        raise Problem("unreadable", "The JSON is nested too deeply.")
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, f"{path} {key}".strip(), depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _lines(inner, path, depth + 1)
    elif value is not None and value != "":
        yield f"{path}: {value}" if path else str(value)


def read_subtitles(data: bytes, pages_max: int) -> Read:
    """Return stretches of about 45 seconds with the time each begins."""
    blocks = re.split(r"\n\s*\n", decode(data).replace("\r\n", "\n"))
    return Read(stretches([cue for block in blocks if (cue := _cue(block)) is not None]))


def _cue(block: str) -> tuple[float, str] | None:
    lines = block.strip().split("\n")
    for number, line in enumerate(lines[:3]):
        if found := _CUE_TIME.search(line):
            hours, minutes, seconds, thousandths = (int(group or 0) for group in found.groups())
            text = " ".join(_MARKUP.sub("", inner).strip() for inner in lines[number + 1 :])
            return hours * 3600 + minutes * 60 + seconds + thousandths / 1000, text
    return None


def stretches(cues: Iterable[tuple[float, str]]) -> Iterator[ExtractedPart]:
    """Yield what is said in stretches of about 45 seconds, from (second, text) in order."""
    texts: list[str] = []
    start = 0.0
    for at, text in cues:
        if texts and at - start > _CUES_SPAN_S:
            yield ExtractedPart(text=" ".join(texts), start_s=start)
            texts = []
        if not texts:
            start = at
        # Live captions repeat the line before.
        if not texts or texts[-1] != text:
            texts.append(text)
    if texts:
        yield ExtractedPart(text=" ".join(texts), start_s=start)
