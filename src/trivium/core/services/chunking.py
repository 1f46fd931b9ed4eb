"""Cutting a document into passages of 100 to 200 words that say what they are about."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from trivium.core.model.json import JSONObject
from trivium.core.ports.knowledge import ExtractedPart

WORDS_MAX = 200
_WORDS_MIN = 30
_TABLE_WORDS_MAX = 120
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])")
_BLANK = re.compile(r"\n\s*\n")
# A stretch without spaces (Chinese, Japanese, Thai, or no language at all) counts a word for so many characters.
_WORD_CHARACTERS = 12


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A passage before it has an id; the fields are those of `Passage`."""

    text: str
    heading: str = ""
    page: int | None = None
    start_s: float | None = None
    context: str = ""
    metadata: JSONObject = field(default_factory=dict)


def chunk(parts: Sequence[ExtractedPart]) -> list[Chunk]:
    """Return the passages in reading order.

    A passage never crosses a heading, a page or a time; a table's pieces repeat its header; a row is its own passage.
    """
    return list(_chunks(parts))


def _chunks(parts: Sequence[ExtractedPart]) -> Iterator[Chunk]:
    for (heading, page, start_s, kind), group in groupby(parts, lambda p: (p.heading, p.page, p.start_s, p.kind)):
        if kind == "heading":
            continue
        if kind == "row":
            for part in group:
                yield from _row(part)
            continue
        if kind == "table":
            texts: Iterable[str] = (piece for part in group for piece in _table(part.text))
        else:
            texts = _prose("\n\n".join(part.text for part in group))
        for text in texts:
            yield Chunk(text=text, heading=heading, page=page, start_s=start_s)


def word_count(text: str) -> int:
    """Return about how many words there are, also where no spaces divide them."""
    return sum(1 + len(word) // _WORD_CHARACTERS for word in text.split())


def _row(part: ExtractedPart) -> Iterator[Chunk]:
    for text in _prose(part.text):
        yield Chunk(text=text, heading=part.heading, page=part.page, start_s=part.start_s, metadata=part.data)


def _prose(text: str) -> list[str]:
    """Return pieces of like size, cut between paragraphs where that is possible, else between sentences."""
    units = [unit for paragraph in _BLANK.split(text) if paragraph.strip() for unit in _units(paragraph.strip())]
    total = sum(count for _, _, count in units)
    if not total:
        return []
    target = total / max(1, -(-total // (WORDS_MAX - _WORDS_MIN)))
    pieces: list[str] = []
    current = ""
    size = 0
    for joint, unit, count in units:
        if current and (size + count > WORDS_MAX or size >= target):
            pieces.append(current)
            current, size = "", 0
        current = f"{current}{joint}{unit}" if current else unit
        size += count
    if pieces and size < _WORDS_MIN and word_count(pieces[-1]) + size <= WORDS_MAX + _WORDS_MIN:
        pieces[-1] = f"{pieces[-1]}\n{current}"
    else:
        pieces.append(current)
    return pieces


def _units(paragraph: str) -> Iterator[tuple[str, str, int]]:
    """Yield (what joins it to the unit before, text, words): whole paragraphs, or sentences of long ones."""
    count = word_count(paragraph)
    if count <= WORDS_MAX:
        yield "\n\n", paragraph, count
        return
    joint = "\n\n"
    for line in paragraph.split("\n"):
        for sentence in _SENTENCE_END.split(line):
            for piece in _cut(sentence.strip()):
                yield joint, piece, word_count(piece)
                joint = " "
        joint = "\n"


def _cut(sentence: str) -> Iterator[str]:
    """Yield the sentence, or pieces of one that is longer than a passage."""
    length = WORDS_MAX * _WORD_CHARACTERS // 2
    while word_count(sentence) > WORDS_MAX:
        space = sentence.rfind(" ", length // 2, length)
        end = space if space > 0 else length
        yield sentence[:end].strip()
        sentence = sentence[end:].strip()
    if sentence:
        yield sentence


def _table(text: str) -> Iterator[str]:
    header, *rows = [line for line in text.split("\n") if line.strip()] or [""]
    if not rows:
        yield from _prose(header)
        return
    header_words = word_count(header)
    piece: list[str] = []
    size = header_words
    for row in rows:
        count = word_count(row)
        if piece and size + count > _TABLE_WORDS_MAX:
            yield "\n".join([header, *piece])
            piece, size = [], header_words
        piece.append(row)
        size += count
    yield "\n".join([header, *piece])
