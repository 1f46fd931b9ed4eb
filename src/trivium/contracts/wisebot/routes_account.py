"""Status, activity, keys, webhooks and login (sections 3.1, 3.4, 3.5 and open point 10)."""

from typing import Any

import msgspec
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from trivium import __version__
from trivium.contracts.http import json_response, validate
from trivium.contracts.paging import number_of
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify, identify_person
from trivium.contracts.wisebot.names import time_text
from trivium.core.errors import NotFound
from trivium.core.model.access import ApiKey
from trivium.core.model.deliveries import Delivery, Webhook
from trivium.core.model.json import JSON, JSONObject
from trivium.core.platform import Happening, Platform, clamp_limit


class KeyBody(BaseModel):
    """A new key."""

    name: str = Field(min_length=1, max_length=200)


class WebhookBody(BaseModel):
    """A new subscription."""

    url: str = Field(min_length=1, max_length=2048)
    events: list[str] = Field(min_length=1, max_length=50)


class WebhookPatch(BaseModel):
    """What may be changed of a subscription."""

    url: str | None = Field(default=None, min_length=1, max_length=2048)
    events: list[str] | None = Field(default=None, min_length=1, max_length=50)
    enabled: bool | None = None


class LoginBody(BaseModel):
    """Who wants a token; `organizationId` chooses among several."""

    email: str = Field(max_length=320)
    password: str = Field(max_length=1024)
    organization_id: str | None = Field(default=None, alias="organizationId", max_length=100)


class AccountRoutes:
    """What belongs to the organization as a whole."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        for path, call, method, summary in (
            ("/api/v1/status", self.status, "GET", "Organization metrics"),
            ("/api/v1/activity", self.activity, "GET", "What happened lately"),
            ("/api/v1/api-keys", self.keys, "GET", "List API keys (JWT only)"),
            ("/api/v1/api-keys", self.create_key, "POST", "Create an API key (JWT only)"),
            ("/api/v1/api-keys/{key_id}", self.revoke_key, "DELETE", "Revoke an API key (JWT only)"),
            ("/api/v1/webhooks", self.webhooks, "GET", "List webhooks (JWT only)"),
            ("/api/v1/webhooks", self.create_webhook, "POST", "Create a webhook (JWT only)"),
            ("/api/v1/webhooks/{webhook_id}", self.change_webhook, "PATCH", "Change a webhook (JWT only)"),
            ("/api/v1/webhooks/{webhook_id}", self.remove_webhook, "DELETE", "Delete a webhook (JWT only)"),
            ("/api/v1/webhooks/{webhook_id}/test", self.test_webhook, "POST", "Send a test event (JWT only)"),
            ("/api/v1/webhooks/{webhook_id}/deliveries", self.deliveries, "GET", "What was sent (JWT only)"),
            ("/api/v1/webhooks/deliveries/{delivery_id}/resend", self.resend, "POST", "Send again (JWT only)"),
            ("/api/auth/login", self.login, "POST", "Get a dashboard JWT"),
        ):
            router.add(path, call, methods=[method], summary=summary, tags=["Account"])

    async def status(self, request: Request) -> Response:
        """Return the organization in numbers."""
        principal = await identify(self._platform, request)
        counts = await self._platform.activity.counts(principal.organization_id)
        return json_response(
            {
                "ok": True,
                "version": __version__,
                "organization": {
                    "id": counts.organization.id,
                    "name": counts.organization.name,
                    "plan": "self-hosted",
                },
                "metrics": {
                    "agents": counts.agents,
                    "conversations": counts.conversations,
                    "openConversations": counts.open_conversations,
                    "workflows": counts.workflows,
                    "workflowRuns24h": counts.workflow_runs_24h,
                    "knowledgeFiles": counts.documents,
                    "messages24h": counts.messages_24h,
                },
            }
        )

    async def activity(self, request: Request) -> Response:
        """Return printable lines and the same as data; 400 for a `limit` that is no number."""
        principal = await identify(self._platform, request)
        number = number_of(request.query_params.get("limit"), "limit")
        found = await self._platform.activity.recent(principal.organization_id, clamp_limit(number))
        return json_response({"lines": [_line(one) for one in found], "events": [_event(one) for one in found]})

    async def keys(self, request: Request) -> Response:
        """Return the organization's keys, never a secret."""
        principal = await identify_person(self._platform, request)
        keys = await self._platform.access.list_keys(principal.organization_id)
        return json_response({"keys": [_key(key) for key in keys if key.kind == "wisebot"]})

    async def create_key(self, request: Request) -> Response:
        """Make a key; its secret is in this answer and nowhere else."""
        principal = await identify_person(self._platform, request, role="admin")
        body = validate(KeyBody, await request.json())
        key, secret = await self._platform.access.create_key(principal.organization_id, kind="wisebot", name=body.name)
        return json_response({**_key(key), "key": secret}, 201)

    async def revoke_key(self, request: Request, key_id: str) -> Response:
        """Revoke a key; it stops working within a second."""
        principal = await identify_person(self._platform, request, role="admin")
        keys = await self._platform.access.list_keys(principal.organization_id)
        if not any(key.id == key_id and key.kind == "wisebot" for key in keys):
            raise NotFound("key", key_id)
        await self._platform.access.revoke_key(principal.organization_id, key_id)
        return Response(status_code=204)

    async def webhooks(self, request: Request) -> Response:
        """Return the subscriptions, never a secret."""
        principal = await identify_person(self._platform, request)
        found = await self._platform.webhooks.find(principal.organization_id)
        return json_response({"webhooks": [_webhook(one) for one in found]})

    async def create_webhook(self, request: Request) -> Response:
        """Subscribe; the signing secret is in this answer and nowhere else."""
        principal = await identify_person(self._platform, request, role="admin")
        body = validate(WebhookBody, await request.json())
        webhook, secret = await self._platform.webhooks.create(
            principal.organization_id, url=body.url, events=body.events
        )
        return json_response({**_webhook(webhook), "secret": secret}, 201)

    async def change_webhook(self, request: Request, webhook_id: str) -> Response:
        """Change what is given."""
        principal = await identify_person(self._platform, request, role="admin")
        body = validate(WebhookPatch, await request.json())
        changed = await self._platform.webhooks.change(
            principal.organization_id, webhook_id, url=body.url, events=body.events, enabled=body.enabled
        )
        return json_response(_webhook(changed))

    async def remove_webhook(self, request: Request, webhook_id: str) -> Response:
        """Unsubscribe."""
        principal = await identify_person(self._platform, request, role="admin")
        if not await self._platform.webhooks.remove(principal.organization_id, webhook_id):
            raise NotFound("webhook", webhook_id)
        return Response(status_code=204)

    async def test_webhook(self, request: Request, webhook_id: str) -> Response:
        """Queue an event of the type "ping" for one webhook, whatever it subscribes to."""
        principal = await identify_person(self._platform, request, role="admin")
        webhook = await self._platform.webhooks.get(principal.organization_id, webhook_id)
        body = msgspec.json.encode({"type": "ping", "timestamp": time_text(self._platform.clock.now()), "data": {}})
        delivery = self._platform.deliveries.make(
            principal.organization_id, type="ping", url=webhook.url, body=body.decode(), webhook_id=webhook.id
        )
        await self._platform.store.write(lambda tx: self._platform.deliveries.enqueue(tx, delivery))
        return json_response(_delivery(delivery), 202)

    async def deliveries(self, request: Request, webhook_id: str) -> Response:
        """Return what was sent to a webhook lately, newest first."""
        principal = await identify_person(self._platform, request)
        await self._platform.webhooks.get(principal.organization_id, webhook_id)
        found = await self._platform.deliveries.find(principal.organization_id, webhook_id=webhook_id, limit=50)
        return json_response({"deliveries": [_delivery(one) for one in found]})

    async def resend(self, request: Request, delivery_id: str) -> Response:
        """Send a delivery again."""
        principal = await identify_person(self._platform, request, role="admin")
        return json_response(_delivery(await self._platform.deliveries.resend(principal.organization_id, delivery_id)))

    async def login(self, request: Request) -> Response:
        """Return a dashboard JWT for e-mail and password."""
        body = validate(LoginBody, await request.json())
        source = request.client.host if request.client is not None else None
        issued = await self._platform.access.login(
            body.email, body.password, organization_id=body.organization_id, source=source
        )
        return json_response(
            {
                "token": issued.token,
                "expiresAt": time_text(issued.expires_at),
                "organizationId": issued.organization_id,
                "role": issued.role,
            }
        )


def _line(one: Happening) -> str:
    parts = [time_text(one.at) or "", one.type, one.subject, one.status]
    if one.duration_s is not None:
        parts.append(f"{one.duration_s:.1f}s")
    return "  ".join(part.replace("\n", " ")[:200] for part in parts if part)


def _event(one: Happening) -> dict[str, Any]:
    event = {"at": time_text(one.at), "type": one.type, "subject": one.subject, "status": one.status}
    if one.duration_s is not None:
        event["durationSeconds"] = one.duration_s  # type: ignore[assignment]
    return event


def _key(key: ApiKey) -> JSONObject:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "lastFour": key.last_four,
        "createdAt": time_text(key.created_at),
        "lastUsedAt": time_text(key.last_used_at),
        "revokedAt": time_text(key.revoked_at),
    }


def _webhook(webhook: Webhook) -> JSONObject:
    events: list[JSON] = [*webhook.events]
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": events,
        "enabled": webhook.enabled,
        "createdAt": time_text(webhook.created_at),
        "lastStatus": webhook.last_status,
    }


def _delivery(delivery: Delivery) -> JSONObject:
    return {
        "id": delivery.id,
        "type": delivery.type,
        "url": delivery.url,
        "status": delivery.status,
        "createdAt": time_text(delivery.created_at),
    }
