"""A workflow as a step of another one."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from trivium.core.errors import InvalidRequest, UpstreamFailed
from trivium.core.model.workflows import WorkflowRun
from trivium.core.ports import Store, Transaction
from trivium.core.services.workflows.actions import Call, Done, Outcome, Wait
from trivium.core.services.workflows.children import require_held

DEPTH_MAX = 5


class Starter(Protocol):
    """What makes runs: `service.Workflows`."""

    def insert(self, tx: Transaction, run: WorkflowRun) -> WorkflowRun:
        """Check and store a run in the caller's transaction, and have it driven soon; once for each id."""

    def check(self, tx: Transaction, run: WorkflowRun) -> WorkflowRun:
        """Return the run as it may be stored; NotFound, Conflict, InvalidRequest, LimitExceeded when it may not."""

    def child_of(self, call: Call) -> WorkflowRun:
        """Return the run that a step starts, with the id that the try of the step has noted."""

    async def result(self, organization_id: str, run_id: str, *, timeout_s: float) -> WorkflowRun:
        """Return the run when it has ended, or as it is after `timeout_s`."""


class Nested:
    """Runs inner workflows. The inner run is inserted with the outer step's checkpoint, so there is one or none."""

    def __init__(self, *, store: Store, starter: Starter, wake: Callable[[str], Awaitable[bool]]) -> None:
        self._store = store
        self._starter = starter
        self._wake = wake

    async def waiting(self, call: Call) -> Outcome:
        """Start the inner run and wait for it, holding nothing; its end signals this run."""
        _check_depth(call)
        child = self._starter.child_of(call)
        known = await self._store.read(lambda tx: tx.workflow_runs.first(child.organization_id, id=child.id))
        if known is None:
            # Refused here where it can be caught; inserted together with the note that this step waits for it.
            await self._store.read(lambda tx: self._starter.check(tx, child))
            return Wait(due_at=None, extra=lambda tx: _insert(self._starter, tx, child))
        if not known.is_final:
            await self._wake(known.id)
            return Wait(due_at=None)
        return _outcome(known)

    async def inline(self, call: Call) -> Outcome:
        """Start the inner run and stay until it ends: for the items of a loop."""
        _check_depth(call)
        child = self._starter.child_of(call)

        def unit(tx: Transaction) -> None:
            require_held(tx, call.run)
            self._starter.insert(tx, child)

        await self._store.write(unit)
        await self._wake(child.id)
        return _outcome(await self._starter.result(child.organization_id, child.id, timeout_s=86_400.0))


def _insert(starter: Starter, tx: Transaction, child: WorkflowRun) -> None:
    starter.insert(tx, child)


def _check_depth(call: Call) -> None:
    if call.run.depth >= DEPTH_MAX:
        raise InvalidRequest(f"Workflows may be nested {DEPTH_MAX} deep.", code="too_deep")


def _outcome(run: WorkflowRun) -> Outcome:
    if run.status == "succeeded":
        return Done(output=run.result)
    raise UpstreamFailed(run.error or f"The inner run was {run.status}.", code="workflow_failed", is_retryable=False)
