"""Passages as bytes: quantised vectors and word hashes, and back."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from trivium.adapters.index.words import hashes_of
from trivium.core.model.knowledge import Passage
from trivium.core.ports.knowledge import EncodedPassage

# Full stops, and their wide forms in Chinese and Japanese writing.
_WIDE_ENDS = "\u3002\uff01\uff1f"
_SENTENCE_END = re.compile(rf"(?<=[.!?{_WIDE_ENDS}])\s+|(?<=[{_WIDE_ENDS}])|\n+")
_SENTENCE_CHARACTERS_MIN = 12
_SENTENCES_MAX = 24
_NAME_CHARACTERS_MAX = 60
SCALE_BYTES = 4


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a passage, at most 24; crumbs are joined to the sentence before them."""
    sentences: list[str] = []
    for piece in _SENTENCE_END.split(text):
        piece = (piece or "").strip()
        if not piece:
            continue
        if sentences and len(piece) < _SENTENCE_CHARACTERS_MIN and piece.isascii():
            sentences[-1] += " " + piece
        else:
            sentences.append(piece)
    return sentences[:_SENTENCES_MAX]


def quantise(vectors: Any) -> bytes:
    """Return unit vectors as rows of one float32 scale and int8 components; an error of 0.002 in a cosine."""
    matrix = np.asarray(vectors, dtype=np.float32)
    scales = np.maximum(np.abs(matrix).max(axis=1), 1e-9) / 127
    rows = np.empty((len(matrix), SCALE_BYTES + matrix.shape[1]), dtype=np.uint8)
    rows[:, :SCALE_BYTES] = scales.astype("<f4")[:, None].view(np.uint8)
    rows[:, SCALE_BYTES:] = np.rint(matrix / scales[:, None]).astype(np.int8).view(np.uint8)
    return rows.tobytes()


def restore(data: bytes, dimensions: int) -> tuple[Any, Any]:
    """Return (int8 rows, float32 scales) of what `quantise` made."""
    rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, SCALE_BYTES + dimensions)
    scales = rows[:, :SCALE_BYTES].copy().view("<f4")[:, 0]
    return rows[:, SCALE_BYTES:].view(np.int8), scales


def encode(passages: Sequence[Passage], embed: Any) -> list[EncodedPassage]:
    """Return the codes: the vector and the words in `code`, the vectors of the sentences in `detail`."""
    texts = [spoken(passage) for passage in passages]
    parts = [_said(passage) for passage in passages]
    # One call for everything: a batch costs a third of what single texts cost.
    vectors = np.asarray(embed([*texts, *(sentence for part in parts for sentence in part)]), dtype=np.float32)
    codes = []
    start = len(texts)
    for number, (passage, part) in enumerate(zip(passages, parts, strict=True)):
        words = np.array(hashes_of(texts[number]), dtype="<u4").tobytes()
        detail = vectors[start : start + len(part)]
        start += len(part)
        codes.append(
            EncodedPassage(
                passage_id=passage.id,
                document_id=passage.document_id,
                revision=passage.revision,
                code=quantise(vectors[number : number + 1]) + words,
                detail=quantise(detail) if len(part) else b"",
            )
        )
    return codes


def spoken(passage: Passage) -> str:
    """Return what is compared with a question: the heading says what a passage is about, so it belongs to it."""
    name = _row_name(passage) or passage.heading
    return f"{name}\n{passage.text}" if name else passage.text


def _said(passage: Passage) -> list[str]:
    """Return the sentences, each under its headings, because few say again what they are about (measured: a question
    about one step of a manual finds it at 0.43 in place of 0.35). A row is also said by its name alone.
    """
    if name := _row_name(passage):
        return [name, *sentences_of(passage.text)]
    heading = passage.heading.replace(" > ", ": ")
    return [f"{heading}: {sentence}" if heading else sentence for sentence in sentences_of(passage.text)]


def _row_name(passage: Passage) -> str:
    """Return the cell that names a row: the longest with letters that is not prose; nothing for other passages."""
    cells = [cell for cell in passage.metadata.values() if isinstance(cell, str) and len(cell) <= _NAME_CHARACTERS_MAX]
    return max((cell for cell in cells if any(map(str.isalpha, cell))), key=len, default="")
