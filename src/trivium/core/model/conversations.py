"""Ordered messages between a visitor and an agent."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from trivium.core.model.json import JSONObject

MessageRole = Literal["system", "user", "assistant", "human"]
ConversationStatus = Literal["unresolved", "escalated", "resolved"]


@dataclass(frozen=True, kw_only=True)
class Image:
    """A picture given to the model: already checked, re-encoded and stored under `blob_key`."""

    mime_type: str
    blob_key: str
    width_px: int
    height_px: int


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """`external_id` is the caller's own name for it, unique per agent; `visitor_id` who talks in it, when known."""

    id: str
    organization_id: str
    agent_id: str
    external_id: str
    created_at: datetime
    updated_at: datetime
    title: str = ""
    status: ConversationStatus = "unresolved"
    visitor_id: str | None = None
    message_count: int = 0
    metadata: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One entry of a conversation, `position` counted from 1. "human" is a person answering for the agent."""

    id: str
    organization_id: str
    conversation_id: str
    position: int
    role: MessageRole
    text: str
    created_at: datetime
    run_id: str | None = None
    images: tuple[Image, ...] = ()
    data: JSONObject = field(default_factory=dict)


class PastMessage(NamedTuple):
    """What a model needs of an earlier message; every turn reads dozens, so no more is read."""

    role: MessageRole
    text: str
    run_id: str | None


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A person who chats, as the embedding site knows them; `email` and `groups` are proven when `is_authenticated`."""

    id: str
    organization_id: str
    external_id: str
    created_at: datetime
    name: str = ""
    email: str | None = None
    is_authenticated: bool = False
    groups: tuple[str, ...] = ()
    metadata: JSONObject = field(default_factory=dict)
