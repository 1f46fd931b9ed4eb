"""Workflows as people and programs use them: saved, started, looked at, cancelled, run again."""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from trivium.core.errors import Conflict, CoreError, InvalidRequest, LimitExceeded, NotAuthenticated, NotFound
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.workflows import (
    Edge,
    Schedule,
    Step,
    StepRun,
    Trigger,
    Workflow,
    WorkflowRevision,
    WorkflowRun,
    WorkflowWrite,
)
from trivium.core.ports import Calendar, Clock, Store, Transaction
from trivium.core.services.announcing import STARTING_TYPES
from trivium.core.services.budgets import check_start, limits_of_key
from trivium.core.services.workflows import definition, settings
from trivium.core.services.workflows.actions import Call
from trivium.core.services.workflows.checkpoints import STEP_RUNS_MAX
from trivium.core.services.workflows.driver import WorkflowDriver, revision_id
from trivium.core.services.workflows.graph import Graph, is_caught
from trivium.core.services.workflows.inputs import check_inputs
from trivium.core.services.workflows.logic import check_answer
from trivium.core.services.workflows.schedules import check_schedule, first_after
from trivium.core.services.workflows.storing import storing_problem

logger = logging.getLogger(__name__)
WORKFLOWS_MAX = 1_000
ACTIVE_PER_WORKFLOW_MAX = 1_000
_POLL_S = 1.0
_SECRET_PREFIX = "wfs_"  # noqa: S105 - the beginning of one, so that a leaked one is recognised


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A workflow as somebody wants it; None leaves a field as it is (or at its default, in a new workflow)."""

    name: str | None = None
    description: str | None = None
    enabled: bool | None = None
    steps: tuple[Step, ...] | None = None
    edges: tuple[Edge, ...] | None = None
    webhook_enabled: bool | None = None
    schedule: Schedule | None = None
    removes_schedule: bool = False
    event_types: tuple[str, ...] | None = None


class Workflows:
    """All workflows of all organizations."""

    def __init__(self, *, store: Store, clock: Clock, calendar: Calendar, driver: WorkflowDriver) -> None:
        self._store = store
        self._clock = clock
        self._calendar = calendar
        self._driver = driver
        # Called in the transaction of every save.
        self.write_hooks: list[Callable[[Transaction, WorkflowWrite], None]] = []

    async def create(self, organization_id: str, draft: Draft, *, created_by: str = "") -> tuple[Workflow, str]:
        """Check and save a new workflow; return it with its secret, which is shown only now."""
        workflow, secret = self.drafted(organization_id, draft)
        await self._store.write(lambda tx: self.add(tx, workflow, created_by=created_by))
        return workflow, secret

    def drafted(self, organization_id: str, draft: Draft, *, workflow_id: str | None = None) -> tuple[Workflow, str]:
        """Check a draft and return the workflow it makes, which is saved nowhere yet, with its secret."""
        if not draft.name:
            raise InvalidRequest("name: is needed.", code="invalid_workflow", details={"place": "name"})
        now = self._clock.now()
        secret = _new_secret()
        empty = Workflow(
            id=workflow_id or new_id("wf"),
            organization_id=organization_id,
            name=draft.name,
            created_at=now,
            updated_at=now,
            version=0,
            secret_hash=_digest(secret),
            secret_last_four=secret[-4:],
        )
        draft = replace(draft, steps=draft.steps or (), edges=draft.edges or ())
        return self._changed(empty, draft, now), secret

    def add(self, tx: Transaction, workflow: Workflow, *, created_by: str = "") -> None:
        """Save a workflow that `drafted` made, in the caller's transaction."""
        organization_id = workflow.organization_id
        tx.organizations.get(organization_id, organization_id)
        if tx.workflows.count(organization_id) >= WORKFLOWS_MAX:
            raise LimitExceeded(f"There may be at most {WORKFLOWS_MAX} workflows.", code="too_many_workflows")
        tx.workflows.add(workflow)
        tx.workflow_revisions.add(_revision_of(workflow, created_by))
        self._tell(tx, WorkflowWrite(kind="created", workflow=workflow, by=created_by))

    async def change(
        self,
        organization_id: str,
        workflow_id: str,
        draft: Draft,
        *,
        created_by: str = "",
        if_version: int | None = None,
    ) -> Workflow:
        """Check and save changes; a changed diagram is a new version, and runs that go on keep theirs.

        Conflict (a precondition) when `if_version` is given and is not the current version.
        """

        def unit(tx: Transaction) -> Workflow:
            current = tx.workflows.get(organization_id, workflow_id)
            if if_version is not None and if_version != current.version:
                raise Conflict(f"The workflow is at version {current.version}.", is_precondition=True)
            return self.put(tx, current, draft, changed_by=created_by)

        return await self._store.write(unit)

    def changed(self, current: Workflow, draft: Draft) -> Workflow:
        """Check a draft and return what it makes of a workflow, which is saved nowhere yet."""
        return self._changed(current, draft, self._clock.now())

    def put(self, tx: Transaction, current: Workflow, draft: Draft, *, changed_by: str = "") -> Workflow:
        """Check and save changes to a workflow that was read in the caller's transaction."""
        changed = self.changed(current, draft)
        tx.workflows.put(changed)
        if changed.version != current.version:
            tx.workflow_revisions.add(_revision_of(changed, changed_by))
        self._tell(tx, WorkflowWrite(kind="changed", workflow=changed, by=changed_by))
        return changed

    async def get(self, organization_id: str, workflow_id: str) -> Workflow:
        """Return the workflow or raise NotFound."""
        return await self._store.read(lambda tx: tx.workflows.get(organization_id, workflow_id))

    async def find(self, organization_id: str, *, limit: int = 100, before: str | None = None) -> list[Workflow]:
        """Return workflows, newest first."""
        return await self._store.read(
            lambda tx: tx.workflows.find(organization_id, limit=limit, newest_first=True, before=before)
        )

    async def revisions(self, organization_id: str, workflow_id: str, *, limit: int = 50) -> list[WorkflowRevision]:
        """Return the saved versions, newest first."""
        return await self._store.read(
            lambda tx: tx.workflow_revisions.find(
                organization_id, workflow_id=workflow_id, limit=limit, newest_first=True
            )
        )

    async def remove(self, organization_id: str, workflow_id: str, *, removed_by: str = "") -> None:
        """Delete a workflow; Conflict while runs of it go on. Ended runs stay readable."""
        await self._store.write(
            lambda tx: self.drop(tx, tx.workflows.get(organization_id, workflow_id), removed_by=removed_by)
        )

    def drop(self, tx: Transaction, workflow: Workflow, *, removed_by: str = "") -> None:
        """Delete a workflow in the caller's transaction; see `remove`."""
        organization_id = workflow.organization_id
        if tx.workflow_runs.count_active(organization_id, workflow.id):
            raise Conflict("Runs of this workflow still go on; cancel them first.", code="workflow_busy")
        if not tx.workflows.remove(organization_id, workflow.id):
            raise NotFound("workflow", workflow.id)
        self._tell(tx, WorkflowWrite(kind="deleted", workflow=workflow, by=removed_by))

    async def rotate_secret(self, organization_id: str, workflow_id: str) -> tuple[Workflow, str]:
        """Return the workflow and a new secret, shown only now; the old one stops working at once."""
        secret = _new_secret()

        def unit(tx: Transaction) -> Workflow:
            workflow = tx.workflows.get(organization_id, workflow_id)
            workflow = replace(workflow, secret_hash=_digest(secret), secret_last_four=secret[-4:])
            tx.workflows.put(workflow)
            return workflow

        return await self._store.write(unit), secret

    async def authenticate(self, workflow_id: str, secret: str) -> Workflow:
        """Return the workflow whose secret this is; NotAuthenticated alike for a wrong one and for no such workflow."""
        workflow = await self._store.read(lambda tx: tx.workflows.by_id(workflow_id))
        expected = workflow.secret_hash if workflow is not None else _digest("")
        is_right = hmac.compare_digest(expected, _digest(secret))
        if workflow is None or not secret or not is_right:
            raise NotAuthenticated("The workflow's secret is missing or wrong.")
        return workflow

    async def start(
        self,
        organization_id: str,
        workflow_id: str,
        inputs: JSONObject,
        *,
        trigger: Trigger = "manual",
        principal_id: str = "",
    ) -> WorkflowRun:
        """Check the inputs, store a run and begin it; returns before the first step has ended.

        Raises NotFound, Conflict (switched off), InvalidRequest (inputs), LimitExceeded (too many runs at once; a
        budget of the key that starts it).
        """
        if self._driver.is_closing:
            raise LimitExceeded("The server is shutting down.", code="shutting_down", retry_after_s=2.0)
        run = WorkflowRun(
            id=new_id("wfr"),
            organization_id=organization_id,
            workflow_id=workflow_id,
            version=0,
            trigger=trigger,
            created_at=self._clock.now(),
            inputs=inputs,
            principal_id=principal_id,
        )
        has_room = self._driver.active_count < self._driver.settings.active_max

        def unit(tx: Transaction) -> tuple[WorkflowRun, Workflow]:
            checked, workflow = self._admit(tx, run)
            if has_room:
                checked = self._driver.leased(checked)
            tx.workflow_runs.add(checked)
            return checked, workflow

        stored, workflow = await self._store.write(unit)
        if has_room:
            self._driver.launch(stored, self._driver.graph_of(_revision_of(workflow, "")), [])
        return stored

    def check(self, tx: Transaction, run: WorkflowRun) -> WorkflowRun:
        """Return the run with its version and full inputs; see `start` for what it raises."""
        return self._admit(tx, run)[0]

    def insert(self, tx: Transaction, run: WorkflowRun) -> WorkflowRun:
        """Store a run in the caller's transaction and have it driven soon; returns the stored one if it is there."""
        known = tx.workflow_runs.first(run.organization_id, id=run.id)
        if known is not None:
            return known
        checked = self.check(tx, run)
        tx.workflow_runs.add(checked)
        tx.workflow_runs.signal(run.organization_id, run.id, self._clock.now())
        return checked

    def start_on_event(
        self, tx: Transaction, organization_id: str, event_type: str, *, data: JSONObject, event_id: str
    ) -> None:
        """Insert a run of every workflow that waits for such an event; one for each event, however often it is told."""
        for workflow in tx.workflows.listening(organization_id):
            if event_type not in workflow.event_types:
                continue
            if tx.workflow_runs.first(organization_id, workflow_id=workflow.id, event_id=event_id) is not None:
                continue
            run = WorkflowRun(
                id=new_id("wfr"),
                organization_id=organization_id,
                workflow_id=workflow.id,
                version=0,
                trigger="event",
                created_at=self._clock.now(),
                inputs={"event": event_type, **data},
                event_id=event_id,
            )
            try:
                self.insert(tx, run)
            except CoreError as error:
                logger.warning("Workflow %s could not start on %s: %s", workflow.id, event_type, error.message)

    def child_of(self, call: Call) -> WorkflowRun:
        """Return the run that a step of the type "workflow" starts."""
        inputs = call.config.get("inputs")
        return WorkflowRun(
            id=str(call.data["child_run_id"]),
            organization_id=call.run.organization_id,
            workflow_id=str(call.config.get("workflow_id")),
            version=0,
            trigger="workflow",
            created_at=self._clock.now(),
            inputs=inputs if isinstance(inputs, dict) else {},
            principal_id=call.run.principal_id,
            parent_run_id=call.run.id,
            depth=call.run.depth + 1,
        )

    async def run(self, organization_id: str, run_id: str) -> WorkflowRun:
        """Return a run or raise NotFound."""
        return await self._store.read(lambda tx: tx.workflow_runs.get(organization_id, run_id))

    async def step_runs(self, organization_id: str, run_id: str) -> list[StepRun]:
        """Return the checkpoints of a run in the order they began."""
        found = await self._store.read(
            lambda tx: tx.step_runs.find(organization_id, run_id=run_id, limit=STEP_RUNS_MAX)
        )
        return sorted(found, key=lambda one: (one.created_at, len(one.id), one.id))

    async def runs(
        self,
        organization_id: str,
        *,
        workflow_id: str | None = None,
        status: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[WorkflowRun]:
        """Return runs, newest first."""
        equals = {
            name: value for name, value in (("workflow_id", workflow_id), ("status", status)) if value is not None
        }
        return await self._store.read(
            lambda tx: tx.workflow_runs.find(organization_id, limit=limit, newest_first=True, before=before, **equals)
        )

    async def result(self, organization_id: str, run_id: str, *, timeout_s: float) -> WorkflowRun:
        """Return the run when it has ended, or as it is after `timeout_s`; leaving early changes nothing."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        with self._driver.watch(run_id) as ended:
            while True:
                run = await self.run(organization_id, run_id)
                rest_s = deadline - asyncio.get_running_loop().time()
                if run.is_final or rest_s <= 0:
                    return run
                try:
                    async with asyncio.timeout(min(rest_s, _POLL_S)):
                        await ended.wait()
                except TimeoutError:
                    continue

    async def cancel(self, organization_id: str, run_id: str, reason: str = "Cancelled by the caller.") -> WorkflowRun:
        """End a run with the workflow and agent runs it began; one that has ended is returned as it is.

        All are marked in one transaction, so none goes on when this process ends in the middle. Effects stay.
        """
        children = self._driver.children
        marked = await self._store.write(lambda tx: children.end_run(tx, organization_id, run_id, reason))
        await children.settle(organization_id, marked)
        return await self.run(organization_id, run_id)

    async def rerun(self, organization_id: str, run_id: str, *, from_step: str | None = None) -> WorkflowRun:
        """Start a new run with the same inputs and diagram; what lies before `from_step` (a key) is taken over.

        Conflict while the old run goes on; InvalidRequest when there is no such step; LimitExceeded as in `start`.
        """
        now = self._clock.now()
        new_run_id = new_id("wfr")

        def unit(tx: Transaction) -> WorkflowRun:
            old = tx.workflow_runs.get(organization_id, run_id)
            if not old.is_final:
                raise Conflict("The run still goes on.", code="run_active")
            revision = tx.workflow_revisions.get(organization_id, revision_id(old.workflow_id, old.version))
            graph = self._driver.graph_of(revision)
            run = WorkflowRun(
                id=new_run_id,
                organization_id=organization_id,
                workflow_id=old.workflow_id,
                version=old.version,
                trigger="manual",
                created_at=now,
                inputs=old.inputs,
                principal_id=old.principal_id,
                rerun_of=old.id,
            )
            self._check_room(tx, run)
            tx.workflow_runs.add(run)
            known = tx.step_runs.find(organization_id, run_id=run_id, limit=STEP_RUNS_MAX)
            tx.step_runs.add(*_taken_over(graph, run, known, from_step))
            return run

        run = await self._store.write(unit)
        await self._driver.wake(run.id)
        return await self.run(organization_id, run.id)

    async def forms(self, organization_id: str, *, run_id: str | None = None, limit: int = 100) -> list[StepRun]:
        """Return the forms that wait for a person, oldest first."""
        equals = {} if run_id is None else {"run_id": run_id}
        waiting = await self._store.read(
            lambda tx: tx.step_runs.find(organization_id, status="waiting", limit=limit, newest_first=False, **equals)
        )
        return [one for one in waiting if "form" in one.data]

    async def answer(self, organization_id: str, run_id: str, key: str, values: JSONObject, *, by: str) -> WorkflowRun:
        """Fill in the form of a human step and let the run go on; Conflict when it does not wait for it (any more)."""
        now = self._clock.now()

        def unit(tx: Transaction) -> WorkflowRun:
            run = tx.workflow_runs.get(organization_id, run_id)
            step_run = tx.step_runs.first(organization_id, run_id=run_id, key=key)
            if step_run is None:
                raise NotFound("step", key)
            form = step_run.data.get("form")
            is_open = step_run.status == "waiting" and "answer" not in step_run.data
            if not isinstance(form, dict) or not is_open or (step_run.due_at is not None and step_run.due_at <= now):
                raise Conflict("This step does not wait for an answer.", code="not_waiting")
            answer: JSON = {**check_answer(form, values)}
            tx.step_runs.put(replace(step_run, data={**step_run.data, "answer": answer, "answered_by": by}))
            tx.workflow_runs.signal(organization_id, run_id, now)
            return run

        return await self._store.write(unit)

    def _tell(self, tx: Transaction, write: WorkflowWrite) -> None:
        for hook in self.write_hooks:
            hook(tx, write)

    def _admit(self, tx: Transaction, run: WorkflowRun) -> tuple[WorkflowRun, Workflow]:
        workflow = tx.workflows.get(run.organization_id, run.workflow_id)
        if not workflow.enabled:
            raise Conflict(f"Workflow {workflow.name!r} is switched off.", code="workflow_disabled")
        inputs = check_inputs(workflow.steps, run.inputs)
        self._check_room(tx, run)
        return replace(run, version=workflow.version, inputs=inputs), workflow

    def _check_room(self, tx: Transaction, run: WorkflowRun) -> None:
        if run.principal_id.startswith("key_") and run.parent_run_id is None:
            limits = limits_of_key(tx, run.organization_id, run.principal_id)
            check_start(tx, run.organization_id, limits, self._clock.now())
        if tx.workflow_runs.count_active(run.organization_id, run.workflow_id) >= ACTIVE_PER_WORKFLOW_MAX:
            raise LimitExceeded("Too many runs of this workflow at once.", code="too_many_runs", retry_after_s=5.0)

    def _changed(self, current: Workflow, draft: Draft, now: datetime) -> Workflow:
        plain = {
            name: value
            for name in ("name", "description", "enabled", "webhook_enabled", "event_types")
            if (value := getattr(draft, name)) is not None
        }
        changed = replace(current, updated_at=now, **plain)
        _check_texts(changed)
        unknown = [name for name in changed.event_types if name not in STARTING_TYPES]
        if unknown:
            raise settings.bad(
                "event_types", f"there is no event {unknown[0]!r}; there are " + ", ".join(STARTING_TYPES)
            )
        steps = current.steps if draft.steps is None else draft.steps
        edges = current.edges if draft.edges is None else draft.edges
        if (steps, edges) != (current.steps, current.edges) or current.version == 0:
            definition.check(steps, edges)
            changed = replace(changed, steps=steps, edges=edges, version=current.version + 1)
        if draft.removes_schedule:
            return replace(changed, schedule=None, next_run_at=None)
        schedule = draft.schedule or current.schedule
        if schedule is None:
            return changed
        check_schedule(schedule, self._calendar, now)
        if not (schedule.enabled and changed.enabled):
            # Switched on again it begins anew: what would have started meanwhile was not missed but unwanted.
            return replace(changed, schedule=schedule, next_run_at=None)
        _check_scheduled_inputs(changed, schedule)
        is_same = schedule == current.schedule and current.next_run_at is not None
        next_run_at = current.next_run_at if is_same else first_after(schedule, self._calendar, now)
        return replace(changed, schedule=schedule, next_run_at=next_run_at)


def _check_texts(workflow: Workflow) -> None:
    """Raise InvalidRequest for texts that a database does not take."""
    for name in ("name", "description"):
        text = str(getattr(workflow, name))
        if storing_problem(text) is not None or "\x00" in text:
            raise settings.bad(name, "holds characters that cannot be kept")


def _check_scheduled_inputs(workflow: Workflow, schedule: Schedule) -> None:
    """Raise InvalidRequest for a schedule that no run could be started by."""
    problem = storing_problem(schedule.inputs)
    if problem is not None:
        raise settings.bad("schedule.inputs", problem)
    try:
        check_inputs(workflow.steps, schedule.inputs)
    except InvalidRequest as error:
        raise settings.bad(f"schedule.{error.details['place']}", str(error.details["reason"])) from error


def _new_secret() -> str:
    return _SECRET_PREFIX + secrets.token_urlsafe(32)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _revision_of(workflow: Workflow, created_by: str) -> WorkflowRevision:
    return WorkflowRevision(
        id=revision_id(workflow.id, workflow.version),
        organization_id=workflow.organization_id,
        workflow_id=workflow.id,
        version=workflow.version,
        created_at=workflow.updated_at,
        steps=workflow.steps,
        edges=workflow.edges,
        created_by=created_by,
    )


def _taken_over(graph: Graph, run: WorkflowRun, known: Sequence[StepRun], from_step: str | None) -> list[StepRun]:
    """Return copies of what ended before the step, as checkpoints of the new run."""
    if from_step is None:
        return []
    start = next((step for step in graph.steps if step.key == from_step), None)
    if start is None:
        raise InvalidRequest(f"There is no step {from_step!r}.", code="step_not_found", details={"place": "from_step"})
    again = graph.after(start.id)
    return [
        replace(one, id=one.id.replace(one.run_id, run.id, 1), run_id=run.id)
        for one in known
        # A failure that the diagram caught has decided the way to the step, so it is taken over, too.
        if one.step_id not in again
        and (one.status in ("succeeded", "skipped") or (one.status == "failed" and is_caught(graph, one.step_id)))
    ]
