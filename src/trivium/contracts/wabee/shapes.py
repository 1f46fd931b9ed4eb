"""What this contract answers and takes, for its description: imported only when somebody asks for that."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from trivium.contracts.openapi import Shape
from trivium.contracts.wabee import wire, wire_async

WorkState = Literal["running", "completed", "failed"]
WorkingStep = Literal[
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


class ErrorBody(Shape):
    """Every failure. `details` is more data, as the list of fields that do not fit, or null."""

    body: str
    status_code: int
    details: Any
    code: int
    message: str
    detail: str


class Usage(Shape):
    """How much of one thing a run used, as the tokens of a model."""

    cost_attribute: Annotated[str, Field(alias="costAttribute")]
    usage: float
    unit: str


class Step(Shape):
    """One use of a tool on the way to the answer."""

    tool: str
    tool_input: Any
    log: str
    type: str


class ChainBody(Shape):
    """The answer and how it came about."""

    input: str
    output: str
    intermediate_steps: list[Step]
    usage: list[Usage]


class ChainResult(Shape):
    """What `chain` answers. With status 202 the run waits for a person, and `output` is empty."""

    body: ChainBody
    output: str
    session_id: str
    request_id: str


class ChainAccepted(Shape):
    """What `chain_async` answers: the run goes on at the server."""

    id: str
    status: Literal["accepted"]
    session_id: str
    request_id: str


class ChainEvent(Shape):
    """One event of a streamed run; `id` is the request's, `timestamp` is in milliseconds since 1970.

    The answer is the joined `token` of all `TYPING_TEXT` events. `source_*` says who made a piece: the agent, a
    sub-agent, a tool.
    """

    id: str
    token: str
    agent_step: WorkingStep | Literal["END"]
    finish_reason: Literal["null", "stop", "error"]
    usage: list[Usage]
    timestamp: int
    source_type: str | None = None
    source_id: str | None = None
    source_name: str | None = None


class ChainPiece(ChainEvent):
    """An event of a run that goes on."""

    agent_step: WorkingStep
    finish_reason: Literal["null"]


class ChainEnd(ChainEvent):
    """The last event; after an error `token` says what went wrong."""

    agent_step: Literal["END"]
    finish_reason: Literal["stop", "error"]


ChainStream = Annotated[ChainPiece | ChainEnd, Field(discriminator="agent_step")]


class AgentInfo(Shape):
    """Name, description and tools of the agent."""

    name: str
    description: str
    metadata: dict[str, Any]
    version: str
    tools: list[str]


class Health(Shape):
    """Whether the server is well. Without a credential there is only the status."""

    status: Literal["healthy", "unhealthy"]
    version: str | None = None
    uptime_seconds: float | None = None
    checks: dict[str, str] | None = None


class Tool(Shape):
    """A tool of the agent, with the JSON Schema of its input under both of its names."""

    name: str
    description: str
    status: Literal["ready", "initializing", "error"]
    input_schema: Annotated[dict[str, Any], Field(alias="schema")]
    parameters: dict[str, Any]


class ToolList(Shape):
    """The agent's tools."""

    tools: list[Tool]


class ToolResult(Shape):
    """What a tool answered; `execution_time` is in seconds. A tool that failed is an answer too."""

    tool_name: str
    output: Any
    execution_time: float
    status: Literal["success", "error"]
    error: str | None


class SubAgent(Shape):
    """A helper of the agent."""

    id: str
    name: str
    description: str
    status: str
    created_at: AwareDatetime
    last_active: AwareDatetime | None


class SubAgentCreated(Shape):
    """One helper of the agent."""

    sub_agent_id: str
    sub_agent_info: SubAgent


class SubAgentList(Shape):
    """The agent's helpers, oldest first."""

    sub_agents: list[SubAgent]


class Session(Shape):
    """A conversation in a list."""

    session_id: str
    checkpoint_id: str
    short_name: str
    created_at: AwareDatetime
    updated_at: AwareDatetime
    status: WorkState
    metadata: dict[str, Any]


class SessionPage(Shape):
    """Conversations, newest first."""

    sessions: list[Session]
    has_more: bool
    total: int


class Message(Shape):
    """One message; `timestamp` is in seconds since 1970."""

    role: Literal["human", "ai"]
    content: Any
    timestamp: float
    additional_context: Any


class SessionEvent(Shape):
    """One thing that happened in a conversation."""

    id: str
    type: str
    timestamp: AwareDatetime
    content: Any
    metadata: dict[str, Any]


class SessionDetail(Session):
    """A conversation with its messages."""

    messages: list[Message]
    events: list[SessionEvent]


class TraceTool(Shape):
    """The use of a tool in a step."""

    name: str
    input: Any
    output: Any
    status: Literal["success", "error"]
    error_message: str
    duration_ms: int


class TraceStep(Shape):
    """One step of a run; `tool` and `tokens_generated` where there are any."""

    step_number: int
    step_name: str
    started_at: str | None
    ended_at: str | None
    duration_ms: int | None
    type: str
    content: Any
    event_count: int
    tool: TraceTool | None = None
    tokens_generated: int | None = None


class TraceRequest(Shape):
    """One run of a conversation. A time that has not come is empty."""

    request_id: str
    agent_id: str
    status: WorkState
    started_at: str
    completed_at: str
    duration_ms: int | None
    total_steps: int
    total_tool_calls: int
    total_events: int
    error_message: str | None
    user_input: Any
    steps: list[TraceStep]


class TraceSummary(Shape):
    """All runs of a conversation in numbers. A time that has not come is empty."""

    started_at: str
    completed_at: str
    duration_ms: int | None
    status: WorkState
    total_requests: int
    total_steps: int
    total_tool_calls: int
    total_events: int


class TraceMessage(Shape):
    """What the user said."""

    role: str
    content: Any


class TraceError(Shape):
    """Why a run failed."""

    request_id: str
    code: str | None
    message: str


class Trace(Shape):
    """What happened in a conversation, run by run."""

    session_id: str
    execution_summary: TraceSummary
    requests: list[TraceRequest]
    user_messages: list[TraceMessage]
    errors: list[TraceError]


class Memory(Shape):
    """A statement the agent keeps; `score` only in a search."""

    id: str
    module_id: str
    content: str
    created_at: AwareDatetime
    updated_at: AwareDatetime
    valid: bool
    metadata: dict[str, Any]
    score: float | None = None


class Observed(Shape):
    """What an observation did to the agent's memory: the statement that was kept, and the ids of those it changed."""

    memory: Memory
    affected: list[str]


class MemoryChanged(Shape):
    """A memory with its new text."""

    memory: Memory


class Forgotten(Shape):
    """The ids of the memories that were there and are no more."""

    deleted: list[str]


class ModuleForgotten(Shape):
    """How many memories a module had."""

    deleted: int


class MetricsBody(Shape):
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


class Metrics(MetricsBody):
    """All runs in numbers, latencies in seconds; `body` says the same again, as the contract has it both ways."""

    body: MetricsBody


class LogEntry(Shape):
    """One run in the log; `end_time` is in milliseconds since 1970, `latency` in seconds."""

    name: str
    id: str
    request_id: str
    model: str | None
    error: str | None
    status: Literal["pending", "success", "error", "cancelled"]
    latency: float | None
    end_time: int | None
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class LogPage(Shape):
    """A page of the log, newest first. `data` is a text that holds a JSON array of log entries."""

    data: str
    total: int
    has_more: bool


class AgentFile(Shape):
    """A file that was given to the agent; name it in `context_files` by its path."""

    path: str
    size: int


class FileList(Shape):
    """The agent's files in order of their paths."""

    files: list[AgentFile]


class Image(Shape):
    """A picture: base64 (a data URL too), or the path of a file that was given to the agent."""

    type: Literal["base64", "file_path"]
    content: str


class ChainRequest(wire.ChainBody):
    """A request of the agent. The header `session-id` wins over `session_id`; `stream` is ignored."""

    images: Annotated[list[Image], Field(max_length=wire.IMAGES_MAX)] | None = None
    stream: bool | None = None


class ChainEventData(ChainRequest):
    """A request of the agent, and the address that its answer is sent to."""

    callback_url: str | None = None


class ChainAsyncRequest(wire_async.ChainEvent):
    """A CloudEvent 1.0 that asks the agent. Its source and id together are one request, however often they come."""

    specversion: Literal["1.0"]
    type: Literal["ai.wabee.agent.chain"] = "ai.wabee.agent.chain"
    time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    data: ChainEventData  # type: ignore[assignment]  # the same with pictures described


class FileUpload(Shape):
    """A file for the agent: under `path`, else under its own name."""

    file: Annotated[str, Field(json_schema_extra={"format": "binary"})]
    path: str | None = None
