"""The inbox: conversations for people (section 4.3; the paths are ours)."""

from typing import Literal

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import sse
from trivium.contracts.http import json_response, validate
from trivium.contracts.paging import clamp_limit
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify
from trivium.contracts.wisebot.wire_chat import correspondence_json, message_json, news_json
from trivium.core.errors import InvalidRequest
from trivium.core.platform import News, Platform

_STATUSES = ("unresolved", "escalated", "resolved")


class ReplyBody(BaseModel):
    """What a person says."""

    text: str = Field(min_length=1, max_length=100_000)


class StatusBody(BaseModel):
    """Unresolved hands the conversation back to the agent."""

    status: Literal["unresolved", "escalated", "resolved"]


class InboxRoutes:
    """Conversations of all agents and channels of an organization."""

    def __init__(self, platform: Platform, *, heartbeat_s: float) -> None:
        self._platform = platform
        self._inbox = platform.desk.inbox
        self._heartbeat_s = heartbeat_s

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        one = "/inbox/{conversation_id}"
        for path, call, method, summary in (
            ("/inbox", self.find, "GET", "List conversations"),
            (one, self.read, "GET", "Read a conversation"),
            (f"{one}/events", self.watch, "GET", "Watch a conversation, streamed"),
            (f"{one}/reply", self.reply, "POST", "Answer as a person"),
            (f"{one}/status", self.set_status, "POST", "Escalate, resolve or reopen"),
            (f"{one}/hand-back", self.hand_back, "POST", "Let the agent answer again"),
        ):
            router.add(path, call, methods=[method], summary=summary, tags=["Inbox"])

    async def find(self, request: Request) -> Response:
        """Return conversations, the last changed first; `status` narrows, `before` (an id) and `limit` page."""
        principal = await identify(self._platform, request)
        query = request.query_params
        status, text = query.get("status"), query.get("limit", "")
        if status is not None and status not in _STATUSES:
            raise InvalidRequest("status must be one of " + ", ".join(_STATUSES), code="invalid_request")
        limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
        found = await self._inbox.page(
            principal.organization_id,
            status=status,
            before=query.get("before"),
            limit=clamp_limit(limit, default=50, maximum=200),
        )
        return json_response({"conversations": [correspondence_json(one) for one in found]})

    async def read(self, request: Request, conversation_id: str) -> Response:
        """Return a conversation with its messages."""
        principal = await identify(self._platform, request)
        found = await self._inbox.read(principal.organization_id, conversation_id)
        return json_response(correspondence_json(found, has_messages=True))

    async def watch(self, request: Request, conversation_id: str) -> Response:
        """Stream new messages and changes of status until the reader leaves."""
        principal = await identify(self._platform, request)
        found = await self._inbox.read(principal.organization_id, conversation_id)
        _, after = sse.last_event_id(request.headers)
        position = found.conversation.message_count if after is None else after
        news = self._inbox.watch(principal.organization_id, conversation_id, position)
        return sse.EventStream(news, _news, heartbeat_s=self._heartbeat_s)

    async def reply(self, request: Request, conversation_id: str) -> Response:
        """Say something to the visitor; the conversation is escalated from then on."""
        principal = await identify(self._platform, request)
        body = validate(ReplyBody, await request.json())
        return json_response(message_json(await self._inbox.reply(principal, conversation_id, body.text)), 201)

    async def set_status(self, request: Request, conversation_id: str) -> Response:
        """Set the status."""
        principal = await identify(self._platform, request)
        body = validate(StatusBody, await request.json())
        changed = await self._inbox.set_status(principal, conversation_id, body.status)
        return json_response({"id": changed.id, "status": changed.status})

    async def hand_back(self, request: Request, conversation_id: str) -> Response:
        """Let the agent answer again."""
        principal = await identify(self._platform, request)
        changed = await self._inbox.set_status(principal, conversation_id, "unresolved")
        return json_response({"id": changed.id, "status": changed.status})


def _news(news: News) -> bytes:
    return sse.event(news_json(news), seq=news.position)
