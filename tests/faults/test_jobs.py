"""Queued jobs survive the death of the processes that work on them."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import anyio
import pytest

from tests.clock import HandClock
from tests.stores import sqlite_store
from trivium.core.services.jobs import JobKind, JobRun, Jobs

COUNT = 10_000
KILLS = 5
AT_ONCE = 16


async def _enqueue(folder: Path) -> None:
    async def never(run: JobRun) -> None: ...

    async with sqlite_store(folder) as store:
        jobs = Jobs(store=store, clock=HandClock())
        jobs.register([JobKind(name="work", run=never)])
        made = [jobs.make("o1", "work", {}) for _ in range(COUNT)]
        await store.write(lambda tx: [tx.jobs.enqueue(job) for job in made])


async def _statuses(folder: Path) -> Counter[str]:
    async with sqlite_store(folder) as store:
        return Counter(job.status for job in await store.read(lambda tx: tx.jobs.find("o1", limit=COUNT + 1)))


@pytest.mark.server
@pytest.mark.timeout(180)
def test_ten_thousand_jobs_survive_kills_and_all_finish_once(tmp_path: Path) -> None:
    anyio.run(_enqueue, tmp_path)
    command = [sys.executable, "-m", "tests.faults.jobs_worker", str(tmp_path / "store.db")]
    log = tmp_path / "done.log"
    for kill in range(KILLS):
        with subprocess.Popen(command) as process:
            # Killed somewhere in the middle, by how much was done rather than by the clock.
            goal = (kill + random.random()) * COUNT / (KILLS + 1)
            while process.poll() is None and (not log.exists() or log.stat().st_size / 39 < goal):
                time.sleep(0.005)
            process.kill()
    subprocess.run(command, check=True, timeout=120)
    assert anyio.run(_statuses, tmp_path) == {"done": COUNT}
    done = Counter(log.read_text().split())
    assert len(done) == COUNT
    # Handlers are made to be repeated: only what was in flight when its process died ran again, and nothing else.
    assert sum(done.values()) - COUNT <= KILLS * AT_ONCE
