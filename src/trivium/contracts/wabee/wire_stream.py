"""A run's events as the stream of this contract (section 3.2)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec

from trivium.core import events
from trivium.core.events import Producer, RunEvent, StoredEvent
from trivium.core.model.json import JSON
from trivium.core.model.runs import Usage

# A line must stay below 64 KiB. A character takes at most six bytes of JSON, so 8,000 leave room for the rest.
TOKEN_CHARS_MAX = 8_000
_NAME_CHARS_MAX = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_Shown: TypeAlias = tuple[bytes, str, Producer | None]
_json = msgspec.json.Encoder().encode


def to_usage(usage: Sequence[Usage]) -> list[dict[str, object]]:
    """Return the use of models: tokens in and out together, one entry per model."""
    totals: dict[str, int] = {}
    for one in usage:
        totals[one.model] = totals.get(one.model, 0) + one.input_tokens + one.output_tokens
    return [{"costAttribute": model, "usage": tokens, "unit": "tokens"} for model, tokens in totals.items()]


def as_text(value: JSON) -> str:
    """Return a tool's input or output as text: a string as it is, everything else as JSON."""
    return value if isinstance(value, str) else _json(value).decode()


class StreamEncoder:
    """Turns the events of one run into lines. Each piece carries an `id:` that `Last-Event-ID` may name.

    The run's first event tells the agent's name; a reader that begins behind it has to bring it along.

    A long event becomes several pieces with ids such as 12.1, 12.2, 12: the last one has the bare number. A reader that
    was cut off in the middle goes on behind the piece it saw: `skip` are the pieces it has of the first event.
    """

    def __init__(self, request_id: str, *, agent_id: str, agent_name: str = "", skip: tuple[int, int] = (0, 0)) -> None:
        self._start = b'\ndata: {"id":' + _json(request_id) + b',"token":'
        self._own = _source(Producer(type="agent", id=agent_id, name=agent_name))
        self._skip_seq, self._skip_pieces = skip
        self._has_ended = False
        self._millis = 0

    def encode(self, batch: Sequence[StoredEvent]) -> bytes:
        """Return the lines of these events; empty for what this contract does not show."""
        return b"".join(piece for stored in batch for piece in self._pieces(stored))

    def ending(self) -> bytes:
        """Return the end of a stream whose run has none yet: it waits for a person's approval."""
        if self._has_ended:
            return b""
        data = b'"","agent_step":"END","finish_reason":"stop","usage":[],"timestamp":%d' % self._millis
        return self._start.removeprefix(b"\n") + data + self._own + b"}\n\n"

    def _pieces(self, stored: StoredEvent) -> Iterator[bytes]:
        event = stored.event
        if type(event) is events.TextDelta and event.producer is None:
            # By far the most frequent one.
            yield from self._lines(stored, event.text, b"TYPING_TEXT", self._own)
            return
        shown = _shown(event)
        if shown is None:
            return
        step, token, producer = shown
        source = self._own if producer is None else _source(producer)
        if type(event) is events.RunStarted:
            source = self._own = _source(Producer(type="agent", id=event.agent_id, name=event.agent_name))
        if events.is_final(event):
            self._has_ended = True
        yield from self._lines(stored, token, step, source, *_ending(event))

    def _lines(self, stored: StoredEvent, token: str, step: bytes, *rest: bytes) -> Iterator[bytes]:
        source, finish, usage = rest if len(rest) == 3 else (rest[0], b"null", b"[]")
        self._millis = millis = (stored.at - _EPOCH) // _MILLISECOND
        tail = b'","usage":%b,"timestamp":%d%b}\n\n' % (usage, millis, source)
        texts = _split(token)
        last = len(texts)
        for number, text in enumerate(texts, 1):
            if stored.seq == self._skip_seq and number <= self._skip_pieces:
                continue
            is_last = number == last
            name = b"id: %d" % stored.seq if is_last else b"id: %d.%d" % (stored.seq, number)
            reason = finish if is_last else b"null"
            yield name + self._start + _json(text) + b',"agent_step":"' + step + b'","finish_reason":"' + reason + tail


def position(value: str) -> tuple[int, tuple[int, int]] | None:
    """Return (after, skip) for the number part of a `Last-Event-ID`, or None when it is no position of ours."""
    number, _, piece = value.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        return None
    if not piece:
        return int(number), (0, 0)
    if not (piece.isascii() and piece.isdigit() and len(piece) < 10):
        return None
    return max(0, int(number) - 1), (int(number), int(piece))


def _shown(event: RunEvent) -> _Shown | None:
    """Return (agent_step, token, who) of an event, or None for what the contract has no word for."""
    match event:
        case events.ToolCalled():
            return b"TOOL_CALLING", as_text(event.input), _tool(event.call_id, event.tool)
        case events.ToolReturned():
            return b"TOOL_FEEDBACK", as_text(event.output), _tool(event.call_id, event.tool)
        case events.ApprovalRequested():
            return b"SELECTING_TOOL", f"{event.tool} waits for approval", _tool(event.call_id, event.tool)
        case events.SubAgentStarted():
            return b"TASK_DELEGATION", event.task, event.producer
        case events.SubAgentFinished():
            return b"TOOL_FEEDBACK", event.output, event.producer
        case events.TextDelta():
            # A sub-agent's words are not the answer, and clients join all TYPING_TEXT to the answer.
            return b"DELEGATING", event.text, event.producer
        case events.ReasoningDelta():
            return b"REASONING", event.text, event.producer
        case events.ModelCalled():
            return (b"PLANNING" if event.step == 1 else b"REASONING"), "", event.producer
        case _:
            return _shown_of_run(event)


def _shown_of_run(event: RunEvent) -> _Shown | None:
    match event:
        case events.RunStarted():
            return b"STARTING", "", None
        case events.RunResumed() | events.MemoriesRecalled():
            return b"PREPARING", "", None
        case events.NoteAdded():
            return b"ADAPTING_APPROACH", event.message, None
        case events.RunFinished():
            return b"END", "", None
        case events.RunFailed():
            return b"END", event.message, None
        case events.RunCancelled():
            return b"END", event.reason or "The request was cancelled.", None
        case _:
            return None


def _ending(event: RunEvent) -> tuple[bytes, ...]:
    match event:
        case events.RunFinished():
            return b"stop", _json(to_usage(event.usage))
        case events.RunFailed() | events.RunCancelled():
            return b"error", _json(to_usage(event.usage))
        case _:
            return ()


def _tool(call_id: str, tool: str) -> Producer:
    return Producer(type="tool", id=call_id, name=tool)


def _source(producer: Producer) -> bytes:
    data = {
        "source_type": producer.type,
        "source_id": producer.id[:_NAME_CHARS_MAX],
        "source_name": producer.name[:_NAME_CHARS_MAX],
    }
    return b"," + _json(data)[1:-1]


def _split(text: str) -> list[str]:
    if len(text) <= TOKEN_CHARS_MAX:
        return [text]
    return [text[start : start + TOKEN_CHARS_MAX] for start in range(0, len(text), TOKEN_CHARS_MAX)]
