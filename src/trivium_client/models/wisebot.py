"""The shapes of the Wisebot contract. Fields are camelCase on the wire and snake_case here."""

import json
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field, JsonValue, ValidationError

from trivium_client._json import JsonObject
from trivium_client._model import CamelAnswer, CamelModel
from trivium_client._reading import Reading

END_OF_STREAM = "[DONE]"


class OrganizationInfo(CamelModel):
    """Whose data it is."""

    id: str = ""
    name: str = ""
    plan: str | None = None


class Status(CamelAnswer):
    """The organization in numbers."""

    ok: bool = True
    version: str | None = None
    organization: OrganizationInfo | None = None
    metrics: dict[str, JsonValue] = {}


class AgentTool(CamelModel):
    """A tool as it is switched on for an agent."""

    type: str
    config: JsonObject = {}


class ToolSecret(CamelAnswer):
    """A secret of an agent's custom tools; its fingerprint changes with its value, which is never shown."""

    name: str
    fingerprint: str
    updated_at: datetime | None = None


class Agent(CamelAnswer):
    """A configured assistant."""

    id: str
    name: str
    model: str | None = None
    status: str | None = None
    tools: list[AgentTool] = []
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ActivityEvent(CamelModel):
    """One line of activity as data."""

    at: datetime | None = None
    type: str = ""
    subject: JsonValue = None
    status: str | None = None


class Activity(CamelAnswer):
    """What happened lately, as lines to print and as data."""

    lines: list[str] = []
    events: list[ActivityEvent] = []


class ApiKey(CamelAnswer):
    """A key of the organization, without its secret."""

    id: str
    name: str = ""
    prefix: str | None = None
    last_four: str | None = None
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    kind: str | None = None
    expires_at: datetime | None = None
    user_id: str | None = None
    email: str | None = None
    role: str | None = None
    agent_ids: list[str] | None = None


class ApiKeyCreated(CamelAnswer):
    """A new key; `key` is shown this once."""

    id: str
    name: str = ""
    key: str


class Webhook(CamelAnswer):
    """A subscription to what happens."""

    id: str
    url: str
    events: list[str] = []
    enabled: bool = True
    created_at: datetime | None = None
    last_status: JsonValue = None


class WebhookCreated(CamelAnswer):
    """A new subscription; `secret` is shown this once."""

    id: str
    url: str
    events: list[str] = []
    secret: str


class KnowledgeFile(CamelAnswer):
    """A file the agents may answer from."""

    id: str | None = None
    name: str
    status: str | None = None
    folder_path: str | None = None
    mime_type: str | None = None
    size: int | None = None
    created_at: datetime | None = None
    error: str | None = None


class UploadedFile(CamelAnswer):
    """A file just uploaded; it is indexed in the background while its status is `processing`."""

    name: str
    url: str = ""
    id: str | None = None
    status: str | None = None
    folder_path: str | None = None


class ResolvedFile(CamelAnswer):
    """Which file a label means."""

    file_id: str
    matched_by: str


class WorkflowResult(CamelAnswer):
    """What a workflow run came to. A run that failed is an answer: `ok` is false then."""

    ok: bool
    run_id: str | None = None
    result: JsonValue = None
    error: str | None = None
    status: str | None = None


class ChatSession(CamelAnswer):
    """A visitor's conversation."""

    contact_session_id: str
    conversation_id: str
    thread_id: str
    greeting_message: str | None = None
    expires_at: datetime | None = None
    status: str | None = None
    resumed: bool | None = None


class PlaygroundAccepted(CamelAnswer):
    """A message that was taken; ask for the run by its id."""

    run_id: str
    session_id: str | None = None
    status: str = "queued"


class PlaygroundRun(CamelAnswer):
    """A playground run; done when the status is `succeeded` or `failed`."""

    run_id: str
    session_id: str | None = None
    status: str
    text: str | None = None
    tool_calls: list[JsonValue] = []
    error: str | None = None

    @property
    def is_final(self) -> bool:
        return self.status not in {"queued", "running"}


class PlaygroundSession(CamelAnswer):
    """A playground conversation."""

    session_id: str = Field(default="", validation_alias="sessionId")
    messages: list[JsonObject] = []


class Token(CamelAnswer):
    """A dashboard token."""

    token: str
    expires_at: datetime | None = None
    organization_id: str | None = None
    role: str | None = None
    key_id: str | None = None


class Record(CamelAnswer):
    """An answer whose fields are the server's to choose: read them as attributes, or by `model_extra`."""

    id: str | None = None

    def __getitem__(self, name: str) -> JsonValue:
        """Return a field by its name on the wire."""
        value: JsonValue = self.model_dump(mode="json", by_alias=True)[name]
        return value


class ChatMessage(CamelAnswer):
    """One message of a conversation; the `role` human is a person of the team, `user` the visitor."""

    id: str
    role: str
    text: str = ""
    author: str | None = None
    sources: list[JsonValue] = []
    feedback: JsonObject | None = None
    run_id: str | None = None
    created_at: datetime | None = None


class Visitor(CamelModel):
    """Who talks to an agent."""

    id: str
    external_user_id: str | None = None
    name: str | None = None


class InboxConversation(CamelAnswer):
    """A visitor's conversation as people see it; `messages` only where it is read by itself."""

    id: str
    agent_id: str | None = None
    status: str = ""
    title: str | None = None
    channel: str | None = None
    message_count: int = 0
    visitor: Visitor | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    messages: list[ChatMessage] = []


class News(CamelModel):
    """What is new in a conversation that is watched: a message (`type` message) or its status (`type` status)."""

    type: str
    message: ChatMessage | None = None
    status: str | None = None


class Booking(CamelAnswer):
    """An appointment that an agent made with a visitor."""

    id: str
    agent_id: str | None = None
    calendar: str | None = None
    status: str = ""
    start: datetime | None = None
    end: datetime | None = None
    name: str | None = None
    contact: str | None = None
    notes: str | None = None
    conversation_id: str | None = None
    created_at: datetime | None = None


class StopResult(CamelAnswer):
    """Whether an answer was being made, and the id of its message."""

    stopped: bool
    message_id: str | None = None


class Decided(CamelAnswer):
    """The run that a decision was for."""

    run_id: str
    status: str


class RunEvent(CamelModel):
    """One thing that happened in a run; its other fields depend on the type and stand in `model_extra`."""

    sequence: int
    type: str
    at: datetime | None = None


class ChatEvent(CamelModel):
    """One event of a chat stream. An event of a type this version does not know has its fields in `model_extra`."""

    known: ClassVar[dict[str, type["ChatEvent"]]] = {}
    type: str

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Enter the type of the subclass in the table by which events are read."""
        ChatEvent.known[str(cls.model_fields["type"].default)] = cls


class ChatStarted(ChatEvent):
    """The answer begins."""

    type: Literal["start"] = "start"
    thread_id: str | None = None
    message_id: str | None = None
    agent_id: str | None = None


class ChatTextDelta(ChatEvent):
    """A piece of the answer."""

    type: Literal["text-delta"] = "text-delta"
    delta: str = ""


class ChatToolCall(ChatEvent):
    """The agent uses a tool."""

    type: Literal["tool-call"] = "tool-call"
    tool_call_id: str = ""
    tool_name: str = ""
    input: JsonValue = None


class ChatToolResult(ChatEvent):
    """A tool answered."""

    type: Literal["tool-result"] = "tool-result"
    tool_call_id: str = ""
    tool_name: str = ""
    output: JsonValue = None
    is_error: bool = False


class ChatApprovalRequired(ChatEvent):
    """A person must allow the use of a tool."""

    type: Literal["approval-required"] = "approval-required"
    tool_call_id: str = ""
    tool_name: str = ""
    input: JsonValue = None
    approval_id: str | None = None


class ChatStatus(ChatEvent):
    """The conversation is now `unresolved`, `escalated` or `resolved`."""

    type: Literal["status"] = "status"
    status: str = ""


class ChatFinished(ChatEvent):
    """The whole answer."""

    type: Literal["finish"] = "finish"
    full_text: str = ""
    message_id: str | None = None
    usage: JsonObject | None = None
    sources: list[JsonObject] = []


class ChatFailed(ChatEvent):
    """No answer."""

    type: Literal["error"] = "error"
    message: str = ""


class Tools:
    """The tools of an agent, as `agents.create` takes them."""

    @staticmethod
    def knowledge_base(*, label: str) -> JsonObject:
        """Return a knowledge tool over one file, named by its file name."""
        return {"type": "knowledge_base", "config": {"label": label}}

    @staticmethod
    def image_search() -> JsonObject:
        return {"type": "image_search"}

    @staticmethod
    def web_search() -> JsonObject:
        return {"type": "web_search"}

    @staticmethod
    def mcp(*, server: str, tools: list[str] | None = None) -> JsonObject:
        """Return the tools of an MCP server, named by its name or id; all of them unless some are named."""
        config: JsonObject = {"server": server}
        return {"type": "mcp", "config": config if tools is None else {**config, "tools": [*tools]}}

    @staticmethod
    def builtin(name: str, *, require_approval: bool = False) -> JsonObject:
        """Return a built-in tool by name, as `search`, `escalate`, `resolve` or `calculator`.

        With `require_approval` a person must allow each use.
        """
        return {"type": name, **({"requireApproval": True} if require_approval else {})}

    @staticmethod
    def http(**config: JsonValue) -> JsonObject:
        """Return a custom tool that calls an address; `config` is its name, method, url, parameters and so on."""
        return {"type": "http", "config": {**config}}


def chat_event(data: str) -> ChatEvent | None:
    """Return the event in one `data:` line; None for the end mark and for what is no event."""
    try:
        found = json.loads(data)
        return ChatEvent.known.get(found["type"], ChatEvent).model_validate(found)
    except (ValueError, TypeError, KeyError, ValidationError):
        return None


CHAT_READING = Reading[ChatEvent](
    parse=chat_event,
    is_end=lambda data, event: data == END_OF_STREAM or isinstance(event, ChatFinished | ChatFailed),
    text=lambda event: event.delta if isinstance(event, ChatTextDelta) else "",
    failure=lambda event: event.message if isinstance(event, ChatFailed) else None,
)


def news(data: str) -> News | None:
    """Return what is new in one `data:` line; None for what is no news."""
    try:
        return News.model_validate_json(data)
    except ValueError:
        return None


def _state(event: News) -> tuple[str, str] | None:
    known = event.message.id if event.message is not None else event.status
    return None if known is None else (event.type, known)


NEWS_READING = Reading[News](
    parse=news,
    is_end=lambda _data, _event: False,
    text=lambda event: event.message.text if event.message is not None else "",
    failure=lambda _: None,
    is_endless=True,
    state=_state,
)
