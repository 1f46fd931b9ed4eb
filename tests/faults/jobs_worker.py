"""A process that works on a queue until it is empty and notes each job it did; its argument is the database."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import anyio

from trivium.adapters.sql.store import SqliteStore
from trivium.core.ports import Transaction
from trivium.core.services.job_runner import JobRunner, RunnerLimits
from trivium.core.services.jobs import JobKind, JobRun, Jobs


class Clock:
    """The real time."""

    def now(self) -> datetime:
        """Return it."""
        return datetime.now(UTC)


async def work(database: Path) -> None:
    """Run what is queued; `done.log` beside the database gets a line per job."""
    store, clock = SqliteStore(database), Clock()
    jobs = Jobs(store=store, clock=clock)
    log = os.open(database.with_name("done.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def run(run: JobRun) -> None:
        # One write of a short line to a file opened for appending is whole or not at all.
        os.write(log, f"{run.job.id}\n".encode())

    def unfinished(tx: Transaction) -> bool:
        return any(tx.jobs.first("o1", status=status) is not None for status in ("queued", "running"))

    jobs.register([JobKind(name="work", run=run)])
    runner = JobRunner(store=store, clock=clock, jobs=jobs, limits=RunnerLimits(lease_s=2.0, poll_s=0.2))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        # Asked again and again, but only by a reader, beside the work.
        while await store.read(unfinished):
            pass
        runner.stop()
    await store.close()


if __name__ == "__main__":
    anyio.run(work, Path(sys.argv[1]), backend_options={"use_uvloop": True})
