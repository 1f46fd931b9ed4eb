"""What this contract answers, for its description: imported only when somebody asks for that."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from trivium.contracts.openapi import Shape
from trivium.contracts.wisebot.names import camel
from trivium.core.model.deliveries import DeliveryStatus
from trivium.core.model.knowledge import DocumentStatus

Time = AwareDatetime


class Answer(Shape):
    """An object in camelCase."""

    model_config = ConfigDict(alias_generator=camel)


class ErrorBody(Answer):
    """Every failure: `error` is the status in words, `code` is stable, `details` is more data where there is some."""

    error: str
    message: str
    code: str
    details: Any = None


class OrganizationInfo(Answer):
    """Whose data it is."""

    id: str
    name: str
    plan: str


class StatusMetrics(Answer):
    """An organization in numbers; those of 24 hours count at most 1,000 runs."""

    agents: int
    conversations: int
    open_conversations: int
    workflows: int
    workflow_runs24h: Annotated[int, Field(alias="workflowRuns24h")]
    knowledge_files: int
    messages24h: Annotated[int, Field(alias="messages24h")]


class Status(Answer):
    """The organization in numbers."""

    ok: Literal[True]
    version: str
    organization: OrganizationInfo
    metrics: StatusMetrics


class ActivityEvent(Answer):
    """One line of activity as data."""

    at: Time
    type: str
    subject: str
    status: str
    duration_seconds: float | None = None


class Activity(Answer):
    """What happened lately, newest first, as lines to print and as data."""

    lines: list[str]
    events: list[ActivityEvent]


class AgentTool(Answer):
    """A tool as it is switched on for an agent."""

    type: str
    config: dict[str, Any] | None = None
    require_approval: bool | None = None
    status: Literal["unavailable"] | None = None
    status_reason: str | None = None


class ToolSecret(Answer):
    """A secret of an agent's custom tools, without its value."""

    name: str
    fingerprint: str
    updated_at: Time


class ToolSecretList(Answer):
    """Every secret of an agent's custom tools."""

    secrets: list[ToolSecret]


class Booking(Answer):
    """An appointment that an agent booked."""

    id: str
    agent_id: str
    calendar: str
    status: Literal["booked", "cancelled"]
    start: Time
    end: Time
    name: str
    contact: str
    notes: str
    conversation_id: str
    created_at: Time


class BookingList(Answer):
    """Appointments, the ones booked last first."""

    bookings: list[Booking]


class Agent(Answer):
    """A configured assistant."""

    id: str
    name: str
    model: str
    status: Literal["active", "draft"]
    tools: list[AgentTool]
    description: str
    instructions: str
    greeting_message: str
    temperature: float | None
    created_at: Time
    updated_at: Time


class AgentBudgetUse(Answer):
    """A budget of an agent with what is used of it in the running day or month."""

    period: Literal["day", "month"]
    requests_max: int | None
    tokens_max: int | None
    cost_usd_max: float | None
    requests_used: int
    tokens_used: int
    cost_usd_used: float
    resets_at: Time


class AgentDetail(Agent):
    """One agent; what is used of its budgets, when it has any."""

    budget_use: list[AgentBudgetUse] | None = None


class AgentList(Answer):
    """Every agent, oldest first."""

    agents: list[Agent]


class Webhook(Answer):
    """A subscription to what happens."""

    id: str
    url: str
    events: list[str]
    enabled: bool
    created_at: Time
    last_status: str


class WebhookCreated(Webhook):
    """A new subscription; `secret` is shown this once."""

    secret: str


class WebhookList(Answer):
    """The organization's subscriptions."""

    webhooks: list[Webhook]


class WebhookDelivery(Answer):
    """What was sent to a webhook."""

    id: str
    type: str
    url: str
    status: DeliveryStatus
    created_at: Time


class WebhookDeliveryList(Answer):
    """What was sent to a webhook lately, newest first."""

    deliveries: list[WebhookDelivery]


class Delivery(WebhookDelivery):
    """An outgoing signed call and how it fares."""

    attempt: int
    response_status: int | None
    error: str | None
    webhook_id: str | None
    run_id: str | None
    next_attempt_at: Time | None
    finished_at: Time | None


class DeliveryTry(Answer):
    """One try of an outgoing call; `response` is the beginning of what was answered."""

    attempt: int
    at: Time
    duration_ms: int
    response_status: int | None
    response: str
    error: str | None


class DeliveryDetail(Delivery):
    """An outgoing call with its body and every try."""

    body: str
    tries: list[DeliveryTry]


class DeliveryList(Answer):
    """Outgoing calls, newest first."""

    deliveries: list[Delivery]


class KnowledgeFile(Answer):
    """A file the agents may answer from."""

    id: str
    name: str
    status: DocumentStatus
    folder_path: str
    mime_type: str
    size: int
    created_at: Time
    error: str | None


class KnowledgeFileList(Answer):
    """The newest files."""

    files: list[KnowledgeFile]


class UploadedFile(Answer):
    """A file just uploaded; it is indexed in the background while its status is `processing`."""

    name: str
    url: str
    id: str
    status: DocumentStatus
    folder_path: str


class ResolvedFile(Answer):
    """Which file a label means, and what of it matched."""

    file_id: str
    matched_by: Literal["id", "name", "name_ci", "path"]


class KnowledgeUpload(Answer):
    """A file for all agents; one with the same name in the same folder is replaced."""

    file: Annotated[str, Field(json_schema_extra={"format": "binary"})]
    folder_path: str | None = None
