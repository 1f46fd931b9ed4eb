"""Which sentences of the found passages answer the question."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trivium.adapters.models.sentences import Sentence, split_text
from trivium.core.model.json import JSON
from trivium.core.ports.knowledge import Embedder

# Cosine plus a tenth of the squared coverage; the thresholds belong to that scale.
QUOTE_FROM = 0.30
POSSIBLY_FROM = 0.20
_COVERAGE_WEIGHT = 0.1
# How much the passage's own score and the likeness of the heading count beside the sentence's.
_PASSAGE_WEIGHT = 0.3
_HEADING_WEIGHT = 0.3
_NEAR_BEST = 0.93
_SENTENCES_MAX = 60
_PASSAGES_MAX = 8
# What follows a quoted sentence in its paragraph is quoted along while it is about the question, too.
_FOLLOWING_MAX = 2
_FOLLOWING_FROM = 0.5
_QUOTE_CHARS_MAX = 360
_TERM = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class FoundText:
    """A passage as the search tool reports it; `number` is its place among the run's sources, from 1."""

    number: int
    name: str
    text: str
    score: float
    page: int | None = None
    heading: str = ""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Words to show and where they stand; `score` is on the scale of the thresholds."""

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
                number=first_number + (number - 1 if isinstance(number, int) else position),
                name=str(item.get("name") or item.get("document_name") or item.get("document") or ""),
                text=text,
                score=float(score) if isinstance(score, int | float) else 0.0,
                page=page if isinstance(page, int) else None,
                heading=str(item.get("heading") or ""),
            )
        )
    return found


def choose_quotes(
    question: str, passages: Sequence[FoundText], embedder: Embedder | None, *, quotes_max: int = 2
) -> list[Quote]:
    """Return the sentences nearest to the question, best first; blocking, at most 60 sentences are embedded.

    Further ones are taken only when they are nearly as good as the best. Empty when nothing reaches `POSSIBLY_FROM`.
    """
    candidates = _candidates(passages)
    if not candidates:
        return []
    scores = _scores(question, candidates, embedder)
    order = sorted(range(len(candidates)), key=lambda index: -scores[index])
    quotes: list[Quote] = []
    for index in order:
        if scores[index] < _NEAR_BEST * scores[order[0]] or len(quotes) == quotes_max:
            break
        if all(_overlap(candidates[index][0].text, quote.text) < 0.8 for quote in quotes):
            text = _with_following(candidates, scores, index)
            quotes.append(Quote(text=text, passage=candidates[index][1], score=scores[index]))
    return quotes


def _candidates(passages: Sequence[FoundText]) -> list[tuple[Sentence, FoundText]]:
    best = max((passage.score for passage in passages), default=0.0)
    ranked = sorted(passages, key=lambda passage: -passage.score)[:_PASSAGES_MAX]
    candidates = []
    for passage in ranked:
        if passage.score >= POSSIBLY_FROM and (passage.score >= QUOTE_FROM or best < QUOTE_FROM):
            candidates += [(sentence, passage) for sentence in split_text(passage.text, passage.heading)]
    return candidates[:_SENTENCES_MAX]


def _scores(question: str, candidates: Sequence[tuple[Sentence, FoundText]], embedder: Embedder | None) -> list[float]:
    """Return how well each sentence answers: its own likeness, its heading's and its passage's."""
    weights = _term_weights(question, list({passage.text for _, passage in candidates}))
    covered = [_coverage(f"{sentence.heading} {sentence.text}", weights) for sentence, _ in candidates]
    likeness = dict.fromkeys((text for s, _ in candidates for text in (s.text, s.heading) if text), 0.0)
    if embedder is not None:
        likeness = dict(zip(likeness, cosines(embedder.embed([question, *likeness])), strict=True))
    scores = []
    for (sentence, passage), coverage in zip(candidates, covered, strict=True):
        own = likeness[sentence.text] + _COVERAGE_WEIGHT * coverage**2 if embedder else coverage
        heading = likeness.get(sentence.heading, 0.0)
        if heading > own:
            own += _HEADING_WEIGHT * (heading - own)
        scores.append((1 - _PASSAGE_WEIGHT) * own + _PASSAGE_WEIGHT * passage.score)
    return scores


def _with_following(candidates: Sequence[tuple[Sentence, FoundText]], scores: Sequence[float], index: int) -> str:
    sentence, passage = candidates[index]
    text = sentence.text
    for later in range(index + 1, min(index + 1 + _FOLLOWING_MAX, len(candidates))):
        following, its_passage = candidates[later]
        is_next = its_passage is passage and following.paragraph == sentence.paragraph
        is_about_it = scores[later] >= _FOLLOWING_FROM * scores[index]
        if not is_next or not is_about_it or len(text) + len(following.text) > _QUOTE_CHARS_MAX:
            break
        text = f"{text} {following.text}"
    return text


def cosines(vectors: Sequence[Sequence[float]]) -> list[float]:
    """Return how near each of the unit vectors is to the first."""
    import numpy

    matrix = numpy.asarray(vectors, dtype=numpy.float32)
    return [float(cosine) for cosine in matrix[1:] @ matrix[0]]


def _term_weights(question: str, texts: Sequence[str]) -> dict[str, float]:
    """Return how much each word of the question tells, by how few passages hold it."""
    terms = {term for term in _TERM.findall(question.lower()) if len(term) > 1}
    held = [set(_TERM.findall(text.lower())) for text in texts]
    return {term: math.log(1 + (len(held) + 1) / (1 + sum(term in words for words in held))) for term in terms}


def _coverage(text: str, weights: Mapping[str, float]) -> float:
    total = sum(weights.values())
    terms = set(_TERM.findall(text.lower()))
    return sum(weight for term, weight in weights.items() if term in terms) / total if total else 0.0


def _overlap(text: str, other: str) -> float:
    """Return which share of the shorter text's words the other has, too."""
    words, others = set(_TERM.findall(text.lower())), set(_TERM.findall(other.lower()))
    return len(words & others) / max(1, min(len(words), len(others)))
