"""The queue of background work: put in, look at, cancel, try again. `job_runner` does the work."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from trivium.core.errors import Conflict, NotFound
from trivium.core.model.ids import new_id
from trivium.core.model.jobs import Job, JobStatus
from trivium.core.model.json import JSONObject
from trivium.core.ports import Clock, Store, Transaction

# Work of the server itself, such as cleaning up, belongs to no organization.
SYSTEM = "system"
_KEPT = timedelta(days=7)
_PURGE_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """A job in the hands of its handler; `report(percent)` shows how far it is."""

    job: Job
    report: Callable[[int], Awaitable[None]]


# None: done. A time: run the same job again then, without counting attempts (a schedule, or waiting for something).
Handler = Callable[[JobRun], Awaitable[datetime | None]]


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """What a job's name stands for. The handler may run twice, so it says in its docstring how it is safe to repeat.

    A failed attempt is repeated after `backoff_s`, twice that, and so on up to `backoff_max_s`, each with jitter.
    With `every_s` there is always one such job, due again that long after it ended.
    """

    name: str
    run: Handler
    attempts_max: int = 5
    timeout_s: float = 300.0
    backoff_s: float = 5.0
    backoff_max_s: float = 3600.0
    every_s: float | None = None


class Jobs:
    """Background work of all organizations. `register` is called once, when everything is wired."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kinds: dict[str, JobKind] = {}

    @property
    def kinds(self) -> Mapping[str, JobKind]:
        """Every kind of job by its name."""
        return MappingProxyType(self._kinds)

    def register(self, kinds: Iterable[JobKind]) -> None:
        """Make these kinds known; a name stands for one thing only."""
        for kind in kinds:
            if kind.name in self._kinds:
                raise ValueError(f"two kinds of job are called {kind.name!r}")
            self._kinds[kind.name] = kind

    def make(
        self,
        organization_id: str,
        name: str,
        arguments: JSONObject,
        *,
        due_at: datetime | None = None,
        priority: int = 0,
        unique_key: str | None = None,
    ) -> Job:
        """Return a job for `tx.jobs.enqueue`, so that it is queued in the transaction that gives the reason for it."""
        now = self._clock.now()
        return Job(
            id=new_id("job"),
            organization_id=organization_id,
            name=name,
            created_at=now,
            due_at=due_at or now,
            arguments=arguments,
            priority=priority,
            attempts_max=self._kinds[name].attempts_max,
            unique_key=unique_key,
        )

    async def add(
        self,
        organization_id: str,
        name: str,
        arguments: JSONObject,
        *,
        due_at: datetime | None = None,
        priority: int = 0,
        unique_key: str | None = None,
    ) -> Job | None:
        """Queue a job on its own; None when an unfinished one with that unique key exists."""
        job = self.make(organization_id, name, arguments, due_at=due_at, priority=priority, unique_key=unique_key)
        return job if await self._store.write(lambda tx: tx.jobs.enqueue(job)) else None

    async def get(self, organization_id: str, job_id: str) -> Job:
        """Return the job or raise NotFound."""
        return await self._store.read(lambda tx: tx.jobs.get(organization_id, job_id))

    async def find(
        self, organization_id: str, *, status: JobStatus | None = None, limit: int = 50, before: str | None = None
    ) -> list[Job]:
        """Return jobs, newest first; `before` (an id) and `limit` page through them."""
        equals = {} if status is None else {"status": status}
        return await self._store.read(
            lambda tx: tx.jobs.find(organization_id, limit=limit, newest_first=True, before=before, **equals)
        )

    async def cancel(self, organization_id: str, job_id: str) -> Job:
        """Cancel a queued job at once, ask a running one to stop; Conflict when it has ended already."""
        now = self._clock.now()

        def unit(tx: Transaction) -> Job:
            is_cancelled = tx.jobs.request_cancel(organization_id, job_id, now)
            job = tx.jobs.get(organization_id, job_id)
            if not is_cancelled:
                raise Conflict(f"The job is {job.status}.", code="job_ended")
            return job

        return await self._store.write(unit)

    async def retry(self, organization_id: str, job_id: str) -> Job:
        """Queue a dead or cancelled job again with all its attempts; Conflict when it is neither."""
        now = self._clock.now()

        def unit(tx: Transaction) -> Job:
            job = tx.jobs.get(organization_id, job_id)
            if job.status not in ("dead", "cancelled"):
                raise Conflict(f"The job is {job.status}.", code="job_not_ended")
            if job.name not in self._kinds:
                raise NotFound("job kind", job.name)
            job = replace(
                job, status="queued", due_at=now, attempt=0, progress=0, finished_at=None, cancel_requested=False
            )
            tx.jobs.put(job)
            return job

        return await self._store.write(unit)

    async def purge(self, run: JobRun) -> None:
        """Delete done and cancelled jobs a week after their end (a job itself). Deleting again deletes nothing."""
        before = self._clock.now() - _KEPT
        while await self._store.write(lambda tx: tx.jobs.purge(before, _PURGE_BATCH)) == _PURGE_BATCH:
            await run.report(50)
