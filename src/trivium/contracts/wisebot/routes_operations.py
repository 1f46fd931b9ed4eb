"""What an operator looks at: runs of agents with their events, and outgoing calls. All of it is ours."""

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import json_response
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify, identify_person
from trivium.contracts.wisebot.names import camel, time_text
from trivium.core.errors import InvalidRequest
from trivium.core.events import EVENT_TYPES, StoredEvent
from trivium.core.model.deliveries import Delivery, DeliveryAttempt
from trivium.core.model.json import JSONObject
from trivium.core.model.runs import FINAL_STATUSES, Run
from trivium.core.platform import Platform

LIMIT = 20
LIMIT_MAX = 200
EVENTS_MAX = 500
_TYPE_NAMES = {kind: name for name, kind in EVENT_TYPES.items()}
_RUN_STATUSES = ("queued", "running", "waiting", *sorted(FINAL_STATUSES))
_DELIVERY_STATUSES = ("waiting", "pending", "delivered", "dead")


class OperationRoutes:
    """Runs of agents and deliveries of an organization."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        run, delivery = "/agent-runs/{run_id}", "/deliveries/{delivery_id}"
        for path, call, method, summary in (
            ("/agent-runs", self.runs, "GET", "List runs of agents"),
            (run, self.run, "GET", "Look at a run of an agent"),
            (f"{run}/events", self.events, "GET", "What happened in a run"),
            (f"{run}/cancel", self.cancel, "POST", "End a run"),
            (f"{run}/approvals/{{approval_id}}", self.decide, "POST", "Allow or refuse a tool call"),
            ("/deliveries", self.deliveries, "GET", "List outgoing calls (JWT only)"),
            (delivery, self.delivery, "GET", "Look at an outgoing call and its tries (JWT only)"),
            (f"{delivery}/resend", self.resend, "POST", "Send again (JWT only)"),
        ):
            router.add(path, call, methods=[method], summary=summary, tags=["Operations"])

    async def runs(self, request: Request) -> Response:
        """Return runs, newest first; `status` and `agentId` narrow, `before` (an id) and `limit` page."""
        principal = await identify(self._platform, request)
        limit, before = _page(request)
        equals = {"status": _status(request, _RUN_STATUSES), "agent_id": request.query_params.get("agentId")}
        narrowed = {name: value for name, value in equals.items() if value is not None}
        found = await self._platform.store.read(
            lambda tx: tx.runs.find(
                principal.organization_id, limit=limit, newest_first=True, before=before, **narrowed
            )
        )
        return json_response({"runs": [_run(one) for one in found]})

    async def run(self, request: Request, run_id: str) -> Response:
        """Return a run with its answer."""
        principal = await identify(self._platform, request)
        return json_response(_run(await self._platform.runs.get(principal.organization_id, run_id), is_whole=True))

    async def events(self, request: Request, run_id: str) -> Response:
        """Return up to 500 events after the sequence number `after`, without waiting for more."""
        principal = await identify(self._platform, request)
        run = await self._platform.runs.get(principal.organization_id, run_id)
        text = request.query_params.get("after", "0")
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise InvalidRequest("after must be a whole number.", code="invalid_request")
        after = int(text)
        found = await self._platform.store.read(lambda tx: tx.events.read(run.id, after, EVENTS_MAX))
        return json_response({"events": [_event(one) for one in found], "status": run.status})

    async def cancel(self, request: Request, run_id: str) -> Response:
        """End a run; one that has ended is answered as it is."""
        principal = await identify(self._platform, request)
        return json_response(_run(await self._platform.runs.cancel(principal.organization_id, run_id)))

    async def decide(self, request: Request, run_id: str, approval_id: str) -> Response:
        """Allow or refuse a tool call that waits: `{"approved": true}`."""
        principal = await identify(self._platform, request)
        body = await request.json()
        approved = body.get("approved") if isinstance(body, dict) else None
        if not isinstance(approved, bool):
            raise InvalidRequest("The body must hold the boolean `approved`.", code="invalid_request")
        run = await self._platform.runs.decide(
            principal.organization_id, run_id, approval_id, is_approved=approved, decided_by=principal.id
        )
        return json_response(_run(run))

    async def deliveries(self, request: Request) -> Response:
        """Return outgoing calls, newest first; `status` narrows, `before` (an id) and `limit` page."""
        principal = await identify_person(self._platform, request)
        limit, before = _page(request)
        status: Any = _status(request, _DELIVERY_STATUSES)
        found = await self._platform.deliveries.find(
            principal.organization_id, status=status, limit=limit, before=before
        )
        return json_response({"deliveries": [_delivery(one) for one in found]})

    async def delivery(self, request: Request, delivery_id: str) -> Response:
        """Return an outgoing call with every try."""
        principal = await identify_person(self._platform, request)
        found = await self._platform.deliveries.get(principal.organization_id, delivery_id)
        tries = await self._platform.deliveries.attempts(principal.organization_id, delivery_id)
        return json_response({**_delivery(found), "body": found.body, "tries": [_try(one) for one in tries]})

    async def resend(self, request: Request, delivery_id: str) -> Response:
        """Send a finished call again under its own id; 409 while it is being sent."""
        principal = await identify_person(self._platform, request, role="admin")
        return json_response(_delivery(await self._platform.deliveries.resend(principal.organization_id, delivery_id)))


def _page(request: Request) -> tuple[int, str | None]:
    text = request.query_params.get("limit", "")
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else LIMIT
    return max(1, min(limit, LIMIT_MAX)), request.query_params.get("before")


def _status(request: Request, known: tuple[str, ...]) -> str | None:
    status = request.query_params.get("status")
    if status is not None and status not in known:
        raise InvalidRequest("status must be one of " + ", ".join(known), code="invalid_request")
    return status


def _run(run: Run, *, is_whole: bool = False) -> JSONObject:
    shown: JSONObject = {
        "id": run.id,
        "agentId": run.agent_id,
        "conversationId": run.conversation_id,
        "requestId": run.request_id,
        "channel": run.channel,
        "status": run.status,
        "model": run.model,
        "createdAt": time_text(run.created_at),
        "startedAt": time_text(run.started_at),
        "finishedAt": time_text(run.finished_at),
        "error": run.error_message,
        "eventCount": run.event_count,
    }
    if is_whole:
        tokens = [(one.input_tokens, one.output_tokens) for one in run.usage]
        usage: JSONObject = {
            "inputTokens": sum(one for one, _ in tokens),
            "outputTokens": sum(two for _, two in tokens),
        }
        shown |= {"question": run.input.question, "output": run.output, "usage": usage}
    return shown


def _event(stored: StoredEvent) -> dict[str, Any]:
    content = {camel(name): value for name, value in asdict(stored.event).items() if value is not None}
    return {"sequence": stored.seq, "at": time_text(stored.at), "type": _TYPE_NAMES[type(stored.event)], **content}


def _delivery(delivery: Delivery) -> JSONObject:
    return {
        "id": delivery.id,
        "type": delivery.type,
        "url": delivery.url,
        "status": delivery.status,
        "attempt": delivery.attempt,
        "responseStatus": delivery.response_status,
        "error": delivery.error,
        "webhookId": delivery.webhook_id,
        "runId": delivery.run_id,
        "createdAt": time_text(delivery.created_at),
        "nextAttemptAt": time_text(delivery.next_attempt_at) if delivery.status == "pending" else None,
        "finishedAt": time_text(delivery.finished_at),
    }


def _try(one: DeliveryAttempt) -> JSONObject:
    return {
        "attempt": one.attempt,
        "at": time_text(one.created_at),
        "durationMs": one.duration_ms,
        "responseStatus": one.response_status,
        "response": one.response,
        "error": one.error,
    }
