"""A knowledge service over a real store, with a job queue that a test turns by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path

import anyio

from tests.clock import HandClock
from trivium.adapters.blobs import FileBlobs
from trivium.adapters.embed import UniversalEmbedder
from trivium.adapters.extract import ProcessExtractor
from trivium.adapters.index import MatrixIndex
from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.store import SqliteStore
from trivium.core.model.knowledge import Document
from trivium.core.ports import Extractor, Outbound
from trivium.core.services.indexing import FETCH_JOB, INDEX_JOB, Indexing
from trivium.core.services.jobs import JobKind, JobRun, Jobs
from trivium.core.services.knowledge import Knowledge, Upload
from trivium.core.services.searching import Searching
from trivium.core.services.unanswered import UNANSWERED_JOB, Unanswered

ORG, OTHER = "org_a", "org_b"


@cache
def embedder() -> UniversalEmbedder:
    """Return the one model of the test process; loading takes a second."""
    return UniversalEmbedder()


class Library:
    """Everything a test of knowledge needs."""

    def __init__(self, folder: Path, extractor: Extractor, outbound: Outbound | None = None) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.store = SqliteStore(folder / "store.db")
        self.blobs = FileBlobs(folder / "blobs")
        self.index = MatrixIndex(self.store, embedder())
        self.jobs = Jobs(store=self.store, clock=self.clock)
        self.outbound = outbound
        self.indexing = Indexing(
            store=self.store,
            blobs=self.blobs,
            extractor=extractor,
            index=self.index,
            jobs=self.jobs,
            clock=self.clock,
            outbound=outbound,
        )
        self.unanswered = Unanswered(store=self.store, index=self.index, jobs=self.jobs, clock=self.clock)
        self.knowledge = Knowledge(
            store=self.store,
            blobs=self.blobs,
            extractor=extractor,
            indexing=self.indexing,
            searching=Searching(store=self.store, indexes=[self.index]),
            jobs=self.jobs,
            clock=self.clock,
        )
        self.jobs.register(
            [
                JobKind(name=INDEX_JOB, run=self.indexing.index),
                JobKind(name=FETCH_JOB, run=self.indexing.fetch, attempts_max=1),
                JobKind(name=UNANSWERED_JOB, run=self.unanswered.note),
            ]
        )

    async def add(self, name: str, data: bytes | str, *, organization_id: str = ORG, **upload: object) -> Document:
        """Add a document and index it."""
        content = data.encode() if isinstance(data, str) else data
        added = await self.knowledge.add(organization_id, Upload(name=name, **upload), content)  # type: ignore[arg-type]
        await self.work()
        return await self.knowledge.get(organization_id, added.id)

    async def work(self) -> int:
        """Run every queued job once; return how many there were."""
        until = self.clock.now() + timedelta(minutes=5)
        jobs = await self.store.write(lambda tx: tx.jobs.claim("test", now=self.clock.now(), until=until, limit=100))
        for job in jobs:
            await self.jobs.kinds[job.name].run(JobRun(job=job, report=_ignore))
        return len(jobs)

    def files(self) -> list[Path]:
        """Return the stored blobs."""
        return [path for path in (self.folder / "blobs").rglob("*") if path.is_file()]


async def _ignore(percent: int) -> None:
    pass


@asynccontextmanager
async def open_library(folder: Path, outbound: Outbound | None = None) -> AsyncIterator[Library]:
    """Open a library in an empty folder."""
    await anyio.to_thread.run_sync(migrate, f"sqlite:///{folder / 'store.db'}")
    extractor = ProcessExtractor()
    library = Library(folder, extractor, outbound)
    try:
        yield library
    finally:
        await extractor.close()
        await library.index.close()
        await library.store.close()
