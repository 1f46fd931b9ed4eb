"""What happens in a run, as data: the closed union that is stored, streamed and read back."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias, get_args

from trivium.core.model.conversations import Image
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.knowledge import Source
from trivium.core.model.runs import Usage

__all__ = [
    "EVENT_TYPES",
    "ApprovalDecided",
    "ApprovalRequested",
    "MemoriesRecalled",
    "ModelCalled",
    "NoteAdded",
    "PlannedCall",
    "Producer",
    "ReasoningDelta",
    "RunCancelled",
    "RunEvent",
    "RunFailed",
    "RunFinished",
    "RunResumed",
    "RunStarted",
    "StatusChanged",
    "StepFinished",
    "StoredEvent",
    "SubAgentFinished",
    "SubAgentStarted",
    "TextDelta",
    "ToolCalled",
    "ToolReturned",
    "is_final",
]


@dataclass(frozen=True, kw_only=True)
class Producer:
    """Who produced an event, when it was not the run's own agent; `call_id` is the call that handed it the task."""

    type: Literal["agent", "sub_agent", "tool", "human"]
    id: str
    name: str
    call_id: str = ""


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """The first event of every run. `model` is what answers, after any fallback that `metadata` explains."""

    agent_id: str
    agent_name: str
    conversation_id: str
    model: str
    metadata: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunResumed:
    """Another process, or this one after a restart, goes on from the last committed event."""

    attempt: int


@dataclass(frozen=True, kw_only=True)
class MemoriesRecalled:
    """Memories that were put before the model, best first."""

    memories: tuple[JSONObject, ...]


@dataclass(frozen=True, kw_only=True)
class ModelCalled:
    """A step begins: the model is asked. Steps count from 1."""

    step: int
    model: str
    producer: Producer | None = None


@dataclass(frozen=True, kw_only=True)
class ReasoningDelta:
    """A piece of the model's thinking; never part of the answer."""

    text: str
    producer: Producer | None = None


@dataclass(frozen=True, kw_only=True)
class TextDelta:
    """A piece of the answer. Text of a step that ends in tool calls is part of what the reader saw, too."""

    text: str
    producer: Producer | None = None


@dataclass(frozen=True, kw_only=True)
class ToolCalled:
    """A tool is about to be called; committed before the call is made."""

    call_id: str
    tool: str
    input: JSON
    step: int
    producer: Producer | None = None


@dataclass(frozen=True, kw_only=True)
class ToolReturned:
    """The checkpoint of a tool call: with this event stored, the tool is never called again for this `call_id`."""

    call_id: str
    tool: str
    output: JSON
    duration_ms: int
    is_error: bool = False
    sources: tuple[Source, ...] = ()
    images: tuple[Image, ...] = ()
    ends_run: bool = False
    producer: Producer | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedCall:
    """A tool call the model asked for; it has not been made yet."""

    call_id: str
    tool: str
    input: JSON


@dataclass(frozen=True, kw_only=True)
class StepFinished:
    """The model's turn of a step has ended; its text and calls are complete and its use is known."""

    step: int
    usage: Usage
    calls: tuple[PlannedCall, ...] = ()
    producer: Producer | None = None


@dataclass(frozen=True, kw_only=True)
class ApprovalRequested:
    """A person has to allow this call; the run waits and holds nothing meanwhile."""

    approval_id: str
    call_id: str
    tool: str
    input: JSON


@dataclass(frozen=True, kw_only=True)
class ApprovalDecided:
    """A person's answer to an `ApprovalRequested`."""

    approval_id: str
    call_id: str
    is_approved: bool
    decided_by: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class SubAgentStarted:
    """A task was handed to a sub-agent; its own events follow with it as their producer."""

    call_id: str
    task: str
    producer: Producer


@dataclass(frozen=True, kw_only=True)
class SubAgentFinished:
    """The sub-agent's answer; also the output of the tool call that delegated."""

    call_id: str
    output: str
    producer: Producer
    is_error: bool = False


@dataclass(frozen=True, kw_only=True)
class StatusChanged:
    """The conversation's status changed during the run (unresolved, escalated, resolved)."""

    status: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class NoteAdded:
    """Something a person reading the trace should know, e.g. that a model call was retried."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class RunFinished:
    """The last event of a run that answered. `output` equals all text deltas of the run's own agent, joined."""

    output: str
    usage: tuple[Usage, ...] = ()
    sources: tuple[Source, ...] = ()
    finish_reason: str = "stop"
    metadata: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunFailed:
    """The last event of a run that could not answer; `output` is what was shown before."""

    code: str
    message: str
    output: str = ""
    usage: tuple[Usage, ...] = ()
    details: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunCancelled:
    """The last event of a run that somebody stopped; `output` is what was shown before."""

    reason: str
    output: str = ""
    usage: tuple[Usage, ...] = ()


RunEvent: TypeAlias = (
    RunStarted
    | RunResumed
    | MemoriesRecalled
    | ModelCalled
    | ReasoningDelta
    | TextDelta
    | ToolCalled
    | ToolReturned
    | StepFinished
    | ApprovalRequested
    | ApprovalDecided
    | SubAgentStarted
    | SubAgentFinished
    | StatusChanged
    | NoteAdded
    | RunFinished
    | RunFailed
    | RunCancelled
)
EVENT_TYPES: dict[str, type[RunEvent]] = {cls.__name__: cls for cls in get_args(RunEvent)}
_FINAL = (RunFinished, RunFailed, RunCancelled)


class StoredEvent:
    """An event with its gap-free sequence number in its run, counted from 1, and the time it was made."""

    __slots__ = ("at", "event", "seq")

    def __init__(self, seq: int, at: datetime, event: RunEvent) -> None:
        self.seq = seq
        self.at = at
        self.event = event

    def __repr__(self) -> str:
        return f"StoredEvent({self.seq}, {self.event!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredEvent) and (self.seq, self.event) == (other.seq, other.event)

    __hash__ = None  # type: ignore[assignment]


# What tools return as data is a few thousand characters as a rule.
_OUTPUT_CHARS = 4_000


def is_final(event: RunEvent) -> bool:
    """True for the event after which a run has no more."""
    return isinstance(event, _FINAL)


def size_of(event: RunEvent) -> int:
    """Return about how many characters an event holds: exact for text, a guess for what a tool returned."""
    if type(event) is TextDelta:
        return len(event.text)
    text = getattr(event, "text", None) or getattr(event, "output", "")
    return len(text) if isinstance(text, str) else _OUTPUT_CHARS
