"""Answering from files that came with the question, where there is no language model to read them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trivium.adapters.models.quoting import (
    QUOTE_FROM,
    FoundText,
    Quote,
    choose_quotes,
    cosines,
    read_passages,
)
from trivium.core.ports.knowledge import Embedder
from trivium.core.ports.models import ChatMessage

_CHUNK_CHARS = 900
_CHUNKS_MAX = 120


def quote_attached(question: str, messages: Sequence[ChatMessage], embedder: Embedder | None) -> list[Quote]:
    """Return the sentences of the attached files that surely answer, best first; blocking. Empty when none does."""
    chunks = [chunk for passage in _attached(messages) for chunk in _split(passage)][:_CHUNKS_MAX]
    if not chunks or not question.strip():
        return []
    if embedder is None:
        scores = [QUOTE_FROM] * len(chunks)
    else:
        scores = list(cosines(embedder.embed([question, *(chunk.text for chunk in chunks)])))
    ranked = [replace(chunk, score=score) for chunk, score in zip(chunks, scores, strict=True)]
    return [quote for quote in choose_quotes(question, ranked, embedder) if quote.score >= QUOTE_FROM]


def _attached(messages: Sequence[ChatMessage]) -> list[FoundText]:
    found: list[FoundText] = []
    for message in messages:
        if message.role == "system" and isinstance(message.data, Mapping):
            found += read_passages(message.data, len(found) + 1)
    return found


def _split(passage: FoundText) -> list[FoundText]:
    chunks: list[str] = []
    for paragraph in passage.text.split("\n"):
        if chunks and len(chunks[-1]) + len(paragraph) < _CHUNK_CHARS:
            chunks[-1] += "\n" + paragraph
        else:
            chunks += [paragraph[at : at + _CHUNK_CHARS] for at in range(0, len(paragraph), _CHUNK_CHARS)] or [""]
    return [replace(passage, text=chunk.strip()) for chunk in chunks if chunk.strip()]
