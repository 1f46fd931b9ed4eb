"""The agent loop: model, tools, model again, until there is an answer or a limit."""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import aclosing
from typing import Protocol

from trivium.core.errors import CoreError, LimitExceeded, UpstreamFailed
from trivium.core.events import (
    ApprovalRequested,
    ModelCalled,
    PlannedCall,
    ReasoningDelta,
    RunEvent,
    RunFinished,
    StatusChanged,
    StepFinished,
    SubAgentFinished,
    SubAgentStarted,
    TextDelta,
    ToolCalled,
    ToolReturned,
)
from trivium.core.model.agents import Agent, SubAgent, ToolSpec
from trivium.core.model.conversations import Image
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSON
from trivium.core.ports import (
    Finished,
    ModelRequest,
    Prices,
    ReasoningChunk,
    TextChunk,
    ToolCallChunk,
    ToolContext,
    ToolResult,
)
from trivium.core.services.budgets import Budgets
from trivium.core.services.citations import cited
from trivium.core.services.models import usage_of
from trivium.core.services.sub_agents import nested_turn, sub_agent_of
from trivium.core.services.turn import Turn

_PARALLEL_CALLS_MAX = 8


class Tools(Protocol):
    """The tools of an agent, whatever hosts them."""

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return what the agent may use."""

    async def call(self, name: str, tool_input: JSON, context: ToolContext) -> ToolResult:
        """Call it; failures of the tool are results with `is_error`."""


class Sink(Protocol):
    """Where a turn's events go."""

    def text(self, piece: str) -> bool:
        """Show a piece of the answer; True when `drain` should be awaited before the next one."""

    async def drain(self) -> None:
        """Return when everything shown is durable."""

    def post(self, *events: RunEvent) -> None:
        """Record events with the next commit."""

    async def commit(self, *events: RunEvent) -> None:
        """Record events and return when they are durable."""


class Pictures(Protocol):
    """Where the pictures of tool results are kept: events hold their names."""

    async def keep(self, organization_id: str, given: Sequence[tuple[str, bytes]]) -> tuple[Image, ...]:
        """Store (mime type, bytes), the first few of them; what is no picture is left out."""

    async def load(self, image: Image) -> bytes:
        """Return the bytes; NotFound when they are gone."""


class AgentLoop:
    """Drives turns; holds nothing of them itself, so that any process can go on with any run."""

    def __init__(self, *, tools: Tools, prices: Prices, pictures: Pictures, budgets: Budgets) -> None:
        self._tools = tools
        self._prices = prices
        self._pictures = pictures
        self._budgets = budgets

    async def drive(self, turn: Turn, sink: Sink) -> RunFinished | None:
        """Return the final event, or None when the run has to wait for a person's approval.

        Raises CoreError when the run fails; what was shown by then is in `turn.progress.output`.
        """
        interrupted = turn.progress.interrupted_calls
        try:
            async with asyncio.timeout(turn.limits.duration_s_max):
                while True:
                    if turn.progress.open_calls and not await self._make_calls(turn, sink, interrupted):
                        return None
                    interrupted = set()
                    done = await self._outcome(turn, sink)
                    if done is not None:
                        return done
                    _check_limits(turn)
                    if turn.budgets and (turn.progress.steps or not turn.is_admitted):
                        await self._budgets.check(turn.run, turn.budgets)
                    await self._ask(turn, sink)
        except TimeoutError as error:
            raise LimitExceeded(
                f"The run took longer than {turn.limits.duration_s_max:g} s.", code="duration_limit"
            ) from error

    async def _outcome(self, turn: Turn, sink: Sink) -> RunFinished | None:
        progress = turn.progress
        step = progress.steps[-1] if progress.steps else None
        if step is None or not step.is_finished:
            return None
        final = progress.final_answer
        if final is not None:
            text = _as_text(final.output)
            if not step.text.endswith(text):  # After a crash it may have been shown already.
                _show(turn, sink, text)
        elif step.calls:
            return None
        return RunFinished(
            output=progress.output,
            usage=tuple(progress.usage),
            sources=tuple(cited(progress.output, progress.sources, turn.cited)),
        )

    async def _ask(self, turn: Turn, sink: Sink) -> None:
        """One turn of the model. Ends with the step and its planned calls committed."""
        progress = turn.progress
        prefix = ""
        if progress.current is None:
            self._note(
                turn,
                sink,
                ModelCalled(step=len(progress.steps) + 1, model=turn.model.full_name, producer=turn.producer),
            )
        else:
            prefix = progress.current.text
        for image in progress.images:
            if image.blob_key not in turn.pictures:
                turn.pictures[image.blob_key] = await self._pictures.load(image)
        request = ModelRequest(
            model=turn.model.name,
            messages=[*turn.messages, *progress.messages(turn.pictures)],
            tools=list(turn.specs.values()),
            temperature=turn.agent.temperature,
            max_output_tokens=turn.agent.max_output_tokens,
            prefix=prefix.lstrip() if len(progress.steps) > 1 else prefix,
            options=turn.options,
        )
        finished: Finished | None = None
        planned: list[PlannedCall] = []
        async with aclosing(turn.model.provider.stream(request)) as chunks:
            async for chunk in chunks:
                match chunk:
                    case TextChunk():
                        if _show(turn, sink, chunk.text):
                            await sink.drain()
                    case ReasoningChunk():
                        sink.post(ReasoningDelta(text=chunk.text, producer=turn.producer))
                    case ToolCallChunk():
                        planned.append(
                            PlannedCall(call_id=chunk.id or new_id("call"), tool=chunk.name, input=chunk.input)
                        )
                    case Finished():
                        finished = chunk
        if finished is None:
            raise UpstreamFailed("The model's answer ended before it was complete.", code="model_stream_cut")
        await self._end_step(turn, sink, finished, planned)

    async def _end_step(self, turn: Turn, sink: Sink, finished: Finished, planned: list[PlannedCall]) -> None:
        numbers = finished.metadata.get("cited")
        if isinstance(numbers, list):
            turn.cited = [number for number in numbers if isinstance(number, int)]
        usage = usage_of(self._prices, turn.model, finished)
        calls = tuple(_with_distinct_ids(planned, turn))
        event = StepFinished(step=len(turn.progress.steps), usage=usage, calls=calls, producer=turn.producer)
        if turn.used is not turn.progress.usage:
            turn.used.append(usage)
        if calls:
            turn.progress.apply(event)
            await sink.commit(event)
        else:
            self._note(turn, sink, event)

    def _note(self, turn: Turn, sink: Sink, event: RunEvent) -> None:
        turn.progress.apply(event)
        sink.post(event)

    async def _make_calls(self, turn: Turn, sink: Sink, interrupted: set[str]) -> bool:
        """Make the open calls side by side; False when some wait for approval (the others have been made)."""
        ready: list[PlannedCall] = []
        waiting: list[PlannedCall] = []
        for call in turn.progress.open_calls:
            spec = turn.specs.get(call.tool)
            needs_approval = spec is not None and spec.requires_approval
            (waiting if needs_approval and call.call_id not in turn.progress.decisions else ready).append(call)
        for call in ready:
            self._check_interrupted(turn, call, interrupted)
        limit = asyncio.Semaphore(_PARALLEL_CALLS_MAX)

        async def make(call: PlannedCall) -> None:
            async with limit:
                await self._make_call(turn, sink, call)

        if len(ready) == 1:
            await self._make_call(turn, sink, ready[0])
        elif ready:
            await _all(make(call) for call in ready)
        new = [call for call in waiting if call.call_id not in turn.progress.approvals]
        if new:
            requests = [
                ApprovalRequested(approval_id=new_id("apr"), call_id=call.call_id, tool=call.tool, input=call.input)
                for call in new
            ]
            for request in requests:
                turn.progress.apply(request)
            await sink.commit(*requests)
        return not waiting

    def _check_interrupted(self, turn: Turn, call: PlannedCall, interrupted: set[str]) -> None:
        spec = turn.specs.get(call.tool)
        if call.call_id in interrupted and not (spec is not None and spec.is_repeatable):
            raise CoreError(
                f"Tool {call.tool!r} was running when the server stopped. It may have taken effect and is not declared "
                "safe to repeat, so it was not called again.",
                code="tool_interrupted",
                details={"tool": call.tool, "call_id": call.call_id},
            )

    async def _make_call(self, turn: Turn, sink: Sink, call: PlannedCall) -> None:
        decision = turn.progress.decisions.get(call.call_id)
        if decision is not None and not decision.is_approved:
            note = f" Note: {decision.note}" if decision.note else ""
            result = ToolResult(output=f"{decision.decided_by} did not allow this call.{note}", is_error=True)
            await self._returned(turn, sink, call, result, duration_ms=0)
            return
        called = ToolCalled(
            call_id=call.call_id,
            tool=call.tool,
            input=call.input,
            step=len(turn.progress.steps),
            producer=turn.producer,
        )
        turn.progress.apply(called)
        await sink.commit(called)
        began = time.monotonic()
        result = await self._call(turn, sink, call)
        await self._returned(turn, sink, call, result, duration_ms=round((time.monotonic() - began) * 1000))

    async def _call(self, turn: Turn, sink: Sink, call: PlannedCall) -> ToolResult:
        spec = turn.specs.get(call.tool)
        if spec is None:
            known = ", ".join(sorted(turn.specs)) or "none"
            return ToolResult(output=f"There is no tool {call.tool!r}. Tools: {known}.", is_error=True)
        sub_agent = sub_agent_of(spec, turn.sub_agents)
        if sub_agent is not None:
            return await self._delegate(turn, sink, call, sub_agent)
        run = turn.run
        context = ToolContext(
            organization_id=run.organization_id,
            agent=turn.agent,
            conversation_id=run.conversation_id,
            run_id=run.id,
            # Models number their calls anew in each run; what a tool sees must be unique everywhere.
            call_id=f"{run.id}.{call.call_id}",
            visitor_id=run.visitor_id,
            headers=run.input.tool_headers,
            filter_hints=tuple(hint for hint in run.input.filter_hints if hint.tool_name == call.tool),
            depth=turn.depth,
        )
        return await self._tools.call(call.tool, call.input, context)

    async def _delegate(self, turn: Turn, sink: Sink, call: PlannedCall, sub_agent: SubAgent) -> ToolResult:
        """Let a sub-agent do the task; its failure is a result the agent sees, its events are its checkpoints."""
        try:
            nested = nested_turn(turn, call, sub_agent, turn.earlier)
        except LimitExceeded as error:
            return ToolResult(output=error.message, is_error=True)
        producer = nested.producer
        assert producer is not None  # noqa: S101 - a nested turn always has one
        if not nested.progress.steps:
            sink.post(SubAgentStarted(call_id=call.call_id, task=nested.messages[-1].text, producer=producer))
        try:
            final = await self.drive(nested, sink)
            output, is_error = (final.output, False) if final else ("It needs a person's approval.", True)
        except CoreError as error:
            if error.code == "lease_lost":
                raise
            output, is_error = f"{sub_agent.name} failed: {error.message}", True
        sink.post(SubAgentFinished(call_id=call.call_id, output=output, producer=producer, is_error=is_error))
        return ToolResult(output=output, is_error=is_error, sources=tuple(nested.progress.sources))

    async def _returned(
        self, turn: Turn, sink: Sink, call: PlannedCall, result: ToolResult, *, duration_ms: int
    ) -> None:
        images = await self._pictures.keep(turn.run.organization_id, result.images) if result.images else ()
        event = ToolReturned(
            call_id=call.call_id,
            tool=call.tool,
            output=result.output,
            duration_ms=duration_ms,
            is_error=result.is_error,
            sources=result.sources,
            images=images,
            ends_run=result.ends_run and not result.is_error,
            producer=turn.producer,
        )
        turn.progress.apply(event)
        if result.conversation_status is not None:
            await sink.commit(event, StatusChanged(status=result.conversation_status, reason=call.tool))
        else:
            await sink.commit(event)


async def _all(works: Iterable[Coroutine[object, object, None]]) -> None:
    """Run side by side; the first failure ends the others and is raised by itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except BaseExceptionGroup as failures:
        first = failures.exceptions[0]
        raise first from first.__cause__


def _show(turn: Turn, sink: Sink, text: str) -> bool:
    """Show a piece of the answer; a later step's text begins in a new paragraph. True: wait for `drain`."""
    if not text:
        return False
    progress = turn.progress
    step = progress.steps[-1]
    if not step.pieces and progress.text and not progress.text[-1].endswith("\n"):
        text = "\n\n" + text
    # Kept here without an event of its own, because the writer gathers pieces into one.
    progress.text.append(text)
    step.pieces.append(text)
    if turn.producer is None:
        return sink.text(text)
    sink.post(TextDelta(text=text, producer=turn.producer))
    return False


def _check_limits(turn: Turn) -> None:
    limits, progress = turn.limits, turn.progress
    finished = [step for step in progress.steps if step.is_finished]
    if len(finished) >= limits.steps_max:
        raise LimitExceeded(f"The run used all of its {limits.steps_max} steps.", code="step_limit")
    if progress.tool_call_count > limits.tool_calls_max:
        raise LimitExceeded(f"The run asked for more than {limits.tool_calls_max} tool calls.", code="tool_call_limit")
    if limits.tokens_max is not None:
        tokens = sum(usage.input_tokens + usage.output_tokens for usage in turn.used)
        if tokens >= limits.tokens_max:
            raise LimitExceeded(f"The run used its {limits.tokens_max} tokens.", code="token_limit")
    if limits.cost_usd_max is not None:
        cost = sum(usage.cost_usd or 0.0 for usage in turn.used)
        if cost >= limits.cost_usd_max:
            raise LimitExceeded(f"The run reached its cost limit of {limits.cost_usd_max} USD.", code="cost_limit")


def _with_distinct_ids(planned: list[PlannedCall], turn: Turn) -> list[PlannedCall]:
    """Give a call whose id was used before in this run a new one: results are found by it."""
    used = {call.call_id for step in turn.progress.steps for call in step.calls}
    distinct = []
    for call in planned:
        if call.call_id in used:
            call = PlannedCall(call_id=new_id("call"), tool=call.tool, input=call.input)
        used.add(call.call_id)
        distinct.append(call)
    return distinct


def _as_text(output: JSON) -> str:
    if isinstance(output, str):
        return output
    if isinstance(output, dict) and isinstance(output.get("content"), str):
        return str(output["content"])
    return str(output)
