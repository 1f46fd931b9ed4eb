"""The clockwork of workflows: due schedules, due runs and leases, looked at every second."""

import asyncio
import contextlib
import logging
from dataclasses import replace

from trivium.core.errors import CoreError
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.workflows import Workflow, WorkflowRun
from trivium.core.ports import Calendar, Clock, Store, Transaction
from trivium.core.services.workflows.driver import WorkflowDriver
from trivium.core.services.workflows.schedules import judge
from trivium.core.services.workflows.service import Workflows

logger = logging.getLogger(__name__)
_BATCH = 100


class Timetable:
    """Starts scheduled runs and keeps the driver going. Several processes may do so: a start is one transaction."""

    def __init__(
        self, *, store: Store, clock: Clock, calendar: Calendar, driver: WorkflowDriver, workflows: Workflows
    ) -> None:
        self._store = store
        self._clock = clock
        self._calendar = calendar
        self._driver = driver
        self._workflows = workflows
        self._task: asyncio.Task[None] | None = None

    async def open(self, *, takes_over: str | None = None) -> None:
        """Begin: take over what a dead process left, then look every second."""
        await self._driver.open(takes_over=takes_over)
        self._task = asyncio.create_task(self._run(), name="workflow-timetable")

    async def close(self, *, grace_s: float) -> None:
        """Stop looking and let runs reach a checkpoint."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._driver.close(grace_s=grace_s)

    async def tick(self) -> int:
        """Do what is due now; return how many runs were begun or taken up."""
        now = self._clock.now()
        due = await self._store.read(lambda tx: tx.workflows.due(now, _BATCH))
        for workflow in due:
            await self._start(workflow)
        await self._driver.keep()
        return await self._driver.take_due()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._driver.settings.poll_s)
            try:
                await self.tick()
            except CoreError as error:
                logger.warning("The timetable could not be followed: %s", error.message)
            except Exception:
                logger.exception("The timetable could not be followed.")

    async def _start(self, workflow: Workflow) -> None:
        """Move the next start on and insert the run in one transaction, so that no start is made twice or lost."""
        now = self._clock.now()
        run_id = new_id("wfr")

        def unit(tx: Transaction) -> None:
            current = tx.workflows.first(workflow.organization_id, id=workflow.id)
            schedule = None if current is None else current.schedule
            if current is None or schedule is None or current.next_run_at is None or current.next_run_at > now:
                return
            is_busy = tx.workflow_runs.count_active(current.organization_id, current.id) > 0
            due = judge(schedule, self._calendar, due_at=current.next_run_at, now=now, is_busy=is_busy)
            tx.workflows.put(replace(current, next_run_at=due.next_run_at))
            if due.starts:
                run = self._run_of(current, run_id, schedule.inputs)
                try:
                    self._workflows.insert(tx, run)
                except CoreError as error:
                    logger.warning("Workflow %s could not start on schedule: %s", current.id, error.message)

        try:
            await self._store.write(unit)
        except CoreError as error:
            logger.warning("Workflow %s could not start on schedule: %s", workflow.id, error.message)

    def _run_of(self, workflow: Workflow, run_id: str, inputs: JSONObject) -> WorkflowRun:
        return WorkflowRun(
            id=run_id,
            organization_id=workflow.organization_id,
            workflow_id=workflow.id,
            version=0,
            trigger="schedule",
            created_at=self._clock.now(),
            inputs=inputs,
        )
