"""Cutting a document into passages of 100 to 200 words that say what they are about."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import ChunkMode
from trivium.core.ports.knowledge import ExtractedPart

WORDS_MAX = 200
_WORDS_MIN = 30
_TABLE_WORDS_MAX = 120
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])")
_CHILD_WORDS = 60
# Questions and answers as people write them in lists, in the languages of the embedder.
_QUESTION_MARKS = ("?", "\uff1f")
_QUESTION = re.compile(r"^[ \t]*(?:Q|F|P|D|Question|Frage|Pregunta|Domanda|Pergunta)[ \t]*\d*[:.)]", re.MULTILINE)
_MARK = re.compile(
    r"^[ \t]*(?:Q|F|P|D|A|R|Question|Frage|Pregunta|Domanda|Pergunta|Answer|Antwort)[ \t]*\d*[:.)][ \t]*", re.MULTILINE
)
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


def chunk(parts: Sequence[ExtractedPart], mode: ChunkMode = "general") -> list[Chunk]:
    """Return the passages in reading order.

    A passage never crosses a heading, a page or a time; a table's pieces repeat its header; a row is its own passage.
    "parent_child" cuts passages of about 60 words to be found by and keeps the section around each as its context;
    "question_answer" makes one passage of each question with its answer, and cuts the rest as usual.
    """
    if mode == "parent_child":
        return [child for parent in _chunks(parts) for child in _children(parent)]
    if mode == "question_answer":
        return [piece for whole in _chunks(_paired(parts)) for piece in _questions(whole)]
    return list(_chunks(parts))


def _children(parent: Chunk) -> list[Chunk]:
    if parent.metadata or word_count(parent.text) <= _CHILD_WORDS:
        return [parent]
    return [replace(parent, text=text, context=parent.text) for text in _prose(parent.text, _CHILD_WORDS)]


def _paired(parts: Sequence[ExtractedPart]) -> Iterator[ExtractedPart]:
    """Yield the parts with headings that ask something made the first line of what stands below them."""
    for part in parts:
        question = part.heading.rsplit(" > ", 1)[-1]
        if part.kind == "text" and question.endswith(_QUESTION_MARKS):
            yield replace(part, text=f"{question}\n{part.text}")
        else:
            yield part


def _questions(whole: Chunk) -> list[Chunk]:
    """Return a chunk for each "Q: … A: …" in it, or the chunk itself."""
    starts = [found.start() for found in _QUESTION.finditer(whole.text)]
    if not starts:
        return [whole]
    ends = [*starts[1:], len(whole.text)]
    texts = [whole.text[: starts[0]], *(whole.text[start:end] for start, end in zip(starts, ends, strict=True))]
    return [replace(whole, text=_MARK.sub("", text).strip()) for text in texts if text.strip()]


def _chunks(parts: Iterable[ExtractedPart]) -> Iterator[Chunk]:
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


def _prose(text: str, words_max: int = WORDS_MAX) -> list[str]:
    """Return pieces of like size, cut between paragraphs where that is possible, else between sentences."""
    units = [
        unit for paragraph in _BLANK.split(text) if paragraph.strip() for unit in _units(paragraph.strip(), words_max)
    ]
    total = sum(count for _, _, count in units)
    if not total:
        return []
    target = total / max(1, -(-total // (words_max * 17 // 20)))
    pieces: list[str] = []
    current = ""
    size = 0
    for joint, unit, count in units:
        if current and (size + count > words_max or size >= target):
            pieces.append(current)
            current, size = "", 0
        current = f"{current}{joint}{unit}" if current else unit
        size += count
    if pieces and size < _WORDS_MIN and word_count(pieces[-1]) + size <= words_max + _WORDS_MIN:
        pieces[-1] = f"{pieces[-1]}\n{current}"
    else:
        pieces.append(current)
    return pieces


def _units(paragraph: str, words_max: int) -> Iterator[tuple[str, str, int]]:
    """Yield (what joins it to the unit before, text, words): whole paragraphs, or sentences of long ones."""
    count = word_count(paragraph)
    if count <= words_max:
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
