"""The queue of background work, as leased rows."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.engine import Dialect

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.jobs import Job

_j = schema.jobs.c
_DIED = "The process that ran it died."
_UNFINISHED = _j.status.in_([literal_column("'queued'"), literal_column("'running'")])
_MINE = (_j.lease_owner == bindparam("b_owner"), _j.status == literal_column("'running'"))


def _enqueue(dialect: Dialect) -> ClauseElement:
    """Both engines speak this clause. The index `jobs_unique` decides, so two writers cannot both win."""
    # Importing the other engine's dialect would cost every start 100 ms.
    if dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    values: dict[str, Any] = {column.name: bindparam(column.name) for column in schema.jobs.c}
    return (
        insert(schema.jobs)
        .values(values)
        .on_conflict_do_nothing(index_elements=["organization_id", "unique_key"], index_where=_UNFINISHED)
    )


_ENQUEUE = Prepared(_enqueue)


def _claim_statement() -> Prepared:
    """Find the organizations that have due jobs by jumping through the index, then the first few jobs of each.

    The cost follows from `limit`, not from how many jobs wait.
    """
    table = schema.jobs.alias("due")
    is_due = and_(table.c.status == literal_column("'queued'"), table.c.due_at <= bindparam("b_now"))

    def first_after(organization: Any) -> Any:
        statement = select(table.c.organization_id).where(is_due, table.c.organization_id > organization)
        return statement.order_by(table.c.organization_id).limit(1).scalar_subquery()

    first = select(first_after(bindparam("b_after")).label("id"), literal_column("1").label("turn"))
    owners = first.cte("owners", recursive=True)
    owners = owners.union_all(
        select(first_after(owners.c.id), owners.c.turn + 1).where(
            owners.c.id.is_not(None), owners.c.turn < bindparam("b_limit")
        )
    )
    best = (
        select(table.c.id)
        .where(is_due, table.c.organization_id == owners.c.id)
        .order_by(table.c.priority.desc(), table.c.due_at, table.c.id)
        .limit(bindparam("b_limit"))
        .correlate(owners)
    )
    order = (_j.priority.desc(), _j.due_at, _j.id)
    place = func.row_number().over(partition_by=_j.organization_id, order_by=order)
    return Prepared(
        select(*_j)
        .select_from(owners.join(schema.jobs, _j.id.in_(best)))
        .order_by(place, _j.organization_id)
        .limit(bindparam("b_limit"))
    )


_CLAIM = _claim_statement()
_LEASE = Prepared(
    update(schema.jobs)
    .where(_j.id == bindparam("b_id"), _j.status == literal_column("'queued'"))
    .values(
        status="running",
        lease_owner=bindparam("b_owner"),
        lease_until=bindparam("b_until"),
        attempt=_j.attempt + 1,
    )
)
_has_attempts = _j.attempt < _j.attempts_max
_EXPIRE = Prepared(
    update(schema.jobs)
    .where(_j.status == literal_column("'running'"), _j.lease_until < bindparam("b_now"))
    .values(
        status=case((_has_attempts, literal_column("'queued'")), else_=literal_column("'dead'")),
        finished_at=case((_has_attempts, null()), else_=bindparam("b_at", type_=BigInteger)),
        error=_DIED,
        lease_owner=None,
        lease_until=None,
    )
)
_RENEW = Prepared(update(schema.jobs).where(*_MINE).values(lease_until=bindparam("b_until")))
_HELD = Prepared(select(_j.id, _j.cancel_requested).where(*_MINE))
_RESULT = ("status", "due_at", "attempt", "error", "progress", "finished_at")
_FINISH = Prepared(
    update(schema.jobs)
    .where(_j.id == bindparam("b_id"), *_MINE)
    .values({name: bindparam(name) for name in _RESULT} | {"lease_owner": None, "lease_until": None})
)
_REPORT = Prepared(update(schema.jobs).where(_j.id == bindparam("b_id"), *_MINE).values(progress=bindparam("b_done")))
_OF_ORGANIZATION = (_j.id == bindparam("b_id"), _j.organization_id == bindparam("b_organization"))
_CANCEL_QUEUED = Prepared(
    update(schema.jobs)
    .where(*_OF_ORGANIZATION, _j.status == literal_column("'queued'"))
    .values(status="cancelled", finished_at=bindparam("b_at"))
)
_CANCEL_RUNNING = Prepared(
    update(schema.jobs).where(*_OF_ORGANIZATION, _j.status == literal_column("'running'")).values(cancel_requested=True)
)
_RELEASE = Prepared(
    update(schema.jobs)
    .where(*_MINE)
    .values(status="queued", attempt=_j.attempt - 1, lease_owner=None, lease_until=None)
)
_ABANDON = Prepared(
    update(schema.jobs)
    .where(
        func.substr(_j.lease_owner, 1, func.length(bindparam("b_prefix", type_=Text))) == bindparam("b_prefix"),
        _j.status == literal_column("'running'"),
    )
    .values(lease_until=0)
)
_old = (
    select(_j.id)
    .where(
        _j.status.in_([literal_column("'done'"), literal_column("'cancelled'")]), _j.finished_at < bindparam("b_before")
    )
    .limit(bindparam("b_limit"))
)
_PURGE = Prepared(delete(schema.jobs).where(_j.id.in_(_old)))


class SqlJobs(SqlRecords[Job]):
    """See `core.ports.store.Jobs`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.jobs, "job")

    def enqueue(self, job: Job) -> bool:
        """Insert unless an unfinished job with the same unique key exists."""
        if self._session.run(_ENQUEUE, self._codec.to_row(job)).rowcount != 1:
            return False
        self._session.signals.add(("jobs", ""))
        return True

    def put(self, record: Job) -> None:
        """Replace it; it may have become due."""
        super().put(record)
        self._session.signals.add(("jobs", ""))

    def claim(self, owner: str, *, now: datetime, until: datetime, limit: int, after: str = "") -> list[Job]:
        """Lease due jobs, the organizations by turns; see the port."""
        at = to_micros(now)
        self._session.run(_EXPIRE, {"b_now": at, "b_at": at})
        found = self._due(after, at, limit)
        if len(found) < limit and after:
            known = {job.id for job in found}
            found += [job for job in self._due("", at, limit) if job.id not in known][: limit - len(found)]
        leased = []
        for job in found:
            values = {"b_id": job.id, "b_owner": owner, "b_until": to_micros(until)}
            # On PostgreSQL another process may have leased it in between.
            if self._session.run(_LEASE, values).rowcount == 1:
                leased.append(
                    replace(job, status="running", attempt=job.attempt + 1, lease_owner=owner, lease_until=until)
                )
        return leased

    def renew(self, owner: str, until: datetime) -> list[tuple[str, bool]]:
        """Renew every lease of this owner; see the port."""
        self._session.run(_RENEW, {"b_owner": owner, "b_until": to_micros(until)})
        return [(row[0], bool(row[1])) for row in self._session.run(_HELD, {"b_owner": owner}).fetchall()]

    def finish(self, job: Job, owner: str) -> bool:
        """Write the outcome and give up the lease; see the port."""
        row = self._codec.to_row(job)
        values = {name: row[name] for name in _RESULT} | {"b_id": job.id, "b_owner": owner}
        return bool(self._session.run(_FINISH, values).rowcount == 1)

    def report(self, job_id: str, owner: str, progress: int) -> bool:
        """Note the progress; see the port."""
        values = {"b_id": job_id, "b_owner": owner, "b_done": progress}
        return bool(self._session.run(_REPORT, values).rowcount == 1)

    def request_cancel(self, organization_id: str, job_id: str, at: datetime) -> bool:
        """Cancel what is queued, ask the runner to stop what runs; see the port."""
        values = {"b_id": job_id, "b_organization": organization_id}
        if self._session.run(_CANCEL_QUEUED, {**values, "b_at": to_micros(at)}).rowcount == 1:
            return True
        self._session.signals.add(("jobs", "cancel"))
        return bool(self._session.run(_CANCEL_RUNNING, values).rowcount == 1)

    def _due(self, after: str, at: int, limit: int) -> list[Job]:
        rows = self._session.run(_CLAIM, {"b_now": at, "b_after": after, "b_limit": limit}).fetchall()
        return [self._codec.from_row(row) for row in rows]

    def release(self, owner: str) -> int:
        """Queue this owner's jobs again; see the port."""
        return int(self._session.run(_RELEASE, {"b_owner": owner}).rowcount)

    def abandon(self, owner_prefix: str) -> int:
        """End the leases of dead owners; see the port."""
        return int(self._session.run(_ABANDON, {"b_prefix": owner_prefix}).rowcount)

    def purge(self, before: datetime, limit: int) -> int:
        """Delete old finished jobs; see the port."""
        return int(self._session.run(_PURGE, {"b_before": to_micros(before), "b_limit": limit}).rowcount)
