"""Status, activity, keys, webhooks and login (sections 3.1, 3.4, 3.5 and open point 10)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

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
from trivium.core.errors import InvalidRequest, NotFound
from trivium.core.model.access import ApiKey
from trivium.core.model.deliveries import Delivery, Webhook
from trivium.core.model.json import JSON, JSONObject
from trivium.core.platform import Happening, Platform, clamp_limit, key_expiry

_KINDS = ("wisebot", "wabee", "wizchat", "device", "all")
_NO_STORE = {"Cache-Control": "no-store"}


class KeyBody(BaseModel):
    """A new key; which contract it is for, which agents it is limited to, and when it ends are ours to add."""

    name: str = Field(min_length=1, max_length=200)
    kind: Literal["wisebot", "wabee", "wizchat"] = "wisebot"
    agent_ids: list[str] | None = Field(default=None, alias="agentIds", min_length=1, max_length=100)
    expires_at: datetime | None = Field(default=None, alias="expiresAt")


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
    """Who wants a token; `organizationId` chooses among several, `device` asks for one that lasts, by this name."""

    email: str = Field(max_length=320)
    password: str = Field(max_length=1024)
    organization_id: str | None = Field(default=None, alias="organizationId", max_length=100)
    device: str | None = Field(default=None, min_length=1, max_length=200)


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
        """Return the organization's keys of this contract, or of the `kind` that is asked for; never a secret."""
        principal = await identify_person(self._platform, request)
        kind = request.query_params.get("kind", "wisebot")
        if kind not in _KINDS:
            raise InvalidRequest(f"kind is one of {', '.join(_KINDS)}.", code="invalid_kind")
        keys = await self._platform.access.list_keys(principal.organization_id)
        shown = [key for key in keys if kind in ("all", key.kind)]
        if "kind" not in request.query_params:
            # The contract's own list keeps its own fields.
            return json_response({"keys": [_key(key) for key in shown]})
        emails = await self._platform.access.accounts.emails(principal.organization_id)
        return json_response({"keys": [_any_key(key, emails) for key in shown]})

    async def create_key(self, request: Request) -> Response:
        """Make a key; its secret is in this answer and nowhere else."""
        principal = await identify_person(self._platform, request, role="admin")
        body = validate(KeyBody, await request.json())
        key, secret = await self._platform.access.create_key(
            principal.organization_id,
            kind=body.kind,
            name=body.name,
            agent_ids=body.agent_ids,
            expires_at=body.expires_at,
        )
        return json_response({**_key(key), "key": secret}, 201, _NO_STORE)

    async def revoke_key(self, request: Request, key_id: str) -> Response:
        """Revoke a key of any kind; it stops working within a second. Members revoke their own devices only."""
        principal = await identify_person(self._platform, request)
        key = await self._platform.access.keys.get(principal.organization_id, key_id)
        if key.user_id != principal.id:
            self._platform.access.require(principal, role="admin")
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
        """Return a dashboard JWT for e-mail and password, or the key of a device, which lasts."""
        body = validate(LoginBody, await request.json())
        source = request.client.host if request.client is not None else None
        if body.device is not None:
            key, secret = await self._platform.access.devices.sign_in(
                body.email, body.password, name=body.device, organization_id=body.organization_id, source=source
            )
            found = await self._platform.access.credential(secret)
            return json_response(
                {
                    "token": secret,
                    "expiresAt": time_text(found.expires_at),
                    "organizationId": key.organization_id,
                    "role": key.role,
                    "keyId": key.id,
                },
                headers=_NO_STORE,
            )
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


def _any_key(key: ApiKey, emails: Mapping[str, str]) -> JSONObject:
    return {
        **_key(key),
        "kind": key.kind,
        "expiresAt": time_text(key_expiry(key)),
        "userId": key.user_id,
        "email": emails.get(key.user_id or ""),
        "role": key.role,
        "agentIds": None if key.agent_ids is None else [*key.agent_ids],
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
