"""Text out of files, meaning out of text, passages out of questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import Passage

PartKind = Literal["text", "heading", "table", "row", "question"]


@dataclass(frozen=True, kw_only=True)
class ExtractedPart:
    """A stretch of a document's text under one heading, on one page or at one time.

    A "table" has its header in the first line; a "row" is one record whose columns stand in `data`; a "question" is
    text whose first line asks what the rest answers.
    """

    text: str
    heading: str = ""
    page: int | None = None
    start_s: float | None = None
    kind: PartKind = "text"
    data: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """All text of a document in reading order."""

    parts: tuple[ExtractedPart, ...]
    mime_type: str
    page_count: int | None = None
    title: str = ""


class Extractor(Protocol):
    """Text out of files, in a bounded worker process."""

    async def extract(self, data: bytes, *, name: str, mime_type: str) -> Extracted:
        """Return the text; InvalidRequest with a reason a person understands when there is none to be had."""


class Embedder(Protocol):
    """Meaning as vectors. Blocking and heavy: call it through a thread."""

    id: str
    dimensions: int

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one unit vector per text."""


@dataclass(frozen=True, kw_only=True)
class EncodedPassage:
    """What an index needs to know of a passage, opaque to everyone else and stored beside it.

    `code` is kept in memory by the index; `detail` is read for the few passages that come into question.
    """

    passage_id: str
    document_id: str
    revision: str
    code: bytes
    detail: bytes = b""


@dataclass(frozen=True, kw_only=True)
class FoundPassage:
    """A search hit. `score` is the fused score, `cosine` and `coverage` what it was made of."""

    passage: Passage
    document_name: str
    score: float
    cosine: float
    coverage: float
    metadata: JSONObject


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A passage an index found, by id."""

    passage_id: str
    score: float
    cosine: float
    coverage: float


class PassageIndex(Protocol):
    """Search over the passages of documents; it keeps no truth of its own, only a cache of what the store holds.

    `id` names how passages are encoded: two codes can be compared only when they were made under the same id.
    """

    id: str

    async def encode(self, passages: Sequence[Passage]) -> Sequence[EncodedPassage]:
        """Return one code per passage. Heavy, off the event loop: give it some dozens at a time."""

    async def search(
        self,
        organization_id: str,
        query: str,
        *,
        documents: Mapping[str, str],
        top_k: int,
        passage_ids: frozenset[str] | None = None,
    ) -> Sequence[Hit]:
        """Return the best passages of these documents only (id → revision), and of these passages only, if given."""

    async def likeness(self, text: str, others: Sequence[str]) -> Sequence[float]:
        """Return how near the meaning of each other text is, as a cosine."""


class Reranker(Protocol):
    """A second, slower look at the best passages."""

    async def rerank(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """Return a score per text on the scale of a search: 0.30 answers, below 0.20 does not."""
