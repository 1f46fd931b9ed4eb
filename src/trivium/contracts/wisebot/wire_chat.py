"""Visitor chat: bodies, conversations, and a run's events as this contract streams them (section 4)."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from trivium.contracts import sse
from trivium.contracts.wisebot.names import camel, time_text
from trivium.core import events
from trivium.core.events import RunEvent, StoredEvent
from trivium.core.model.conversations import Message
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.knowledge import Source
from trivium.core.model.runs import Usage
from trivium.core.platform import Correspondence, News, Opened, Said


class Body(BaseModel):
    """A body in camelCase; what nobody knows is ignored, as clients of the widget send more than we read."""

    model_config = ConfigDict(alias_generator=camel, populate_by_name=True)


class SessionBody(Body):
    """Who wants to talk; `appKey`, `token` and `email` are for agents that are not open to everybody."""

    external_user_id: str = Field(min_length=1, max_length=300)
    name: str | None = Field(default=None, max_length=300)
    agent_id: str | None = Field(default=None, max_length=100)
    force_new: bool = False
    app_key: str | None = Field(default=None, max_length=200)
    token: str | None = Field(default=None, max_length=8192)
    email: str | None = Field(default=None, max_length=254)


class PairBody(Body):
    """The two ids that open a conversation."""

    thread_id: str = Field(min_length=1, max_length=100)
    contact_session_id: str = Field(min_length=1, max_length=100)


class AskBody(PairBody):
    """A visitor's message."""

    prompt: str = Field(min_length=1, max_length=100_000)


class MessageBody(PairBody):
    """A message of the conversation, and what to put in its place."""

    message_id: str | None = Field(default=None, max_length=100)
    prompt: str | None = Field(default=None, min_length=1, max_length=100_000)


class FeedbackBody(PairBody):
    """A visitor's opinion of an answer: `up` or `down`."""

    message_id: str = Field(min_length=1, max_length=100)
    rating: str = Field(pattern="^(up|down)$")
    comment: str = Field(default="", max_length=5_000)


def session_json(opened: Opened) -> JSONObject:
    """Return a visitor's conversation (section 4.1)."""
    return {
        "contactSessionId": opened.visitor_pass.id,
        "conversationId": opened.conversation.id,
        "threadId": opened.conversation.id,
        "greetingMessage": opened.agent.greeting or f"Hi, this is {opened.agent.name}. How can I help?",
        "expiresAt": time_text(opened.visitor_pass.expires_at),
        "status": opened.conversation.status,
        "resumed": opened.is_resumed,
        "agentId": opened.conversation.agent_id,
    }


def message_json(message: Message) -> JSONObject:
    """Return one message; `role` "human" is a person of the team."""
    return {
        "id": message.id,
        "role": message.role,
        "text": message.text,
        "author": message.data.get("author"),
        "sources": message.data.get("sources") or [],
        "feedback": message.data.get("feedback"),
        "runId": message.run_id,
        "createdAt": time_text(message.created_at),
    }


def correspondence_json(one: Correspondence, *, has_messages: bool = False) -> JSONObject:
    """Return a conversation as the inbox shows it."""
    conversation, visitor = one.conversation, one.visitor
    shown: JSONObject = {
        "id": conversation.id,
        "agentId": conversation.agent_id,
        "status": conversation.status,
        "title": conversation.title,
        "channel": conversation.metadata.get("channel", "api"),
        "messageCount": conversation.message_count,
        "visitor": None
        if visitor is None
        else {"id": visitor.id, "externalUserId": visitor.external_id, "name": visitor.name},
        "createdAt": time_text(conversation.created_at),
        "updatedAt": time_text(conversation.updated_at),
    }
    if has_messages:
        shown["messages"] = [message_json(message) for message in one.messages]
    return shown


class ChatEncoder:
    """Turns the events of one run into this contract's; `id:` is the number that `Last-Event-ID` names."""

    def __init__(self, thread_id: str, message_id: str) -> None:
        self._thread_id = thread_id
        self._message_id = message_id

    def encode(self, batch: Sequence[StoredEvent]) -> bytes:
        """Return the events of a batch as bytes; empty for what the contract does not show."""
        return b"".join(sse.event(data, seq=stored.seq) for stored in batch for data in self._shown(stored.event))

    def ending(self) -> bytes:
        """Return the end of the stream. A run that waits for a person has no `finish` yet."""
        return sse.DONE

    def _shown(self, event: RunEvent) -> Iterator[dict[str, Any]]:
        match event:
            case events.TextDelta(producer=None):
                yield {"type": "text-delta", "delta": event.text, "text": event.text}
            case events.RunStarted():
                yield {
                    "type": "start",
                    "threadId": self._thread_id,
                    "messageId": self._message_id,
                    "agentId": event.agent_id,
                }
            case events.ToolCalled():
                yield {
                    "type": "tool-call",
                    "toolCallId": event.call_id,
                    "toolName": event.tool,
                    "input": event.input,
                }
            case events.ToolReturned():
                yield {
                    "type": "tool-result",
                    "toolCallId": event.call_id,
                    "toolName": event.tool,
                    "output": event.output,
                    "isError": event.is_error,
                }
            case events.ApprovalRequested():
                yield {
                    "type": "approval-required",
                    "toolCallId": event.call_id,
                    "toolName": event.tool,
                    "input": event.input,
                    "approvalId": event.approval_id,
                }
            case events.StatusChanged():
                yield {"type": "status", "status": event.status}
            case _ if events.is_final(event):
                yield self._final(event)

    def _final(self, event: RunEvent) -> dict[str, Any]:
        match event:
            case events.RunFinished():
                return {
                    "type": "finish",
                    "fullText": event.output,
                    "messageId": self._message_id,
                    "usage": usage_json(event.usage),
                    "sources": [source_json(source) for source in event.sources],
                }
            case events.RunCancelled():
                return {
                    "type": "finish",
                    "fullText": event.output,
                    "messageId": self._message_id,
                    "usage": usage_json(event.usage),
                    "sources": [],
                    "stopped": True,
                }
            case events.RunFailed():
                return {"type": "error", "message": event.message, "code": event.code, "messageId": self._message_id}
            case _:
                raise AssertionError(event)


def kept_events(opened: Opened, said: Said) -> list[dict[str, Any]]:
    """Return the stream for a message that no model answers: the status, and a `finish` without text."""
    message_id = said.message.id if said.message is not None else ""
    start = {
        "type": "start",
        "threadId": opened.conversation.id,
        "messageId": message_id,
        "agentId": opened.conversation.agent_id,
    }
    statuses = [{"type": "status", "status": status} for status in said.statuses]
    return [start, *statuses, {"type": "finish", "fullText": "", "messageId": message_id}]


def news_json(news: News) -> dict[str, Any]:
    """Return what is new in a watched conversation."""
    if news.message is not None:
        return {"type": "message", "message": message_json(news.message)}
    return {"type": "status", "status": news.status}


def usage_json(usage: Sequence[Usage]) -> JSONObject:
    """Return the tokens of all models together."""
    return {
        "inputTokens": sum(one.input_tokens for one in usage),
        "outputTokens": sum(one.output_tokens for one in usage),
    }


def source_json(source: Source) -> JSON:
    """Return a citation."""
    return {
        "fileId": source.document_id,
        "name": source.name,
        "quote": source.quote,
        "page": source.page,
        "score": source.score,
    }
