"""A run as spans with OpenTelemetry's GenAI names (semantic conventions 1.37), without any library."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trivium.core.events import (
    ModelCalled,
    Producer,
    RunFinished,
    StepFinished,
    StoredEvent,
    SubAgentFinished,
    SubAgentStarted,
    ToolCalled,
    ToolReturned,
)
from trivium.core.model.runs import Run

Attribute = str | int | float | tuple[str, ...]
_TEXT_CHARS_MAX = 10_000
_SPANS_MAX = 2_000


@dataclass(kw_only=True)
class Span:
    """A span to be; `parent` is the place of its parent in the list, which stands before it. `error` is a code."""

    name: str
    start: datetime
    parent: int | None
    kind: Literal["internal", "client"] = "internal"
    end: datetime | None = None
    error: str | None = None
    attributes: dict[str, Attribute] = field(default_factory=dict)


def spans_of(run: Run, events: Sequence[StoredEvent], *, with_content: bool = False) -> list[Span]:
    """Return the spans of a run that has ended: itself first, then its model calls, tools and sub-agents.

    What never ended takes the run's end and its error. At most 2,000 spans. Texts of messages and tools (each up to
    10,000 characters) only `with_content`.
    """
    reading = _Reading(run, with_content=with_content)
    for stored in events:
        reading.take(stored)
    return reading.finish()


class _Reading:
    def __init__(self, run: Run, *, with_content: bool) -> None:
        self._run = run
        self._with_content = with_content
        self._end = run.finished_at or run.created_at
        root = Span(name="invoke_agent", start=run.started_at or run.created_at, parent=None, end=self._end)
        root.attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.id": run.agent_id,
            "gen_ai.conversation.id": run.conversation_id,
            "gen_ai.usage.input_tokens": sum(usage.input_tokens for usage in run.usage),
            "gen_ai.usage.output_tokens": sum(usage.output_tokens for usage in run.usage),
            "trivium.run.id": run.id,
            "trivium.organization.id": run.organization_id,
            "trivium.request.id": run.request_id,
            "trivium.run.status": run.status,
        }
        if run.status != "succeeded":
            root.error = run.error_code or run.status
        self._spans = [root]
        self._open: dict[tuple[str, ...], Span] = {}
        self._last_chat: Span | None = None

    def take(self, stored: StoredEvent) -> None:
        """Begin or end a span."""
        event, at = stored.event, stored.at
        match event:
            case ModelCalled():
                self._begin_chat(event, at)
            case StepFinished():
                self._end_chat(event, at)
            case ToolCalled():
                span = self._begin(("tool", _scope(event.producer), event.call_id), f"execute_tool {event.tool}", at)
                self._place(span, event.producer)
                span.attributes |= {
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": event.tool,
                    "gen_ai.tool.call.id": event.call_id,
                }
                self._tell(span, "gen_ai.tool.call.arguments", event.input)
            case ToolReturned():
                ended = self._close(("tool", _scope(event.producer), event.call_id), at)
                if ended is not None:
                    ended.error = "tool_error" if event.is_error else None
                    self._tell(ended, "gen_ai.tool.call.result", event.output)
            case SubAgentStarted():
                self._begin_sub_agent(event, at)
            case SubAgentFinished():
                ended = self._close(("agent", event.call_id), at)
                if ended is not None:
                    ended.error = "sub_agent_error" if event.is_error else None
                    self._tell(ended, "gen_ai.output.messages", _message("assistant", event.output))
            case RunFinished():
                if self._last_chat is not None:
                    self._last_chat.attributes["gen_ai.response.finish_reasons"] = (event.finish_reason,)
            case _:
                pass

    def finish(self) -> list[Span]:
        """Return the spans."""
        root = self._spans[0]
        for span in self._open.values():
            span.end, span.error = self._end, root.error or "interrupted"
        said = [
            {"role": one.role, "parts": [{"type": "text", "content": one.text}]} for one in self._run.input.messages
        ]
        self._tell(root, "gen_ai.input.messages", said)
        self._tell(root, "gen_ai.output.messages", _message("assistant", self._run.output))
        return self._spans[:_SPANS_MAX]

    def _begin_chat(self, event: ModelCalled, at: datetime) -> None:
        provider, separator, model = event.model.partition("/")
        if not separator:
            provider, model = "", event.model
        span = self._begin(("chat", _scope(event.producer)), f"chat {model}", at)
        self._place(span, event.producer)
        span.kind = "client"
        span.attributes |= {"gen_ai.operation.name": "chat", "gen_ai.request.model": model}
        if provider:
            span.attributes["gen_ai.provider.name"] = provider

    def _end_chat(self, event: StepFinished, at: datetime) -> None:
        span = self._close(("chat", _scope(event.producer)), at)
        if span is None:
            return
        span.attributes |= {
            "gen_ai.response.model": event.usage.model,
            "gen_ai.usage.input_tokens": event.usage.input_tokens,
            "gen_ai.usage.output_tokens": event.usage.output_tokens,
            "gen_ai.response.finish_reasons": ("tool_call",) if event.calls else ("stop",),
        }
        if event.producer is None:
            self._last_chat = span

    def _begin_sub_agent(self, event: SubAgentStarted, at: datetime) -> None:
        span = self._begin(("agent", event.call_id), f"invoke_agent {event.producer.name}", at)
        # The call that handed the task over is still open.
        callers = [one for key, one in self._open.items() if key[0] == "tool" and key[-1] == event.call_id]
        if callers:
            span.parent = self._spans.index(callers[-1])
        span.attributes |= {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.id": event.producer.id,
            "gen_ai.agent.name": event.producer.name,
        }
        self._tell(span, "gen_ai.input.messages", _message("user", event.task))

    def _begin(self, key: tuple[str, ...], name: str, at: datetime) -> Span:
        earlier = self._close(key, at)
        if earlier is not None:
            earlier.error = "interrupted"
        span = Span(name=name, start=at, parent=0)
        self._spans.append(span)
        self._open[key] = span
        return span

    def _place(self, span: Span, producer: Producer | None) -> None:
        agent = None if producer is None else self._open.get(("agent", producer.call_id))
        if agent is not None:
            span.parent = self._spans.index(agent)

    def _close(self, key: tuple[str, ...], at: datetime) -> Span | None:
        span = self._open.pop(key, None)
        if span is not None:
            span.end = at
        return span

    def _tell(self, span: Span, name: str, content: object) -> None:
        if self._with_content:
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
            span.attributes[name] = text[:_TEXT_CHARS_MAX]


def _scope(producer: Producer | None) -> str:
    return "" if producer is None else producer.call_id


def _message(role: str, text: str) -> list[dict[str, object]]:
    return [{"role": role, "parts": [{"type": "text", "content": text}]}]
