"""The runs that steps begin: agents' runs and inner workflows. They end with the step that began them."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from trivium.core.errors import Conflict, CoreError
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.runs import Run
from trivium.core.model.workflows import Step, StepRun, StepType, WorkflowRun
from trivium.core.ports import Clock, Transaction

_STEP_RUNS_MAX = 20_000
# Where a try of a step notes what it began, by the type of step: the field of its data, and the kind of id.
_NOTED: dict[StepType, tuple[str, str]] = {"agent": ("run_id", "run"), "workflow": ("child_run_id", "wfr")}


class AgentRuns(Protocol):
    """What ends agents' runs: `services.runs.Runs`."""

    def mark_cancelled(self, tx: Transaction, organization_id: str, run_id: str, reason: str) -> bool:
        """Have a run end, in the caller's transaction; False when it has ended or is not there."""

    async def cancel(self, organization_id: str, run_id: str, reason: str = "") -> Run:
        """End a run now."""


@dataclass(kw_only=True)
class Marked:
    """What was marked in a transaction and is stopped after it."""

    workflow_run_ids: list[str] = field(default_factory=list)
    agent_run_ids: list[str] = field(default_factory=list)


def noted_child(kind: StepType) -> JSONObject:
    """Return what a try of such a step notes before it begins: the id of the run it will begin.

    A process that takes the try over finds that run; the next try gets another one.
    """
    if kind not in _NOTED:
        return {}
    name, prefix = _NOTED[kind]
    return {name: new_id(prefix)}


def require_held(tx: Transaction, run: WorkflowRun) -> None:
    """Raise Conflict with code "lease_lost" when the run was cancelled or taken over: it begins nothing more."""
    if not tx.workflow_runs.hold(run.id, run.lease_owner or "", run.attempt):
        raise Conflict(f"Run {run.id} is no longer ours.", code="lease_lost")


def has_child(step: Step) -> bool:
    """True for a step whose tries may begin runs."""
    body = step.config.get("step")
    kind = body.get("type") if isinstance(body, dict) else step.type
    return kind in _NOTED


class Children:
    """Ends what steps began: durably in the caller's transaction, then, with `settle`, at once in this process."""

    def __init__(
        self,
        *,
        clock: Clock,
        agent_runs: AgentRuns | None,
        stop: Callable[[str], Awaitable[None]],
        ended: Callable[[Transaction, WorkflowRun], None],
    ) -> None:
        self._clock = clock
        self._agent_runs = agent_runs
        self._stop = stop
        self._ended = ended

    def end_run(self, tx: Transaction, organization_id: str, run_id: str, reason: str) -> Marked:
        """Cancel a workflow run with everything inside it; what has ended stays as it is."""
        marked = Marked()
        run = tx.workflow_runs.get(organization_id, run_id)
        self._end_runs(tx, organization_id, run_id, reason, marked=marked)
        if marked.workflow_run_ids and run.parent_run_id is not None:
            # The step that waits for it goes on, with the failure of its inner run.
            tx.workflow_runs.signal(organization_id, run.parent_run_id, self._clock.now())
        return marked

    def end_children(self, tx: Transaction, step_runs: Iterable[StepRun], reason: str, marked: Marked) -> None:
        """Cancel what these tries of steps began, and add it to `marked`."""
        for one in step_runs:
            self._end_agent_run(tx, one, reason, marked)
            child_id = one.data.get("child_run_id")
            if isinstance(child_id, str):
                self._end_runs(tx, one.organization_id, child_id, reason, marked=marked)

    async def settle(self, organization_id: str, marked: Marked) -> None:
        """Stop here what was marked; another process notices by itself within a lease."""
        for run_id in marked.workflow_run_ids:
            await self._stop(run_id)
        for run_id in marked.agent_run_ids:
            if self._agent_runs is not None:
                try:
                    await self._agent_runs.cancel(organization_id, run_id)
                except CoreError:
                    continue  # It is marked; whoever drives it ends it.

    def _end_runs(self, tx: Transaction, organization_id: str, top_id: str, reason: str, *, marked: Marked) -> None:
        todo = [top_id]
        now = self._clock.now()
        for run_id in todo:
            if not tx.workflow_runs.cancel(organization_id, run_id, reason, now):
                continue
            marked.workflow_run_ids.append(run_id)
            for one in tx.step_runs.find(organization_id, run_id=run_id, limit=_STEP_RUNS_MAX):
                if one.status in ("running", "waiting"):
                    tx.step_runs.put(replace(one, status="cancelled", finished_at=now))
                    self._end_agent_run(tx, one, reason, marked)
            inner = tx.workflow_runs.find(organization_id, parent_run_id=run_id, limit=_STEP_RUNS_MAX)
            todo += [run.id for run in inner if not run.is_final]
            self._ended(tx, tx.workflow_runs.get(organization_id, run_id))

    def _end_agent_run(self, tx: Transaction, one: StepRun, reason: str, marked: Marked) -> None:
        run_id = one.data.get("run_id")
        if not isinstance(run_id, str) or self._agent_runs is None:
            return
        if self._agent_runs.mark_cancelled(tx, one.organization_id, run_id, reason):
            marked.agent_run_ids.append(run_id)
