"""Documents in, passages out: add, index in the background, search what the asker may see, delete."""

import hashlib
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Literal

import anyio

from trivium.core.errors import Conflict, CoreError, InvalidRequest, LimitExceeded, NotFound
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import PROGRAM, Asker, Collection, Document, Passage, ViewAccess
from trivium.core.ports import BlobStore, Clock, Extractor, FoundPassage, PassageIndex, Store, Transaction
from trivium.core.services.chunking import Chunk, chunk
from trivium.core.services.jobs import JobRun, Jobs
from trivium.core.services.visibility import judge

INDEX_JOB = "knowledge.index"
# Quote from 0.30 up, "possibly relevant" from 0.20, nothing below (architecture, section 9).
QUOTE_FROM = 0.30
POSSIBLY_FROM = 0.20
_SIZE_MAX_BYTES = 100 << 20
_NAME_CHARACTERS_MAX = 255
_PASSAGES_MAX = 50_000
_BATCH = 32
_POLL_S = 0.05
_TOP_MAX = 100
_DOCUMENTS_MAX = 100_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What is known of a document before it is read. Its identity is name, folder, agent and collection together."""

    name: str
    mime_type: str = ""
    folder: str = ""
    agent_id: str | None = None
    collection_id: str | None = None
    kind: Literal["file", "url", "video"] = "file"
    view_access: ViewAccess = "authenticated"
    reader_emails: tuple[str, ...] = ()
    reader_domains: tuple[str, ...] = ()
    reader_groups: tuple[str, ...] = ()
    metadata: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SearchScope:
    """Where to look, for whom. `collection_ids` empty: the documents outside every collection.

    `agent_id` adds the agent's own documents to those that every agent may use; `names` and `folder` narrow.
    """

    agent_id: str | None = None
    collection_ids: tuple[str, ...] = ()
    asker: Asker = PROGRAM
    names: tuple[str, ...] = ()
    folder: str | None = None


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A document found by what somebody calls it."""

    document: Document
    matched_by: Literal["id", "name", "name_ci", "path"]


class Knowledge:
    """The documents of all organizations."""

    def __init__(
        self,
        *,
        store: Store,
        blobs: BlobStore,
        extractor: Extractor,
        index: PassageIndex,
        jobs: Jobs,
        clock: Clock,
        size_max_bytes: int = _SIZE_MAX_BYTES,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._extractor = extractor
        self._index = index
        self._jobs = jobs
        self._clock = clock
        self._size_max_bytes = size_max_bytes

    async def add(self, organization_id: str, upload: Upload, data: AsyncIterable[bytes] | bytes) -> Document:
        """Store a document and queue its indexing; returns it in state "processing".

        One with the same name, folder, agent and collection is replaced: its old passages stay findable until the new
        ones are complete. The same bytes again change nothing but access and metadata. LimitExceeded above 100 MB.
        """
        upload = _checked(upload)
        blob_key = f"documents/{organization_id}/{new_id('blb')}"
        counted = _Counted(data, self._size_max_bytes)
        async with aclosing(counted.pieces()) as pieces:
            await self._blobs.put(blob_key, pieces)
        try:
            document, is_new = await self._store.write(
                lambda tx: self._put(tx, organization_id, upload, blob_key=blob_key, counted=counted)
            )
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._blobs.delete(blob_key)
            raise
        if not is_new:
            await self._blobs.delete(blob_key)
        return document

    async def index(self, run: JobRun) -> None:
        """The job: read, cut, encode, store, then switch. Safe to repeat: it starts its revision anew, and one that
        was overtaken by a newer upload stops.
        """
        organization_id, document_id = run.job.organization_id, str(run.job.arguments["document_id"])
        document = await self._store.read(lambda tx: tx.documents.first(organization_id, id=document_id))
        if document is None or document.blob_key != run.job.arguments["blob_key"] or document.status == "ready":
            return
        try:
            await self._build(document, run)
        except (InvalidRequest, LimitExceeded, NotFound) as error:
            await self._fail(document, error)

    async def search(
        self, organization_id: str, query: str, *, scope: SearchScope | None = None, top_k: int = 8
    ) -> list[FoundPassage]:
        """Return the best passages of documents the scope's asker may read, best first; `top_k` up to 100.

        Scores from `QUOTE_FROM` up answer the question, those from `POSSIBLY_FROM` may; what is lower is in it too.
        """
        scope = scope or SearchScope()
        visible = await self._store.read(lambda tx: _visible(tx, organization_id, scope))
        revisions = {one.id: one.revision for one in visible.values() if one.revision is not None}
        hits = await self._index.search(organization_id, query, documents=revisions, top_k=min(top_k, _TOP_MAX))
        ids = [hit.passage_id for hit in hits]
        passages = await self._store.read(lambda tx: tx.passages.by_ids(organization_id, ids))
        return [
            FoundPassage(
                passage=passage,
                document_name=visible[passage.document_id].name,
                score=round(hit.score, 4),
                cosine=round(hit.cosine, 4),
                coverage=round(hit.coverage, 4),
                metadata=visible[passage.document_id].metadata,
            )
            for hit in hits
            if (passage := passages.get(hit.passage_id)) is not None and passage.document_id in visible
        ]

    async def get(self, organization_id: str, document_id: str) -> Document:
        """Return a document; NotFound(kind="document")."""
        return await self._store.read(lambda tx: tx.documents.get(organization_id, document_id))

    async def list(
        self, organization_id: str, *, limit: int = 100, before: str | None = None, **equals: str | None
    ) -> list[Document]:
        """Return documents, newest first; `equals` narrows by agent_id, collection_id, folder, kind or status."""
        return await self._store.read(
            lambda tx: tx.documents.find(organization_id, limit=limit, newest_first=True, before=before, **equals)
        )

    async def resolve(self, organization_id: str, name: str) -> Resolved:
        """Return the document somebody means: by id, exact name, `folder/name`, or name in any case, in this order.

        NotFound when there is none, Conflict when several fit equally well.
        """
        documents = await self._store.read(lambda tx: tx.documents.find(organization_id, limit=_DOCUMENTS_MAX))
        wanted = name.strip().strip("/")
        for matched_by, fits in (
            ("id", [one for one in documents if one.id == wanted]),
            ("name", [one for one in documents if one.name == wanted]),
            ("path", [one for one in documents if f"{one.folder}/{one.name}".strip("/") == wanted]),
            ("name_ci", [one for one in documents if one.name.casefold() == wanted.casefold()]),
        ):
            if len(fits) == 1:
                return Resolved(document=fits[0], matched_by=matched_by)  # type: ignore[arg-type]
            if fits:
                raise Conflict(f"{len(fits)} documents are called {name!r}; add the folder.", code="ambiguous")
        raise NotFound("document", name)

    async def delete(self, organization_id: str, document_id: str) -> None:
        """Delete a document with its text, vectors and files; NotFound when it is not there."""

        def remove(tx: Transaction) -> Document:
            document = tx.documents.get(organization_id, document_id)
            tx.passages.keep_only(organization_id, document_id, None)
            tx.documents.remove(organization_id, document_id)
            return document

        document = await self._store.write(remove)
        for key in filter(None, (document.blob_key, document.previous_blob_key)):
            await self._blobs.delete(key)

    async def wait_ready(self, organization_id: str, document_id: str, *, timeout_s: float = 60.0) -> Document:
        """Return the document as soon as it is not being processed any more; TimeoutError after `timeout_s`."""
        with anyio.fail_after(timeout_s):
            # Polled, because another process may be the one that indexes.
            while (document := await self.get(organization_id, document_id)).status == "processing":  # noqa: ASYNC110
                await anyio.sleep(_POLL_S)
        return document

    def _put(
        self, tx: Transaction, organization_id: str, upload: Upload, *, blob_key: str, counted: "_Counted"
    ) -> tuple[Document, bool]:
        now = self._clock.now()
        if upload.collection_id is not None:
            tx.collections.get(organization_id, upload.collection_id)
        known = tx.documents.first(
            organization_id,
            name=upload.name,
            folder=upload.folder,
            agent_id=upload.agent_id,
            collection_id=upload.collection_id,
        )
        access = {
            "view_access": upload.view_access,
            "reader_emails": upload.reader_emails,
            "reader_domains": upload.reader_domains,
            "reader_groups": upload.reader_groups,
            "metadata": upload.metadata,
        }
        digest = counted.digest.hexdigest()
        if known is not None and known.sha256 == digest and known.status != "failed":
            same = replace(known, updated_at=now, **access)  # type: ignore[arg-type]
            tx.documents.put(same)
            return same, False
        fresh = {
            **access,
            "mime_type": upload.mime_type,
            "size_bytes": counted.size_bytes,
            "sha256": digest,
            "blob_key": blob_key,
            "updated_at": now,
            "status": "processing",
            "stage": "queued",
            "progress": 0,
            "error": None,
        }
        if known is not None:
            document = replace(known, previous_blob_key=known.blob_key, **fresh)  # type: ignore[arg-type]
            tx.documents.put(document)
        else:
            document = Document(
                id=new_id("doc"),
                organization_id=organization_id,
                name=upload.name,
                folder=upload.folder,
                agent_id=upload.agent_id,
                collection_id=upload.collection_id,
                kind=upload.kind,
                created_at=now,
                **fresh,  # type: ignore[arg-type]
            )
            tx.documents.add(document)
        arguments: JSONObject = {"document_id": document.id, "blob_key": blob_key}
        tx.jobs.enqueue(self._jobs.make(organization_id, INDEX_JOB, arguments, unique_key=f"{INDEX_JOB}:{blob_key}"))
        return document, True

    async def _build(self, document: Document, run: JobRun) -> None:
        revision = document.blob_key.rsplit("/", 1)[-1]
        await self._note(document, stage="reading", progress=5)
        data = await self._blobs.get(document.blob_key)
        extracted = await self._extractor.extract(data, name=document.name, mime_type=document.mime_type)
        chunks = await anyio.to_thread.run_sync(chunk, extracted.parts)
        if not chunks:
            raise InvalidRequest("The file holds no text.", code="empty")
        if len(chunks) > _PASSAGES_MAX:
            raise InvalidRequest(f"The file gives more than {_PASSAGES_MAX} passages; split it.", code="too_large")
        passages = [_passage(document, revision, number, one) for number, one in enumerate(chunks)]
        for start in range(0, len(passages), _BATCH):
            await self._store_batch(document, passages[start : start + _BATCH], is_first=start == 0)
            progress = 10 + 85 * min(start + _BATCH, len(passages)) // len(passages)
            await self._note(document, stage="indexing", progress=progress)
            await run.report(progress)
        done = replace(
            document,
            status="ready",
            stage="ready",
            progress=100,
            mime_type=extracted.mime_type,
            revision=revision,
            passage_count=len(passages),
            page_count=extracted.page_count,
            embedder=self._index.id,
            previous_blob_key=None,
        )
        if await self._store.write(lambda tx: self._switch(tx, done)) and document.previous_blob_key:
            await self._blobs.delete(document.previous_blob_key)

    async def _store_batch(self, document: Document, passages: Sequence[Passage], *, is_first: bool) -> None:
        codes = await self._index.encode(passages)
        organization_id = document.organization_id

        def write(tx: Transaction) -> None:
            if is_first:
                # What an earlier attempt left behind.
                tx.passages.drop(organization_id, document.id, passages[0].revision)
            tx.passages.add(*passages)
            tx.passages.add_codes(organization_id, self._index.id, codes)

        await self._store.write(write)

    def _switch(self, tx: Transaction, done: Document) -> bool:
        """Make the new passages the ones that are found, in one step; False when a newer upload was faster."""
        current = tx.documents.first(done.organization_id, id=done.id)
        if current is None or current.blob_key != done.blob_key:
            tx.passages.drop(done.organization_id, done.id, done.revision or "")
            return False
        # Access may have changed meanwhile, and counts.
        tx.documents.put(
            replace(
                current,
                status=done.status,
                stage=done.stage,
                progress=done.progress,
                mime_type=done.mime_type,
                revision=done.revision,
                passage_count=done.passage_count,
                page_count=done.page_count,
                embedder=done.embedder,
                previous_blob_key=None,
                updated_at=self._clock.now(),
            )
        )
        tx.passages.keep_only(done.organization_id, done.id, done.revision)
        return True

    async def _fail(self, document: Document, error: CoreError) -> None:
        _log.info("Document %s cannot be indexed: %s", document.id, error.code)
        message = error.message
        if document.revision is not None:
            message += " The earlier version is still in use."
        await self._note(document, status="failed", stage="failed", error=message, progress=0)

    async def _note(self, document: Document, **changes: object) -> None:
        def write(tx: Transaction) -> None:
            current = tx.documents.first(document.organization_id, id=document.id)
            if current is not None and current.blob_key == document.blob_key:
                tx.documents.put(replace(current, updated_at=self._clock.now(), **changes))  # type: ignore[arg-type]

        await self._store.write(write)


class _Counted:
    """Passes bytes on and keeps their count and digest."""

    def __init__(self, data: AsyncIterable[bytes] | bytes, size_max_bytes: int) -> None:
        self._data = data
        self._size_max_bytes = size_max_bytes
        self.size_bytes = 0
        self.digest = hashlib.sha256()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes; LimitExceeded (is_size) when there are too many."""
        if isinstance(self._data, bytes):
            self._count(self._data)
            yield self._data
            return
        async for piece in self._data:
            self._count(piece)
            yield piece

    def _count(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        if self.size_bytes > self._size_max_bytes:
            limit = self._size_max_bytes >> 20
            raise LimitExceeded(f"A document may have at most {limit} MB.", code="too_large", is_size=True)
        self.digest.update(piece)


def _checked(upload: Upload) -> Upload:
    name = upload.name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    folder = "/".join(step for step in upload.folder.replace("\\", "/").split("/") if step.strip(". "))
    if not name or len(name) > _NAME_CHARACTERS_MAX or not name.isprintable():
        raise InvalidRequest("A document needs a name of at most 255 printable characters.", code="invalid_name")
    if len(folder) > _NAME_CHARACTERS_MAX or not folder.isprintable():
        raise InvalidRequest("A folder has at most 255 printable characters.", code="invalid_folder")
    return replace(upload, name=name, folder=folder)


def _passage(document: Document, revision: str, position: int, one: Chunk) -> Passage:
    return Passage(
        id=new_id("psg"),
        organization_id=document.organization_id,
        document_id=document.id,
        revision=revision,
        position=position,
        text=one.text,
        heading=one.heading,
        page=one.page,
        start_s=one.start_s,
        context=one.context,
        metadata=one.metadata,
    )


def _visible(tx: Transaction, organization_id: str, scope: SearchScope) -> dict[str, Document]:
    """Return the documents that may be searched, by id."""
    collections: Mapping[str, Collection] = {one.id: one for one in tx.collections.find(organization_id)}
    wanted: set[str | None] = set(scope.collection_ids) or {None}
    return {
        one.id: one
        for one in tx.documents.find(organization_id, limit=_DOCUMENTS_MAX)
        if one.revision is not None
        and one.agent_id in (None, scope.agent_id)
        and one.collection_id in wanted
        and (not scope.names or one.name in scope.names or one.id in scope.names)
        and (scope.folder is None or one.folder == scope.folder or one.folder.startswith(f"{scope.folder}/"))
        and judge(one, collections, scope.asker).is_visible
    }
