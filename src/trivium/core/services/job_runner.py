"""Does the work that is queued: leases jobs, runs their handlers, tries again, gives up visibly."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import anyio
from anyio.abc import TaskGroup

from trivium.core.errors import (
    CoreError,
    Gone,
    InvalidRequest,
    LimitExceeded,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    UpstreamFailed,
)
from trivium.core.model.ids import new_id
from trivium.core.model.jobs import Job
from trivium.core.ports import Clock, Store
from trivium.core.services.jobs import SYSTEM, JobKind, JobRun, Jobs

_ERROR_CHARS_MAX = 2000
# Trying again changes nothing about these.
_FINAL = (InvalidRequest, NotAuthenticated, NotPermitted, NotFound, Gone)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunnerLimits:
    """How much runs at a time, and how fast a dead process is noticed (`lease_s`)."""

    concurrency: int = 16
    lease_s: float = 15.0
    poll_s: float = 1.0
    grace_s: float = 10.0


@dataclass
class _Running:
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    is_cancelled: bool = False


class JobRunner:
    """One per process. Many may work on one database: a job is leased by one of them, and its lease kept alive.

    A job is run at least once. Where a process dies, its jobs are due again when their leases end.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        jobs: Jobs,
        owner: str | None = None,
        limits: RunnerLimits | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.owner = owner or new_id("runner")
        self._store = store
        self._clock = clock
        self._jobs = jobs
        self._limits = limits or RunnerLimits()
        self._jitter = jitter
        self._running: dict[str, _Running] = {}
        self._served_last = ""
        self._is_stopping = False
        self._has_more = False
        self._wake = anyio.Event()
        self._look = anyio.Event()

    async def run(self, *, takes_over: str | None = None) -> None:
        """Work until `stop` is called, or until cancelled; jobs that could not end by then are queued again.

        `takes_over`: the beginning of the names of owners that are known to be dead. Their jobs are due at once.
        """
        self._is_stopping = False
        unsubscribe = self._store.subscribe("jobs", self._on_signal)
        try:
            if takes_over is not None:
                await self._store.write(lambda tx: tx.jobs.abandon(takes_over))
            await self._start_recurring()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep_leases)
                async with anyio.create_task_group() as handlers:
                    await self._take_turns(handlers)
                    # No new jobs; those that run have this long to end.
                    handlers.cancel_scope.deadline = anyio.current_time() + self._limits.grace_s
                tasks.cancel_scope.cancel()
        finally:
            unsubscribe()
            with anyio.CancelScope(shield=True):
                await self._store.write(lambda tx: tx.jobs.release(self.owner))

    def stop(self) -> None:
        """Take no more jobs; `run` returns when those that run have ended, after 10 s at the latest."""
        self._is_stopping = True
        self._wake.set()

    async def drain(self) -> int:
        """Run everything that is due now and what becomes due by it; return how many jobs were run."""
        count = 0
        while claimed := await self._claim(self._limits.concurrency):
            async with anyio.create_task_group() as handlers:
                for job in claimed:
                    self._begin(job, handlers)
            count += len(claimed)
        return count

    def _on_signal(self, key: str) -> None:
        if key == "cancel":
            self._look.set()
        self._wake.set()

    async def _start_recurring(self) -> None:
        now = self._clock.now()
        recurring = [kind for kind in self._jobs.kinds.values() if kind.every_s is not None]
        jobs = [
            self._jobs.make(
                SYSTEM,
                kind.name,
                {},
                due_at=now + timedelta(seconds=kind.every_s or 0),
                unique_key=f"every:{kind.name}",
            )
            for kind in recurring
        ]
        await self._store.write(lambda tx: [tx.jobs.enqueue(job) for job in jobs])

    async def _take_turns(self, handlers: TaskGroup) -> None:
        while not self._is_stopping:
            # Made before looking, so that what is queued meanwhile is not missed.
            wake = self._wake = anyio.Event()
            free = self._limits.concurrency - len(self._running)
            if free > 0:
                claimed = await self._claim_safely(free)
                self._has_more = len(claimed) == free
                for job in claimed:
                    self._begin(job, handlers)
                if self._has_more and len(self._running) < self._limits.concurrency:
                    continue
            with anyio.move_on_after(self._limits.poll_s):
                await wake.wait()

    async def _claim_safely(self, limit: int) -> list[Job]:
        try:
            return await self._claim(limit)
        except Exception:  # noqa: BLE001 - a database that is away for a while must not end all work
            _log.exception("No jobs could be taken; trying again.")
            return []

    async def _claim(self, limit: int) -> list[Job]:
        now = self._clock.now()
        until = now + timedelta(seconds=self._limits.lease_s)
        after = self._served_last
        claimed = await self._store.write(
            lambda tx: tx.jobs.claim(self.owner, now=now, until=until, limit=limit, after=after), guards_itself=True
        )
        if claimed:
            self._served_last = claimed[-1].organization_id
        return claimed

    def _begin(self, job: Job, handlers: TaskGroup) -> None:
        self._running[job.id] = _Running()
        handlers.start_soon(self._execute, job)

    async def _execute(self, job: Job) -> None:
        running = self._running[job.id]
        try:
            ended = await self._outcome(job, running)
            if ended is not None:
                # The work is done; that this is known must not depend on who is shutting down meanwhile.
                with anyio.CancelScope(shield=True):
                    await self._finish(ended)
        finally:
            del self._running[job.id]
            if self._has_more:
                self._wake.set()

    async def _finish(self, job: Job) -> None:
        try:
            if not await self._store.write(lambda tx: tx.jobs.finish(job, self.owner), guards_itself=True):
                _log.warning("Job %s (%s) was taken over by another process while it ran.", job.id, job.name)
        except CoreError:
            # Nobody knows that it ended, so it will run again when its lease ends: what handlers are made for.
            _log.exception("The end of job %s (%s) could not be stored.", job.id, job.name)

    async def _outcome(self, job: Job, running: _Running) -> Job | None:
        """Run the handler and return the job as it is to be stored; None when it is no longer ours."""
        kind = self._jobs.kinds.get(job.name)
        if kind is None:
            return self._failed(job, NotFound("job kind", job.name), None)
        with running.scope:
            try:
                with anyio.fail_after(kind.timeout_s):
                    again_at = await kind.run(JobRun(job=job, report=lambda percent: self._report(job, percent)))
            except TimeoutError:
                return self._failed(job, TimeoutError(f"It did not end within {kind.timeout_s:g} s."), kind)
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failed attempt, and stored
                if not isinstance(error, CoreError):
                    _log.exception("Job %s (%s) failed.", job.id, job.name)
                return self._failed(job, error, kind)
            return self._succeeded(job, again_at, kind)
        if running.is_cancelled:
            return replace(job, status="cancelled", finished_at=self._clock.now())
        return None

    def _succeeded(self, job: Job, again_at: datetime | None, kind: JobKind) -> Job:
        now = self._clock.now()
        if again_at is None and _is_recurring(job, kind):
            again_at = now + timedelta(seconds=kind.every_s or 0)
        if again_at is not None:
            return replace(job, status="queued", due_at=again_at, attempt=0, error=None, progress=0)
        return replace(job, status="done", finished_at=now, progress=100, error=None)

    def _failed(self, job: Job, error: Exception, kind: JobKind | None) -> Job:
        now = self._clock.now()
        text = str(error) if isinstance(error, CoreError | TimeoutError) else f"{type(error).__name__}: {error}"
        job = replace(job, error=text[:_ERROR_CHARS_MAX])
        if kind is not None and job.attempt < job.attempts_max and not _is_final(error):
            delay_s = max(_retry_after_s(error), self._backoff_s(kind, job.attempt))
            return replace(job, status="queued", due_at=now + timedelta(seconds=delay_s))
        if kind is not None and _is_recurring(job, kind):
            # Recurring work never dies: the next turn may find a better world. The error stays to be seen.
            return replace(job, status="queued", due_at=now + timedelta(seconds=kind.every_s or 0), attempt=0)
        _log.warning("Job %s (%s) is dead after %d attempts: %s", job.id, job.name, job.attempt, job.error)
        return replace(job, status="dead", finished_at=now)

    def _backoff_s(self, kind: JobKind, attempt: int) -> float:
        delay_s = min(kind.backoff_max_s, kind.backoff_s * 2.0 ** min(attempt - 1, 30))
        return delay_s * (0.5 + self._jitter() / 2)

    async def _report(self, job: Job, percent: int) -> None:
        done = max(0, min(100, percent))
        await self._store.write(lambda tx: tx.jobs.report(job.id, self.owner, done), guards_itself=True)

    async def _keep_leases(self) -> None:
        while True:
            self._look = anyio.Event()
            with anyio.move_on_after(self._limits.lease_s / 3):
                await self._look.wait()
            if not self._running:
                continue
            try:
                await self._renew()
            except Exception:  # noqa: BLE001 - the leases may still be good; the next turn tries again
                _log.exception("The leases of running jobs could not be renewed.")

    async def _renew(self) -> None:
        asked = set(self._running)
        until = self._clock.now() + timedelta(seconds=self._limits.lease_s)
        held = dict(await self._store.write(lambda tx: tx.jobs.renew(self.owner, until), guards_itself=True))
        for job_id in asked & set(self._running):
            if held.get(job_id) is False:
                continue
            # Lost to another process, or to be stopped.
            running = self._running[job_id]
            running.is_cancelled = bool(held.get(job_id))
            running.scope.cancel()


def _is_recurring(job: Job, kind: JobKind) -> bool:
    return kind.every_s is not None and job.organization_id == SYSTEM


def _is_final(error: Exception) -> bool:
    return isinstance(error, _FINAL) or (isinstance(error, UpstreamFailed) and not error.is_retryable)


def _retry_after_s(error: Exception) -> float:
    if isinstance(error, LimitExceeded | UpstreamFailed):
        return error.retry_after_s or 0.0
    return 0.0
