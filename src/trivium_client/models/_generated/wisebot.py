# Written by `make generate` from the OpenAPI document; edits here are lost.
"""The shapes of the Wisebot contract, as its OpenAPI document describes them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from trivium_client._json import JsonObject
from trivium_client._model import CamelAnswer, CamelModel, CamelPlainAnswer, Known


class ActivityEvent(CamelAnswer):
    """One line of activity as data."""

    at: datetime
    type: str
    subject: str
    status: str
    duration_seconds: float | None = None


class AgentBudgetUse(CamelAnswer):
    """A budget of an agent with what is used of it in the running day or month."""

    period: Known[Literal["day", "month"]]
    requests_max: int | None
    tokens_max: int | None
    cost_usd_max: float | None
    requests_used: int
    tokens_used: int
    cost_usd_used: float
    resets_at: datetime


class AgentRun(CamelPlainAnswer):
    """A run of an agent."""

    id: str
    agent_id: str
    conversation_id: str
    request_id: str
    channel: str
    status: Known[Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]]
    model: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    event_count: int


class AgentRunList(CamelAnswer):
    """Runs of agents, newest first."""

    runs: list[AgentRun]


class AgentTool(CamelAnswer):
    """A tool as it is switched on for an agent."""

    type: str
    config: JsonObject | None = None
    require_approval: bool | None = None
    status: Known[Literal["unavailable"]] | None = None
    status_reason: str | None = None


class ApiKey(CamelAnswer):
    """A key of the organization, without its secret. From `kind` on only where a `kind` was asked for."""

    id: str
    name: str
    prefix: str
    last_four: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    kind: Known[Literal["wabee", "wisebot", "wizchat", "device"]] | None = None
    expires_at: datetime | None = None
    user_id: str | None = None
    email: str | None = None
    role: Known[Literal["owner", "admin", "member"]] | None = None
    agent_ids: list[str] | None = None


class ApiKeyCreated(CamelAnswer):
    """A new key; `key` is shown this once."""

    id: str
    name: str
    prefix: str | None = None
    last_four: str | None = None
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    kind: Known[Literal["wabee", "wisebot", "wizchat", "device"]] | None = None
    expires_at: datetime | None = None
    user_id: str | None = None
    email: str | None = None
    role: Known[Literal["owner", "admin", "member"]] | None = None
    agent_ids: list[str] | None = None
    key: str


class ApiKeyList(CamelAnswer):
    """The organization's keys."""

    keys: list[ApiKey]


class AskBody(CamelModel):
    """A visitor's message."""

    thread_id: str
    contact_session_id: str
    prompt: str


class Booking(CamelAnswer):
    """An appointment that an agent booked."""

    id: str
    agent_id: str
    calendar: str
    status: Known[Literal["booked", "cancelled"]]
    start: datetime
    end: datetime
    name: str
    contact: str
    notes: str
    conversation_id: str
    created_at: datetime


class BookingList(CamelAnswer):
    """Appointments, the ones booked last first."""

    bookings: list[Booking]


class BudgetBody(CamelModel):
    """What may be used in a day or a month (UTC); without a field there is no limit of that kind."""

    period: Literal["day", "month"] = "day"
    requests_max: int | None = None
    tokens_max: int | None = None
    cost_usd_max: float | None = None


class BudgetsBody(CamelModel):
    """What the runs of an agent may use together, and those of each visitor; one budget a day and one a month."""

    agent: list[BudgetBody] | None = None
    visitor: list[BudgetBody] | None = None


class ChatApprovalRequired(CamelAnswer):
    """A person must allow the use of a tool; the stream ends, and the run waits."""

    type: Literal["approval-required"] = "approval-required"
    tool_call_id: str
    tool_name: str
    input: JsonValue
    approval_id: str


class ChatFailed(CamelAnswer):
    """No answer."""

    type: Literal["error"] = "error"
    message: str
    code: str
    message_id: str


class ChatSession(CamelAnswer):
    """A visitor's conversation. `conversation_id` and `thread_id` are the same id."""

    contact_session_id: str
    conversation_id: str
    thread_id: str
    greeting_message: str
    expires_at: datetime | None = None
    status: Known[Literal["unresolved", "escalated", "resolved"]] | None = None
    resumed: bool | None = None
    agent_id: str | None = None


class ChatSessionFound(CamelAnswer):
    """A visitor's newest open conversation."""

    session: ChatSession


class ChatSource(CamelAnswer):
    """A citation: which file, the words, the page where it has pages, and how well it fits (0 to about 1.1)."""

    file_id: str | None = None
    name: str
    quote: str | None = None
    page: int | None = None
    score: float | None = None


class ChatStarted(CamelAnswer):
    """The answer begins."""

    type: Literal["start"] = "start"
    thread_id: str
    message_id: str
    agent_id: str


class ChatStatus(CamelAnswer):
    """The conversation's status."""

    type: Literal["status"] = "status"
    status: Known[Literal["unresolved", "escalated", "resolved"]]


class ChatTextDelta(CamelAnswer):
    """A piece of the answer; `text` is the same again."""

    type: Literal["text-delta"] = "text-delta"
    delta: str
    text: str


class ChatToolCall(CamelAnswer):
    """The agent uses a tool."""

    type: Literal["tool-call"] = "tool-call"
    tool_call_id: str
    tool_name: str
    input: JsonValue


class ChatToolResult(CamelAnswer):
    """A tool answered."""

    type: Literal["tool-result"] = "tool-result"
    tool_call_id: str
    tool_name: str
    output: JsonValue
    is_error: bool


class DecideBody(CamelModel):
    """A person's decision about a tool call."""

    approved: bool


class Decided(CamelAnswer):
    """The run that a person decided about."""

    run_id: str
    status: Known[Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]]


class Delivery(CamelAnswer):
    """An outgoing signed call and how it fares."""

    id: str
    type: str
    url: str
    status: Known[Literal["waiting", "pending", "delivered", "dead"]]
    created_at: datetime
    attempt: int
    response_status: int | None
    error: str | None
    webhook_id: str | None
    run_id: str | None
    next_attempt_at: datetime | None
    finished_at: datetime | None


class DeliveryList(CamelAnswer):
    """Outgoing calls, newest first."""

    deliveries: list[Delivery]


class DeliveryTry(CamelAnswer):
    """One try of an outgoing call; `response` is the beginning of what was answered."""

    attempt: int
    at: datetime
    duration_ms: int
    response_status: int | None
    response: str
    error: str | None


class DeviceAskBody(CamelModel):
    """What a machine says of itself; `scope` is the most it wants to be."""

    client_id: str
    device_name: str = ""
    scope: Literal["", "owner", "admin", "member"] = ""


class DeviceCodes(CamelAnswer):
    """The codes of a sign-in: a person opens the address, the program asks again every `interval` seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class DeviceDecisionBody(CamelModel):
    """What a person answers."""

    approve: bool


class DeviceError(CamelAnswer):
    """Why there is no key (RFC 6749, 5.2); `authorization_pending` and `slow_down` are told again and again."""

    error: str
    error_description: str


class DevicePollBody(CamelModel):
    """A machine that wants its key."""

    grant_type: str
    device_code: str


class DeviceRequest(CamelAnswer):
    """A machine that asks to be signed in, as it says of itself."""

    program: str
    device: str
    source: str
    status: Known[Literal["pending", "approved", "denied", "claimed"]]
    role: Known[Literal["owner", "admin", "member"]] | None
    organization_id: str | None
    created_at: datetime
    expires_at: datetime


class DeviceToken(CamelAnswer):
    """A device's key as an access token, for so many seconds; `scope` is the role that it has."""

    access_token: str
    token_type: Known[Literal["Bearer"]] = "Bearer"
    expires_in: int
    scope: Known[Literal["owner", "admin", "member"]]
    key_id: str
    email: str
    organization_id: str
    organization: str


class EdgeBody(CamelModel):
    """One line."""

    source: Annotated[str, Field(validation_alias="from", serialization_alias="from")]
    target: Annotated[str, Field(validation_alias="to", serialization_alias="to")]
    branch: str | bool | None = None


class ErrorBody(CamelAnswer):
    """Every failure: `error` is the status in words, `code` is stable, `details` is more data where there is some."""

    error: str
    message: str
    code: str
    details: JsonValue = None


class Feedback(CamelAnswer):
    """What a visitor thought of an answer."""

    rating: Known[Literal["up", "down"]]
    comment: str


class FeedbackBody(CamelModel):
    """A visitor's opinion of an answer: `up` or `down`."""

    thread_id: str
    contact_session_id: str
    message_id: str
    rating: str
    comment: str = ""


class FlowActor(CamelAnswer):
    """Who applied."""

    kind: str
    id: str
    name: str


class FlowApplied(CamelAnswer):
    """A line of the plan that was carried out."""

    section: Known[Literal["workflows"]] = "workflows"
    action: Known[Literal["noop", "create", "update", "delete"]]
    key: str


class FlowDefinitionSchedule(CamelAnswer):
    """When a workflow starts by itself, as somebody wants it."""

    enabled: bool
    interval_minutes: int | None
    cron: str | None
    time_zone: str
    inputs: JsonObject
    missed: Known[Literal["skip", "run_once"]]
    allow_overlap: bool


class FlowDefinitionWebhook(CamelAnswer):
    """Whether the workflow's trigger is on."""

    enabled: bool


class FlowEdge(CamelAnswer):
    """A line from step to step, by their ids; without a branch it is taken whenever the step succeeds."""

    source: Annotated[str, Field(validation_alias="from", serialization_alias="from")]
    target: Annotated[str, Field(validation_alias="to", serialization_alias="to")]
    branch: str | None = None


class FlowPlanSummary(CamelAnswer):
    """How many lines there are of each kind."""

    create: int
    update: int
    delete: int
    noop: int


class FlowRetry(CamelAnswer):
    """How often a step is tried, the first time included, and the first pause in seconds."""

    attempts: int
    wait_seconds: float


class FlowRevision(CamelAnswer):
    """An apply as the log has it."""

    number: int
    status: Known[Literal["applying", "applied", "failed", "interrupted"]]
    actor: FlowActor
    created_at: datetime
    finished_at: datetime | None
    op_count: int
    done_count: int
    failure: JsonObject | None


class FlowRun(CamelAnswer):
    """A run of a workflow; `waiting` while it waits for a person, a time or another run."""

    id: str
    workflow_id: str
    version: int
    trigger: Known[Literal["manual", "webhook", "api", "schedule", "event", "workflow"]]
    status: Known[Literal["queued", "running", "succeeded", "failed", "cancelled"]]
    waiting: bool
    inputs: JsonObject
    result: JsonValue
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    parent_run_id: str | None
    rerun_of: str | None


class FlowRunList(CamelAnswer):
    """Runs of a workflow, newest first."""

    runs: list[FlowRun]


class FlowSchedule(CamelAnswer):
    """When a workflow starts by itself."""

    enabled: bool
    interval_minutes: int | None
    cron: str | None
    time_zone: str
    next_run_at: str | None
    inputs: JsonObject
    missed: Known[Literal["skip", "run_once"]]
    allow_overlap: bool


class FlowSetBody(CamelModel):
    """A set of workflows; what `GET /api/v1/flows/config` answers is one."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["WorkflowSet"] = "WorkflowSet"
    prune: bool = False
    workflows: list[JsonValue]
    new_agents: list[str] | None = None
    ambiguous: JsonValue = None


class FlowStep(CamelAnswer):
    """One step; what `config` holds depends on the type."""

    id: str
    key: str
    type: Known[
        Literal[
            "input",
            "output",
            "llm",
            "knowledge",
            "agent",
            "agent_tool",
            "mcp",
            "http",
            "code",
            "condition",
            "transform",
            "delay",
            "loop",
            "map",
            "human",
            "workflow",
        ]
    ]
    name: str
    config: JsonObject
    timeout_seconds: float | None = None
    retry: FlowRetry | None = None
    default: JsonValue = None


class FlowStepRun(CamelAnswer):
    """What became of a step; `item` counts from 0 in a loop."""

    step_id: str
    key: str
    item: int | None
    status: Known[Literal["running", "waiting", "succeeded", "failed", "skipped", "cancelled"]]
    input: JsonValue
    output: JsonValue
    error: str | None
    branch: str | None
    started_at: datetime | None
    finished_at: datetime | None
    due_at: datetime | None
    attempt: int


class FlowVersion(CamelAnswer):
    """Who saved a version, and when."""

    version: int
    created_at: datetime
    created_by: str


class FlowVersionList(CamelAnswer):
    """The saved versions of a workflow, newest first."""

    versions: list[FlowVersion]


class FlowWebhook(CamelAnswer):
    """Whether the workflow's trigger is on, and how its secret ends."""

    enabled: bool
    secret_last_four: str


class FlowWithSecret(CamelAnswer):
    """A workflow with the secret of its trigger, which is shown this once."""

    name: str
    description: str
    enabled: bool
    steps: list[FlowStep]
    edges: list[FlowEdge]
    webhook: FlowWebhook
    schedule: FlowSchedule | None
    events: list[str]
    id: str
    version: int
    created_at: datetime
    updated_at: datetime
    webhook_secret: str


class FlowWrite(CamelAnswer):
    """Who saved which workflow."""

    workflow: str
    action: Known[Literal["created", "changed", "deleted"]]
    actor: str


class FormAnswerBody(CamelModel):
    """What a person filled in, by field."""

    values: JsonObject


class HeardEvent(CamelAnswer):
    """One event as a webhook would get it: the signature in `headers` is for exactly this `body`."""

    seq: int
    id: str
    type: Known[
        Literal[
            "conversation.created",
            "conversation.status",
            "message.created",
            "run.finished",
            "workflow.run.finished",
            "document.ready",
            "document.failed",
            "listening.missed",
        ]
    ]
    headers: dict[str, str]
    body: str


class InboxStatus(CamelAnswer):
    """A conversation's status after it was set."""

    id: str
    status: Known[Literal["unresolved", "escalated", "resolved"]]


class KeyBody(CamelModel):
    """A new key; which contract it is for, which agents it is limited to, and when it ends are ours to add."""

    name: str
    kind: Literal["wisebot", "wabee", "wizchat"] = "wisebot"
    agent_ids: list[str] | None = None
    expires_at: datetime | None = None


class KnowledgeFile(CamelAnswer):
    """A file the agents may answer from."""

    id: str | None = None
    name: str
    status: Known[Literal["processing", "ready", "failed"]] | None = None
    folder_path: str | None = None
    mime_type: str | None = None
    size: int | None = None
    created_at: datetime | None = None
    error: str | None = None


class KnowledgeFileList(CamelAnswer):
    """The newest files."""

    files: list[KnowledgeFile]


class KnowledgeUpload(CamelModel):
    """A file for all agents; one with the same name in the same folder is replaced."""

    file: bytes
    folder_path: str | None = None


class ListenerBody(CamelModel):
    """What to listen to."""

    events: list[str] = ["*"]


class ListenerOpened(CamelAnswer):
    """A new listener; `secret` is shown this once."""

    id: str
    events: list[str]
    secret: str
    created_at: datetime


class ListeningBegun(CamelAnswer):
    """The stream begins; nothing has happened yet."""

    type: Literal["listening"] = "listening"


class ListeningClosed(CamelAnswer):
    """The listener was ended, and so is the stream."""

    type: Literal["closed"] = "closed"


class LoggedOut(CamelAnswer):
    """Whether the caller's own key was revoked."""

    revoked: bool


class LoginBody(CamelModel):
    """Who wants a token; `organizationId` chooses among several, `device` asks for one that lasts, by this name."""

    email: str
    password: str
    organization_id: str | None = None
    device: str | None = None


class ManagementError(CamelAnswer):
    """A failure as callers with a `wpk_live_` key know it."""

    code: str
    message: str
    details: JsonValue = None


class MessageBody(CamelModel):
    """A message of the conversation, and what to put in its place."""

    thread_id: str
    contact_session_id: str
    message_id: str | None = None
    prompt: str | None = None


class Organization(CamelAnswer):
    """The organization a credential is for."""

    id: str
    name: str


class OrganizationInfo(CamelAnswer):
    """Whose data it is."""

    id: str
    name: str
    plan: str


class PairBody(CamelModel):
    """The two ids that open a conversation."""

    thread_id: str
    contact_session_id: str


class PlaygroundAccepted(CamelAnswer):
    """A message that was taken; ask for the run by its id."""

    run_id: str
    session_id: str
    status: Known[Literal["queued"]] = "queued"


class PlaygroundEntry(CamelAnswer):
    """A playground conversation in the list."""

    session_id: str
    agent_id: str
    updated_at: datetime


class PlaygroundSessionList(CamelAnswer):
    """The newest playground conversations."""

    sessions: list[PlaygroundEntry]


class PlaygroundToolCall(CamelAnswer):
    """A tool the agent used, and what came of it where it has answered."""

    tool_call_id: str
    tool_name: str
    input: JsonValue
    output: JsonValue = None
    is_error: bool | None = None


class ReplyBody(CamelModel):
    """What a person says."""

    text: str


class RerunBody(CamelModel):
    """Where to begin again: the key of a step, or at the start."""

    from_step: str | None = None


class ResolvedFile(CamelAnswer):
    """Which file a label means, and what of it matched."""

    file_id: str
    matched_by: Known[Literal["id", "name", "name_ci", "path"]]


class RetryBody(CamelModel):
    """How often a step is tried, the first time included, and the first pause."""

    attempts: int = 1
    wait_seconds: float = 1.0


class RunBody(CamelModel):
    """The input bag of a run."""

    inputs: JsonObject | None = None


class RunEvent(CamelAnswer):
    """One thing that happened in a run; its other fields depend on the type."""

    sequence: int
    type: str
    at: datetime


class RunEventList(CamelAnswer):
    """Events in their order, and the run's status."""

    events: list[RunEvent]
    status: Known[Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]]


class SampleBody(CamelModel):
    """Which event to send a sample of; `data` takes the place of the sample."""

    event: str
    data: JsonObject | None = None
    to_webhooks: bool = False


class ScheduleBody(CamelModel):
    """When a workflow starts by itself; `nextRunAt` is what we answer, and ignored on the way in."""

    enabled: bool = True
    interval_minutes: int | None = None
    cron: str | None = None
    time_zone: str = "UTC"
    inputs: JsonObject | None = None
    missed: Literal["skip", "run_once"] = "run_once"
    allow_overlap: bool = False
    next_run_at: JsonValue = None


class SecretBody(CamelModel):
    """The value of a secret."""

    value: str


class SessionBody(CamelModel):
    """Who wants to talk; `appKey`, `token` and `email` are for agents that are not open to everybody."""

    external_user_id: str
    name: str | None = None
    agent_id: str | None = None
    force_new: bool = False
    app_key: str | None = None
    token: str | None = None
    email: str | None = None


class StatusBody(CamelModel):
    """Unresolved hands the conversation back to the agent."""

    status: Literal["unresolved", "escalated", "resolved"]


class StatusMetrics(CamelAnswer):
    """An organization in numbers; those of 24 hours count at most 1,000 runs."""

    agents: int
    conversations: int
    open_conversations: int
    workflows: int
    workflow_runs24h: Annotated[int, Field(validation_alias="workflowRuns24h", serialization_alias="workflowRuns24h")]
    knowledge_files: int
    messages24h: int


class StepBody(CamelModel):
    """One step. `position` belongs to the editor and is not kept."""

    id: str
    key: str
    type: str
    name: str = ""
    config: JsonObject | None = None
    timeout_seconds: float | None = None
    retry: RetryBody | None = None
    default: JsonValue = None
    position: JsonValue = None


class StopResult(CamelAnswer):
    """Whether there was an answer to stop, and which."""

    stopped: bool
    message_id: str | None = None


class Token(CamelAnswer):
    """A dashboard token, or the key of a device with its `key_id`."""

    token: str
    expires_at: datetime | None = None
    organization_id: str | None = None
    role: Known[Literal["owner", "admin", "member"]] | None = None
    key_id: str | None = None


class TokenUsage(CamelAnswer):
    """The tokens of all models together."""

    input_tokens: int
    output_tokens: int


class ToolBody(CamelModel):
    """One tool object; `status` and its reason are what we answer, and ignored on the way in."""

    status: JsonValue = None
    status_reason: JsonValue = None
    type: str
    config: JsonObject | None = None
    require_approval: bool = False


class ToolSecret(CamelAnswer):
    """A secret of an agent's custom tools, without its value."""

    name: str
    fingerprint: str
    updated_at: datetime


class ToolSecretList(CamelAnswer):
    """Every secret of an agent's custom tools."""

    secrets: list[ToolSecret]


class TriggerBody(CamelModel):
    """The input bag, flat: keys are those of the workflow's Input steps."""


class Triggered(CamelAnswer):
    """To how many a sample went."""

    id: str
    listeners: int
    webhooks: int


class TryBody(CamelModel):
    """What to ask which agent; `sessionId` goes on with an earlier one."""

    agent_id: str
    prompt: str
    session_id: str | None = None


class UploadedFile(CamelAnswer):
    """A file just uploaded; it is indexed in the background while its status is `processing`."""

    name: str
    url: str
    id: str | None = None
    status: Known[Literal["processing", "ready", "failed"]] | None = None
    folder_path: str | None = None


class Visitor(CamelAnswer):
    """Who talks to the agent."""

    id: str
    external_user_id: str
    name: str


class WaitingForm(CamelAnswer):
    """A form that waits for a person."""

    run_id: str
    step_key: str
    form: JsonObject
    created_at: datetime
    expires_at: datetime | None


class Webhook(CamelAnswer):
    """A subscription to what happens."""

    id: str
    url: str
    events: list[str]
    enabled: bool
    created_at: datetime
    last_status: str


class WebhookBody(CamelModel):
    """A new subscription."""

    url: str
    events: list[str]


class WebhookCreated(CamelAnswer):
    """A new subscription; `secret` is shown this once."""

    id: str
    url: str
    events: list[str]
    enabled: bool
    created_at: datetime
    last_status: str
    secret: str


class WebhookDelivery(CamelAnswer):
    """What was sent to a webhook."""

    id: str
    type: str
    url: str
    status: Known[Literal["waiting", "pending", "delivered", "dead"]]
    created_at: datetime


class WebhookDeliveryList(CamelAnswer):
    """What was sent to a webhook lately, newest first."""

    deliveries: list[WebhookDelivery]


class WebhookList(CamelAnswer):
    """The organization's subscriptions."""

    webhooks: list[Webhook]


class WebhookPatch(CamelModel):
    """What may be changed of a subscription."""

    url: str | None = None
    events: list[str] | None = None
    enabled: bool | None = None


class WebhookState(CamelModel):
    """Whether the trigger is on; `secretLastFour` is what we answer, and ignored on the way in."""

    enabled: bool = True
    secret_last_four: JsonValue = None


class WorkflowResult(CamelAnswer):
    """What a run came to. A run that failed is an answer: `ok` is false then, and `error` says why."""

    ok: bool
    run_id: str | None = None
    result: JsonValue = None
    error: str | None = None


class WorkflowStarted(CamelAnswer):
    """A run that was begun: look it up by its id."""

    ok: Known[Literal[True]] = True
    run_id: str
    status: Known[Literal["queued", "running", "succeeded", "failed", "cancelled"]]


class WorkflowTimeout(CamelAnswer):
    """A run that goes on: look it up by its id."""

    ok: bool
    run_id: str
    result: JsonValue
    error: str | None
    message: str
    code: Known[Literal["timeout"]] = "timeout"


class Activity(CamelAnswer):
    """What happened lately, newest first, as lines to print and as data."""

    lines: list[str]
    events: list[ActivityEvent] = []


class Agent(CamelAnswer):
    """A configured assistant."""

    id: str
    name: str
    model: str | None = None
    status: Known[Literal["active", "draft"]] | None = None
    tools: list[AgentTool] = []
    description: str | None = None
    instructions: str | None = None
    greeting_message: str | None = None
    temperature: float | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class AgentBody(CamelModel):
    """A new agent: `name` and `model` are needed."""

    name: str
    model: str
    status: Literal["active", "draft"] | None = None
    tools: list[ToolBody] | None = None
    instructions: str | None = None
    system_prompt: str | None = None
    description: str | None = None
    greeting_message: str | None = None
    temperature: float | None = None
    escalation: JsonObject | None = None
    budgets: BudgetsBody | None = None


class AgentDetail(CamelAnswer):
    """One agent; what is used of its budgets, when it has any."""

    id: str
    name: str
    model: str
    status: Known[Literal["active", "draft"]]
    tools: list[AgentTool]
    description: str
    instructions: str
    greeting_message: str
    temperature: float | None
    created_at: datetime
    updated_at: datetime
    budget_use: list[AgentBudgetUse] | None = None


class AgentList(CamelAnswer):
    """Every agent, oldest first."""

    agents: list[Agent]


class AgentPatch(CamelModel):
    """What may be changed; a field that is absent stays as it is."""

    name: str | None = None
    model: str | None = None
    status: Literal["active", "draft"] | None = None
    tools: list[ToolBody] | None = None
    instructions: str | None = None
    system_prompt: str | None = None
    description: str | None = None
    greeting_message: str | None = None
    temperature: float | None = None
    escalation: JsonObject | None = None
    budgets: BudgetsBody | None = None


class AgentRunDetail(CamelPlainAnswer):
    """A run of an agent with what was asked and answered."""

    id: str
    agent_id: str
    conversation_id: str
    request_id: str
    channel: str
    status: Known[Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]]
    model: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    event_count: int
    question: str
    output: str
    usage: TokenUsage


class ChatFinished(CamelAnswer):
    """The whole answer; empty where no model answers. `stopped` where somebody ended it."""

    type: Literal["finish"] = "finish"
    full_text: str
    message_id: str
    usage: TokenUsage | None = None
    sources: list[ChatSource] | None = None
    stopped: bool | None = None


class ChatMessage(CamelAnswer):
    """One message; the role `human` is a person of the team. `sources` are the names of the files quoted."""

    id: str
    role: Known[Literal["system", "user", "assistant", "human"]]
    text: str
    author: str | None
    sources: list[str]
    feedback: Feedback | None
    run_id: str | None
    created_at: datetime


class ChatMessages(CamelAnswer):
    """The last messages of a conversation."""

    status: Known[Literal["unresolved", "escalated", "resolved"]]
    messages: list[ChatMessage]


class ChatNews(CamelAnswer):
    """Somebody said something."""

    type: Literal["message"] = "message"
    message: ChatMessage


class DeliveryDetail(CamelAnswer):
    """An outgoing call with its body and every try."""

    id: str
    type: str
    url: str
    status: Known[Literal["waiting", "pending", "delivered", "dead"]]
    created_at: datetime
    attempt: int
    response_status: int | None
    error: str | None
    webhook_id: str | None
    run_id: str | None
    next_attempt_at: datetime | None
    finished_at: datetime | None
    body: str
    tries: list[DeliveryTry]


class Flow(CamelAnswer):
    """A workflow."""

    name: str
    description: str
    enabled: bool
    steps: list[FlowStep]
    edges: list[FlowEdge]
    webhook: FlowWebhook
    schedule: FlowSchedule | None
    events: list[str]
    id: str
    version: int
    created_at: datetime
    updated_at: datetime


class FlowBody(CamelModel):
    """A workflow. What we answer may be sent back: the fields that only we set are ignored."""

    name: str | None = None
    description: str | None = None
    enabled: bool | None = None
    steps: list[StepBody] | None = None
    edges: list[EdgeBody] | None = None
    webhook: WebhookState | None = None
    schedule: ScheduleBody | None = None
    events: list[str] | None = None
    id: JsonValue = None
    version: JsonValue = None
    created_at: JsonValue = None
    updated_at: JsonValue = None
    webhook_secret: JsonValue = None


class FlowConfigError(CamelAnswer):
    """A failure: that of this contract, or, for a `wpk_live_` key, an `error` that is an object and nothing beside."""

    error: str | ManagementError
    message: str | None = None
    code: str | None = None
    details: JsonValue = None


class FlowDefinition(CamelAnswer):
    """A workflow without ids, secrets and times; steps name what they refer to by names."""

    name: str
    description: str
    enabled: bool
    webhook: FlowDefinitionWebhook
    schedule: FlowDefinitionSchedule | None
    events: list[str]
    steps: list[FlowStep]
    edges: list[FlowEdge]


class FlowExport(CamelAnswer):
    """A workflow without ids, secrets and times, as import takes it."""

    name: str
    description: str
    enabled: bool
    steps: list[FlowStep]
    edges: list[FlowEdge]
    webhook: FlowWebhook
    schedule: FlowSchedule | None
    events: list[str]


class FlowList(CamelAnswer):
    """Workflows, newest first."""

    flows: list[Flow]


class FlowOp(CamelAnswer):
    """One line of a plan; `key` is the workflow's name."""

    section: Known[Literal["workflows"]] = "workflows"
    action: Known[Literal["noop", "create", "update", "delete"]]
    key: str
    before: FlowDefinition | None = None
    after: FlowDefinition | None = None
    changed_fields: list[str] | None = None


class FlowPlan(CamelAnswer):
    """What an apply does, names in code-point order."""

    ops: list[FlowOp]
    summary: FlowPlanSummary


class FlowRunDetail(CamelAnswer):
    """A run of a workflow with every step."""

    id: str
    workflow_id: str
    version: int
    trigger: Known[Literal["manual", "webhook", "api", "schedule", "event", "workflow"]]
    status: Known[Literal["queued", "running", "succeeded", "failed", "cancelled"]]
    waiting: bool
    inputs: JsonObject
    result: JsonValue
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    parent_run_id: str | None
    rerun_of: str | None
    steps: list[FlowStepRun]


class FlowSet(CamelAnswer):
    """All workflows of an organization, by name; `ambiguous` are names that several have, and which are left out."""

    api_version: Known[Literal["v1"]] = "v1"
    kind: Known[Literal["WorkflowSet"]] = "WorkflowSet"
    workflows: list[FlowDefinition]
    ambiguous: list[str] | None = None


class FormList(CamelAnswer):
    """The forms that wait, oldest first."""

    forms: list[WaitingForm]


class InboxConversation(CamelAnswer):
    """A conversation as the inbox shows it."""

    id: str
    agent_id: str
    status: Known[Literal["unresolved", "escalated", "resolved"]]
    title: str
    channel: str
    message_count: int
    visitor: Visitor | None
    created_at: datetime
    updated_at: datetime


class InboxConversationDetail(CamelAnswer):
    """A conversation with its messages."""

    id: str
    agent_id: str
    status: Known[Literal["unresolved", "escalated", "resolved"]]
    title: str
    channel: str
    message_count: int
    visitor: Visitor | None
    created_at: datetime
    updated_at: datetime
    messages: list[ChatMessage]


class InboxPage(CamelAnswer):
    """Conversations, the last changed first."""

    conversations: list[InboxConversation]


class Me(CamelAnswer):
    """Who is calling: the kind of the credential, whom it stands for, what it may do and until when."""

    kind: Known[Literal["wabee", "wisebot", "wizchat", "device"]] | Known[Literal["token"]]
    name: str | None = None
    email: str | None = None
    role: Known[Literal["owner", "admin", "member"]] | None = None
    scopes: list[str] = []
    organization: Organization
    agent_ids: list[str] | None = None
    key_id: str | None = None
    device: str | None = None
    expires_at: datetime | None = None


class PlaygroundRun(CamelAnswer):
    """A playground run; done when the status is `succeeded` or `failed`."""

    run_id: str
    session_id: str
    status: Known[Literal["queued", "running", "succeeded", "failed"]]
    text: str
    tool_calls: list[PlaygroundToolCall]
    error: str | None


class PlaygroundSession(CamelAnswer):
    """A playground conversation."""

    session_id: str
    messages: list[ChatMessage]


class Status(CamelAnswer):
    """The organization in numbers."""

    ok: Known[Literal[True]] = True
    version: str | None = None
    organization: OrganizationInfo | None = None
    metrics: StatusMetrics | None = None


class FlowDrift(CamelAnswer):
    """What changed since the last apply, and who changed it; nothing where there was none."""

    since: FlowRevision | None
    plan: FlowPlan
    writes: list[FlowWrite]
    """The saves of the workflows in the plan since then."""


class FlowFailed(CamelAnswer):
    """The line at which the apply stopped, and why."""

    op: FlowOp
    status: int
    code: str
    message: str


class FlowApply(CamelAnswer):
    """What an apply did, in the order of running; a dry run has only `dryRun` and `plan`."""

    dry_run: bool
    plan: FlowPlan
    applied: list[FlowApplied] | None = None
    failed: FlowFailed | None = None
    revision: int | None = None
    config: FlowSet | None = None


__all__ = [
    "Activity",
    "ActivityEvent",
    "Agent",
    "AgentBody",
    "AgentBudgetUse",
    "AgentDetail",
    "AgentList",
    "AgentPatch",
    "AgentRun",
    "AgentRunDetail",
    "AgentRunList",
    "AgentTool",
    "ApiKey",
    "ApiKeyCreated",
    "ApiKeyList",
    "AskBody",
    "Booking",
    "BookingList",
    "BudgetBody",
    "BudgetsBody",
    "ChatMessage",
    "ChatMessages",
    "ChatNews",
    "ChatSession",
    "ChatSessionFound",
    "ChatSource",
    "ChatStatus",
    "DecideBody",
    "Decided",
    "Delivery",
    "DeliveryDetail",
    "DeliveryList",
    "DeliveryTry",
    "DeviceAskBody",
    "DeviceCodes",
    "DeviceDecisionBody",
    "DeviceError",
    "DevicePollBody",
    "DeviceRequest",
    "DeviceToken",
    "EdgeBody",
    "ErrorBody",
    "Feedback",
    "FeedbackBody",
    "Flow",
    "FlowActor",
    "FlowApplied",
    "FlowApply",
    "FlowBody",
    "FlowConfigError",
    "FlowDefinition",
    "FlowDefinitionSchedule",
    "FlowDefinitionWebhook",
    "FlowDrift",
    "FlowEdge",
    "FlowExport",
    "FlowFailed",
    "FlowList",
    "FlowOp",
    "FlowPlan",
    "FlowPlanSummary",
    "FlowRetry",
    "FlowRevision",
    "FlowRun",
    "FlowRunDetail",
    "FlowRunList",
    "FlowSchedule",
    "FlowSet",
    "FlowSetBody",
    "FlowStep",
    "FlowStepRun",
    "FlowVersion",
    "FlowVersionList",
    "FlowWebhook",
    "FlowWithSecret",
    "FlowWrite",
    "FormAnswerBody",
    "FormList",
    "HeardEvent",
    "InboxConversationDetail",
    "InboxPage",
    "InboxStatus",
    "KeyBody",
    "KnowledgeFile",
    "KnowledgeFileList",
    "KnowledgeUpload",
    "ListenerBody",
    "ListenerOpened",
    "ListeningBegun",
    "ListeningClosed",
    "LoggedOut",
    "LoginBody",
    "ManagementError",
    "Me",
    "MessageBody",
    "Organization",
    "OrganizationInfo",
    "PairBody",
    "PlaygroundAccepted",
    "PlaygroundEntry",
    "PlaygroundSessionList",
    "PlaygroundToolCall",
    "ReplyBody",
    "RerunBody",
    "ResolvedFile",
    "RetryBody",
    "RunBody",
    "RunEvent",
    "RunEventList",
    "SampleBody",
    "ScheduleBody",
    "SecretBody",
    "SessionBody",
    "Status",
    "StatusBody",
    "StatusMetrics",
    "StepBody",
    "StopResult",
    "Token",
    "TokenUsage",
    "ToolBody",
    "ToolSecret",
    "ToolSecretList",
    "TriggerBody",
    "Triggered",
    "TryBody",
    "UploadedFile",
    "Visitor",
    "WaitingForm",
    "Webhook",
    "WebhookBody",
    "WebhookCreated",
    "WebhookDelivery",
    "WebhookDeliveryList",
    "WebhookList",
    "WebhookPatch",
    "WebhookState",
    "WorkflowStarted",
    "WorkflowTimeout",
]
