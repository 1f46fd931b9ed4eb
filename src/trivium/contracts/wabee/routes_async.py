"""Asking the agent without waiting: `/chain_async`, and the answer on its way to the callback (section 3.3)."""

import logging

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import json_response, safe_header
from trivium.contracts.routing import Router
from trivium.contracts.wabee import wire
from trivium.contracts.wabee.caller import Caller, identify
from trivium.contracts.wabee.routes_chain import ChainRoutes
from trivium.contracts.wabee.wire_answer import to_steps
from trivium.contracts.wabee.wire_async import (
    EVENT_MEDIA_TYPE,
    RESPONSE_TYPE,
    ChainEvent,
    bad_address,
    cut,
    to_event,
    to_response,
)
from trivium.core.errors import InvalidRequest
from trivium.core.events import RunEvent
from trivium.core.model.requests import OnceRequest
from trivium.core.model.runs import Run
from trivium.core.platform import Platform, Transaction, check_url

CHANNEL = "wabee_async"
_EVENTS_MAX = 20_000
# Beginning a run takes milliseconds; whoever holds an event for longer has died.
_LEASE_S = 10.0
_log = logging.getLogger(__name__)


class AsyncRoutes:
    """`/chain_async`. An event is known by its source and id: sent twice, it is one run and one answer."""

    def __init__(self, platform: Platform, chain: ChainRoutes) -> None:
        self._platform = platform
        self._chain = chain

    def add_to(self, router: Router) -> None:
        """Add the operation to a router."""
        router.add(
            "/chain_async",
            self.accept,
            methods=["POST"],
            tags=["Agent"],
            summary="Run the agent and send the answer to a callback",
        )

    async def accept(self, request: Request) -> Response:
        """Begin the run and acknowledge it."""
        caller = await identify(self._platform, request)
        event = to_event(request.headers, await request.json())
        if event.data.callback_url is not None:
            try:
                check_url(event.data.callback_url)
            except InvalidRequest as error:
                raise bad_address(error.message) from error
        name = f"event {caller.agent_id}\n{event.source}\n{event.id}"
        once, claim = await self._platform.once.claim(caller.organization_id, name, request_id=request.state.request_id)
        if claim != "answered":
            try:
                run = await self._begun_before(caller, once) if claim == "again" else None
                run = run or await self._begin(request, caller, event, once)
            except BaseException:
                await self._platform.once.release(once)
                raise
            answer = _acknowledgement(event, run)
            body = msgspec.json.encode(answer).decode()
            await self._platform.once.answer(once, status=202, headers={}, body=body)
        else:
            answer = msgspec.json.decode(once.body)
        names = {"session-id": safe_header(answer["session_id"]), "request-id": safe_header(answer["request_id"])}
        return json_response(answer, 202, names)

    async def _begun_before(self, caller: Caller, once: OnceRequest) -> Run | None:
        """Return the run of somebody who died before the acknowledgement was stored."""
        run = await self._platform.runs.find_resumable(caller.organization_id, request_id=once.request_id)
        return run if run is not None and run.metadata.get("event_key") == once.id else None

    async def _begin(self, request: Request, caller: Caller, event: ChainEvent, once: OnceRequest) -> Run:
        request.state.request_id = once.request_id
        asked = await self._chain.begin(
            caller,
            event.data,
            wire.session_id_of(request.headers.get("session-id"), event.data.session_id),
            request,
            channel=CHANNEL,
            metadata={"event_id": event.id, "event_source": event.source, "event_key": once.id},
            callback_url=event.data.callback_url,
        )
        return asked.run


def _acknowledgement(event: ChainEvent, run: Run) -> dict[str, str]:
    return {
        "id": event.id,
        "status": "accepted",
        "session_id": str(run.metadata.get("conversation", "")),
        "request_id": run.request_id,
    }


class Callbacks:
    """Sends the answers of accepted events. Queued in the transaction that ends the run: both happen or neither."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def finished(self, tx: Transaction, run: Run, final: RunEvent) -> None:
        """Queue the answer (a finish hook)."""
        url = run.metadata.get("callback_url")
        if run.channel != CHANNEL or not isinstance(url, str):
            return
        delivery_id = f"dlv_{run.id}"
        told = (stored.event for stored in tx.events.read(run.id, 0, _EVENTS_MAX))
        response = to_response(
            run,
            final,
            event_id=delivery_id,
            request_event_id=str(run.metadata.get("event_id", "")),
            steps=to_steps(told),
        )
        for attempt in (response, cut(response)):
            try:
                delivery = self._platform.deliveries.make(
                    run.organization_id,
                    type=RESPONSE_TYPE,
                    url=url,
                    body=msgspec.json.encode(attempt).decode(),
                    content_type=EVENT_MEDIA_TYPE,
                    delivery_id=delivery_id,
                    run_id=run.id,
                    # Answers of one conversation arrive in its order.
                    ordering_key=run.conversation_id,
                )
            except InvalidRequest as error:
                _log.warning("The answer of run %s cannot be sent: %s", run.id, error.code)
                continue
            self._platform.deliveries.enqueue(tx, delivery)
            return
