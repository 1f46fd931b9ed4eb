"""Immutable blocks of searchable passages, merged as they grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from trivium.adapters.index.codes import SCALE_BYTES, restore
from trivium.core.ports.knowledge import EncodedPassage

Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of passages. `owner` is the number of a row's document in `keys` (document id, revision).

    `bits` are the signs of the vector: the distance of two sets of signs estimates the angle at a fortieth of the
    cost. Words stand as an inverted list: `vocabulary` sorted, `starts` into `postings`, which are rows.
    """

    keys: tuple[Key, ...]
    owner: Any
    passage_ids: tuple[str, ...]
    vectors: Any
    scales: Any
    bits: Any
    vocabulary: Any
    starts: Any
    postings: Any

    def rows_with(self, word: int) -> Any:
        """Return the rows that hold the word, ascending."""
        place = int(np.searchsorted(self.vocabulary, word))
        if place == len(self.vocabulary) or self.vocabulary[place] != word:
            return self.postings[:0]
        return self.postings[self.starts[place] : self.starts[place + 1]]

    @property
    def size_bytes(self) -> int:
        """Return what the arrays take."""
        arrays = (self.owner, self.vectors, self.scales, self.bits, self.vocabulary, self.starts, self.postings)
        return sum(int(array.nbytes) for array in arrays) + 100 * len(self.passage_ids)


def build(documents: Sequence[tuple[Key, Sequence[EncodedPassage]]], dimensions: int) -> Segment:
    """Return a segment of whole documents."""
    width = SCALE_BYTES + dimensions
    codes = [code for _, part in documents for code in part]
    vectors, scales = restore(b"".join(code.code[:width] for code in codes), dimensions)
    words = [np.frombuffer(code.code, dtype="<u4", offset=width) for code in codes]
    lengths = np.array([len(part) for part in words], dtype=np.int64)
    rows = np.repeat(np.arange(len(codes), dtype=np.int32), lengths)
    hashes = np.concatenate(words) if words else np.empty(0, dtype="<u4")
    return Segment(
        tuple(key for key, _ in documents),
        np.repeat(np.arange(len(documents), dtype=np.int32), [len(part) for _, part in documents]),
        tuple(code.passage_id for code in codes),
        np.ascontiguousarray(vectors),
        scales,
        signs(vectors),
        *_inverted(hashes, rows),
    )


def merge(first: Segment, second: Segment, live: frozenset[Key]) -> Segment:
    """Return one segment of the rows of both whose documents are still alive."""
    parts = (first, second)
    keys = tuple(key for part in parts for key in part.keys if key in live)
    numbers = {key: number for number, key in enumerate(keys)}
    keeps = []
    owners = []
    for part in parts:
        new = np.array([numbers.get(key, -1) for key in part.keys], dtype=np.int32)
        owner = new[part.owner] if len(part.owner) else part.owner
        keeps.append(owner >= 0)
        owners.append(owner[owner >= 0])
    hashes = []
    rows = []
    offset = 0
    for part, keep in zip(parts, keeps, strict=True):
        renumbered = np.cumsum(keep, dtype=np.int32) - 1 + offset
        stays = keep[part.postings]
        hashes.append(np.repeat(part.vocabulary, np.diff(part.starts))[stays])
        rows.append(renumbered[part.postings[stays]].astype(np.int32))
        offset += int(keep.sum())
    ids = tuple(
        passage_id
        for part, keep in zip(parts, keeps, strict=True)
        for passage_id, stays in zip(part.passage_ids, keep.tolist(), strict=True)
        if stays
    )
    return Segment(
        keys,
        np.concatenate(owners),
        ids,
        np.concatenate([part.vectors[keep] for part, keep in zip(parts, keeps, strict=True)]),
        np.concatenate([part.scales[keep] for part, keep in zip(parts, keeps, strict=True)]),
        np.concatenate([part.bits[keep] for part, keep in zip(parts, keeps, strict=True)]),
        *_inverted(np.concatenate(hashes), np.concatenate(rows)),
    )


def signs(vectors: Any) -> Any:
    """Return the sign of every component, 64 to a word."""
    return np.packbits(np.asarray(vectors) > 0, axis=1).view(np.uint64)


def _inverted(hashes: Any, rows: Any) -> tuple[Any, Any, Any]:
    order = np.argsort(hashes, kind="stable")
    vocabulary, starts = np.unique(hashes[order], return_index=True)
    return vocabulary, np.append(starts, len(hashes)).astype(np.int64), rows[order]
