"""Events for who is connected instead of an address, and samples to try them with; all of it is ours."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import sse
from trivium.contracts.http import json_response, validate
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify_person
from trivium.contracts.wisebot.names import time_text
from trivium.core.errors import NotAuthenticated, NotFound, NotPermitted
from trivium.core.model.json import JSON, JSONObject
from trivium.core.platform import Heard, Platform


class ListenerBody(BaseModel):
    """What to listen to."""

    events: list[str] = Field(default=["*"], min_length=1, max_length=50)


class SampleBody(BaseModel):
    """Which event to send a sample of; `data` takes the place of the sample."""

    event: str = Field(min_length=1, max_length=100)
    data: dict[str, Any] | None = None
    to_webhooks: bool = Field(default=False, alias="toWebhooks")


class ListeningRoutes:
    """Listeners of an organization."""

    def __init__(self, platform: Platform, *, heartbeat_s: float) -> None:
        self._platform = platform
        self._listening = platform.listening
        self._heartbeat_s = heartbeat_s

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        one = "/webhooks/listeners/{listener_id}"
        for path, call, method, summary in (
            ("/webhooks/listeners", self.open, "POST", "Begin to listen (JWT only)"),
            (f"{one}/events", self.hear, "GET", "What happens, signed and streamed (JWT only)"),
            (one, self.close, "DELETE", "Stop listening (JWT only)"),
            ("/webhooks/trigger", self.trigger, "POST", "Send a sample event (JWT only)"),
        ):
            router.add(path, call, methods=[method], summary=summary, tags=["Account"])

    async def open(self, request: Request) -> Response:
        """Subscribe without an address; the signing secret is in this answer and nowhere else."""
        principal = await identify_person(self._platform, request, role="admin")
        body = validate(ListenerBody, await request.json() if await request.body() else {})
        listener, secret = await self._listening.open(principal.organization_id, events=body.events)
        events: list[JSON] = [*listener.events]
        return json_response(
            {"id": listener.id, "events": events, "secret": secret, "createdAt": time_text(listener.created_at)}, 201
        )

    async def hear(self, request: Request, listener_id: str) -> Response:
        """Stream events as webhooks would get them; `Last-Event-ID` goes on after that number."""
        principal = await identify_person(self._platform, request, role="admin")
        listener = await self._listening.get(principal.organization_id, listener_id)
        after = sse.last_event_id(request.headers)[1] or 0

        async def is_welcome() -> bool:
            try:
                await identify_person(self._platform, request, role="admin")
            except (NotAuthenticated, NotPermitted):
                return False
            return True

        heard = self._listening.hear(principal.organization_id, listener.id, after, is_welcome=is_welcome)
        return sse.EventStream(_framed(heard, after), _encoded, heartbeat_s=self._heartbeat_s)

    async def close(self, request: Request, listener_id: str) -> Response:
        """Forget the listener and what it was not told yet."""
        principal = await identify_person(self._platform, request, role="admin")
        if not await self._listening.close(principal.organization_id, listener_id):
            raise NotFound("listener", listener_id)
        return Response(status_code=204)

    async def trigger(self, request: Request) -> Response:
        """Send a sample to who listens, and with `toWebhooks` to the webhooks that want it."""
        principal = await identify_person(self._platform, request, role="admin")
        body = validate(SampleBody, await request.json())
        sent = await self._platform.webhooks.rehearse(
            principal.organization_id, body.event, body.data, to_webhooks=body.to_webhooks
        )
        return json_response({"id": sent.event_id, "listeners": sent.listeners, "webhooks": sent.webhooks}, 202)


async def _framed(heard: AsyncGenerator[Heard, None], after: int) -> AsyncGenerator[tuple[int, JSONObject], None]:
    """Yield numbers and what is sent under them: a beginning that says where to go on, the events, an end."""
    async with contextlib.aclosing(heard):
        yield after, {"type": "listening"}
        async for event in heard:
            after = event.seq
            headers: JSONObject = {**event.headers}
            shown: JSONObject = {"id": event.headers["webhook-id"], "type": event.type, "headers": headers}
            yield after, {"seq": after, **shown, "body": event.body}
    yield after + 1, {"type": "closed"}


def _encoded(numbered: tuple[int, JSONObject]) -> bytes:
    return sse.event(numbered[1], seq=numbered[0])
