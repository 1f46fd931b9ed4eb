"""The index: which documents are loaded, and a search over them off the event loop."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from trivium.adapters.index.encoder import ProcessEncoder
from trivium.core.model.knowledge import Passage
from trivium.core.ports.knowledge import Embedder, EncodedPassage, Hit
from trivium.core.ports.store import Store

P = ParamSpec("P")
R = TypeVar("R")

# numpy comes with these, 25 MB and a tenth of a second: not before somebody searches.
if TYPE_CHECKING:
    from trivium.adapters.index.ranking import Candidate
    from trivium.adapters.index.segments import Key, Segment

_MEMORY_MAX_BYTES = 2 << 30
_DETAILS_MAX_BYTES = 64 << 20
_DOCUMENTS_PER_READ = 200
_TOP_MAX = 200


class _Loaded:
    """What is in memory of one organization."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.live: frozenset[Key] = frozenset()
        self.segments: tuple[Segment, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self.segments)


class MatrixIndex:
    """See `core.ports.PassageIndex`. Searches every signature of the documents asked for, then the best ones exactly.

    What it holds is a cache: a document (with its revision) that a search names and that is not loaded is read from the
    store first. So several processes agree, and nothing has to be rebuilt after a crash. Organizations that were not
    asked for the longest are dropped beyond 2 GiB.
    """

    def __init__(self, store: Store, embedder: Embedder, *, encoder: ProcessEncoder | None = None) -> None:
        self.id = f"{embedder.id}/1"
        self._store = store
        self._embedder = embedder
        self._encoder = encoder
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()
        self._details: OrderedDict[str, bytes] = OrderedDict()
        self._details_bytes = 0
        # One thread for questions, one for documents: an upload of a thousand files does not keep questions waiting.
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="index-ask")
        self._encoding = ThreadPoolExecutor(1, thread_name_prefix="index-encode")

    @property
    def size_bytes(self) -> int:
        """Return what the passages in memory take."""
        return sum(loaded.size_bytes for loaded in self._loaded.values()) + self._details_bytes

    async def encode(self, passages: Sequence[Passage]) -> Sequence[EncodedPassage]:
        """Return one code per passage, from the encoder's process if there is one."""
        if self._encoder is not None:
            return await self._encoder.encode(passages)
        return await _in(self._encoding, _encode, passages, self._embedder)

    async def search(
        self,
        organization_id: str,
        query: str,
        *,
        documents: Mapping[str, str],
        top_k: int,
        passage_ids: frozenset[str] | None = None,
    ) -> Sequence[Hit]:
        """Return the best passages of these documents, best first; `top_k` up to 200."""
        if not documents or top_k < 1 or not query.strip():
            return []
        segments = await self._segments(organization_id, documents)
        top_k = min(top_k, _TOP_MAX)
        look = partial(_look, documents=documents, passage_ids=passage_ids, depth=top_k, details=self._details)
        question, candidates, hits = await _in(self._asking, look, segments, query, self._embedder)
        if hits is None:
            ids = [candidate.passage_id for candidate in candidates]
            details = await self._details_of(organization_id, ids)
            hits = await _in(self._asking, _rank, question, candidates, details)
        return hits[:top_k]

    async def _details_of(self, organization_id: str, passage_ids: Sequence[str]) -> Mapping[str, bytes]:
        """Return the details of these passages; those that were asked for lately are still here, up to 64 MiB.

        A passage's code never changes under its id, so nothing here can be out of date.
        """
        missing = [one for one in passage_ids if one not in self._details]
        if missing:
            found = await self._store.read(lambda tx: tx.passages.details(organization_id, self.id, missing))
            self._details.update(found)
            self._details_bytes += sum(map(len, found.values()))
        known = {one: self._details[one] for one in passage_ids if one in self._details}
        for one in known:
            self._details.move_to_end(one)
        while self._details_bytes > _DETAILS_MAX_BYTES:
            self._details_bytes -= len(self._details.popitem(last=False)[1])
        return known

    async def likeness(self, text: str, others: Sequence[str]) -> Sequence[float]:
        """Return the cosine of each other text with this one."""
        return await _in(self._encoding, _cosines, text, others, self._embedder)

    async def forget(self, organization_id: str) -> None:
        """Drop what is in memory of an organization; the next search reads it again."""
        self._loaded.pop(organization_id, None)

    async def close(self) -> None:
        """End the threads and the encoder."""
        if self._encoder is not None:
            await self._encoder.close()
        self._asking.shutdown(wait=False, cancel_futures=True)
        self._encoding.shutdown(wait=False, cancel_futures=True)

    async def _segments(self, organization_id: str, documents: Mapping[str, str]) -> "tuple[Segment, ...]":
        loaded = self._loaded.setdefault(organization_id, _Loaded())
        self._loaded.move_to_end(organization_id)
        if not documents.items() <= loaded.live:
            async with loaded.lock:
                await self._load(organization_id, loaded, documents)
            self._drop_oldest()
        return loaded.segments

    async def _load(self, organization_id: str, loaded: _Loaded, documents: Mapping[str, str]) -> None:
        missing = [key for key in documents.items() if key not in loaded.live]
        for start in range(0, len(missing), _DOCUMENTS_PER_READ):
            part = dict(missing[start : start + _DOCUMENTS_PER_READ])
            found = await self._store.read(lambda tx, part=part: tx.passages.codes(organization_id, self.id, part))  # type: ignore[misc]
            by_document: dict[str, list[EncodedPassage]] = {document_id: [] for document_id in part}
            for code in found:
                by_document[code.document_id].append(code)
            # A newer revision of a document replaces the one in memory.
            live = frozenset(key for key in loaded.live if key[0] not in part) | part.items()
            rows = [((document_id, part[document_id]), codes) for document_id, codes in by_document.items() if codes]
            loaded.segments = await _in(self._asking, _with, loaded.segments, rows, live, self._embedder.dimensions)
            loaded.live = live

    def _drop_oldest(self) -> None:
        while len(self._loaded) > 1 and sum(one.size_bytes for one in self._loaded.values()) > _MEMORY_MAX_BYTES:
            self._loaded.popitem(last=False)


async def _in(threads: ThreadPoolExecutor, function: Callable[P, R], *arguments: P.args, **_: P.kwargs) -> R:
    return await asyncio.get_running_loop().run_in_executor(threads, partial(function, *arguments))


def _cosines(text: str, others: Sequence[str], embedder: Embedder) -> list[float]:
    import numpy as np

    vectors = np.asarray(embedder.embed([text, *others]), dtype=np.float32)
    return [float(cosine) for cosine in vectors[1:] @ vectors[0]]


def _encode(passages: Sequence[Passage], embedder: Embedder) -> list[EncodedPassage]:
    from trivium.adapters.index.codes import encode

    return encode(passages, embedder.embed)


def _look(
    segments: "Sequence[Segment]",
    query: str,
    embedder: Embedder,
    *,
    documents: Mapping[str, str],
    passage_ids: frozenset[str] | None,
    depth: int,
    details: Mapping[str, bytes],
) -> "tuple[Any, list[Candidate], list[Hit] | None]":
    """Return the question's vector, the candidates, and the hits too if all details are here: one hop less."""
    from trivium.adapters.index.ranking import Scope, find_candidates, rank

    question, candidates = find_candidates(segments, Scope(documents, passage_ids, depth), query, embedder)
    known = {one.passage_id: found for one in candidates if (found := details.get(one.passage_id)) is not None}
    return question, candidates, rank(question, candidates, known) if len(known) == len(candidates) else None


def _rank(question: Any, candidates: "Sequence[Candidate]", details: Mapping[str, bytes]) -> list[Hit]:
    from trivium.adapters.index.ranking import rank

    return rank(question, candidates, details)


def _with(
    segments: "tuple[Segment, ...]",
    rows: "Sequence[tuple[Key, Sequence[EncodedPassage]]]",
    live: "frozenset[Key]",
    dimensions: int,
) -> "tuple[Segment, ...]":
    """Return the segments with a new one; neighbours of like size are merged: never more than some dozen."""
    from trivium.adapters.index.segments import build, merge

    if not rows:
        return segments
    result = [*segments, build(rows, dimensions)]
    while len(result) > 1 and len(result[-2].passage_ids) <= 2 * len(result[-1].passage_ids):
        last = result.pop()
        result[-1] = merge(result[-1], last, live)
    return tuple(result)
