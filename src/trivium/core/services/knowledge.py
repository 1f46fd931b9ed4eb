"""Documents of all organizations: add, change, list, delete; reading and searching them stand beside it."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Literal

import anyio

from trivium.core.errors import Conflict, InvalidRequest, LimitExceeded, NotFound
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import ChunkMode, Document, Passage, ViewAccess
from trivium.core.ports import BlobStore, Clock, Extractor, FoundPassage, Store, Transaction
from trivium.core.services.chunking import Chunk, chunk
from trivium.core.services.deliveries import check_url
from trivium.core.services.indexing import FETCH_JOB, INDEX_JOB, Indexing, index_arguments
from trivium.core.services.jobs import Jobs
from trivium.core.services.searching import POSSIBLY_FROM, QUOTE_FROM, HitTest, Searching, SearchScope
from trivium.core.services.visibility import Verdict

__all__ = ["POSSIBLY_FROM", "QUOTE_FROM", "Knowledge", "Resolved", "SearchScope", "Upload"]

_SIZE_MAX_BYTES = 100 << 20
_NAME_CHARACTERS_MAX = 255
_TEXT_CHARACTERS_MAX = 20_000
_POLL_S = 0.05
_DOCUMENTS_MAX = 100_000
_PREVIEWED_MAX = 200


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What is known of a document before it is read. Its identity is name, folder, agent and collection together.

    By default everyone who may talk to the agent may have the document quoted; `view_access` and readers narrow that.
    """

    name: str
    mime_type: str = ""
    folder: str = ""
    agent_id: str | None = None
    collection_id: str | None = None
    kind: Literal["file", "url", "video"] = "file"
    view_access: ViewAccess = "anyone_with_link"
    reader_emails: tuple[str, ...] = ()
    reader_domains: tuple[str, ...] = ()
    reader_groups: tuple[str, ...] = ()
    chunk_mode: ChunkMode = "general"
    source_url: str | None = None
    metadata: JSONObject = field(default_factory=dict)


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
        indexing: Indexing,
        searching: Searching,
        jobs: Jobs,
        clock: Clock,
        size_max_bytes: int = _SIZE_MAX_BYTES,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._extractor = extractor
        self._indexing = indexing
        self._searching = searching
        self._jobs = jobs
        self._clock = clock
        self._size_max_bytes = size_max_bytes

    async def add(self, organization_id: str, upload: Upload, data: AsyncIterable[bytes] | bytes) -> Document:
        """Store a document and queue its indexing; returns it in state "processing".

        One with the same name, folder, agent and collection is replaced: its old passages stay findable until the new
        ones are complete. The same bytes again change nothing but access and metadata. LimitExceeded above 100 MB.
        """
        upload = _checked(upload)
        blob_key = _new_blob_key(organization_id)
        counted = _Counted(data, self._size_max_bytes)
        async with aclosing(counted.pieces()) as pieces:
            await self._blobs.put(blob_key, pieces)
        digest = counted.digest.hexdigest()
        try:
            document = await self._store.write(
                lambda tx: self._put(
                    tx, organization_id, upload, blob_key=blob_key, size_bytes=counted.size_bytes, digest=digest
                )
            )
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._blobs.delete(blob_key)
            raise
        if document.blob_key != blob_key:
            await self._blobs.delete(blob_key)
        return document

    async def add_url(self, organization_id: str, url: str, upload: Upload | None = None) -> Document:
        """Queue a page to be fetched and indexed; again, to fetch it anew. The address passes the outbound guard.

        InvalidRequest for what is no http(s) address, or one with credentials in it.
        """
        check_url(url)
        shown = url.split("://", 1)[-1].split("?", 1)[0].rstrip("/").replace("/", " ")[:_NAME_CHARACTERS_MAX]
        upload = replace(upload or Upload(name=shown or url), kind="url", source_url=url)
        upload = _checked(upload)
        return await self._store.write(
            lambda tx: self._put(tx, organization_id, upload, blob_key=_new_blob_key(organization_id))
        )

    async def add_sitemap(self, organization_id: str, url: str, upload: Upload | None = None) -> list[Document]:
        """Queue every page a sitemap names (at most 500, of its own site); `upload` gives access and folder."""
        template = upload or Upload(name="page")
        pages = await self._indexing.pages_of(url)
        documents = []
        for page in pages:
            shown = page.split("://", 1)[-1].split("?", 1)[0].strip("/").replace("/", " ")[:_NAME_CHARACTERS_MAX]
            documents.append(await self.add_url(organization_id, page, replace(template, name=shown)))
        return documents

    async def search(
        self, organization_id: str, query: str, *, scope: SearchScope | None = None, top_k: int = 8
    ) -> list[FoundPassage]:
        """See `Searching.search`."""
        return await self._searching.search(organization_id, query, scope=scope, top_k=top_k)

    async def hit_test(
        self, organization_id: str, query: str, *, scope: SearchScope | None = None, top_k: int = 20
    ) -> HitTest:
        """See `Searching.hit_test`."""
        return await self._searching.hit_test(organization_id, query, scope=scope, top_k=top_k)

    async def explain(self, organization_id: str, document_id: str, scope: SearchScope) -> Verdict:
        """See `Searching.explain`."""
        return await self._searching.explain(organization_id, document_id, scope)

    async def get(self, organization_id: str, document_id: str) -> Document:
        """Return a document; NotFound(kind="document")."""
        return await self._store.read(lambda tx: tx.documents.get(organization_id, document_id))

    async def find(
        self, organization_id: str, *, limit: int = 100, before: str | None = None, **equals: str | None
    ) -> list[Document]:
        """Return documents, newest first; `equals` narrows by agent_id, collection_id, folder, kind or status."""
        return await self._store.read(
            lambda tx: tx.documents.find(organization_id, limit=limit, newest_first=True, before=before, **equals)
        )

    async def change(self, organization_id: str, document_id: str, **changes: object) -> Document:
        """Change name, folder, view_access, readers, collection_id or metadata; what may be read changes at once.

        InvalidRequest for anything else, Conflict when another document has that name there.
        """
        foreign = set(changes) - _CHANGEABLE
        if foreign:
            raise InvalidRequest(f"A document's {min(foreign)} cannot be changed.", code="not_changeable")

        def write(tx: Transaction) -> Document:
            before = tx.documents.get(organization_id, document_id)
            after = replace(before, updated_at=self._clock.now(), **changes)  # type: ignore[arg-type]
            twin = _same_place(tx, after)
            if twin is not None and twin.id != after.id:
                raise Conflict(f"Another document there is called {after.name!r}.", code="already_exists")
            if after.collection_id is not None:
                tx.collections.get(organization_id, after.collection_id)
            tx.documents.put(after)
            return after

        return await self._store.write(write)

    async def passages(
        self, organization_id: str, document_id: str, *, limit: int = 100, after: int = -1
    ) -> list[Passage]:
        """Return the passages of a document that are found now, in order; `after` is a position to go on from."""
        document = await self.get(organization_id, document_id)
        everything = await self._store.read(
            lambda tx: tx.passages.of_revision(organization_id, document_id, document.revision)
        )
        return [one for one in everything if one.position > after][:limit]

    async def edit_passage(self, organization_id: str, passage_id: str, text: str) -> Document:
        """Put other words in the place of a passage's; only it is encoded anew. Returns the document.

        It lasts until the document is uploaded again. Conflict while the document is being processed.
        """
        if not text.strip() or len(text) > _TEXT_CHARACTERS_MAX:
            raise InvalidRequest("A passage has between 1 and 20,000 characters.", code="invalid_text")
        old = await self._store.read(lambda tx: tx.passages.get(organization_id, passage_id))
        document = await self.get(organization_id, old.document_id)
        if document.status == "processing" or document.revision != old.revision:
            raise Conflict("The document is being processed; try again when it is ready.", code="processing")
        passages = await self._store.read(
            lambda tx: tx.passages.of_revision(organization_id, document.id, document.revision)
        )
        revision = new_id("rev")
        edited = [
            replace(one, id=new_id("psg"), revision=revision, text=text.strip() if one.id == passage_id else one.text)
            for one in passages
        ]
        await self._indexing.put_passages(document, edited)
        return await self.get(organization_id, document.id)

    async def preview(self, data: bytes, *, name: str, mime_type: str = "", mode: ChunkMode = "general") -> list[Chunk]:
        """Return the first 200 passages a file would give; nothing is stored. InvalidRequest when it has no text."""
        extracted = await self._extractor.extract(data, name=name, mime_type=mime_type)
        return (await anyio.to_thread.run_sync(chunk, extracted.parts, mode))[:_PREVIEWED_MAX]

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

    async def original(self, organization_id: str, document_id: str) -> tuple[Document, AsyncGenerator[bytes, None]]:
        """Return an uploaded document and its bytes as they came; NotFound when there is none or it was not a file."""
        document = await self.get(organization_id, document_id)
        if document.kind == "url":
            raise NotFound("document", document_id)
        return document, self._blobs.stream(document.blob_key)

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
        self,
        tx: Transaction,
        organization_id: str,
        upload: Upload,
        *,
        blob_key: str,
        size_bytes: int = 0,
        digest: str = "",
    ) -> Document:
        now = self._clock.now()
        if upload.collection_id is not None:
            tx.collections.get(organization_id, upload.collection_id)
        document = Document(
            id=new_id("doc"),
            organization_id=organization_id,
            name=upload.name,
            folder=upload.folder,
            agent_id=upload.agent_id,
            collection_id=upload.collection_id,
            kind=upload.kind,
            mime_type=upload.mime_type,
            size_bytes=size_bytes,
            sha256=digest,
            blob_key=blob_key,
            created_at=now,
            updated_at=now,
            view_access=upload.view_access,
            reader_emails=upload.reader_emails,
            reader_domains=upload.reader_domains,
            reader_groups=upload.reader_groups,
            chunk_mode=upload.chunk_mode,
            source_url=upload.source_url,
            metadata=upload.metadata,
        )
        known = _same_place(tx, document)
        if known is None:
            tx.documents.add(document)
        else:
            is_same = bool(digest) and known.sha256 == digest and known.status != "failed"
            if is_same and known.chunk_mode == upload.chunk_mode:
                same = replace(known, updated_at=now, **{name: getattr(document, name) for name in _ACCESS})
                tx.documents.put(same)
                return same
            document = _replacing(document, known)
            tx.documents.put(document)
        name = INDEX_JOB if upload.source_url is None else FETCH_JOB
        job = self._jobs.make(
            organization_id, name, index_arguments(document), unique_key=f"{name}:{document.blob_key}"
        )
        tx.jobs.enqueue(job)
        return document


_ACCESS = ("view_access", "reader_emails", "reader_domains", "reader_groups", "metadata")
_CHANGEABLE = {*_ACCESS, "name", "folder", "collection_id"}


def _replacing(document: Document, known: Document) -> Document:
    """Return the new version in the place of a known one, whose passages stay findable for now."""
    return replace(
        document,
        id=known.id,
        created_at=known.created_at,
        previous_blob_key=known.blob_key,
        revision=known.revision,
        passage_count=known.passage_count,
        page_count=known.page_count,
        embedder=known.embedder,
    )


def _same_place(tx: Transaction, document: Document) -> Document | None:
    return tx.documents.first(
        document.organization_id,
        name=document.name,
        folder=document.folder,
        agent_id=document.agent_id,
        collection_id=document.collection_id,
    )


def _new_blob_key(organization_id: str) -> str:
    return f"documents/{organization_id}/{new_id('blb')}"


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
