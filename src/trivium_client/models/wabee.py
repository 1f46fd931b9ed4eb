"""The shapes of the Wabee contract."""

import json
from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from trivium_client._json import JsonObject
from trivium_client._model import Answer, Model, TracedAnswer
from trivium_client._reading import Reading

TEXT_STEPS = frozenset({"TYPING_TEXT", "FINAL_ANSWER"})


class Usage(Model):
    """How much of one thing a run used."""

    costAttribute: str = ""
    usage: float = 0
    unit: str = "tokens"


class Step(Model):
    """One use of a tool on the way to the answer."""

    tool: str = ""
    tool_input: JsonValue = None
    log: str = ""
    type: str = "AgentAction"


class ChainBody(Model):
    """The answer and how it came about."""

    input: str = ""
    output: str = ""
    intermediate_steps: list[Step] = []
    usage: list[Usage] = []


class ChainResult(Answer):
    """What `chain` answers."""

    body: ChainBody
    output: str = ""
    session_id: str | None = None
    request_id: str | None = None


class ChainAccepted(Answer):
    """What `chain_async` answers: the run goes on at the server."""

    id: str
    status: str = "accepted"
    session_id: str | None = None
    request_id: str | None = None


class ChainEvent(Model):
    """One event of a streamed run."""

    id: str = ""
    token: str = ""
    content: str | None = None
    agent_step: str = ""
    finish_reason: str | None = "null"
    usage: list[Usage] = []
    timestamp: int | None = None
    source_type: str | None = None
    source_id: str | None = None
    source_name: str | None = None

    @property
    def is_final(self) -> bool:
        """Return whether the stream ends here."""
        return self.finish_reason not in {None, "", "null"}

    @property
    def error(self) -> str | None:
        """Return what went wrong, when the run failed here."""
        return (self.token or self.content or "the run failed") if self.finish_reason == "error" else None

    @property
    def text(self) -> str:
        """Return the piece of the answer in this event; empty for every other step."""
        if self.agent_step not in TEXT_STEPS or self.error is not None:
            return ""
        return self.token or self.content or ""


class AgentInfo(TracedAnswer):
    """Name, description and tools of the agent."""

    name: str
    description: str = ""
    metadata: JsonObject = {}
    version: str | None = None
    tools: list[str] = []


class Health(TracedAnswer):
    """Whether the server is well."""

    status: str
    version: str | None = None
    uptime_seconds: float | None = None
    checks: dict[str, str] = {}

    @property
    def is_healthy(self) -> bool:
        return self.status in {"healthy", "ok"}


class Tool(Model):
    """A tool of the agent, with the JSON Schema of its input."""

    name: str
    description: str = ""
    status: str = "ready"
    input_schema: JsonObject = Field(default={}, alias="schema")


class ToolResult(TracedAnswer):
    """What a tool answered. A tool that failed is an answer too: `status` is `error` then."""

    tool_name: str
    output: JsonValue = None
    execution_time: float = 0
    status: str = "success"
    error: str | None = None


class SubAgent(TracedAnswer):
    """A helper of the agent."""

    id: str
    name: str
    description: str = ""
    status: str = "ready"
    created_at: datetime | None = None
    last_active: datetime | None = None


class SubAgentCreated(TracedAnswer):
    """A helper that was just made."""

    sub_agent_id: str
    sub_agent_info: SubAgent


class Session(Model):
    """A conversation in a list."""

    session_id: str
    checkpoint_id: str = ""
    short_name: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    status: str | None = None
    metadata: JsonObject | None = None


class SessionPage(TracedAnswer):
    """Conversations, newest first."""

    sessions: list[Session]
    has_more: bool = False
    total: int | None = None


class Message(Model):
    """One message; `timestamp` is in seconds since 1970."""

    role: str
    content: JsonValue = None
    timestamp: float | None = None
    additional_context: JsonValue = None


class SessionEvent(Model):
    """One thing that happened in a conversation."""

    id: str = ""
    type: str = ""
    timestamp: datetime | None = None
    content: JsonValue = None
    metadata: JsonObject | None = None


class SessionDetail(TracedAnswer):
    """A conversation with its messages."""

    session_id: str
    checkpoint_id: str = ""
    short_name: str = ""
    status: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    metadata: JsonObject | None = None
    messages: list[Message] = []
    events: list[SessionEvent] = []


class TraceTool(Model):
    """The use of a tool in a step."""

    name: str = ""
    input: JsonValue = None
    output: JsonValue = None
    status: str = ""
    error_message: str | None = None
    duration_ms: int | None = None


class TraceStep(Model):
    """One step of a run."""

    step_number: int = 0
    step_name: str = ""
    started_at: str | None = None
    ended_at: str | None = None
    duration_ms: int | None = None
    type: str = ""
    content: JsonValue = None
    event_count: int = 0
    tool: TraceTool | None = None
    tokens_generated: int | None = None


class TraceRequest(Model):
    """One run of a conversation."""

    request_id: str
    agent_id: str | None = None
    status: str = ""
    started_at: str | None = None
    completed_at: str | None = None
    duration_ms: int | None = None
    total_steps: int = 0
    total_tool_calls: int = 0
    total_events: int = 0
    error_message: str | None = None
    user_input: JsonValue = None
    steps: list[TraceStep] = []


class TraceSummary(Model):
    """All runs of a conversation in numbers."""

    started_at: str | None = None
    completed_at: str | None = None
    duration_ms: int | None = None
    status: str = ""
    total_requests: int = 0
    total_steps: int = 0
    total_tool_calls: int = 0
    total_events: int = 0


class Trace(TracedAnswer):
    """What happened in a conversation, run by run."""

    session_id: str
    execution_summary: TraceSummary
    requests: list[TraceRequest] = []
    user_messages: list[JsonObject] = []
    errors: list[JsonValue] = []


class Memory(Model):
    """A statement the agent keeps; `score` only in a search."""

    id: str
    module_id: str = "agent_memory"
    content: str
    created_at: datetime | None = None
    updated_at: datetime | None = None
    valid: bool = True
    metadata: JsonObject = {}
    score: float | None = None


class Observed(TracedAnswer):
    """What an observation did to the agent's memory."""

    memory: Memory | None = None
    affected: list[str] = []


class Forgotten(TracedAnswer):
    """What was deleted from the memory: the ids, or how many when everything was."""

    deleted: list[str] | int


class Metrics(TracedAnswer):
    """All runs in numbers; latencies are in seconds."""

    status_value_counts: dict[str, int] = {}
    total_requests: int = 0
    total_errors: int = 0
    total_tokens: int = 0
    total_prompt_tokens: int = 0
    total_completion_tokens: int = 0
    mean_tokens: float | None = None
    mean_prompt_tokens: float | None = None
    mean_completion_tokens: float | None = None
    mean_latency: float | None = None
    max_latency: float | None = None
    min_latency: float | None = None


class LogEntry(Model):
    """One run in the log; `end_time` is in milliseconds since 1970, `latency` in seconds."""

    name: str = ""
    id: str = ""
    model: str | None = None
    error: str | None = None
    status: str = ""
    latency: float | None = None
    end_time: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class LogPage(TracedAnswer):
    """A page of the log. On the wire `data` is a string that holds JSON; `entries` is what is in it."""

    data: str = "[]"
    total: int = 0
    has_more: bool = False

    @property
    def entries(self) -> list[LogEntry]:
        return [LogEntry.model_validate(entry) for entry in json.loads(self.data)]


class AgentFile(TracedAnswer):
    """A file that was given to the agent; name it in `context_files` by its path."""

    path: str
    size: int | None = None


AdditionStrategy = Literal["naive", "delete", "update"]


def _event(data: str) -> ChainEvent | None:
    try:
        return ChainEvent.model_validate_json(data)
    except ValueError:
        return None  # the contract: what cannot be read is skipped without an error


CHAIN_READING = Reading[ChainEvent](
    parse=_event,
    is_end=lambda _, event: event is not None and event.is_final,
    text=lambda event: event.text,
    failure=lambda event: event.error,
)
