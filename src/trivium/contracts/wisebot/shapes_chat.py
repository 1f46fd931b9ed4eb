"""Conversations and runs of agents, for the description: imported only when somebody asks for it."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from trivium.contracts.wisebot.shapes import Answer, Time
from trivium.core.model.conversations import ConversationStatus
from trivium.core.model.runs import RunStatus


class ChatSession(Answer):
    """A visitor's conversation. `conversation_id` and `thread_id` are the same id."""

    contact_session_id: str
    conversation_id: str
    thread_id: str
    greeting_message: str
    expires_at: Time
    status: ConversationStatus
    resumed: bool
    agent_id: str


class ChatSessionFound(Answer):
    """A visitor's newest open conversation."""

    session: ChatSession


class Feedback(Answer):
    """What a visitor thought of an answer."""

    rating: Literal["up", "down"]
    comment: str


class ChatMessage(Answer):
    """One message; the role `human` is a person of the team. `sources` are the names of the files quoted."""

    id: str
    role: Literal["system", "user", "assistant", "human"]
    text: str
    author: str | None
    sources: list[str]
    feedback: Feedback | None
    run_id: str | None
    created_at: Time


class ChatMessages(Answer):
    """The last messages of a conversation."""

    status: ConversationStatus
    messages: list[ChatMessage]


class StopResult(Answer):
    """Whether there was an answer to stop, and which."""

    stopped: bool
    message_id: str | None = None


class Decided(Answer):
    """The run that a person decided about."""

    run_id: str
    status: RunStatus


class TokenUsage(Answer):
    """The tokens of all models together."""

    input_tokens: int
    output_tokens: int


class ChatSource(Answer):
    """A citation: which file, the words, the page where it has pages, and how well it fits (0 to about 1.1)."""

    file_id: str
    name: str
    quote: str
    page: int | None
    score: float


class ChatStarted(Answer):
    """The answer begins."""

    type: Literal["start"]
    thread_id: str
    message_id: str
    agent_id: str


class ChatTextDelta(Answer):
    """A piece of the answer; `text` is the same again."""

    type: Literal["text-delta"]
    delta: str
    text: str


class ChatToolCall(Answer):
    """The agent uses a tool."""

    type: Literal["tool-call"]
    tool_call_id: str
    tool_name: str
    input: Any


class ChatToolResult(Answer):
    """A tool answered."""

    type: Literal["tool-result"]
    tool_call_id: str
    tool_name: str
    output: Any
    is_error: bool


class ChatApprovalRequired(Answer):
    """A person must allow the use of a tool; the stream ends, and the run waits."""

    type: Literal["approval-required"]
    tool_call_id: str
    tool_name: str
    input: Any
    approval_id: str


class ChatStatus(Answer):
    """The conversation's status."""

    type: Literal["status"]
    status: ConversationStatus


class ChatFinished(Answer):
    """The whole answer; empty where no model answers. `stopped` where somebody ended it."""

    type: Literal["finish"]
    full_text: str
    message_id: str
    usage: TokenUsage | None = None
    sources: list[ChatSource] | None = None
    stopped: bool | None = None


class ChatFailed(Answer):
    """No answer."""

    type: Literal["error"]
    message: str
    code: str
    message_id: str


ChatStream = Annotated[
    ChatStarted
    | ChatTextDelta
    | ChatToolCall
    | ChatToolResult
    | ChatApprovalRequired
    | ChatStatus
    | ChatFinished
    | ChatFailed,
    Field(discriminator="type"),
]


class ChatNews(Answer):
    """Somebody said something."""

    type: Literal["message"]
    message: ChatMessage


NewsStream = Annotated[ChatNews | ChatStatus, Field(discriminator="type")]


class Visitor(Answer):
    """Who talks to the agent."""

    id: str
    external_user_id: str
    name: str


class InboxConversation(Answer):
    """A conversation as the inbox shows it."""

    id: str
    agent_id: str
    status: ConversationStatus
    title: str
    channel: str
    message_count: int
    visitor: Visitor | None
    created_at: Time
    updated_at: Time


class InboxConversationDetail(InboxConversation):
    """A conversation with its messages."""

    messages: list[ChatMessage]


class InboxPage(Answer):
    """Conversations, the last changed first."""

    conversations: list[InboxConversation]


class InboxStatus(Answer):
    """A conversation's status after it was set."""

    id: str
    status: ConversationStatus


class PlaygroundAccepted(Answer):
    """A message that was taken; ask for the run by its id."""

    run_id: str
    session_id: str
    status: Literal["queued"]


class PlaygroundToolCall(Answer):
    """A tool the agent used, and what came of it where it has answered."""

    tool_call_id: str
    tool_name: str
    input: Any
    output: Any = None
    is_error: bool | None = None


class PlaygroundRun(Answer):
    """A playground run; done when the status is `succeeded` or `failed`."""

    run_id: str
    session_id: str
    status: Literal["queued", "running", "succeeded", "failed"]
    text: str
    tool_calls: list[PlaygroundToolCall]
    error: str | None


class PlaygroundEntry(Answer):
    """A playground conversation in the list."""

    session_id: str
    agent_id: str
    updated_at: Time


class PlaygroundSessionList(Answer):
    """The newest playground conversations."""

    sessions: list[PlaygroundEntry]


class PlaygroundSession(Answer):
    """A playground conversation."""

    session_id: str
    messages: list[ChatMessage]


class AgentRun(Answer):
    """A run of an agent."""

    id: str
    agent_id: str
    conversation_id: str
    request_id: str
    channel: str
    status: RunStatus
    model: str | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    error: str | None
    event_count: int


class AgentRunDetail(AgentRun):
    """A run of an agent with what was asked and answered."""

    question: str
    output: str
    usage: TokenUsage


class AgentRunList(Answer):
    """Runs of agents, newest first."""

    runs: list[AgentRun]


class RunEvent(Answer):
    """One thing that happened in a run; its other fields depend on the type."""

    model_config = ConfigDict(extra="allow")

    sequence: int
    type: str
    at: Time


class RunEventList(Answer):
    """Events in their order, and the run's status."""

    events: list[RunEvent]
    status: RunStatus


class DecideBody(Answer):
    """A person's decision about a tool call."""

    approved: bool
