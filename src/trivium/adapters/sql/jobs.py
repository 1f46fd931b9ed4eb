"""The queue of background work, as leased rows."""

from datetime import datetime

from sqlalchemy import bindparam, func, or_, select, update

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.jobs import Job

_j = schema.jobs.c
_UNFINISHED = or_(_j.status == "queued", _j.status == "running")
_SAME_KEY = Prepared(select(_j.id).where(_j.unique_key == bindparam("b_key"), _UNFINISHED).limit(1))
_READY = or_(
    (_j.status == "queued") & (_j.due_at <= bindparam("b_now")),
    (_j.status == "running") & (_j.lease_until < bindparam("b_dead")),
)
# One organization's backlog must not starve the others: take by turn within each organization, then by priority.
_turn = func.row_number().over(partition_by=_j.organization_id, order_by=(_j.priority.desc(), _j.due_at, _j.id))
_ranked = select(_j.id, _turn.label("turn"), _j.priority, _j.due_at).where(_READY).subquery()
_NEXT = Prepared(
    select(_ranked.c.id)
    .order_by(_ranked.c.turn, _ranked.c.priority.desc(), _ranked.c.due_at)
    .limit(bindparam("b_limit"))
)
_LEASE = Prepared(
    update(schema.jobs)
    .where(_j.id == bindparam("b_id"), _READY)
    .values(
        status="running",
        lease_owner=bindparam("b_owner"),
        lease_until=bindparam("b_until"),
        attempt=_j.attempt + 1,
    )
)
_GET = Prepared(select(*_j).where(_j.id == bindparam("b_id")))
_RENEW = Prepared(
    update(schema.jobs)
    .where(_j.lease_owner == bindparam("b_owner"), _j.status == "running")
    .values(lease_until=bindparam("b_until"))
)


class SqlJobs(SqlRecords[Job]):
    """See `core.ports.store.Jobs`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.jobs, "job")

    def enqueue(self, job: Job) -> bool:
        """Insert unless an unfinished job with the same unique key exists."""
        if job.unique_key is not None and self._session.run(_SAME_KEY, {"b_key": job.unique_key}).fetchone():
            return False
        self.add(job)
        return True

    def claim(self, owner: str, *, now: datetime, until: datetime, limit: int) -> list[Job]:
        """Lease due jobs and those whose lease has ended, fairly over organizations."""
        at = {"b_now": to_micros(now), "b_dead": to_micros(now)}
        ids = [row[0] for row in self._session.run(_NEXT, {**at, "b_limit": limit}).fetchall()]
        leased = []
        for job_id in ids:
            values = {**at, "b_id": job_id, "b_owner": owner, "b_until": to_micros(until)}
            if self._session.run(_LEASE, values).rowcount == 1:
                leased.append(self._codec.from_row(self._session.run(_GET, {"b_id": job_id}).fetchone()))
        return leased

    def renew(self, owner: str, until: datetime) -> None:
        """Renew every lease of this process."""
        self._session.run(_RENEW, {"b_owner": owner, "b_until": to_micros(until)})
