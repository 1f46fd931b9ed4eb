"""Which sentences of the found passages answer the question."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trivium.core.model.json import JSON
from trivium.core.ports.knowledge import Embedder

# Cosine plus a tenth of the squared coverage; the thresholds belong to that scale.
QUOTE_FROM = 0.30
POSSIBLY_FROM = 0.20
_COVERAGE_WEIGHT = 0.1
_PASSAGE_WEIGHT = 0.3
_NEAR_BEST = 0.85
_SENTENCES_MAX = 80
_PASSAGES_MAX = 8
_SENTENCE_CHARS_MAX = 400
_BREAK = re.compile(r"(?<=[.!?…])[\"'”)]*\s+(?=[^\Wa-zà-ÿ_]|[\"'“„«¿¡(\[])|\n+")
_MARKUP = re.compile(r"^[\s#>*+|\-\u2013•]+|[\s|*]+$")
_TERM = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class FoundText:
    """A passage as the search tool reports it; `number` is its place among the run's sources, from 1."""

    number: int
    name: str
    text: str
    score: float
    page: int | None = None


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Words to show and where they stand."""

    text: str
    passage: FoundText
    score: float


def read_passages(output: JSON, first_number: int = 1) -> list[FoundText]:
    """Return the passages in a search tool's output, a list or an object with one; what has no text is left out."""
    if isinstance(output, Mapping):
        output = next((output[key] for key in ("passages", "results", "sources") if key in output), [])
    if not isinstance(output, Sequence) or isinstance(output, str):
        return []
    found = []
    for position, item in enumerate(output):
        if not isinstance(item, Mapping):
            continue
        text = str(item.get("text") or item.get("quote") or "").strip()
        if not text:
            continue
        page, score, number = item.get("page"), item.get("score"), item.get("number")
        found.append(
            FoundText(
                number=number if isinstance(number, int) else first_number + position,
                name=str(item.get("name") or item.get("document_name") or item.get("document") or ""),
                text=text,
                score=float(score) if isinstance(score, int | float) else 0.0,
                page=page if isinstance(page, int) else None,
            )
        )
    return found


def choose_quotes(
    question: str, passages: Sequence[FoundText], embedder: Embedder | None, *, quotes_max: int = 3
) -> list[Quote]:
    """Return the sentences nearest to the question, best first; blocking, at most 80 sentences are embedded.

    Further ones are taken only when they are nearly as good as the best. Empty when nothing reaches `POSSIBLY_FROM`.
    """
    candidates = _candidates(passages)
    if not candidates:
        return []
    cosines = _cosines(question, [text for text, _ in candidates], embedder)
    weights = _term_weights(question, [passage.text for passage in passages])
    quotes = []
    for (text, passage), cosine in zip(candidates, cosines, strict=True):
        own = cosine + _COVERAGE_WEIGHT * _coverage(text, weights) ** 2 if embedder else _coverage(text, weights)
        score = (1 - _PASSAGE_WEIGHT) * own + _PASSAGE_WEIGHT * passage.score
        quotes.append(Quote(text=text, passage=passage, score=score))
    quotes.sort(key=lambda quote: -quote.score)
    return _distinct([q for q in quotes if q.score >= _NEAR_BEST * quotes[0].score], quotes_max)


def _candidates(passages: Sequence[FoundText]) -> list[tuple[str, FoundText]]:
    best = max((passage.score for passage in passages), default=0.0)
    ranked = sorted(passages, key=lambda passage: -passage.score)[:_PASSAGES_MAX]
    candidates = []
    for passage in ranked:
        if passage.score >= POSSIBLY_FROM and (passage.score >= QUOTE_FROM or best < QUOTE_FROM):
            candidates += [(sentence, passage) for sentence in sentences(passage.text)]
    return candidates[:_SENTENCES_MAX]


def sentences(text: str) -> list[str]:
    """Return the text's sentences and lines without list and heading marks, each at most 400 characters."""
    parts = (_MARKUP.sub("", part) for part in _BREAK.split(text))
    shortened = (part if len(part) <= _SENTENCE_CHARS_MAX else part[: _SENTENCE_CHARS_MAX - 1] + "…" for part in parts)
    return [part for part in shortened if len(_TERM.findall(part)) >= 2]


def _cosines(question: str, texts: Sequence[str], embedder: Embedder | None) -> list[float]:
    if embedder is None:
        return [0.0] * len(texts)
    asked, *vectors = embedder.embed([question, *texts])
    return [float(sum(a * b for a, b in zip(asked, vector, strict=True))) for vector in vectors]


def _term_weights(question: str, texts: Sequence[str]) -> dict[str, float]:
    """Return how much each word of the question tells, by how few passages hold it."""
    terms = {term for term in _TERM.findall(question.lower()) if len(term) > 1}
    held = [set(_TERM.findall(text.lower())) for text in texts]
    return {term: math.log(1 + (len(held) + 1) / (1 + sum(term in words for words in held))) for term in terms}


def _coverage(text: str, weights: Mapping[str, float]) -> float:
    total = sum(weights.values())
    terms = set(_TERM.findall(text.lower()))
    return sum(weight for term, weight in weights.items() if term in terms) / total if total else 0.0


def _distinct(quotes: Sequence[Quote], quotes_max: int) -> list[Quote]:
    kept: list[Quote] = []
    for quote in quotes:
        words = set(_TERM.findall(quote.text.lower()))
        if all(_overlap(words, set(_TERM.findall(other.text.lower()))) < 0.8 for other in kept):
            kept.append(quote)
        if len(kept) == quotes_max:
            break
    return kept


def _overlap(words: set[str], others: set[str]) -> float:
    return len(words & others) / max(1, min(len(words), len(others)))
