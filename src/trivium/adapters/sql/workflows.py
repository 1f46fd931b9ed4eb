"""Workflows and their executions."""

from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, func, literal_column, or_, select, update

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.workflows import Workflow, WorkflowRun

_w = schema.workflows.c
_r = schema.workflow_runs.c
_IDLE: list[ColumnElement[str]] = [literal_column("'queued'"), literal_column("'running'")]
_ACTIVE = [*_IDLE, literal_column("'waiting'")]
_BY_ID = Prepared(select(*_w).where(_w.id == bindparam("b_id")))
_DUE_WORKFLOWS = Prepared(
    select(*_w)
    .where(_w.next_run_at <= bindparam("b_now"), _w.enabled)
    .order_by(_w.next_run_at)
    .limit(bindparam("b_limit"))
)
_LISTENING = Prepared(
    select(*_w)
    .where(_w.organization_id == bindparam("b_organization"), _w.enabled, _w.event_types != literal_column("'[]'"))
    .order_by(_w.id)
    .limit(100)
)
_RUN = Prepared(select(*_r).where(_r.id == bindparam("b_run")))
_CLAIM = Prepared(
    update(schema.workflow_runs)
    .where(
        _r.id == bindparam("b_run"),
        _r.status.in_(_ACTIVE),
        or_(_r.lease_owner.is_(None), _r.lease_until < bindparam("b_now")),
    )
    .values(
        status="running",
        attempt=_r.attempt + 1,
        lease_owner=bindparam("b_owner"),
        lease_until=bindparam("b_until"),
        started_at=func.coalesce(_r.started_at, bindparam("b_started")),
        wake_at=None,
    )
)
_HELD = (
    _r.id == bindparam("b_run"),
    _r.lease_owner == bindparam("b_owner"),
    _r.attempt == bindparam("b_attempt"),
    _r.status == "running",
)
# An update that changes nothing: it locks the row on PostgreSQL, where another process may be taking it over.
_HOLD = Prepared(update(schema.workflow_runs).where(*_HELD).values(attempt=_r.attempt))
_DROP = Prepared(update(schema.workflow_runs).where(*_HELD).values(lease_owner=None, lease_until=bindparam("b_until")))
_SAVED = ("status", "result", "error", "error_code", "finished_at", "wake_at", "lease_owner", "lease_until")
_SAVE = Prepared(
    update(schema.workflow_runs)
    .where(*_HELD, _r.signals == bindparam("b_signals"))
    .values({name: bindparam(name) for name in _SAVED})
)
_SIGNAL = Prepared(
    update(schema.workflow_runs)
    .where(
        _r.id == bindparam("b_run"),
        _r.organization_id == bindparam("b_organization"),
        _r.status.in_(_ACTIVE),
    )
    .values(signals=_r.signals + 1, wake_at=bindparam("b_now"))
)
_CANCEL = Prepared(
    update(schema.workflow_runs)
    .where(
        _r.id == bindparam("b_run"),
        _r.organization_id == bindparam("b_organization"),
        _r.status.in_(_ACTIVE),
    )
    .values(
        status="cancelled",
        error=bindparam("b_reason"),
        error_code="cancelled",
        finished_at=bindparam("b_now"),
        wake_at=None,
        lease_owner=None,
        lease_until=None,
    )
)
_RENEW = Prepared(
    update(schema.workflow_runs)
    .where(_r.lease_owner == bindparam("b_owner"), _r.status == "running")
    .values(lease_until=bindparam("b_until"))
)
_RELEASE = Prepared(
    update(schema.workflow_runs)
    .where(_r.lease_owner.startswith(bindparam("b_owner"), autoescape=False), _r.status == "running")
    .values(lease_owner=None, lease_until=None)
)
_DUE_RUNS = Prepared(
    select(*_r)
    .where(
        or_(
            _r.status.in_(_IDLE) & or_(_r.lease_until.is_(None), _r.lease_until < bindparam("b_now")),
            (_r.status == "waiting") & (_r.wake_at <= bindparam("b_wake")),
        )
    )
    .order_by(_r.created_at)
    .limit(bindparam("b_limit"))
)
_COUNT_ACTIVE = Prepared(
    select(func.count()).where(
        _r.organization_id == bindparam("b_organization"),
        _r.workflow_id == bindparam("b_workflow"),
        _r.status.in_(_ACTIVE),
    )
)


class SqlWorkflows(SqlRecords[Workflow]):
    """See `core.ports.store.Workflows`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.workflows, "workflow")

    def by_id(self, workflow_id: str) -> Workflow | None:
        """Return the workflow, whosever it is."""
        row = self._session.run(_BY_ID, {"b_id": workflow_id}).fetchone()
        return None if row is None else self._codec.from_row(row)

    def due(self, now: datetime, limit: int) -> list[Workflow]:
        """Return workflows whose next start has come."""
        rows = self._session.run(_DUE_WORKFLOWS, {"b_now": to_micros(now), "b_limit": limit}).fetchall()
        return [self._codec.from_row(row) for row in rows]

    def listening(self, organization_id: str) -> list[Workflow]:
        """Return workflows that start on some event."""
        rows = self._session.run(_LISTENING, {"b_organization": organization_id}).fetchall()
        return [self._codec.from_row(row) for row in rows]


class SqlWorkflowRuns(SqlRecords[WorkflowRun]):
    """See `core.ports.store.WorkflowRuns`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.workflow_runs, "workflow_run")

    def claim(self, run_id: str, owner: str, until: datetime, *, now: datetime) -> WorkflowRun | None:
        """Take the lease and count an attempt."""
        values = {
            "b_run": run_id,
            "b_owner": owner,
            "b_now": to_micros(now),
            "b_started": to_micros(now),
            "b_until": to_micros(until),
        }
        if self._session.run(_CLAIM, values).rowcount != 1:
            return None
        return self._codec.from_row(self._session.run(_RUN, {"b_run": run_id}).fetchone())

    def hold(self, run_id: str, owner: str, attempt: int) -> bool:
        """True while this process drives the run."""
        values = {"b_run": run_id, "b_owner": owner, "b_attempt": attempt}
        return bool(self._session.run(_HOLD, values).rowcount == 1)

    def save(self, run: WorkflowRun, owner: str) -> bool:
        """Write the driver's fields, unless the run was lost or something arrived."""
        row = self._codec.to_row(run)
        values = {name: row[name] for name in _SAVED}
        values |= {"b_run": run.id, "b_owner": owner, "b_attempt": run.attempt, "b_signals": run.signals}
        is_saved = bool(self._session.run(_SAVE, values).rowcount == 1)
        if is_saved and run.is_final:
            self._session.signals.add(("workflows", f"ended:{run.id}"))
        return is_saved

    def signal(self, organization_id: str, run_id: str, now: datetime) -> bool:
        """Count a signal and make the run due."""
        values = {"b_run": run_id, "b_organization": organization_id, "b_now": to_micros(now)}
        self._session.signals.add(("workflows", run_id))
        return bool(self._session.run(_SIGNAL, values).rowcount == 1)

    def drop(self, run_id: str, owner: str, attempt: int, until: datetime) -> None:
        """Give up one lease; nobody takes the run before `until`."""
        values = {"b_run": run_id, "b_owner": owner, "b_attempt": attempt, "b_until": to_micros(until)}
        self._session.run(_DROP, values)

    def cancel(self, organization_id: str, run_id: str, reason: str, now: datetime) -> bool:
        """End a run that has not ended; whoever drives it loses its fence."""
        values = {"b_run": run_id, "b_organization": organization_id, "b_reason": reason, "b_now": to_micros(now)}
        self._session.signals.add(("workflows", f"ended:{run_id}"))
        return bool(self._session.run(_CANCEL, values).rowcount == 1)

    def renew(self, owner: str, until: datetime) -> None:
        """Renew every lease of this process."""
        self._session.run(_RENEW, {"b_owner": owner, "b_until": to_micros(until)})

    def release(self, owner_prefix: str) -> int:
        """Give up leases by the beginning of their owner's name."""
        return int(self._session.run(_RELEASE, {"b_owner": owner_prefix}).rowcount)

    def due(self, now: datetime, limit: int) -> list[WorkflowRun]:
        """Return runs that nobody drives and that have something to do."""
        values = {"b_now": to_micros(now), "b_wake": to_micros(now), "b_limit": limit}
        return [self._codec.from_row(row) for row in self._session.run(_DUE_RUNS, values).fetchall()]

    def count_active(self, organization_id: str, workflow_id: str) -> int:
        """Return how many runs of a workflow have not ended."""
        values = {"b_organization": organization_id, "b_workflow": workflow_id}
        return int(self._session.run(_COUNT_ACTIVE, values).fetchone()[0])
