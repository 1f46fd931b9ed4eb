"""The background work of knowledge: read, cut, encode, switch; fetch pages; encode again after a change of embedder."""

import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from html import unescape
from urllib.parse import urljoin, urlsplit

import anyio

from trivium.core.errors import CoreError, InvalidRequest, LimitExceeded, NotFound, UpstreamFailed
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import Document, Passage
from trivium.core.ports import (
    BlobStore,
    Clock,
    EncodedPassage,
    Extractor,
    Outbound,
    OutboundResponse,
    PassageIndex,
    Store,
    Transaction,
)
from trivium.core.services.chunking import Chunk, chunk
from trivium.core.services.jobs import JobRun, Jobs

INDEX_JOB = "knowledge.index"
FETCH_JOB = "knowledge.fetch"
RECODE_JOB = "knowledge.recode"
_PASSAGES_MAX = 50_000
_BATCH = 32
_NOTED_FROM_BYTES = 1 << 20
_PAGE_MAX_BYTES = 20 << 20
_REDIRECTS_MAX = 5
_SITEMAP_PAGES_MAX = 500
_SITEMAPS_MAX = 20
_FETCH_TIMEOUT_S = 30.0
_RECODED_AT_ONCE = 50
_LOCATION = re.compile(r"<loc>\s*(?:<!\[CDATA\[)?\s*([^<\]]{1,2000}?)\s*(?:\]\]>)?\s*</loc>", re.IGNORECASE)
_log = logging.getLogger(__name__)


class Indexing:
    """What the jobs of knowledge do. `index` is the current way of encoding."""

    def __init__(
        self,
        *,
        store: Store,
        blobs: BlobStore,
        extractor: Extractor,
        index: PassageIndex,
        jobs: Jobs,
        clock: Clock,
        outbound: Outbound | None = None,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._extractor = extractor
        self._index = index
        self._jobs = jobs
        self._clock = clock
        self._outbound = outbound
        # Called in the transaction in which a document becomes ready or fails.
        self.hooks: list[Callable[[Transaction, Document], None]] = []

    async def index(self, run: JobRun) -> None:
        """The job: read, cut, encode, store, then switch. Safe to repeat: it starts its revision anew, and one that
        was overtaken by a newer upload stops.
        """
        document = await self._current(run)
        if document is not None:
            try:
                await self._build(document, await self._blobs.get(document.blob_key), run)
            except (InvalidRequest, LimitExceeded, NotFound) as error:
                await self._fail(document, error)

    async def fetch(self, run: JobRun) -> None:
        """The job: fetch a page and index it. Safe to repeat: the page is fetched again, and the same bytes end it."""
        document = await self._current(run)
        if document is None or document.source_url is None:
            return
        try:
            await self._note(document, "fetching", 2)
            response = await self._get(document.source_url)
            data, mime_type = response.body, _header(response, "content-type")
            await self._blobs.put(document.blob_key, data)
            digest = hashlib.sha256(data).hexdigest()
            document = replace(document, size_bytes=len(data), sha256=digest, mime_type=mime_type or document.mime_type)
            await self._build(document, data, run)
        except UpstreamFailed as error:
            if error.is_retryable and run.job.attempt < run.job.attempts_max:
                raise
            await self._fail(document, error)
        except (InvalidRequest, LimitExceeded, NotFound) as error:
            await self._fail(document, error)

    async def pages_of(self, url: str) -> list[str]:
        """Return the pages a sitemap names, at most 500, only of its own site; sitemaps of sitemaps are followed once.

        Raises InvalidRequest when it names none, UpstreamFailed when it cannot be reached.
        """
        waiting = [url]
        pages: list[str] = []
        seen = 0
        while waiting and seen < _SITEMAPS_MAX and len(pages) < _SITEMAP_PAGES_MAX:
            text = (await self._get(waiting.pop(0))).body.decode("utf-8", "replace")
            seen += 1
            found = [unescape(one) for one in _LOCATION.findall(text)]
            own = [one for one in found if urlsplit(one).hostname == urlsplit(url).hostname]
            if "<sitemapindex" in text:
                waiting += own if seen == 1 else []
            else:
                pages += own
        if not pages:
            raise InvalidRequest("The sitemap names no page of its own site.", code="empty_sitemap")
        return list(dict.fromkeys(pages))[:_SITEMAP_PAGES_MAX]

    async def recode(self, run: JobRun) -> None:
        """The job: encode documents that were encoded by another embedder. Safe to repeat: what is done stays done.

        A document is found through its old codes until the new ones are complete.
        """
        waiting = await self._store.read(lambda tx: tx.documents.encoded_otherwise(self._index.id, _RECODED_AT_ONCE))
        for number, document in enumerate(waiting, 1):
            await self._recode(document)
            await run.report(100 * number // len(waiting))

    async def _recode(self, document: Document) -> None:
        organization_id, encoding = document.organization_id, self._index.id
        while passages := await self._store.read(
            lambda tx: tx.passages.uncoded(organization_id, encoding, document, _BATCH)
        ):
            codes = await self._index.encode(passages)
            await self._store.write(partial(_write_codes, organization_id, encoding, codes))
        await self._store.write(lambda tx: self._adopt(tx, document))

    def _adopt(self, tx: Transaction, document: Document) -> None:
        current = tx.documents.first(document.organization_id, id=document.id)
        if current is not None and current.revision == document.revision:
            tx.documents.put(replace(current, embedder=self._index.id))
            tx.passages.drop_codes(document.organization_id, document.id, keep=self._index.id)

    async def _current(self, run: JobRun) -> Document | None:
        """Return the job's document, or None when there is nothing left to do for it."""
        organization_id, document_id = run.job.organization_id, str(run.job.arguments["document_id"])
        document = await self._store.read(lambda tx: tx.documents.first(organization_id, id=document_id))
        if document is None or document.blob_key != run.job.arguments["blob_key"] or document.status == "ready":
            return None
        return document

    async def _build(self, document: Document, data: bytes, run: JobRun) -> None:
        revision = document.blob_key.rsplit("/", 1)[-1]
        if len(data) > _NOTED_FROM_BYTES:
            await self._note(document, "reading", 5)
        extracted = await self._extractor.extract(data, name=document.name, mime_type=document.mime_type)
        chunks = await anyio.to_thread.run_sync(chunk, extracted.parts, document.chunk_mode)
        if not chunks:
            raise InvalidRequest("The file holds no text.", code="empty")
        if len(chunks) > _PASSAGES_MAX:
            raise InvalidRequest(f"The file gives more than {_PASSAGES_MAX} passages; split it.", code="too_large")
        passages = [make_passage(document, revision, number, one) for number, one in enumerate(chunks)]
        done = replace(document, mime_type=extracted.mime_type, page_count=extracted.page_count)
        if await self.put_passages(done, passages, run) and document.previous_blob_key:
            await self._blobs.delete(document.previous_blob_key)

    async def put_passages(self, document: Document, passages: Sequence[Passage], run: JobRun | None = None) -> bool:
        """Store a new revision beside the one in use, then switch; False when a newer upload was faster.

        A passage whose words did not change keeps its code. A small document is one transaction: each costs a flush
        of the disk.
        """
        organization_id, revision = document.organization_id, passages[0].revision
        old = await self._store.read(
            lambda tx: tx.passages.of_revision(organization_id, document.id, document.revision)
        )
        same = {_substance(one): one.id for one in old} if document.embedder == self._index.id else {}

        def write(batch: Sequence[Passage], codes: Sequence[EncodedPassage], tx: Transaction) -> bool:
            if batch[0] is passages[0]:
                # What an earlier attempt left behind.
                tx.passages.drop(organization_id, document.id, revision)
            tx.passages.add(*batch)
            tx.passages.add_codes(organization_id, self._index.id, codes)
            return batch[-1] is passages[-1] and self._switch(tx, document, passages)

        is_current = False
        for start in range(0, len(passages), _BATCH):
            batch = passages[start : start + _BATCH]
            codes = await self._codes(organization_id, batch, same)
            is_current = await self._store.write(partial(write, batch, codes))
            if run is not None and not is_current:
                progress = 10 + 85 * min(start + _BATCH, len(passages)) // len(passages)
                await self._note(document, "indexing", progress)
                await run.report(progress)
        return is_current

    def _switch(self, tx: Transaction, done: Document, passages: Sequence[Passage]) -> bool:
        """Make the new passages the ones that are found, in one step; False when a newer upload was faster."""
        revision = passages[0].revision
        current = tx.documents.first(done.organization_id, id=done.id)
        if current is None or current.blob_key != done.blob_key:
            tx.passages.drop(done.organization_id, done.id, revision)
            return False
        # Access may have changed meanwhile, so only what was found out is taken over.
        ready = replace(
            current,
            status="ready",
            stage="ready",
            progress=100,
            error=None,
            mime_type=done.mime_type,
            size_bytes=done.size_bytes,
            sha256=done.sha256,
            page_count=done.page_count,
            revision=revision,
            passage_count=len(passages),
            embedder=self._index.id,
            previous_blob_key=None,
            updated_at=self._clock.now(),
        )
        tx.documents.put(ready)
        for hook in self.hooks:
            hook(tx, ready)
        tx.passages.keep_only(done.organization_id, done.id, revision)
        return True

    async def _codes(
        self, organization_id: str, batch: Sequence[Passage], same: dict[str, str]
    ) -> Sequence[EncodedPassage]:
        twins = {one.id: same[_substance(one)] for one in batch if _substance(one) in same}
        ids = list(twins.values())
        known = (
            await self._store.read(lambda tx: tx.passages.full_codes(organization_id, self._index.id, ids))
            if ids
            else {}
        )
        kept = [
            replace(known[twin], passage_id=one.id, document_id=one.document_id, revision=one.revision)
            for one in batch
            if (twin := twins.get(one.id)) is not None and twin in known
        ]
        have = {code.passage_id for code in kept}
        fresh = [one for one in batch if one.id not in have]
        return [*kept, *(await self._index.encode(fresh) if fresh else ())]

    async def _get(self, url: str) -> OutboundResponse:
        """Fetch, following redirects one by one, so that each address passes the guard."""
        if self._outbound is None:
            raise InvalidRequest("This server fetches no pages.", code="no_outbound")
        for _ in range(_REDIRECTS_MAX + 1):
            if urlsplit(url).scheme not in ("http", "https"):
                raise InvalidRequest("Only http and https addresses can be fetched.", code="invalid_url")
            response = await self._outbound.request("GET", url, timeout_s=_FETCH_TIMEOUT_S, size_max=_PAGE_MAX_BYTES)
            target = _header(response, "location")
            if response.status in (301, 302, 303, 307, 308) and target:
                url = urljoin(url, target)
                continue
            if response.status >= 400:
                is_retryable = response.status in (408, 425, 429) or response.status >= 500
                raise UpstreamFailed(f"The page answered with status {response.status}.", is_retryable=is_retryable)
            if response.is_cut:
                raise LimitExceeded("The page is larger than 20 MB.", code="too_large", is_size=True)
            return response
        raise InvalidRequest("The page redirects too often.", code="too_many_redirects")

    async def _fail(self, document: Document, error: CoreError) -> None:
        _log.info("Document %s cannot be indexed: %s", document.id, error.code)
        message = error.message
        if document.revision is not None:
            message += " The earlier version is still in use."

        def write(tx: Transaction) -> None:
            current = tx.documents.first(document.organization_id, id=document.id)
            if current is not None and current.blob_key == document.blob_key:
                failed = replace(current, status="failed", stage="failed", error=message, progress=0)
                tx.documents.put(replace(failed, updated_at=self._clock.now()))
                for hook in self.hooks:
                    hook(tx, failed)

        await self._store.write(write)

    async def _note(self, document: Document, stage: str, progress: int) -> None:
        await self._store.write(lambda tx: tx.documents.note(document, stage, progress))


def make_passage(document: Document, revision: str, position: int, one: Chunk) -> Passage:
    """Return the passage of a chunk."""
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


def index_arguments(document: Document) -> JSONObject:
    """Return the arguments of the jobs that index one version of a document."""
    return {"document_id": document.id, "blob_key": document.blob_key}


def _write_codes(organization_id: str, encoding: str, codes: Sequence[EncodedPassage], tx: Transaction) -> None:
    tx.passages.add_codes(organization_id, encoding, codes)


def _substance(passage: Passage) -> str:
    return f"{passage.heading}\n{passage.text}\n{sorted(passage.metadata.items(), key=str)}"


def _header(response: OutboundResponse, name: str) -> str:
    return next((value for key, value in response.headers.items() if key.lower() == name), "")
