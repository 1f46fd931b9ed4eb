"""Driving one run: start what is ready, write what has ended, until nothing is left or everything waits."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trivium.core.errors import (
    Conflict,
    CoreError,
    Gone,
    InvalidRequest,
    LimitExceeded,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    UpstreamFailed,
)
from trivium.core.model.json import JSON
from trivium.core.model.workflows import Step, StepRun, StepType, WorkflowRun
from trivium.core.ports import Clock
from trivium.core.services.workflows.actions import Action, Call, Done, Outcome, Wait, bounded, rendered
from trivium.core.services.workflows.checkpoints import Checkpoints, Extra
from trivium.core.services.workflows.children import Children, Marked, has_child
from trivium.core.services.workflows.definition import LITERAL
from trivium.core.services.workflows.graph import Graph, is_caught, readiness
from trivium.core.services.workflows.items import Items
from trivium.core.services.workflows.logic import PURE, pure
from trivium.core.services.workflows.results import check_size, result_of
from trivium.core.services.workflows.storing import clean_text

# What is written together with the end of a run; called with the run as it will be stored.
Finish = Callable[[WorkflowRun], tuple[Extra, ...]]
logger = logging.getLogger(__name__)

_TIMEOUT_S: Mapping[StepType, float] = {
    "llm": 120.0,
    "agent": 600.0,
    "code": 75.0,
    "http": 310.0,
    "loop": 3_600.0,
    "map": 3_600.0,
}
_TIMEOUT_DEFAULT_S = 60.0
_INTERRUPTIONS_MAX = 5
_PARALLEL_MAX = 32
_RETRY_WAIT_S_MAX = 86_400.0
# Trying again changes nothing about these.
_FINAL = (InvalidRequest, NotAuthenticated, NotPermitted, NotFound, Gone, Conflict)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What came of an execution: an outcome, or the error it ended with."""

    outcome: Outcome | None = None
    error: CoreError | None = None


class Drive:
    """One driving of one run by this process, from a claim to its end, to a wait, or to the loss of its fence."""

    def __init__(
        self,
        *,
        clock: Clock,
        checkpoints: Checkpoints,
        graph: Graph,
        actions: Mapping[StepType, Action],
        item_actions: Mapping[StepType, Action],
        children: Children,
        patience_s: float,
    ) -> None:
        self._clock = clock
        self._points = checkpoints
        self._graph = graph
        self._actions = actions
        self._item_actions = item_actions
        self._children = children
        self._marked = Marked()
        self._patience = timedelta(seconds=patience_s)
        self._tasks: dict[str, asyncio.Task[Ended]] = {}
        self._changed = asyncio.Event()
        self._has_signal = False
        # What was in flight when an earlier process ended is begun again; what waits is asked whether it still has to.
        self._interrupted = {one.step_id for one in checkpoints.steps.values() if one.status == "running"}
        self._to_ask = {one.step_id for one in checkpoints.steps.values() if one.status == "waiting"}
        self._failed: StepRun | None = next((one for one in checkpoints.steps.values() if self._is_fatal(one)), None)

    def nudge(self) -> None:
        """Something arrived for the run from outside."""
        self._has_signal = True
        self._changed.set()

    async def go(self, finish: Finish) -> WorkflowRun:
        """Drive until the run has ended or waits; return it as it was written. Conflict when it is no longer ours."""
        try:
            while True:
                self._changed.clear()
                if self._has_signal:
                    self._has_signal = False
                    await self._points.reload()
                    self._to_ask |= {one.step_id for one in self._points.steps.values() if one.status == "waiting"}
                self._collect()
                self._settle()
                started = self._choose()
                if not started and not self._tasks:
                    run = await self._rest(finish)
                    if run is not None:
                        return run
                    continue
                await self._flush()
                for step, begun, config in started:
                    self._start(step, begun, config)
                await self._wait()
        finally:
            await self._abandon()

    async def _flush(self) -> None:
        """Write what was gathered, then stop what failed steps had begun."""
        await self._points.flush()
        marked, self._marked = self._marked, Marked()
        await self._children.settle(self._points.run.organization_id, marked)

    def _settle(self) -> None:
        """Skip what no active line leads to and compute what needs nothing outside, until nothing changes."""
        while self._failed is None:
            state = readiness(self._graph, self._points.steps)
            todo = [step for step in state.ready if step.type in PURE]
            if not todo and not state.skipped:
                return
            for step in state.skipped:
                self._points.end(self._points.begin(step, {}), "skipped")
            for step in todo:
                begun = self._points.begin(step, {})
                self._apply(step, begun, self._computed(step, begun))

    def _computed(self, step: Step, begun: StepRun) -> Ended:
        try:
            return Ended(outcome=check_size(pure(step, self._points.run, self._points.scope())))
        except CoreError as error:
            return Ended(error=error)
        except Exception:
            logger.exception("Step %s failed unexpectedly.", begun.id)
            return Ended(error=UpstreamFailed("The step failed unexpectedly.", code="internal_error"))

    def _choose(self) -> list[tuple[Step, StepRun, Ended | dict[str, JSON]]]:
        """Return what to start now, already noted as begun."""
        if self._failed is not None:
            return []
        now = self._clock.now()
        step_ids = [step.id for step in readiness(self._graph, self._points.steps).ready]
        step_ids += [*self._interrupted, *self._to_ask]
        step_ids += [
            one.step_id
            for one in self._points.steps.values()
            if one.status == "waiting" and one.due_at is not None and one.due_at <= now
        ]
        self._to_ask = set()
        chosen: list[tuple[Step, StepRun, Ended | dict[str, JSON]]] = []
        for step in [self._graph.by_id[step_id] for step_id in dict.fromkeys(step_ids)]:
            if step.id in self._tasks or not self._has_to_run(step, now):
                continue
            if len(self._tasks) + len(chosen) >= _PARALLEL_MAX:
                self._to_ask.add(step.id)
                continue
            chosen.append(self._begin(step))
        return chosen

    def _has_to_run(self, step: Step, now: datetime) -> bool:
        known = self._points.steps.get(step.id)
        if known is None or known.status == "running":
            return True
        # A pause before the next try is not ended by a signal.
        is_pause = "retry" in known.data and known.due_at is not None and known.due_at > now
        return known.status == "waiting" and not is_pause

    def _begin(self, step: Step) -> tuple[Step, StepRun, Ended | dict[str, JSON]]:
        try:
            config: Ended | dict[str, JSON] = rendered(step, self._points.scope(), LITERAL.get(step.type, frozenset()))
        except InvalidRequest as error:
            config = Ended(error=error)
        begun = self._points.begin(step, config if isinstance(config, dict) else {})
        if begun.attempt > step.attempts_max + _INTERRUPTIONS_MAX:
            config = Ended(error=Conflict("The step was interrupted too often.", code="interrupted_too_often"))
        return step, begun, config

    def _start(self, step: Step, begun: StepRun, config: Ended | dict[str, JSON]) -> None:
        is_repeat = step.id in self._interrupted
        self._interrupted.discard(step.id)
        task = asyncio.create_task(self._execute(step, begun, config, is_repeat=is_repeat), name=begun.id)
        self._tasks[step.id] = task
        task.add_done_callback(lambda _: self._changed.set())

    async def _execute(self, step: Step, begun: StepRun, config: Ended | dict[str, JSON], *, is_repeat: bool) -> Ended:
        if isinstance(config, Ended):
            return config
        call = Call(
            run=self._points.run,
            step=step,
            key=begun.id,
            scope=self._points.scope(),
            config=config,
            is_repeat=is_repeat,
            data=begun.data,
            due_at=begun.due_at,
            branches=frozenset(edge.branch for edge in self._graph.outgoing[step.id] if edge.branch),
        )
        timeout_s = step.timeout_s or _TIMEOUT_S.get(step.type, _TIMEOUT_DEFAULT_S)
        deadline = _deadline(step, begun)
        if deadline is not None:
            timeout_s = max((deadline - self._clock.now()).total_seconds(), 0.0)
        try:
            if step.type in ("loop", "map"):
                items = Items(points=self._points, actions=self._item_actions)
                return Ended(outcome=check_size(await bounded(items.run, call, timeout_s)))
            return Ended(outcome=check_size(await bounded(self._actions[step.type], call, timeout_s)))
        except CoreError as error:
            if error.code == "lease_lost":
                raise
            return Ended(error=error)
        except Exception:
            logger.exception("Step %s failed unexpectedly.", begun.id)
            return Ended(error=UpstreamFailed("The step failed unexpectedly.", code="internal_error"))

    def _collect(self) -> None:
        """Note how each execution that has ended went."""
        for step_id in [step_id for step_id, task in self._tasks.items() if task.done()]:
            ended = self._tasks.pop(step_id).result()
            self._apply(self._graph.by_id[step_id], self._points.steps[step_id], ended)

    def _apply(self, step: Step, begun: StepRun, ended: Ended) -> None:
        outcome, error = ended.outcome, ended.error
        if isinstance(outcome, Done):
            data = {**begun.data, **outcome.data}
            self._points.end(begun, "succeeded", output=outcome.output, branch=outcome.branch, data=data, due_at=None)
        elif isinstance(outcome, Wait):
            times = [at for at in (outcome.due_at, _deadline(step, begun)) if at is not None]
            data = {**begun.data, **outcome.data}
            waiting = replace(begun, status="waiting", due_at=min(times, default=None), data=data)
            self._points.note(waiting, outcome.extra)
        elif error is not None:
            self._fail(step, begun, error)

    def _fail(self, step: Step, begun: StepRun, error: CoreError) -> None:
        why = {"error": clean_text(error.message), "error_code": error.code, "failures": begun.failures + 1}
        self._end_children(step, begun, error)
        if begun.failures + 1 < step.attempts_max and not isinstance(error, _FINAL):
            retry_after_s = error.retry_after_s if isinstance(error, LimitExceeded | UpstreamFailed) else None
            wait_s = max(step.retry_wait_s * 2**begun.failures, retry_after_s or 0.0)
            self._points.retry(begun, min(wait_s, _RETRY_WAIT_S_MAX), **why)
        elif step.has_default:
            self._points.end(begun, "succeeded", output=step.default, due_at=None, **why)
        else:
            ended = self._points.end(begun, "failed", due_at=None, **why)
            if self._is_fatal(ended) and self._failed is None:
                self._failed = ended

    def _end_children(self, step: Step, begun: StepRun, error: CoreError) -> None:
        """What the failed try began ends with it; the items of a loop that were in flight have failed, too."""
        why = {"error": clean_text(error.message), "error_code": error.code}
        items = self._points.unfinished_items(step.id)
        for item in items:
            if item.status == "running":
                self._points.end(item, "failed", failures=item.failures + 1, **why)
        if has_child(step):
            marked = self._marked
            self._points.also(lambda tx: self._children.end_children(tx, [begun, *items], "The step failed.", marked))

    def _is_fatal(self, one: StepRun) -> bool:
        return one.status == "failed" and not is_caught(self._graph, one.step_id)

    async def _wait(self) -> None:
        """Return when an execution has ended, something arrived, or a waiting step is due."""
        due_at = None
        if self._failed is None and len(self._tasks) < _PARALLEL_MAX:
            due_at = self._points.next_due()
        timeout_s = None if due_at is None else min(max((due_at - self._clock.now()).total_seconds(), 0.0), 3600.0)
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _rest(self, finish: Finish) -> WorkflowRun | None:
        """End the run, or put it to sleep; None when there is more to do at once."""
        run, now = self._points.run, self._clock.now()
        waiting = [one for one in self._points.steps.values() if one.status == "waiting"]
        if waiting and self._failed is None:
            due_at = self._points.next_due()
            if due_at is not None and due_at - now <= self._patience:
                await self._flush()
                await self._wait()
                return None
            asleep = replace(run, status="waiting", wake_at=due_at, lease_owner=None, lease_until=None)
            return await self._write(asleep, ())
        marked = self._marked
        for one in waiting:
            self._points.end(one, "cancelled")
        if waiting:
            self._points.also(lambda tx: self._children.end_children(tx, waiting, "Another step failed.", marked))
        changes: dict[str, object] = {"status": "succeeded", "result": result_of(self._graph, self._points.steps)}
        if self._failed is not None:
            name = self._graph.by_id[self._failed.step_id].key
            changes = {
                "status": "failed",
                "error": f"Step {name}: {self._failed.error}",
                "error_code": self._failed.error_code,
            }
        ended = replace(run, finished_at=now, wake_at=None, lease_owner=None, lease_until=None, **changes)  # type: ignore[arg-type]
        return await self._write(ended, finish(ended))

    async def _write(self, run: WorkflowRun, extras: tuple[Extra, ...]) -> WorkflowRun | None:
        if not await self._points.finish(run, extras):
            self._has_signal = True
            return None
        await self._children.settle(run.organization_id, self._marked)
        return run

    async def _abandon(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _deadline(step: Step, begun: StepRun) -> datetime | None:
    """Return when a try ends that may wait for another run, however often it is looked at meanwhile."""
    tried_at = begun.data.get("tried_at")
    if step.timeout_s is None or step.type not in ("agent", "workflow") or not isinstance(tried_at, str):
        return None
    return datetime.fromisoformat(tried_at) + timedelta(seconds=step.timeout_s)
