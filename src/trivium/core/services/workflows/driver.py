"""Every workflow run this process drives, and taking over those that nobody drives."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from trivium.core.errors import CoreError
from trivium.core.model.json import JSONObject
from trivium.core.model.workflows import StepRun, StepType, WorkflowRevision, WorkflowRun
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.workflows.actions import Action
from trivium.core.services.workflows.checkpoints import STEP_RUNS_MAX, Checkpoints, Extra
from trivium.core.services.workflows.children import AgentRuns, Children
from trivium.core.services.workflows.drive import Drive
from trivium.core.services.workflows.graph import Graph

logger = logging.getLogger(__name__)
_DUE_BATCH = 200
_GRAPHS_MAX = 256

# Called in the transaction that ends a run, e.g. to tell webhooks of it, or not at all.
FinishHook = Callable[[Transaction, WorkflowRun], None]


@dataclass(frozen=True, kw_only=True)
class DriverSettings:
    """Bounds of this process. `owner` names it in leases and must be new at every start.

    A pause of up to `patience_s` is waited for in place; for a longer one the run is let go. `poll_s` is how often due
    runs are looked for.
    """

    owner: str
    lease_s: float = 15.0
    patience_s: float = 2.0
    poll_s: float = 1.0
    active_max: int = 1_000


class WorkflowDriver:
    """Runs are claimed with a lease and driven as tasks; a run whose process is gone is claimed by another one."""

    def __init__(
        self, *, store: Store, clock: Clock, settings: DriverSettings, agent_runs: AgentRuns | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self.settings = settings
        self.actions: dict[StepType, Action] = {}
        self.item_actions: dict[StepType, Action] = {}
        self.finish_hooks: list[FinishHook] = []
        self.children = Children(clock=clock, agent_runs=agent_runs, stop=self.stop, ended=self._tell)
        self.is_closing = False
        self._drives: dict[str, Drive] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._graphs: dict[str, Graph] = {}
        self._waiters: dict[str, set[asyncio.Event]] = {}
        self._waking: set[asyncio.Task[None]] = set()
        self._stop_listening: Callable[[], None] | None = None

    @property
    def active_count(self) -> int:
        """How many runs are driven here."""
        return len(self._tasks)

    def use(self, actions: Mapping[StepType, Action], item_actions: Mapping[StepType, Action]) -> None:
        """Set what steps do; `item_actions` are those of the steps inside loops."""
        self.actions.update(actions)
        self.item_actions.update({**actions, **item_actions})

    async def open(self, *, takes_over: str | None = None) -> None:
        """Begin to listen for signals. `takes_over`: owners whose name begins so are known to be dead."""
        self._stop_listening = self._store.subscribe("workflows", self._on_signal)
        if takes_over is not None:
            prefix = takes_over
            await self._store.write(lambda tx: tx.workflow_runs.release(prefix))
        await self.take_due()

    async def close(self, *, grace_s: float = 5.0) -> None:
        """Take nothing new, give what goes on `grace_s`, leave the rest to be claimed at once by the next process."""
        self.is_closing = True
        if self._stop_listening is not None:
            self._stop_listening()
        tasks = list(self._tasks.values())
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=grace_s)
            for task in unfinished:
                task.cancel()
            if unfinished:
                await asyncio.wait(unfinished)
        await self._store.write(lambda tx: tx.workflow_runs.release(self.settings.owner))

    def leased(self, run: WorkflowRun) -> WorkflowRun:
        """Return a new run as it is stored when this process drives it from the start."""
        now = self._clock.now()
        return replace(
            run,
            status="running",
            started_at=now,
            attempt=1,
            lease_owner=self.settings.owner,
            lease_until=now + timedelta(seconds=self.settings.lease_s),
        )

    def launch(self, run: WorkflowRun, graph: Graph, known: list[StepRun]) -> None:
        """Drive a run that this process holds."""
        if run.id in self._tasks:
            return
        points = Checkpoints(
            store=self._store, clock=self._clock, owner=self.settings.owner, graph=graph, run=run, known=known
        )
        drive = Drive(
            clock=self._clock,
            checkpoints=points,
            graph=graph,
            actions=self.actions,
            item_actions=self.item_actions,
            children=self.children,
            patience_s=self.settings.patience_s,
        )
        self._drives[run.id] = drive
        task = asyncio.create_task(self._drive(drive, run), name=f"workflow-{run.id}")
        self._tasks[run.id] = task

    async def wake(self, run_id: str) -> bool:
        """Claim a run and drive it; False when it has ended, is driven elsewhere, or there is no room."""
        if self.is_closing or run_id in self._tasks or self.active_count >= self.settings.active_max:
            return False
        now = self._clock.now()
        until = now + timedelta(seconds=self.settings.lease_s)

        def unit(tx: Transaction) -> tuple[WorkflowRun, WorkflowRevision, list[StepRun]] | None:
            run = tx.workflow_runs.claim(run_id, self.settings.owner, until, now=now)
            if run is None:
                return None
            known = tx.step_runs.find(run.organization_id, run_id=run.id, limit=STEP_RUNS_MAX)
            return run, _revision(tx, run), known

        claimed = await self._store.write(unit)
        if claimed is None or run_id in self._tasks:
            return False
        run, revision, known = claimed
        self.launch(run, self.graph_of(revision), known)
        return True

    def graph_of(self, revision: WorkflowRevision) -> Graph:
        """Return the graph of a revision, which never changes."""
        graph = self._graphs.get(revision.id)
        if graph is None:
            if len(self._graphs) >= _GRAPHS_MAX:
                self._graphs.clear()
            graph = self._graphs[revision.id] = Graph(revision.steps, revision.edges)
        return graph

    async def stop(self, run_id: str) -> None:
        """End the driving of a run here; what it has written stays."""
        task = self._tasks.get(run_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def take_due(self) -> int:
        """Drive every run that nobody drives and that has something to do; return how many were begun."""
        now = self._clock.now()
        room = self.settings.active_max - self.active_count
        if self.is_closing or room <= 0:
            return 0
        due = await self._store.read(lambda tx: tx.workflow_runs.due(now, min(room, _DUE_BATCH)))
        return sum([await self.wake(run.id) for run in due if run.id not in self._tasks])

    async def keep(self) -> None:
        """Renew the leases of what is driven here."""
        until = self._clock.now() + timedelta(seconds=self.settings.lease_s)
        if self._tasks:
            await self._store.write(lambda tx: tx.workflow_runs.renew(self.settings.owner, until))

    @contextlib.contextmanager
    def watch(self, run_id: str) -> Generator[asyncio.Event, None, None]:
        """Give an event that is set when the run ends; a hint, like the signal it comes from."""
        event = asyncio.Event()
        self._waiters.setdefault(run_id, set()).add(event)
        try:
            yield event
        finally:
            waiters = self._waiters.get(run_id, set())
            waiters.discard(event)
            if not waiters:
                self._waiters.pop(run_id, None)

    async def idle(self) -> None:
        """Return when nothing is driven here."""
        while self._tasks or self._waking:
            await asyncio.wait([*self._tasks.values(), *self._waking])

    def _on_signal(self, key: str) -> None:
        run_id = key.removeprefix("ended:")
        drive = self._drives.get(run_id)
        if run_id != key:
            for event in self._waiters.get(run_id, ()):
                event.set()
        elif drive is not None:
            drive.nudge()
        elif not self.is_closing and run_id not in self._tasks:
            self._soon(run_id)

    def _soon(self, run_id: str) -> None:
        task = asyncio.create_task(self._wake_quietly(run_id), name=f"wake-{run_id}")
        self._waking.add(task)
        task.add_done_callback(self._waking.discard)

    async def _wake_quietly(self, run_id: str) -> None:
        try:
            await self.wake(run_id)
        except CoreError as error:
            logger.warning("Run %s could not be woken (%s); it will be found when it is due.", run_id, error.code)

    async def _drive(self, drive: Drive, run: WorkflowRun) -> None:
        try:
            await drive.go(self._finish)
        except CoreError as error:
            if error.code != "lease_lost":
                logger.warning("Run %s stopped (%s); it will be taken up again.", run.id, error.code)
                await self._drop(run)
        except Exception:
            logger.exception("Run %s stopped; it will be taken up again.", run.id)
            await self._drop(run)
        finally:
            self._drives.pop(run.id, None)
            self._tasks.pop(run.id, None)

    async def _drop(self, run: WorkflowRun) -> None:
        until = self._clock.now() + timedelta(seconds=self.settings.lease_s)
        try:
            await self._store.write(lambda tx: tx.workflow_runs.drop(run.id, self.settings.owner, run.attempt, until))
        except CoreError as error:
            logger.warning("Run %s could not be given up (%s).", run.id, error.code)

    def _finish(self, run: WorkflowRun) -> tuple[Extra, ...]:
        def tell(tx: Transaction) -> None:
            if run.parent_run_id is not None:
                tx.workflow_runs.signal(run.organization_id, run.parent_run_id, self._clock.now())
            self._tell(tx, run)

        return (tell,)

    def _tell(self, tx: Transaction, run: WorkflowRun) -> None:
        for hook in self.finish_hooks:
            hook(tx, run)


def _revision(tx: Transaction, run: WorkflowRun) -> WorkflowRevision:
    return tx.workflow_revisions.get(run.organization_id, revision_id(run.workflow_id, run.version))


def revision_id(workflow_id: str, version: int) -> str:
    """Return the id of a workflow's diagram in one version."""
    return f"{workflow_id}-{version}"


def as_data(run: WorkflowRun) -> JSONObject:
    """Return what webhooks and activity say of a run; inputs and outputs stay inside."""
    return {
        "run_id": run.id,
        "workflow_id": run.workflow_id,
        "trigger": run.trigger,
        "status": run.status,
        "error": run.error,
    }
