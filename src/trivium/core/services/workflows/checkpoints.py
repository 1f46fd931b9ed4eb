"""What a run has done so far, in memory and, behind a fence, in the store."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from trivium.core.errors import Conflict
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.workflows import Step, StepRun, StepRunStatus, WorkflowRun
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.workflows.children import noted_child
from trivium.core.services.workflows.definition import item_step
from trivium.core.services.workflows.graph import Graph

STEP_RUNS_MAX = 20_000
Extra = Callable[[Transaction], None]


class Checkpoints:
    """The StepRuns of one run. Changes are gathered and written together; each write proves that the run is ours.

    Every method that writes raises Conflict with code "lease_lost" when another process has taken the run over or
    somebody has cancelled it.
    """

    def __init__(
        self, *, store: Store, clock: Clock, owner: str, graph: Graph, run: WorkflowRun, known: Sequence[StepRun]
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._graph = graph
        self._stored = {one.id for one in known}
        self._dirty: dict[str, StepRun] = {}
        self._extras: list[Extra] = []
        self._new: set[str] = set()
        self._items = {(one.step_id, one.item): one for one in known if one.item is not None}
        self.run = run
        self.steps: dict[str, StepRun] = {one.step_id: one for one in known if one.item is None}

    @property
    def count(self) -> int:
        """How many checkpoints there are."""
        return len(self.steps) + len(self._items)

    @property
    def is_dirty(self) -> bool:
        """True while something is not written."""
        return bool(self._dirty)

    def scope(self) -> dict[str, JSON]:
        """Return what templates may name: the inputs, the run and the output of every step that has one."""
        values: dict[str, JSON] = {
            "inputs": self.run.inputs,
            "run": {"id": self.run.id, "workflow_id": self.run.workflow_id, "trigger": self.run.trigger},
        }
        for step_id, one in self.steps.items():
            key = self._graph.by_id[step_id].key
            if one.status == "failed":
                values[key] = {"error": {"code": one.error_code, "message": one.error}}
            elif one.status in ("succeeded", "skipped"):
                values[key] = one.output
        return values

    def key_of(self, step: Step, item: int | None = None) -> str:
        """Return the id of a step's checkpoint, which is also the idempotency key of its effect."""
        name = f"{self.run.id}-{self._graph.number[step.id]}"
        return name if item is None else f"{name}-{item}"

    def item(self, step: Step, item: int) -> StepRun | None:
        """Return the checkpoint of one item of a loop."""
        return self._items.get((step.id, item))

    def begin(self, step: Step, config: JSONObject, item: int | None = None) -> StepRun:
        """Note that a step is about to run (again); to be written before its effect."""
        known = self.steps.get(step.id) if item is None else self.item(step, item)
        now = self._clock.now()
        if known is None:
            known = StepRun(
                id=self.key_of(step, item),
                organization_id=self.run.organization_id,
                run_id=self.run.id,
                step_id=step.id,
                key=step.key,
                item=item,
                status="running",
                created_at=now,
                started_at=now,
            )
        is_again = known.status in ("running", "failed") or "retry" in known.data or known.attempt == 0
        is_new_try = known.status == "failed" or "retry" in known.data or known.attempt == 0
        kind = step.type if item is None else item_step(step).type
        begun = replace(
            known,
            status="running",
            attempt=known.attempt + (1 if is_again else 0),
            input=config,
            data={"tried_at": now.isoformat(), **noted_child(kind)} if is_new_try else known.data,
            due_at=None if is_new_try else known.due_at,
        )
        self.note(begun)
        return begun

    def end(self, step_run: StepRun, status: StepRunStatus, **changes: object) -> StepRun:
        """Note how a step ended or that it waits."""
        finished_at = None if status == "waiting" else self._clock.now()
        ended = replace(step_run, status=status, finished_at=finished_at, **changes)  # type: ignore[arg-type]
        self.note(ended)
        return ended

    def note(self, step_run: StepRun, extra: Extra | None = None) -> None:
        """Keep a checkpoint in memory until the next write."""
        if step_run.item is None:
            self.steps[step_run.step_id] = step_run
        else:
            self._items[(step_run.step_id, step_run.item)] = step_run
        self._dirty[step_run.id] = step_run
        if extra is not None:
            self._extras.append(extra)

    def also(self, extra: Extra) -> None:
        """Have something else written with the next write."""
        self._extras.append(extra)

    async def flush(self) -> None:
        """Write what was gathered; returns at once when there is nothing."""
        if not self._dirty and not self._extras:
            return
        write = self._unit()

        def unit(tx: Transaction) -> None:
            if not tx.workflow_runs.hold(self.run.id, self._owner, self.run.attempt):
                raise Conflict(f"Run {self.run.id} is no longer ours.", code="lease_lost")
            write(tx)

        await self._store.write(unit)

    async def finish(self, run: WorkflowRun, extras: Iterable[Extra]) -> bool:
        """Write what was gathered and the run with it; False, having written nothing, when a signal came in between."""
        dirty, gathered = self._dirty, self._extras
        write = self._unit()
        final = [*extras]

        def unit(tx: Transaction) -> bool:
            write(tx)
            for extra in final:
                extra(tx)
            if tx.workflow_runs.save(run, self._owner):
                return True
            if not tx.workflow_runs.hold(run.id, self._owner, run.attempt):
                raise Conflict(f"Run {run.id} is no longer ours.", code="lease_lost")
            raise _SignalCame

        try:
            return await self._store.write(unit)
        except _SignalCame:
            self._stored -= self._new
            self._dirty, self._extras = dirty, gathered
            return False

    async def reload(self) -> None:
        """Read again what others may have written: the count of signals and what waiting steps were told."""
        organization_id, run_id = self.run.organization_id, self.run.id

        def unit(tx: Transaction) -> tuple[WorkflowRun, list[StepRun]]:
            waiting = tx.step_runs.find(organization_id, run_id=run_id, status="waiting", limit=STEP_RUNS_MAX)
            return tx.workflow_runs.get(organization_id, run_id), waiting

        stored, waiting = await self._store.read(unit)
        self.run = replace(self.run, signals=stored.signals)
        for one in waiting:
            if one.item is None and self.steps[one.step_id].status == "waiting":
                self.steps[one.step_id] = one

    def next_due(self) -> datetime | None:
        """Return when the first waiting step goes on by itself."""
        times = [one.due_at for one in self.steps.values() if one.status == "waiting" and one.due_at is not None]
        return min(times, default=None)

    def retry(self, step_run: StepRun, wait_s: float, **changes: object) -> StepRun:
        """Note that a step will be tried again after a pause."""
        due_at = self._clock.now() + timedelta(seconds=wait_s)
        return self.end(step_run, "waiting", due_at=due_at, data={**step_run.data, "retry": True}, **changes)

    def unfinished_items(self, step_id: str) -> list[StepRun]:
        """Return the items of a loop that were begun and have not succeeded."""
        return [one for (owner, _), one in self._items.items() if owner == step_id and one.status != "succeeded"]

    def _unit(self) -> Extra:
        # Marked as stored before it is: if the write fails, the driving of this run ends, too.
        changed = list(self._dirty.values())
        new = self._new = {one.id for one in changed} - self._stored
        extras = self._extras
        self._stored |= new
        self._dirty, self._extras = {}, []

        def write(tx: Transaction) -> None:
            for one in changed:
                if one.id in new:
                    tx.step_runs.add(one)
                else:
                    tx.step_runs.put(one)
            for extra in extras:
                extra(tx)

        return write


class _SignalCame(Exception):
    """Rolls the unit back: the run has something to look at before it goes to sleep."""
