# Written by `make generate` from the OpenAPI document; edits here are lost.
"""The shapes of the Wabee contract, as its OpenAPI document describes them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from trivium_client._json import JsonObject
from trivium_client._model import Answer, Known, Model, TracedAnswer


class AgentFile(TracedAnswer):
    """A file that was given to the agent; name it in `context_files` by its path."""

    path: str
    size: int


class AgentInfo(TracedAnswer):
    """Name, description and tools of the agent."""

    name: str
    description: str
    metadata: JsonObject
    version: str
    tools: list[str]


class ChainAccepted(Answer):
    """What `chain_async` answers: the run goes on at the server."""

    id: str
    status: Known[Literal["accepted"]] = "accepted"
    session_id: str
    request_id: str


class ChainBudget(Model):
    """What the request may use."""

    local_recursion_limit: int


class ChainMessage(Model):
    """One message; `human` and `ai` are other words for `user` and `assistant`."""

    role: Literal["user", "assistant", "system", "human", "ai"]
    content: str


class ChangeBody(Model):
    """A memory's new text."""

    content: str


class DataFilterHint(Model):
    """A filter for one tool; `filter_type` is `equals` unless it says otherwise."""

    tool_name: str
    filter_key: str
    filter_value: str | bool | int | float | None
    filter_type: str = "equals"


class DeleteBody(Model):
    """Memories to forget."""

    module_id: str | None = None
    ids: list[str]


class ErrorBody(TracedAnswer):
    """Every failure. `details` is more data, as the list of fields that do not fit, or null."""

    body: str
    status_code: int
    details: JsonValue
    code: int
    message: str
    detail: str


class ExecuteBody(Model):
    """A tool to run and its input."""

    tool_name: str
    tool_input: JsonObject
    session_id: str | None = None


class FileList(TracedAnswer):
    """The agent's files in order of their paths."""

    files: list[AgentFile]


class FileUpload(Model):
    """A file for the agent: under `path`, else under its own name."""

    file: bytes
    path: str | None = None


class Forgotten(TracedAnswer):
    """The ids of the memories that were there and are no more."""

    deleted: list[str]


class Health(TracedAnswer):
    """Whether the server is well. Without a credential there is only the status."""

    status: Known[Literal["healthy", "unhealthy"]]
    version: str | None = None
    uptime_seconds: float | None = None
    checks: dict[str, str] | None = None


class Image(Model):
    """A picture: base64 (a data URL too), or the path of a file that was given to the agent."""

    type: Literal["base64", "file_path"]
    content: str


class LogEntry(Answer):
    """One run in the log; `end_time` is in milliseconds since 1970, `latency` in seconds."""

    name: str
    id: str
    request_id: str
    model: str | None
    error: str | None
    status: Known[Literal["pending", "success", "error", "cancelled"]]
    latency: float | None
    end_time: int | None
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class LogPage(TracedAnswer):
    """A page of the log, newest first. `data` is a text that holds a JSON array of log entries."""

    data: str
    total: int
    has_more: bool


class Memory(TracedAnswer):
    """A statement the agent keeps; `score` only in a search."""

    id: str
    module_id: str
    content: str
    created_at: datetime
    updated_at: datetime
    valid: bool
    metadata: JsonObject
    score: float | None = None


class MemoryChanged(TracedAnswer):
    """A memory with its new text."""

    memory: Memory


class Message(TracedAnswer):
    """One message; `timestamp` is in seconds since 1970."""

    role: Known[Literal["human", "ai"]]
    content: JsonValue
    timestamp: float
    additional_context: JsonValue


class MetricsBody(TracedAnswer):
    """All runs in numbers; latencies are in seconds."""

    status_value_counts: dict[str, int]
    total_requests: int
    total_errors: int
    total_tokens: int
    mean_tokens: float
    mean_latency: float
    max_latency: float
    min_latency: float
    total_prompt_tokens: int
    mean_prompt_tokens: float
    total_completion_tokens: int
    mean_completion_tokens: float


class ModuleForgotten(TracedAnswer):
    """How many memories a module had."""

    deleted: int


class ObservationBody(Model):
    """A statement to keep. The body's module wins over the query's; the strategy may be in any letter case."""

    input: str
    module_id: str | None = None
    addition_strategy: Literal["naive", "delete", "update"] | None = "naive"
    visitor_id: str | None = None


class Observed(TracedAnswer):
    """What an observation did to the agent's memory: the statement that was kept, and the ids of those it changed."""

    memory: Memory
    affected: list[str] = []


class ResetBody(Model):
    """A module to forget everything of."""

    module_id: str


class Session(TracedAnswer):
    """A conversation in a list."""

    session_id: str
    checkpoint_id: str
    short_name: str
    created_at: datetime
    updated_at: datetime
    status: Known[Literal["running", "completed", "failed"]]
    metadata: JsonObject


class SessionEvent(TracedAnswer):
    """One thing that happened in a conversation."""

    id: str
    type: str
    timestamp: datetime
    content: JsonValue
    metadata: JsonObject


class SessionPage(TracedAnswer):
    """Conversations, newest first."""

    sessions: list[Session]
    has_more: bool
    total: int


class Step(TracedAnswer):
    """One use of a tool on the way to the answer."""

    tool: str
    tool_input: JsonValue
    log: str
    type: str


class SubAgent(TracedAnswer):
    """A helper of the agent."""

    id: str
    name: str
    description: str
    status: str
    created_at: datetime
    last_active: datetime | None


class SubAgentBody(Model):
    """A sub-agent to be made."""

    name: str
    description: str
    objective: str
    tools: list[str] | None = None
    workflow_type: Literal["react", "hierarchical"] | None = "react"


class SubAgentCreated(TracedAnswer):
    """One helper of the agent."""

    sub_agent_id: str
    sub_agent_info: SubAgent


class SubAgentList(TracedAnswer):
    """The agent's helpers, oldest first."""

    sub_agents: list[SubAgent]


class Tool(TracedAnswer):
    """A tool of the agent, with the JSON Schema of its input under both of its names."""

    name: str
    description: str
    status: Known[Literal["ready", "initializing", "error"]]
    input_schema: Annotated[JsonObject, Field(validation_alias="schema", serialization_alias="schema")]
    parameters: JsonObject


class ToolList(TracedAnswer):
    """The agent's tools."""

    tools: list[Tool]


class ToolResult(TracedAnswer):
    """What a tool answered; `execution_time` is in seconds. A tool that failed is an answer too."""

    tool_name: str
    output: JsonValue
    execution_time: float
    status: Known[Literal["success", "error"]]
    error: str | None


class TraceError(Answer):
    """Why a run failed."""

    request_id: str
    code: str | None
    message: str


class TraceMessage(TracedAnswer):
    """What the user said."""

    role: str
    content: JsonValue


class TraceSummary(TracedAnswer):
    """All runs of a conversation in numbers. A time that has not come is empty."""

    started_at: str
    completed_at: str
    duration_ms: int | None
    status: Known[Literal["running", "completed", "failed"]]
    total_requests: int
    total_steps: int
    total_tool_calls: int
    total_events: int


class TraceTool(TracedAnswer):
    """The use of a tool in a step."""

    name: str
    input: JsonValue
    output: JsonValue
    status: Known[Literal["success", "error"]]
    error_message: str
    duration_ms: int


class Usage(TracedAnswer):
    """How much of one thing a run used, as the tokens of a model."""

    cost_attribute: Annotated[str, Field(validation_alias="costAttribute", serialization_alias="costAttribute")]
    usage: float
    unit: str


class ChainBody(TracedAnswer):
    """The answer and how it came about."""

    input: str | None = None
    output: str
    intermediate_steps: list[Step] = []
    usage: list[Usage] = []


class ChainEnd(TracedAnswer):
    """The last event; after an error `token` says what went wrong."""

    id: str
    token: str
    agent_step: Known[Literal["END"]] = "END"
    finish_reason: Known[Literal["stop", "error"]]
    usage: list[Usage]
    timestamp: int
    source_type: str | None = None
    source_id: str | None = None
    source_name: str | None = None


class ChainEvent(TracedAnswer):
    """One event of a streamed run; `id` is the request's, `timestamp` is in milliseconds since 1970.

    The answer is the joined `token` of all `TYPING_TEXT` events. `source_*` says who made a piece: the agent, a
    sub-agent, a tool.
    """

    id: str
    token: str
    agent_step: (
        Known[
            Literal[
                "STARTING",
                "PREPARING",
                "PLANNING",
                "ASSESSING_COMPLEXITY",
                "REASONING",
                "ADAPTING_APPROACH",
                "SELECTING_TOOL",
                "TOOL_CALLING",
                "TOOL_FEEDBACK",
                "DELEGATING",
                "TASK_DELEGATION",
                "TYPING_TEXT",
                "FINAL_ANSWER",
            ]
        ]
        | Known[Literal["END"]]
    )
    finish_reason: Known[Literal["null", "stop", "error"]]
    usage: list[Usage]
    timestamp: int
    source_type: str | None = None
    source_id: str | None = None
    source_name: str | None = None


class ChainEventData(Model):
    """A request of the agent, and the address that its answer is sent to."""

    messages: list[ChainMessage]
    data_filter_hints: list[DataFilterHint] | None = None
    auto_memory_retain: bool | None = False
    context_files: list[str] | None = None
    images: list[Image] | None = None
    session_id: str | None = None
    stream: bool | None = None
    budget: ChainBudget | None = None
    callback_url: str | None = None


class ChainPiece(TracedAnswer):
    """An event of a run that goes on."""

    id: str
    token: str
    agent_step: Known[
        Literal[
            "STARTING",
            "PREPARING",
            "PLANNING",
            "ASSESSING_COMPLEXITY",
            "REASONING",
            "ADAPTING_APPROACH",
            "SELECTING_TOOL",
            "TOOL_CALLING",
            "TOOL_FEEDBACK",
            "DELEGATING",
            "TASK_DELEGATION",
            "TYPING_TEXT",
            "FINAL_ANSWER",
        ]
    ]
    finish_reason: Known[Literal["null"]] = "null"
    usage: list[Usage]
    timestamp: int
    source_type: str | None = None
    source_id: str | None = None
    source_name: str | None = None


class ChainRequest(Model):
    """A request of the agent. The header `session-id` wins over `session_id`; `stream` is ignored."""

    messages: list[ChainMessage]
    data_filter_hints: list[DataFilterHint] | None = None
    auto_memory_retain: bool | None = False
    context_files: list[str] | None = None
    images: list[Image] | None = None
    session_id: str | None = None
    stream: bool | None = None
    budget: ChainBudget | None = None


class ChainResult(Answer):
    """What `chain` answers. With status 202 the run waits for a person, and `output` is empty."""

    body: ChainBody
    output: str | None = None
    session_id: str | None = None
    request_id: str | None = None


class Metrics(TracedAnswer):
    """All runs in numbers, latencies in seconds; `body` says the same again, as the contract has it both ways."""

    status_value_counts: dict[str, int]
    total_requests: int
    total_errors: int
    total_tokens: int
    mean_tokens: float
    mean_latency: float
    max_latency: float
    min_latency: float
    total_prompt_tokens: int
    mean_prompt_tokens: float
    total_completion_tokens: int
    mean_completion_tokens: float
    body: MetricsBody


class SessionDetail(TracedAnswer):
    """A conversation with its messages."""

    session_id: str
    checkpoint_id: str
    short_name: str
    created_at: datetime
    updated_at: datetime
    status: Known[Literal["running", "completed", "failed"]]
    metadata: JsonObject
    messages: list[Message]
    events: list[SessionEvent]


class TraceStep(TracedAnswer):
    """One step of a run; `tool` and `tokens_generated` where there are any."""

    step_number: int
    step_name: str
    started_at: str | None
    ended_at: str | None
    duration_ms: int | None
    type: str
    content: JsonValue
    event_count: int
    tool: TraceTool | None = None
    tokens_generated: int | None = None


class ChainAsyncRequest(Model):
    """A CloudEvent 1.0 that asks the agent. Its source and id together are one request, however often they come."""

    specversion: Literal["1.0"] = "1.0"
    type: Literal["ai.wabee.agent.chain"] = "ai.wabee.agent.chain"
    source: str
    id: str
    time: datetime
    datacontenttype: str | None = None
    data: ChainEventData


class TraceRequest(Answer):
    """One run of a conversation. A time that has not come is empty."""

    request_id: str
    agent_id: str
    status: Known[Literal["running", "completed", "failed"]]
    started_at: str
    completed_at: str
    duration_ms: int | None
    total_steps: int
    total_tool_calls: int
    total_events: int
    error_message: str | None
    user_input: JsonValue
    steps: list[TraceStep]


class Trace(TracedAnswer):
    """What happened in a conversation, run by run."""

    session_id: str
    execution_summary: TraceSummary
    requests: list[TraceRequest]
    user_messages: list[TraceMessage]
    errors: list[TraceError]


__all__ = [
    "AgentFile",
    "AgentInfo",
    "ChainAccepted",
    "ChainAsyncRequest",
    "ChainBody",
    "ChainBudget",
    "ChainEnd",
    "ChainEventData",
    "ChainMessage",
    "ChainPiece",
    "ChainRequest",
    "ChainResult",
    "ChangeBody",
    "DataFilterHint",
    "DeleteBody",
    "ErrorBody",
    "ExecuteBody",
    "FileList",
    "FileUpload",
    "Image",
    "LogEntry",
    "Memory",
    "MemoryChanged",
    "Message",
    "Metrics",
    "MetricsBody",
    "ModuleForgotten",
    "ObservationBody",
    "Observed",
    "ResetBody",
    "Session",
    "SessionDetail",
    "SessionEvent",
    "SessionPage",
    "Step",
    "SubAgent",
    "SubAgentBody",
    "SubAgentCreated",
    "SubAgentList",
    "Tool",
    "ToolList",
    "ToolResult",
    "Trace",
    "TraceError",
    "TraceMessage",
    "TraceRequest",
    "TraceStep",
    "TraceSummary",
    "TraceTool",
    "Usage",
]
