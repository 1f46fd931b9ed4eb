"""Search: which documents may be looked into, which passages answer, and why something was not shown."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from trivium.core.model.json import JSON
from trivium.core.model.knowledge import PROGRAM, Asker, Collection, Condition, Document
from trivium.core.ports import FoundPassage, Hit, PassageIndex, Reranker, Store, Transaction
from trivium.core.services.conditions import check, knows, matches
from trivium.core.services.visibility import Verdict, judge

# Quote from 0.30 up, "possibly relevant" from 0.20, nothing below (architecture, section 9).
QUOTE_FROM = 0.30
POSSIBLY_FROM = 0.20
_TOP_MAX = 100
_RERANKED = 40
_QUERY_CHARACTERS_MAX = 2000
_DOCUMENTS_MAX = 100_000
_SCOPES_KEPT = 64


@dataclass(frozen=True, kw_only=True)
class SearchScope:
    """Where to look, for whom. `collection_ids` empty: the documents outside every collection.

    `agent_id` adds the agent's own documents to those that every agent may use; `names` (or ids) and `folder` narrow.
    A document that does not know the key of a condition is left out, or, with `conditions_are_hints`, left as it is.
    """

    agent_id: str | None = None
    collection_ids: tuple[str, ...] = ()
    asker: Asker = PROGRAM
    names: tuple[str, ...] = ()
    folder: str | None = None
    conditions: tuple[Condition, ...] = ()
    conditions_are_hints: bool = False


@dataclass(frozen=True, kw_only=True)
class HitTest:
    """What a search finds and what it passes over: for tuning, not for visitors."""

    passages: tuple[FoundPassage, ...]
    refused: tuple[tuple[Document, str], ...]


@dataclass(frozen=True, slots=True)
class _Library:
    """The searchable documents of an organization at one version, and what scopes were found to see of them."""

    version: int
    documents: Sequence[Document]
    collections: Mapping[str, Collection]
    seen: "OrderedDict[SearchScope, _View]"


@dataclass(frozen=True, slots=True)
class _View:
    """What one scope may look into: documents by id, and id → revision for each way of encoding."""

    documents: Mapping[str, Document]
    revisions: Mapping[str, Mapping[str, str]]


class Searching:
    """Searches of all organizations. `indexes`: the current one first, then earlier ones that documents still use."""

    def __init__(self, *, store: Store, indexes: Sequence[PassageIndex], reranker: Reranker | None = None) -> None:
        self._store = store
        self._indexes = {index.id: index for index in indexes}
        self._reranker = reranker
        self._libraries: OrderedDict[str, _Library] = OrderedDict()

    async def search(
        self, organization_id: str, query: str, *, scope: SearchScope | None = None, top_k: int = 8
    ) -> list[FoundPassage]:
        """Return the best passages of documents the scope's asker may read, best first; `top_k` up to 100.

        Scores from `QUOTE_FROM` up answer the question, those from `POSSIBLY_FROM` may; what is lower is in it too.
        """
        scope = scope or SearchScope()
        check(scope.conditions)
        top_k = min(max(top_k, 1), _TOP_MAX)
        view = await self._view(organization_id, replace(scope, conditions=(), conditions_are_hints=False))
        allowed = await self._allowed(organization_id, view, scope) if scope.conditions else None
        query = query.strip()[:_QUERY_CHARACTERS_MAX]
        found: list[Hit] = []
        for encoding, revisions in view.revisions.items():
            found += await self._indexes[encoding].search(
                organization_id,
                query,
                documents=revisions,
                top_k=top_k if self._reranker is None else max(top_k, _RERANKED),
                passage_ids=allowed,
            )
        found.sort(key=lambda hit: -hit.score)
        passages = await self._passages(organization_id, view, found)
        return (await self._reranked(query, passages))[:top_k]

    async def hit_test(
        self, organization_id: str, query: str, *, scope: SearchScope | None = None, top_k: int = 20
    ) -> HitTest:
        """Return what a search with this scope finds, and every document of the place that its asker may not see."""
        scope = scope or SearchScope()
        passages = await self.search(organization_id, query, scope=scope, top_k=top_k)
        library = await self._library(organization_id)
        verdicts = [
            (one, judge(one, library.collections, scope.asker)) for one in library.documents if _is_inside(one, scope)
        ]
        refused = tuple((one, verdict.reason) for one, verdict in verdicts if not verdict.is_visible)
        return HitTest(passages=tuple(passages), refused=refused)

    async def explain(self, organization_id: str, document_id: str, scope: SearchScope) -> Verdict:
        """Return why a search with this scope may, or may not, find the document's passages; NotFound without it."""
        document = await self._store.read(lambda tx: tx.documents.get(organization_id, document_id))
        library = await self._library(organization_id)
        if document.revision is None:
            return Verdict(is_visible=False, reason=f"The document cannot be searched: it is {document.status}.")
        if not _is_inside(document, scope):
            return Verdict(is_visible=False, reason="The document is not where this search looks.")
        return judge(document, library.collections, scope.asker)

    async def _library(self, organization_id: str) -> _Library:
        """Return the documents as they are now; read again only when one has changed, whoever changed it."""
        known = self._libraries.get(organization_id)
        version = await self._store.read(lambda tx: tx.documents.version(organization_id))
        if known is None or known.version != version:
            known = await self._store.read(lambda tx: _read_library(tx, organization_id))
            self._libraries[organization_id] = known
        self._libraries.move_to_end(organization_id)
        while len(self._libraries) > _SCOPES_KEPT:
            self._libraries.popitem(last=False)
        return known

    async def _view(self, organization_id: str, scope: SearchScope) -> _View:
        library = await self._library(organization_id)
        view = library.seen.get(scope)
        if view is None:
            view = _look(library, scope, self._indexes)
            library.seen[scope] = view
            while len(library.seen) > _SCOPES_KEPT:
                library.seen.popitem(last=False)
        return view

    async def _allowed(self, organization_id: str, view: _View, scope: SearchScope) -> frozenset[str]:
        """Return the passages that fit the conditions."""
        revisions = {one.id: one.revision for one in view.documents.values() if one.revision is not None}
        rows = await self._store.read(lambda tx: tx.passages.metadata(organization_id, revisions))
        return frozenset(_fitting(rows, view.documents, scope))

    async def _passages(self, organization_id: str, view: _View, hits: Sequence[Hit]) -> list[FoundPassage]:
        ids = [hit.passage_id for hit in hits]
        passages = await self._store.read(lambda tx: tx.passages.by_ids(organization_id, ids))
        return [
            FoundPassage(
                passage=passage,
                document_name=view.documents[passage.document_id].name,
                score=round(hit.score, 4),
                cosine=round(hit.cosine, 4),
                coverage=round(hit.coverage, 4),
                metadata={**view.documents[passage.document_id].metadata, **passage.metadata},
            )
            for hit in hits
            if (passage := passages.get(hit.passage_id)) is not None and passage.document_id in view.documents
        ]

    async def _reranked(self, query: str, passages: list[FoundPassage]) -> list[FoundPassage]:
        if self._reranker is None or not passages:
            return passages
        scores = await self._reranker.rerank(query, [one.passage.text for one in passages])
        ranked = [replace(one, score=round(score, 4)) for one, score in zip(passages, scores, strict=True)]
        return sorted(ranked, key=lambda one: -one.score)


def _read_library(tx: Transaction, organization_id: str) -> _Library:
    # The version is read in the same snapshot as what it stands for.
    documents = [one for one in tx.documents.find(organization_id, limit=_DOCUMENTS_MAX) if one.revision is not None]
    collections = {one.id: one for one in tx.collections.find(organization_id, limit=_DOCUMENTS_MAX)}
    return _Library(tx.documents.version(organization_id), documents, collections, OrderedDict())


def _look(library: _Library, scope: SearchScope, encodings: Mapping[str, object]) -> _View:
    visible = {
        one.id: one
        for one in library.documents
        if _is_inside(one, scope) and judge(one, library.collections, scope.asker).is_visible
    }
    revisions: dict[str, dict[str, str]] = {}
    for one in visible.values():
        if one.embedder in encodings and one.embedder is not None and one.revision is not None:
            revisions.setdefault(one.embedder, {})[one.id] = one.revision
    return _View(visible, revisions)


def _is_inside(document: Document, scope: SearchScope) -> bool:
    wanted: tuple[str | None, ...] = scope.collection_ids or (None,)
    return (
        document.agent_id in (None, scope.agent_id)
        and document.collection_id in wanted
        and (not scope.names or document.name in scope.names or document.id in scope.names)
        and (scope.folder is None or f"{document.folder}/".startswith(f"{scope.folder.strip('/')}/"))
    )


def _fitting(
    rows: Sequence[tuple[str, str, Mapping[str, JSON]]], documents: Mapping[str, Document], scope: SearchScope
) -> Sequence[str]:
    """Return the ids among (passage id, document id, metadata) that fit every condition."""
    known = [
        {document_id for _, document_id, metadata in rows if knows(metadata, condition)}
        | {one.id for one in documents.values() if knows(one.metadata, condition)}
        for condition in scope.conditions
    ]
    return [
        passage_id
        for passage_id, document_id, metadata in rows
        if all(
            matches({**documents[document_id].metadata, **metadata}, condition)
            or (scope.conditions_are_hints and document_id not in knowing)
            for condition, knowing in zip(scope.conditions, known, strict=True)
        )
    ]
