"""Queued work is done, tried again, given up visibly, and never lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import anyio
import pytest

from tests.clock import HandClock
from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.store import SqliteStore
from trivium.core.errors import Conflict, InvalidRequest, LimitExceeded, NotFound, UpstreamFailed
from trivium.core.services.job_runner import JobRunner, RunnerLimits
from trivium.core.services.jobs import SYSTEM, Handler, JobKind, JobRun, Jobs


class Bench:
    """A store, a clock, the service and as many runners as a test wants."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.clock = HandClock()
        self.jobs = Jobs(store=store, clock=self.clock)
        self.runner = self.new_runner()

    def new_runner(self, **limits: float) -> JobRunner:
        return JobRunner(
            store=self.store,
            clock=self.clock,
            jobs=self.jobs,
            limits=RunnerLimits(**limits),  # type: ignore[arg-type]
            jitter=lambda: 1.0,
        )

    def handle(self, run: Handler, *, name: str = "work", **options: float) -> None:
        self.jobs.register([JobKind(name=name, run=run, **options)])  # type: ignore[arg-type]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    path = tmp_path / "store.db"
    await anyio.to_thread.run_sync(migrate, f"sqlite:///{path}")
    store = SqliteStore(path)
    yield Bench(store)
    await store.close()


@asynccontextmanager
async def running(runner: JobRunner) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        yield
        runner.stop()


async def test_a_job_is_run_once_and_done(bench: Bench) -> None:
    seen: list[object] = []

    async def run(run: JobRun) -> None:
        seen.append(run.job.arguments["n"])

    bench.handle(run)
    job = await bench.jobs.add("o1", "work", {"n": 1})
    assert job is not None
    assert await bench.runner.drain() == 1
    stored = await bench.jobs.get("o1", job.id)
    assert (seen, stored.status, stored.attempt, stored.progress) == ([1], "done", 1, 100)
    assert await bench.runner.drain() == 0


async def test_failures_back_off_and_end_in_a_dead_job_that_says_why(bench: Bench) -> None:
    async def run(run: JobRun) -> None:
        raise RuntimeError(f"no luck {run.job.attempt}")

    bench.handle(run, attempts_max=3, backoff_s=10)
    job = await bench.jobs.add("o1", "work", {})
    assert job is not None
    delays = []
    for _ in range(2):
        assert await bench.runner.drain() == 1
        due_at = (await bench.jobs.get("o1", job.id)).due_at
        delays.append((due_at - bench.clock.now()).total_seconds())
        bench.clock.at = due_at
    await bench.runner.drain()
    dead = await bench.jobs.get("o1", job.id)
    assert delays == [10, 20]
    assert (dead.status, dead.error) == ("dead", "RuntimeError: no luck 3")
    assert await bench.jobs.find("o1", status="dead") == [dead]


@pytest.mark.parametrize(
    ("error", "status", "delay_s"),
    [
        (InvalidRequest("no such address"), "dead", 0),
        (UpstreamFailed("refused"), "dead", 0),
        (UpstreamFailed("503", is_retryable=True, retry_after_s=120), "queued", 120),
        (LimitExceeded("slow down", retry_after_s=1), "queued", 5),
    ],
)
async def test_what_is_raised_decides_whether_and_when_it_is_tried_again(
    bench: Bench, error: Exception, status: str, delay_s: int
) -> None:
    async def run(run: JobRun) -> None:
        raise error

    bench.handle(run)
    job = await bench.jobs.add("o1", "work", {})
    assert job is not None
    await bench.runner.drain()
    stored = await bench.jobs.get("o1", job.id)
    assert (stored.status, stored.due_at - bench.clock.now()) == (status, timedelta(seconds=delay_s))


async def test_a_handler_may_ask_to_run_again_later(bench: Bench) -> None:
    async def run(run: JobRun) -> datetime:
        return bench.clock.now() + timedelta(days=1)

    bench.handle(run)
    job = await bench.jobs.add("o1", "work", {})
    assert job is not None
    for _ in range(10):
        assert await bench.runner.drain() == 1
        bench.clock.advance(days=1)
    assert (await bench.jobs.get("o1", job.id)).status == "queued"


async def test_a_unique_key_allows_one_unfinished_job_per_organization(bench: Bench) -> None:
    async def run(run: JobRun) -> None: ...

    bench.handle(run)
    assert await bench.jobs.add("o1", "work", {}, unique_key="k")
    assert await bench.jobs.add("o1", "work", {}, unique_key="k") is None
    assert await bench.jobs.add("o2", "work", {}, unique_key="k")
    await bench.runner.drain()
    assert await bench.jobs.add("o1", "work", {}, unique_key="k")


async def test_recurring_work_exists_once_and_outlives_failures(bench: Bench) -> None:
    runs: list[datetime] = []

    async def run(run: JobRun) -> None:
        runs.append(bench.clock.now())
        raise RuntimeError("not today")

    bench.handle(run, every_s=60, attempts_max=1)
    for runner in (bench.runner, bench.new_runner()):
        async with running(runner):
            await anyio.wait_all_tasks_blocked()
    for _ in range(3):
        bench.clock.advance(seconds=60)
        await bench.runner.drain()
    assert len(runs) == 3
    (job,) = await bench.jobs.find(SYSTEM)
    assert (job.status, job.error) == ("queued", "RuntimeError: not today")


async def test_organizations_take_turns_and_priority_counts_within_one(bench: Bench) -> None:
    order: list[str] = []

    async def run(run: JobRun) -> None:
        order.append(f"{run.job.organization_id}:{run.job.arguments['n']}")

    bench.handle(run)
    for n in range(6):
        await bench.jobs.add("big", "work", {"n": n}, priority=1 if n == 5 else 0)
    await bench.jobs.add("small", "work", {"n": 0})
    bench.runner = bench.new_runner(concurrency=1)
    await bench.runner.drain()
    assert order[:3] == ["big:5", "small:0", "big:0"]


async def test_a_queued_job_wakes_the_runner_at_once(bench: Bench) -> None:
    done = anyio.Event()

    async def run(run: JobRun) -> None:
        done.set()

    bench.handle(run)
    async with running(bench.new_runner(poll_s=3600)):
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(20):
            await bench.jobs.add("o1", "work", {})
            await done.wait()


async def test_concurrency_is_bounded_and_used(bench: Bench) -> None:
    now = most = 0

    async def run(run: JobRun) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await anyio.lowlevel.checkpoint()
        now -= 1

    bench.handle(run)
    jobs = [bench.jobs.make("o1", "work", {}) for _ in range(50)]
    await bench.store.write(lambda tx: [tx.jobs.enqueue(job) for job in jobs])
    async with running(bench.new_runner(concurrency=4, poll_s=3600)):
        with anyio.fail_after(20):
            while await bench.jobs.find("o1", status="queued"):
                pass
    assert most == 4


async def test_a_running_job_can_be_cancelled(bench: Bench) -> None:
    started = anyio.Event()

    async def run(run: JobRun) -> None:
        started.set()
        await anyio.sleep_forever()

    bench.handle(run)
    job = await bench.jobs.add("o1", "work", {})
    assert job is not None
    async with running(bench.runner):
        await started.wait()
        with pytest.raises(NotFound):
            await bench.jobs.cancel("o2", job.id)
        await bench.jobs.cancel("o1", job.id)
        with anyio.fail_after(20):
            while (await bench.jobs.get("o1", job.id)).status != "cancelled":
                pass
    with pytest.raises(Conflict):
        await bench.jobs.cancel("o1", job.id)


async def test_stopping_queues_what_could_not_end(bench: Bench) -> None:
    started = anyio.Event()

    async def run(run: JobRun) -> None:
        await run.report(40)
        started.set()
        await anyio.sleep_forever()

    bench.handle(run)
    job = await bench.jobs.add("o1", "work", {})
    assert job is not None
    async with running(bench.new_runner(grace_s=0)):
        await started.wait()
    stored = await bench.jobs.get("o1", job.id)
    assert (stored.status, stored.attempt, stored.progress, stored.lease_owner) == ("queued", 0, 40, None)


async def test_a_dead_process_loses_its_jobs_to_another(bench: Bench) -> None:
    async def run(run: JobRun) -> None: ...

    bench.handle(run, attempts_max=2)
    job = await bench.jobs.add("o1", "work", {})
    assert job is not None
    await bench.new_runner()._claim(1)  # and then dies
    assert await bench.runner.drain() == 0
    bench.clock.advance(seconds=16)
    assert await bench.runner.drain() == 1
    assert (await bench.jobs.get("o1", job.id)).attempt == 2


async def test_what_a_dead_process_left_is_taken_over_at_once(bench: Bench) -> None:
    done = anyio.Event()

    async def run(run: JobRun) -> None:
        done.set()

    bench.handle(run)
    await bench.jobs.add("o1", "work", {})
    await JobRunner(store=bench.store, clock=bench.clock, jobs=bench.jobs, owner="server-1")._claim(1)  # and then dies
    async with anyio.create_task_group() as tasks:
        with anyio.fail_after(20):
            tasks.start_soon(partial(bench.runner.run, takes_over="server-"))
            await done.wait()
        bench.runner.stop()


async def test_a_job_that_kills_its_process_dies_in_the_end(bench: Bench) -> None:
    async def run(run: JobRun) -> None: ...

    bench.handle(run, attempts_max=2)
    job = await bench.jobs.add("o1", "work", {})
    assert job is not None
    for _ in range(2):
        await bench.new_runner()._claim(1)
        bench.clock.advance(seconds=16)
    assert await bench.runner.drain() == 0
    stored = await bench.jobs.get("o1", job.id)
    assert (stored.status, stored.error) == ("dead", "The process that ran it died.")
    await bench.jobs.retry("o1", job.id)
    assert await bench.runner.drain() == 1


async def test_a_job_that_takes_too_long_is_stopped(bench: Bench) -> None:
    async def run(run: JobRun) -> None:
        await anyio.sleep_forever()

    bench.handle(run, timeout_s=0.01, attempts_max=1)
    job = await bench.jobs.add("o1", "work", {})
    assert job is not None
    await bench.runner.drain()
    assert (await bench.jobs.get("o1", job.id)).error == "It did not end within 0.01 s."


async def test_finished_jobs_are_deleted_after_a_week_but_dead_ones_stay(bench: Bench) -> None:
    async def run(run: JobRun) -> None:
        if run.job.arguments:
            raise InvalidRequest("never")

    bench.handle(run)
    bench.handle(bench.jobs.purge, name="purge")
    await bench.jobs.add("o1", "work", {})
    await bench.jobs.add("o1", "work", {"fail": True})
    await bench.runner.drain()
    bench.clock.advance(days=8)
    await bench.jobs.add("o1", "purge", {})
    await bench.runner.drain()
    assert sorted(job.status for job in await bench.jobs.find("o1")) == ["dead", "done"]
