"""The shapes of the Wisebot contract: generated from its description, with what makes them handy.

Fields are camelCase on the wire and snake_case here.
"""

import json
from typing import TypeAlias

from pydantic import JsonValue, ValidationError

from trivium_client._json import JsonObject
from trivium_client._model import CamelAnswer, CamelModel
from trivium_client._reading import Reading
from trivium_client.models._generated import wisebot as shapes
from trivium_client.models._generated.wisebot import *
from trivium_client.models._generated.wisebot import ChatMessage

END_OF_STREAM = "[DONE]"


class WorkflowResult(shapes.WorkflowResult):
    """What a run came to. A run that failed is an answer: `ok` is false then. `status` of one that was only begun."""

    status: str | None = None


class PlaygroundRun(shapes.PlaygroundRun):
    """A playground run; done when the status is `succeeded` or `failed`."""

    @property
    def is_final(self) -> bool:
        return self.status not in {"queued", "running"}


class PlaygroundSession(CamelAnswer):
    """A playground conversation; its messages only where it is read by itself."""

    session_id: str
    agent_id: str | None = None
    messages: list[ChatMessage] = []


class InboxConversation(shapes.InboxConversation):
    """A visitor's conversation as people see it; `messages` only where it is read by itself."""

    messages: list[ChatMessage] = []


class News(CamelModel):
    """What is new in a conversation that is watched: a message (`type` message) or its status (`type` status)."""

    type: str
    message: ChatMessage | None = None
    status: str | None = None


class Record(CamelAnswer):
    """An answer whose fields are the server's to choose: read them as attributes, or by `model_extra`."""

    id: str | None = None


class ChatStarted(shapes.ChatStarted):
    """The answer begins."""

    thread_id: str = ""
    message_id: str = ""
    agent_id: str = ""


class ChatTextDelta(shapes.ChatTextDelta):
    """A piece of the answer; `text` is the same again."""

    delta: str = ""
    text: str = ""


class ChatToolCall(shapes.ChatToolCall):
    """The agent uses a tool."""

    input: JsonValue = None


class ChatToolResult(shapes.ChatToolResult):
    """A tool answered."""

    output: JsonValue = None
    is_error: bool = False


class ChatApprovalRequired(shapes.ChatApprovalRequired):
    """A person must allow the use of a tool; the stream ends, and the run waits."""

    input: JsonValue = None


class ChatFinished(shapes.ChatFinished):
    """The whole answer; empty where no model answers. `stopped` where somebody ended it."""

    full_text: str = ""
    message_id: str = ""


class ChatFailed(shapes.ChatFailed):
    """No answer."""

    message: str = ""
    code: str = ""
    message_id: str = ""


class ChatOther(CamelAnswer):
    """An event of a type that this version does not know; its fields are in `model_extra`."""

    type: str


ChatEvent: TypeAlias = (
    ChatStarted
    | ChatTextDelta
    | ChatToolCall
    | ChatToolResult
    | ChatApprovalRequired
    | shapes.ChatStatus
    | ChatFinished
    | ChatFailed
    | ChatOther
)


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


_EVENTS: dict[object, type[ChatEvent]] = {
    "start": ChatStarted,
    "text-delta": ChatTextDelta,
    "tool-call": ChatToolCall,
    "tool-result": ChatToolResult,
    "approval-required": ChatApprovalRequired,
    "status": shapes.ChatStatus,
    "finish": ChatFinished,
    "error": ChatFailed,
}


def chat_event(data: str) -> ChatEvent | None:
    """Return the event in one `data:` line; None for the end mark and for what is no event."""
    try:
        found = json.loads(data)
        return _EVENTS.get(found["type"], ChatOther).model_validate(found)
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
