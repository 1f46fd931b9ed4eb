# Written by `make generate` from ../_async/wisebot_admin.py; edits here are lost.
"""The groups of methods that need a dashboard token."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from trivium_client._generated.client import Resource
from trivium_client._generated.wisebot_listening import Listeners
from trivium_client._call import Call, path
from trivium_client._clock import pause_sync
from trivium_client._errors import TimedOut
from trivium_client._model import Items
from trivium_client.models.wisebot import (
    ApiKey,
    ApiKeyCreated,
    Delivery,
    DeliveryDetail,
    PlaygroundAccepted,
    PlaygroundRun,
    PlaygroundSession,
    Webhook,
    WebhookCreated,
    WebhookDelivery,
)

POLL_S = 1.0
PAGE_SIZE = 100
ProgramKeyKind: TypeAlias = Literal["wisebot", "wizchat", "wabee"]
KeyKind: TypeAlias = Literal["wisebot", "wizchat", "wabee", "device", "all"]


class ApiKeys(Resource):
    """Keys of the organization."""

    def list(self, *, kind: KeyKind | None = None) -> Items[ApiKey]:
        """Return the `wb_live_` keys, or those of another kind, or `all`; without their secrets."""
        call = Call(method="GET", path="/api/v1/api-keys", params={"kind": kind}, unwrap="keys")
        return self._transport.fetch_items(ApiKey, call)

    def create(
        self, name: str, *, kind: ProgramKeyKind | None = None, agent_ids: Sequence[str] | None = None
    ) -> ApiKeyCreated:
        """Make a key, of this contract unless `kind` says otherwise; its `key` is shown this once."""
        given = {"name": name, "kind": kind, "agentIds": None if agent_ids is None else [*agent_ids]}
        body = {key: value for key, value in given.items() if value is not None}
        call = Call(method="POST", path="/api/v1/api-keys", body=body)
        return self._transport.fetch(ApiKeyCreated, call)

    def revoke(self, key_id: str) -> None:
        """Revoke a key."""
        self._transport.send(Call(method="DELETE", path=path("/api/v1/api-keys/{}", key_id)))


class Webhooks(Resource):
    """Subscriptions to what happens."""

    def list(self) -> Items[Webhook]:
        """Return all of them, without their secrets."""
        call = Call(method="GET", path="/api/v1/webhooks", unwrap="webhooks")
        return self._transport.fetch_items(Webhook, call)

    def create(self, url: str, events: Sequence[str]) -> WebhookCreated:
        """Subscribe an address to events; the `secret` that signs them is shown this once."""
        call = Call(method="POST", path="/api/v1/webhooks", body={"url": url, "events": [*events]})
        return self._transport.fetch(WebhookCreated, call)

    def update(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """Change what is given."""
        given = {"url": url, "events": None if events is None else [*events], "enabled": enabled}
        body = {key: value for key, value in given.items() if value is not None}
        call = Call(method="PATCH", path=path("/api/v1/webhooks/{}", webhook_id), body=body)
        return self._transport.fetch(Webhook, call)

    def test(self, webhook_id: str) -> WebhookDelivery:
        """Send a test event to one."""
        return self._transport.fetch(
            WebhookDelivery, Call(method="POST", path=path("/api/v1/webhooks/{}/test", webhook_id))
        )

    def deliveries(self, webhook_id: str) -> Items[WebhookDelivery]:
        """Return what was sent to one lately, the newest first."""
        call = Call(method="GET", path=path("/api/v1/webhooks/{}/deliveries", webhook_id), unwrap="deliveries")
        return self._transport.fetch_items(WebhookDelivery, call)

    def delete(self, webhook_id: str) -> None:
        """End a subscription."""
        self._transport.send(Call(method="DELETE", path=path("/api/v1/webhooks/{}", webhook_id)))


class Deliveries(Resource):
    """Outgoing signed calls and how they fared."""

    def list(
        self, *, limit: int | None = None, before: str | None = None, status: str | None = None
    ) -> Items[Delivery]:
        """Return a page, the newest first: 20 unless told otherwise, at most 200; `before` is an id."""
        call = Call(
            method="GET",
            path="/api/v1/deliveries",
            params={"limit": limit, "before": before, "status": status},
            unwrap="deliveries",
        )
        return self._transport.fetch_items(Delivery, call)

    def iterate(self, *, status: str | None = None, page_size: int = PAGE_SIZE) -> Iterator[Delivery]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path="/api/v1/deliveries", params={"status": status}, unwrap="deliveries")
        return self._transport.iterate_before(Delivery, call, page_size)

    def get(self, delivery_id: str) -> DeliveryDetail:
        """Return one with its tries; raises NotFound."""
        return self._transport.fetch(
            DeliveryDetail, Call(method="GET", path=path("/api/v1/deliveries/{}", delivery_id))
        )

    def resend(self, delivery_id: str) -> Delivery:
        """Send one again under the same id."""
        return self._transport.fetch(
            Delivery, Call(method="POST", path=path("/api/v1/deliveries/{}/resend", delivery_id))
        )


class Admin(Resource):
    """Keys, webhooks and deliveries."""

    @property
    def api_keys(self) -> ApiKeys:
        """Return the keys of the organization."""
        return ApiKeys(self._transport)

    @property
    def webhooks(self) -> Webhooks:
        """Return the subscriptions."""
        return Webhooks(self._transport)

    @property
    def listeners(self) -> Listeners:
        """Return the subscriptions without an address."""
        return Listeners(self._transport)

    @property
    def deliveries(self) -> Deliveries:
        """Return the outgoing calls."""
        return Deliveries(self._transport)


class Playground(Resource):
    """Try an agent without a visitor."""

    def send(self, agent_id: str, prompt: str, *, session_id: str | None = None) -> PlaygroundAccepted:
        """Ask; the answer is fetched by `get` or `wait`."""
        given = {"agentId": agent_id, "prompt": prompt, "sessionId": session_id}
        body = {key: value for key, value in given.items() if value is not None}
        call = Call(method="POST", path="/api/v1/playground/messages", body=body)
        return self._transport.fetch(PlaygroundAccepted, call)

    def get(self, run_id: str) -> PlaygroundRun:
        """Return a run as it stands; raises NotFound."""
        call = Call(method="GET", path=path("/api/v1/playground/runs/{}", run_id))
        return self._transport.fetch(PlaygroundRun, call)

    def wait(self, run_id: str, *, timeout: float = 300.0, poll: float = POLL_S) -> PlaygroundRun:
        """Return a run when it has ended, asking every `poll` seconds; raises TimedOut."""
        for _ in range(max(1, int(timeout / max(poll, 0.01)))):
            run = self.get(run_id)
            if run.is_final:
                return run
            pause_sync(poll)
        raise TimedOut(f"the run {run_id} has not ended after {timeout:g} s; it goes on")

    def sessions(self) -> Items[PlaygroundSession]:
        """Return the conversations of the playground."""
        call = Call(method="GET", path="/api/v1/playground/sessions", unwrap="sessions")
        return self._transport.fetch_items(PlaygroundSession, call)

    def get_session(self, session_id: str) -> PlaygroundSession:
        """Return one with its messages; raises NotFound."""
        call = Call(method="GET", path=path("/api/v1/playground/sessions/{}", session_id))
        return self._transport.fetch(PlaygroundSession, call)

    def delete_session(self, session_id: str) -> None:
        """Delete one."""
        self._transport.send(Call(method="DELETE", path=path("/api/v1/playground/sessions/{}", session_id)))
