"""Conversations: list, read, delete, trace (section 6)."""

from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import json_response
from trivium.contracts.routing import Router
from trivium.contracts.wabee.caller import Caller, identify
from trivium.contracts.wabee.wire_sessions import to_session, to_session_detail, to_trace
from trivium.core.events import StoredEvent
from trivium.core.model.conversations import Conversation
from trivium.core.model.runs import Run
from trivium.core.platform import Platform

# Open point 5: the client's default; more than 50 is 422.
_LIMIT_DEFAULT = 10
Limit = Annotated[int, Field(ge=1, le=50)]


class SessionRoutes:
    """What was said, and what happened meanwhile."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        add = router.add
        add("/sessions", self.find, methods=["GET"], tags=["Sessions"], summary="List conversations")
        # Before the next one, whose parameter would take "streams" for an id.
        add(
            "/sessions/streams/active",
            self.active,
            methods=["GET"],
            tags=["Sessions"],
            summary="List what is answered now",
        )
        add("/sessions/{session_id}", self.get, methods=["GET"], tags=["Sessions"], summary="Read a conversation")
        add(
            "/sessions/{session_id}",
            self.delete,
            methods=["DELETE"],
            tags=["Sessions"],
            summary="Delete a conversation",
        )
        add(
            "/sessions/{session_id}/trace", self.trace, methods=["GET"], tags=["Sessions"], summary="Tell what happened"
        )

    async def find(self, request: Request, before: str | None = None, limit: Limit = _LIMIT_DEFAULT) -> Response:
        """Return conversations with messages, newest first."""
        caller = await identify(self._platform, request)
        page = await self._platform.conversations.page(
            caller.organization_id, caller.agent_id, before=before or None, limit=limit
        )
        sessions = [to_session(conversation, page.unfinished) for conversation in page.conversations]
        return json_response({"sessions": sessions, "has_more": page.has_more, "total": page.total})

    async def active(self, request: Request) -> Response:
        """Return the conversations that are being answered now, as a bare array."""
        caller = await identify(self._platform, request)
        page = await self._platform.conversations.active(caller.organization_id, caller.agent_id)
        return json_response([to_session(conversation, page.unfinished) for conversation in page.conversations])

    async def get(self, request: Request, session_id: str) -> Response:
        """Return a conversation with its messages and events."""
        caller, conversation = await self._named(request, session_id)
        messages = await self._platform.conversations.messages(caller.organization_id, conversation.id)
        return json_response(to_session_detail(conversation, messages, await self._traces(caller, conversation)))

    async def delete(self, request: Request, session_id: str) -> Response:
        """Delete a conversation and everything in it."""
        caller, conversation = await self._named(request, session_id)
        await self._platform.conversations.delete(caller.organization_id, conversation.id)
        return Response(status_code=204)

    async def trace(
        self,
        request: Request,
        session_id: str,
        request_id: str | None = None,
        max_content_length: Annotated[int | None, Field(ge=0, le=1_000_000)] = None,
    ) -> Response:
        """Return what happened, request by request."""
        caller, conversation = await self._named(request, session_id)
        traces = await self._traces(caller, conversation, request_id=request_id or None)
        return json_response(to_trace(conversation.external_id, traces, max_content_length))

    async def _named(self, request: Request, session_id: str) -> tuple[Caller, Conversation]:
        caller = await identify(self._platform, request)
        found = await self._platform.conversations.named(caller.organization_id, caller.agent_id, session_id)
        return caller, found

    async def _traces(
        self, caller: Caller, conversation: Conversation, *, request_id: str | None = None
    ) -> list[tuple[Run, list[StoredEvent]]]:
        traces = await self._platform.observability.trace(
            caller.organization_id, conversation.id, request_id=request_id
        )
        return [(trace.run, list(trace.events)) for trace in traces]
