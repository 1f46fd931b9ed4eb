"""Text cut into sentences that can be quoted, each with the heading it stands under."""

import re
from dataclasses import dataclass

SENTENCE_CHARS_MAX = 400
_BREAK = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”)]))\s+(?=[^\Wa-zà-ÿ_]|[\"'“„«¿¡(\[])")
_MARKED_HEADING = re.compile(r"#{1,6}\s+")
_ITEM = re.compile(r"(?:[-*+•\u2013]|\d{1,3}[.)])\s+")
_ROW = re.compile(r"[^:;|]{1,60}: [^;|]*; |\|.*\|")
_CLOSED = re.compile(r"[.!?…:;,][\"'”)]*$")
_WORD = re.compile(r"\w+")
_HEADING_CHARS_MAX = 80
_HEADING_WORDS_MAX = 12


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence, list item or table row; those with the same `paragraph` follow each other directly."""

    text: str
    heading: str
    paragraph: int


def split_text(text: str, heading: str = "") -> list[Sentence]:
    """Return the sentences in order, without headings and marks, each at most 400 characters.

    Lines that were wrapped are joined. A short line without a full stop before text that begins anew is a heading.
    """
    sentences: list[Sentence] = []
    paragraph: list[str] = []
    is_listed = False
    number = 0
    lines = [line.strip() for line in text.strip().splitlines()]
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        marked, item = _MARKED_HEADING.match(line), _ITEM.match(line)
        if not line or marked or item or _ROW.match(line) or _begins_anew(paragraph, line):
            parts = _split_paragraph(paragraph)
            # Text taken from a page may run a heading on to the paragraph before it.
            run_on = parts.pop() if not line and parts and not is_listed and _is_heading(parts[-1]) else ""
            sentences += _sentences(parts, heading, number)
            heading = run_on or heading
            paragraph = []
            number += 1
        if marked:
            heading = line[marked.end() :].rstrip("# ")
        elif not paragraph and not item and _is_heading(line) and following and not following[0].islower():
            heading = line
        elif line:
            is_listed = bool(item) if not paragraph else is_listed
            paragraph.append(line[item.end() :] if item else line)
    return [*sentences, *_sentences(_split_paragraph(paragraph), heading, number)]


def _split_paragraph(lines: list[str]) -> list[str]:
    return [part for part in (part.strip("| ") for part in _BREAK.split(" ".join(lines))) if part]


def _sentences(parts: list[str], heading: str, paragraph: int) -> list[Sentence]:
    # A single word says nothing that could be quoted.
    told = [_shortened(part) for part in parts if len(_WORD.findall(part)) >= 2]
    return [Sentence(text=part, heading=heading, paragraph=paragraph) for part in told]


def _begins_anew(paragraph: list[str], line: str) -> bool:
    """Return whether a line starts a paragraph although no empty line says so."""
    if not paragraph:
        return False
    if _ROW.match(paragraph[-1]):
        return True
    is_short = len(line) < _HEADING_CHARS_MAX // 2 and not _CLOSED.search(line)
    return is_short and bool(_CLOSED.search(paragraph[-1])) and line[0].isupper()


def _is_heading(line: str) -> bool:
    """Return whether a line reads like one, whatever stands around it."""
    is_short = len(line) <= _HEADING_CHARS_MAX and 0 < len(_WORD.findall(line)) <= _HEADING_WORDS_MAX
    return is_short and not _CLOSED.search(line) and not line[0].islower() and not _ROW.match(line)


def _shortened(text: str) -> str:
    return text if len(text) <= SENTENCE_CHARS_MAX else text[: SENTENCE_CHARS_MAX - 1] + "…"
