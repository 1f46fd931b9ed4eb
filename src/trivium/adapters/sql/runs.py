"""Runs and their leases."""

from datetime import datetime

from sqlalchemy import and_, bindparam, exists, or_, select, update

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session
from trivium.adapters.sql.run_readings import RunReadings
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.runs import Run

_r = schema.runs.c
_other = schema.runs.alias("other")
# Notices of PostgreSQL are short.
_REASON_CHARS_MAX = 500
_ACTIVE = ("running", "waiting")


def _of_conversation(*conditions: object, newest: bool = False) -> Prepared:
    order = (_r.created_at.desc(), _r.id.desc()) if newest else (_r.created_at, _r.id)
    return Prepared(
        select(*_r)
        .where(_r.conversation_id == bindparam("b_conversation"), *conditions)  # type: ignore[arg-type]
        .order_by(*order)
        .limit(1)
    )


# Says the same as the status, in the words of the index `runs_unfinished`.
_UNFINISHED = _r.finished_at.is_(None)
_ACTIVE_RUN = _of_conversation(_UNFINISHED, or_(*(_r.status == status for status in _ACTIVE)))
_NEXT_QUEUED = _of_conversation(_UNFINISHED, _r.status == "queued")
_LATEST = _of_conversation(newest=True)
_LATEST_OF_REQUEST = _of_conversation(_r.request_id == bindparam("b_request"), newest=True)
_CLAIM = Prepared(
    update(schema.runs)
    .where(
        _r.id == bindparam("b_run"),
        or_(*(_r.status == status for status in ("queued", "running"))),
        or_(
            _r.lease_owner.is_(None),
            _r.lease_owner == bindparam("b_mine"),
            _r.lease_until < bindparam("b_now"),
        ),
    )
    .values(
        lease_owner=bindparam("b_owner"),
        lease_until=bindparam("b_until"),
        attempt=_r.attempt + 1,
        status="running",
    )
)
_GET = Prepared(select(*_r).where(_r.id == bindparam("b_run")))
_RENEW = Prepared(
    update(schema.runs)
    .where(_r.lease_owner == bindparam("b_owner"), _r.status == "running")
    .values(lease_until=bindparam("b_until"))
)
_CANCELS = Prepared(
    select(_r.id).where(_r.lease_owner == bindparam("b_owner"), _r.status == "running", _r.cancel_requested)
)
_RELEASE = Prepared(
    update(schema.runs)
    .where(_r.lease_owner.startswith(bindparam("b_prefix"), autoescape=False), _r.status == "running")
    .values(lease_owner=None, lease_until=None)
)
_REQUEST_CANCEL = Prepared(update(schema.runs).where(_r.id == bindparam("b_run")).values(cancel_requested=True))
_ORPHANS = Prepared(
    select(*_r)
    .where(
        or_(
            and_(
                _r.status == "running",
                or_(_r.lease_until.is_(None), _r.lease_until < bindparam("b_now")),
            ),
            and_(
                _r.status == "queued",
                ~exists().where(
                    _other.c.conversation_id == _r.conversation_id,
                    _other.c.finished_at.is_(None),
                    or_(*(_other.c.status == s for s in _ACTIVE)),
                ),
            ),
        )
    )
    .order_by(_r.created_at)
    .limit(bindparam("b_limit"))
)
_FINAL = (
    "status",
    "finished_at",
    "output",
    "error_code",
    "error_message",
    "usage",
    "model",
    "metadata",
)
_FINISH = Prepared(
    update(schema.runs)
    .where(_r.id == bindparam("b_run"), _r.lease_owner == bindparam("b_owner"))
    .values({name: bindparam(name) for name in _FINAL} | {"lease_owner": None, "lease_until": None})
)


class SqlRuns(RunReadings):
    """See `core.ports.store.Runs`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.runs, "run")

    def active(self, conversation_id: str) -> Run | None:
        """Return the run that is running or waiting."""
        return self._one(_ACTIVE_RUN, {"b_conversation": conversation_id})

    def next_queued(self, conversation_id: str) -> Run | None:
        """Return the oldest queued run."""
        return self._one(_NEXT_QUEUED, {"b_conversation": conversation_id})

    def latest(self, conversation_id: str, *, request_id: str | None = None) -> Run | None:
        """Return the newest run, with that request id when given."""
        if request_id is None:
            return self._one(_LATEST, {"b_conversation": conversation_id})
        return self._one(_LATEST_OF_REQUEST, {"b_conversation": conversation_id, "b_request": request_id})

    def claim(self, run_id: str, owner: str, until: datetime, *, now: datetime) -> Run | None:
        """Take the lease and count an attempt; None when another holds it or the run has ended."""
        values = {
            "b_run": run_id,
            "b_mine": owner,
            "b_owner": owner,
            "b_now": to_micros(now),
            "b_until": to_micros(until),
        }
        if self._session.run(_CLAIM, values).rowcount != 1:
            return None
        return self._one(_GET, {"b_run": run_id})

    def renew(self, owner: str, until: datetime) -> list[str]:
        """Renew every lease of this process; return runs to be cancelled."""
        self._session.run(_RENEW, {"b_owner": owner, "b_until": to_micros(until)})
        return [row[0] for row in self._session.run(_CANCELS, {"b_owner": owner}).fetchall()]

    def release(self, owner_prefix: str) -> int:
        """Give up every lease of the owners whose name begins so."""
        return int(self._session.run(_RELEASE, {"b_prefix": owner_prefix}).rowcount)

    def request_cancel(self, run_id: str, reason: str) -> None:
        """Ask whoever drives the run to stop it."""
        self._session.run(_REQUEST_CANCEL, {"b_run": run_id})
        self._session.signals.add(("cancels", f"{run_id} {' '.join(reason.split())[:_REASON_CHARS_MAX]}"))

    def orphans(self, now: datetime, limit: int) -> list[Run]:
        """Return runs that nobody drives."""
        rows = self._session.run(_ORPHANS, {"b_now": to_micros(now), "b_limit": limit}).fetchall()
        return [self._codec.from_row(row) for row in rows]

    def finish(self, run: Run, owner: str) -> bool:
        """Write the final fields and give up the lease."""
        fields = self._codec.by_name
        values = {name: fields[name].to_sql(getattr(run, name)) for name in _FINAL}
        values |= {"b_run": run.id, "b_owner": owner}
        return bool(self._session.run(_FINISH, values).rowcount == 1)

    def _one(self, statement: Prepared, values: dict[str, object]) -> Run | None:
        row = self._session.run(statement, values).fetchone()
        return None if row is None else self._codec.from_row(row)
