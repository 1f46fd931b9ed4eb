"""Conversations and traces in the shapes of section 6."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from trivium.contracts.wabee.wire_answer import to_steps
from trivium.contracts.wabee.wire_stream import as_text
from trivium.core.events import (
    MemoriesRecalled,
    ModelCalled,
    NoteAdded,
    RunEvent,
    StepFinished,
    StoredEvent,
    SubAgentFinished,
    SubAgentStarted,
    ToolCalled,
    ToolReturned,
)
from trivium.core.model.conversations import Conversation, Message
from trivium.core.model.runs import Run, RunStatus

_STATUS: dict[RunStatus, str] = {
    "queued": "running",
    "running": "running",
    "waiting": "running",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "failed",
}
_EVENT_TYPES: dict[type[RunEvent], str] = {
    ModelCalled: "PLANNING",
    ToolCalled: "TOOL_CALLING",
    ToolReturned: "TOOL_FEEDBACK",
    MemoriesRecalled: "PREPARING",
    NoteAdded: "ADAPTING_APPROACH",
    SubAgentStarted: "TASK_DELEGATION",
    SubAgentFinished: "TOOL_FEEDBACK",
}


def to_time(at: datetime | None) -> str | None:
    """Return an instant as RFC 3339 in UTC with milliseconds."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_session(conversation: Conversation, unfinished: Mapping[str, RunStatus]) -> dict[str, object]:
    """Return a conversation as an entry of the list."""
    return {
        "session_id": conversation.external_id,
        # Every message makes a new state to come back to; the contract only says that it is a string.
        "checkpoint_id": f"{conversation.id}-{conversation.message_count}",
        "short_name": conversation.title or conversation.external_id,
        "created_at": to_time(conversation.created_at),
        "updated_at": to_time(conversation.updated_at),
        "status": _STATUS[unfinished.get(conversation.id, "succeeded")],
        "metadata": conversation.metadata,
    }


def to_session_detail(
    conversation: Conversation, messages: Sequence[Message], traces: Sequence[tuple[Run, Sequence[StoredEvent]]]
) -> dict[str, object]:
    """Return a conversation with its messages, and the events that the Go client reads."""
    steps = {run.id: to_steps(stored.event for stored in events) for run, events in traces}
    last: dict[str, RunStatus] = {conversation.id: traces[-1][0].status} if traces else {}
    happened = [entry for run, events in traces for stored in events for entry in _to_event(run, stored)]
    happened += [_to_text_event(message) for message in messages if message.role != "system"]
    happened.sort(key=lambda entry: str(entry["timestamp"]))
    return {
        **to_session(conversation, last),
        "messages": [_to_message(message, steps) for message in messages if message.role != "system"],
        "events": happened,
    }


def to_trace(
    session_id: str, traces: Sequence[tuple[Run, Sequence[StoredEvent]]], content_length_max: int | None
) -> dict[str, object]:
    """Return what happened in a conversation, request by request; texts are cut at `content_length_max`."""
    requests = [_to_request(run, events, content_length_max) for run, events in traces]
    runs = [run for run, _ in traces]
    started = min((run.created_at for run in runs), default=None)
    ended = [run.finished_at for run in runs if run.finished_at is not None]
    completed = max(ended, default=None) if len(ended) == len(runs) else None
    return {
        "session_id": session_id,
        "execution_summary": {
            "started_at": to_time(started) or "",
            "completed_at": to_time(completed) or "",
            "duration_ms": _millis(started, completed),
            "status": _STATUS[runs[-1].status] if runs else "completed",
            "total_requests": len(requests),
            **{name: _total(requests, name) for name in ("total_steps", "total_tool_calls", "total_events")},
        },
        "requests": requests,
        "user_messages": [{"role": "user", "content": _cut(run.input.question, content_length_max)} for run in runs],
        "errors": [
            {"request_id": run.request_id, "code": run.error_code, "message": run.error_message}
            for run in runs
            if run.error_message is not None
        ],
    }


def _to_message(message: Message, steps: Mapping[str, list[dict[str, object]]]) -> dict[str, object]:
    is_human = message.role == "user"
    return {
        "role": "human" if is_human else "ai",
        "content": message.text,
        "timestamp": message.created_at.timestamp(),
        "additional_context": None if is_human else {"steps": steps.get(message.run_id or "", [])},
    }


def _to_text_event(message: Message) -> dict[str, object]:
    return {
        "id": message.id,
        "type": "USER_MESSAGE" if message.role == "user" else "TYPING_TEXT",
        "timestamp": to_time(message.created_at),
        "content": message.text,
        "metadata": {},
    }


def _to_event(run: Run, stored: StoredEvent) -> list[dict[str, object]]:
    name = _EVENT_TYPES.get(type(stored.event))
    if name is None:
        return []
    return [
        {
            "id": f"{run.id}-{stored.seq}",
            "type": name,
            "timestamp": to_time(stored.at),
            "content": _content(stored.event),
            "metadata": {"request_id": run.request_id},
        }
    ]


def _to_request(run: Run, events: Sequence[StoredEvent], content_length_max: int | None) -> dict[str, object]:
    steps = _to_trace_steps(run, events, content_length_max)
    return {
        "request_id": run.request_id,
        "agent_id": run.agent_id,
        "status": _STATUS[run.status],
        "started_at": to_time(run.started_at or run.created_at),
        "completed_at": to_time(run.finished_at) or "",
        "duration_ms": _millis(run.started_at, run.finished_at),
        "total_steps": len(steps),
        "total_tool_calls": sum(isinstance(stored.event, ToolCalled) for stored in events),
        "total_events": run.event_count,
        "error_message": run.error_message,
        "user_input": _cut(run.input.question, content_length_max),
        "steps": steps,
    }


def _to_trace_steps(run: Run, events: Sequence[StoredEvent], content_length_max: int | None) -> list[dict[str, object]]:
    """Return one step per turn of a model, per tool call and per delegation, and one for the answer."""
    steps: list[dict[str, object]] = []
    open_steps: dict[str, tuple[dict[str, object], StoredEvent]] = {}
    for stored in events:
        event = stored.event
        started = _begun(event)
        if started is not None:
            key, name = started
            step = _step(len(steps) + 1, name, _EVENT_TYPES[type(event)], stored.at)
            step["content"] = _cut(_content(event), content_length_max)
            open_steps[key] = (step, stored)
            steps.append(step)
        ended = _ended(event)
        if ended is not None and ended in open_steps:
            step, first = open_steps.pop(ended)
            _close(step, first, stored, content_length_max)
    if run.output and run.finished_at is not None:
        answer = _step(len(steps) + 1, "answer", "TYPING_TEXT", events[-1].at if events else run.finished_at)
        answer |= {"content": _cut(run.output, content_length_max), "ended_at": to_time(run.finished_at)}
        steps.append(answer)
    return steps


def _step(number: int, name: str, kind: str, at: datetime) -> dict[str, object]:
    return {
        "step_number": number,
        "step_name": name,
        "started_at": to_time(at),
        "ended_at": None,
        "duration_ms": None,
        "type": kind,
        "content": "",
        "event_count": 1,
    }


def _begun(event: RunEvent) -> tuple[str, str] | None:
    """Return (key, name) of the step that begins with an event."""
    match event:
        case ModelCalled():
            who = event.producer.id if event.producer else ""
            return f"model {who}", event.model
        case ToolCalled():
            return f"call {event.call_id}", event.tool
        case SubAgentStarted():
            return f"task {event.call_id}", event.producer.name
        case MemoriesRecalled():
            return "memories", "memory"
        case NoteAdded():
            return "note", event.code
        case _:
            return None


def _ended(event: RunEvent) -> str | None:
    match event:
        case StepFinished():
            return f"model {event.producer.id if event.producer else ''}"
        case ToolReturned():
            return f"call {event.call_id}"
        case SubAgentFinished():
            return f"task {event.call_id}"
        # These two are over at once.
        case MemoriesRecalled():
            return "memories"
        case NoteAdded():
            return "note"
        case _:
            return None


def _close(step: dict[str, object], first: StoredEvent, last: StoredEvent, content_length_max: int | None) -> None:
    event = last.event
    step["ended_at"] = to_time(last.at)
    step["duration_ms"] = _millis(first.at, last.at)
    step["event_count"] = last.seq - first.seq + 1
    if isinstance(event, StepFinished):
        step["tokens_generated"] = event.usage.output_tokens
        return
    step["content"] = _cut(_content(event), content_length_max)
    if isinstance(event, ToolReturned) and isinstance(first.event, ToolCalled):
        given = first.event.input
        step["duration_ms"] = event.duration_ms
        step["tool"] = {
            "name": event.tool,
            "input": given if isinstance(given, dict) else {"input": given},
            "output": step["content"],
            "status": "error" if event.is_error else "success",
            "error_message": step["content"] if event.is_error else "",
            "duration_ms": event.duration_ms,
        }


def _content(event: RunEvent) -> str:
    match event:
        case ToolCalled():
            return as_text(event.input)
        case ToolReturned():
            return as_text(event.output)
        case SubAgentStarted():
            return event.task
        case SubAgentFinished():
            return event.output
        case MemoriesRecalled():
            return as_text([*event.memories])
        case NoteAdded():
            return event.message
        case _:
            return ""


def _millis(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else max(0, round((end - start).total_seconds() * 1000))


def _total(requests: Sequence[Mapping[str, object]], name: str) -> int:
    return sum(int(str(request[name])) for request in requests)


def _cut(text: str, length_max: int | None) -> str:
    if length_max is None or len(text) <= length_max:
        return text
    return text[:length_max] + "…"
