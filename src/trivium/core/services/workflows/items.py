"""Loops and maps: one inner step, run for each item, each item a checkpoint of its own."""

from collections.abc import Mapping
from typing import cast

import anyio

from trivium.core.errors import CoreError, InvalidRequest, UpstreamFailed
from trivium.core.model.json import JSON
from trivium.core.model.workflows import Step, StepType
from trivium.core.services.workflows import expressions
from trivium.core.services.workflows.actions import Action, Call, Done, Outcome, bounded, rendered
from trivium.core.services.workflows.checkpoints import STEP_RUNS_MAX, Checkpoints
from trivium.core.services.workflows.definition import LITERAL, item_step
from trivium.core.services.workflows.logic import PURE, pure
from trivium.core.services.workflows.results import check_size
from trivium.core.services.workflows.storing import clean_text

ITEMS_MAX = 10_000
_ITEM_TIMEOUT_S = 600.0
_CONCURRENCY = 4


class Items:
    """Runs the items of one loop or map step. An item that has ended is never run again."""

    def __init__(self, *, points: Checkpoints, actions: Mapping[StepType, Action]) -> None:
        self._points = points
        self._actions = actions

    async def run(self, call: Call) -> Outcome:
        """Return the outputs of all items in order; the first item that fails, fails the step."""
        items = _items_of(call)
        new = sum(1 for index in range(len(items)) if self._points.item(call.step, index) is None)
        if self._points.count + new > STEP_RUNS_MAX:
            raise InvalidRequest("The loops of one run have too many items.", code="too_many_items")
        step = item_step(call.step)
        if call.step.type == "loop":
            return Done(output=await self._one_after_the_other(call, step, items))
        return Done(output=await self._side_by_side(call, step, items))

    async def _one_after_the_other(self, call: Call, step: Step, items: list[JSON]) -> list[JSON]:
        outputs: list[JSON] = []
        previous: JSON = None
        until = call.step.config.get("until")
        for index, item in enumerate(items):
            scope = {**call.scope, "item": item, "index": index, "previous": previous}
            previous = await self._one(call, step, index, scope)
            outputs.append(previous)
            if isinstance(until, str) and expressions.evaluate(until, {**scope, "previous": previous}):
                break
        return outputs

    async def _side_by_side(self, call: Call, step: Step, items: list[JSON]) -> list[JSON]:
        outputs: list[JSON] = [None] * len(items)
        errors: list[CoreError] = []
        todo = iter(enumerate(items))

        async def work() -> None:
            for index, item in todo:
                if errors:
                    return
                try:
                    outputs[index] = await self._one(call, step, index, {**call.scope, "item": item, "index": index})
                except CoreError as error:
                    errors.append(error)

        count = int(cast("int", call.config.get("concurrency") or _CONCURRENCY))
        async with anyio.create_task_group() as tasks:
            for _ in range(min(count, len(items))):
                tasks.start_soon(work)
        if errors:
            raise errors[0]
        return outputs

    async def _one(self, call: Call, step: Step, index: int, scope: Mapping[str, JSON]) -> JSON:
        known = self._points.item(call.step, index)
        if known is not None and known.status == "succeeded":
            return known.output
        config = rendered(step, scope, LITERAL.get(step.type, frozenset()))
        begun = self._points.begin(call.step, config, index)
        await self._points.flush()
        is_repeat = known is not None and known.status == "running"
        item_call = Call(
            run=call.run,
            step=step,
            key=begun.id,
            scope=scope,
            config=config,
            is_repeat=is_repeat,
            data=begun.data,
        )
        try:
            done = await self._done(item_call, step, scope)
        except CoreError as error:
            if error.code != "lease_lost":
                why = {"error": clean_text(error.message), "error_code": error.code}
                self._points.end(begun, "failed", failures=begun.failures + 1, **why)
            raise
        self._points.end(begun, "succeeded", output=done.output, data={**begun.data, **done.data})
        await self._points.flush()
        return done.output

    async def _done(self, call: Call, step: Step, scope: Mapping[str, JSON]) -> Done:
        if step.type in PURE:
            return cast("Done", check_size(pure(step, call.run, scope)))
        outcome = check_size(await bounded(self._actions[step.type], call, step.timeout_s or _ITEM_TIMEOUT_S))
        if not isinstance(outcome, Done):
            raise UpstreamFailed("An item of a loop cannot wait for a person.", code="cannot_wait")
        return outcome


def _items_of(call: Call) -> list[JSON]:
    times = call.config.get("times")
    if isinstance(times, int | float):
        return list(range(int(times)))
    items = call.config.get("items")
    if not isinstance(items, list):
        raise InvalidRequest("items must be a list.", code="invalid_template")
    if len(items) > ITEMS_MAX:
        raise InvalidRequest(f"There may be at most {ITEMS_MAX} items.", code="too_many_items")
    return items
