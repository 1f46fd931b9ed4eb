"""Scores: the angle between meanings, and the share of the question's words that a passage holds.

`score = cosine + 0.2 * coverage²`. The cosine is 0.65 of the passage's and 0.35 of its best sentence's; coverage weighs
words by how rare they are among the passages the asker may see, so that nothing hidden shows through a score. The
weights are those that did best on `bench/retrieval` (docs/decisions/0020).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from trivium.adapters.index.codes import SCALE_BYTES, restore
from trivium.adapters.index.segments import Segment, signs
from trivium.adapters.index.words import hashes_of
from trivium.core.ports.knowledge import Embedder, Hit

_COVERAGE_WEIGHT = 0.2
_SENTENCE_SHARE = 0.35
_EXACT_ROWS_MAX = 2048
_EXACT_CANDIDATES = 256
# More than these by their sentences change nothing on the set of `bench/retrieval`.
_DETAILED_CANDIDATES = 32
_QUERY_WORDS_MAX = 64


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a search may look: documents (id → revision), and within them only these passages, if given.

    `depth` is how many hits are wanted.
    """

    documents: Mapping[str, str]
    passage_ids: frozenset[str] | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that came into question."""

    passage_id: str
    cosine: float
    coverage: float


def find_candidates(
    segments: Sequence[Segment], scope: Scope, query: str, embedder: Embedder
) -> tuple[Any, list[Candidate]]:
    """Return the question's vector and the best passages by their own vectors and words, best first."""
    question = np.asarray(embedder.embed([query])[0], dtype=np.float32)
    visible = [_visible(segment, scope) for segment in segments]
    coverages = _coverages(segments, visible, hashes_of(query)[:_QUERY_WORDS_MAX])
    total = int(sum(rows.sum() for rows in visible))
    wanted = max(_DETAILED_CANDIDATES, scope.depth)
    exact = max(_EXACT_CANDIDATES, 2 * wanted)
    found: list[tuple[float, Candidate]] = []
    for segment, rows, coverage in zip(segments, visible, coverages, strict=True):
        chosen = np.flatnonzero(rows)
        if total > _EXACT_ROWS_MAX and len(chosen) > exact:
            estimate = _estimated_cosine(segment, question)[chosen] + _COVERAGE_WEIGHT * coverage[chosen] ** 2
            chosen = chosen[np.argpartition(-estimate, exact)[:exact]]
        cosine = (segment.vectors[chosen].astype(np.float32) @ question) * segment.scales[chosen]
        score = cosine + _COVERAGE_WEIGHT * coverage[chosen] ** 2
        best = np.argsort(-score, kind="stable")[:wanted]
        found.extend(
            (float(score[n]), Candidate(segment.passage_ids[chosen[n]], float(cosine[n]), float(coverage[chosen[n]])))
            for n in best
        )
    found.sort(key=lambda pair: -pair[0])
    return question, [candidate for _, candidate in found[:wanted]]


def rank(question: Any, candidates: Sequence[Candidate], details: Mapping[str, bytes]) -> list[Hit]:
    """Return the hits, best first, after the sentences of each were looked at too."""
    found = [details.get(candidate.passage_id, b"") for candidate in candidates]
    vectors, scales = restore(b"".join(found), len(question))
    cosines = (vectors.astype(np.float32) @ question) * scales
    ends = np.cumsum([len(one) // (len(question) + SCALE_BYTES) for one in found]).tolist()
    best = [max(part) if (part := cosines[start:end].tolist()) else None for start, end in pairwise([0, *ends])]
    hits = []
    for candidate, sentence in zip(candidates, best, strict=True):
        cosine = candidate.cosine
        if sentence is not None:
            cosine += _SENTENCE_SHARE * (sentence - cosine)
        score = cosine + _COVERAGE_WEIGHT * candidate.coverage**2
        hits.append(Hit(passage_id=candidate.passage_id, score=score, cosine=cosine, coverage=candidate.coverage))
    return sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))


def _visible(segment: Segment, scope: Scope) -> Any:
    """Return which rows may be found; a document that the scope does not name exactly is closed."""
    get = scope.documents.get
    opened = np.array([get(document_id) == revision for document_id, revision in segment.keys], dtype=bool)
    rows = opened[segment.owner]
    if scope.passage_ids is not None:
        allowed = scope.passage_ids
        rows &= np.array([passage_id in allowed for passage_id in segment.passage_ids], dtype=bool)
    return rows


def _coverages(segments: Sequence[Segment], visible: Sequence[Any], words: Sequence[int]) -> list[Any]:
    """Return for each row the weight of the question's words it holds, as a share of 1."""
    coverages = [np.zeros(len(rows), dtype=np.float32) for rows in visible]
    total = sum(int(rows.sum()) for rows in visible)
    weights = 0.0
    for word in words:
        places = [_open_rows(segment, rows, word) for segment, rows in zip(segments, visible, strict=True)]
        count = sum(len(rows) for rows in places)
        weight = math.log(1 + (total - count + 0.5) / (count + 0.5))
        weights += weight
        for coverage, rows in zip(coverages, places, strict=True):
            coverage[rows] += weight
    if weights:
        for coverage in coverages:
            coverage /= weights
    return coverages


def _open_rows(segment: Segment, visible: Any, word: int) -> Any:
    rows = segment.rows_with(word)
    return rows[visible[rows]]


def _estimated_cosine(segment: Segment, question: Any) -> Any:
    """Return the cosine that the share of equal signs suggests (random hyperplanes: angle = π * differing share)."""
    differing = np.bitwise_count(segment.bits ^ signs(question[None, :])).sum(axis=1, dtype=np.int16)
    return np.cos(np.pi / len(question) * np.arange(len(question) + 1, dtype=np.float32))[differing]
