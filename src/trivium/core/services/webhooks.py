"""Subscriptions to what happens in an organization."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from trivium.core.errors import InvalidRequest, LimitExceeded
from trivium.core.model.deliveries import Webhook
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.deliveries import Deliveries, check_url, type_matches
from trivium.core.services.event_types import EVENT_TYPES, is_known
from trivium.core.services.signing import SigningSecrets

_WEBHOOKS_MAX = 50
_TYPES_MAX = 50


class Webhooks:
    """Made, changed and removed by people; `publish` turns an event into deliveries."""

    def __init__(self, *, store: Store, clock: Clock, deliveries: Deliveries, secrets: SigningSecrets) -> None:
        self._store = store
        self._clock = clock
        self._deliveries = deliveries
        self._secrets = secrets

    async def create(
        self, organization_id: str, *, url: str, events: Sequence[str], description: str = ""
    ) -> tuple[Webhook, str]:
        """Return the webhook and its secret, which is shown only now; at most 50 per organization."""
        webhook = Webhook(
            id=new_id("whk"),
            organization_id=organization_id,
            url=url,
            events=_checked(url, events),
            created_at=self._clock.now(),
            description=description,
        )

        def unit(tx: Transaction) -> None:
            if tx.webhooks.count(organization_id) >= _WEBHOOKS_MAX:
                raise LimitExceeded("An organization has at most 50 webhooks.", code="too_many_webhooks")
            tx.webhooks.add(webhook)

        await self._store.write(unit)
        return webhook, await self._secrets.rotate(organization_id, webhook.id)

    async def find(self, organization_id: str) -> list[Webhook]:
        """Return all webhooks, oldest first."""
        return await self._store.read(lambda tx: tx.webhooks.find(organization_id))

    async def get(self, organization_id: str, webhook_id: str) -> Webhook:
        """Return the webhook or raise NotFound."""
        return await self._store.read(lambda tx: tx.webhooks.get(organization_id, webhook_id))

    async def change(
        self,
        organization_id: str,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """Change what is given and return the webhook; what is on its way goes to the address it was made for."""

        def unit(tx: Transaction) -> Webhook:
            webhook = tx.webhooks.get(organization_id, webhook_id)
            new_url = webhook.url if url is None else url
            webhook = replace(
                webhook,
                url=new_url,
                events=_checked(new_url, webhook.events if events is None else events),
                enabled=webhook.enabled if enabled is None else enabled,
            )
            tx.webhooks.put(webhook)
            return webhook

        return await self._store.write(unit)

    async def remove(self, organization_id: str, webhook_id: str) -> bool:
        """Delete it and its secrets; False when it was not there. Deliveries on their way are given up."""

        def unit(tx: Transaction) -> bool:
            tx.signing_secrets.remove_where(organization_id, owner_id=webhook_id)
            return tx.webhooks.remove(organization_id, webhook_id)

        return await self._store.write(unit)

    async def rotate(self, organization_id: str, webhook_id: str) -> str:
        """Return a new secret; the old one signs beside it for a day."""
        await self.get(organization_id, webhook_id)
        return await self._secrets.rotate(organization_id, webhook_id)

    def publish(
        self,
        tx: Transaction,
        organization_id: str,
        event_type: str,
        data: JSONObject,
        *,
        event_id: str,
        ordering_key: str | None = None,
    ) -> int:
        """Have an event delivered to every webhook that wants its type, in the caller's transaction; return how many.

        `event_id` names what happened, so that telling of it twice delivers it once.
        """
        at = self._clock.now().astimezone(UTC).isoformat().replace("+00:00", "Z")
        body = json.dumps({"type": event_type, "timestamp": at, "data": data}, ensure_ascii=False)
        count = 0
        for webhook in tx.webhooks.find(organization_id, enabled=True):
            if type_matches(webhook.events, event_type):
                delivery = self._deliveries.make(
                    organization_id,
                    type=event_type,
                    url=webhook.url,
                    body=body,
                    delivery_id=f"{event_id}-{webhook.id}",
                    webhook_id=webhook.id,
                    ordering_key=ordering_key,
                )
                count += self._deliveries.enqueue(tx, delivery)
        return count


def _checked(url: str, events: Sequence[str]) -> tuple[str, ...]:
    check_url(url)
    if not 1 <= len(events) <= _TYPES_MAX or not all(0 < len(event) <= 100 for event in events):
        raise InvalidRequest("A webhook names 1 to 50 types of event.", code="invalid_events")
    unknown = next((event for event in events if not is_known(event)), None)
    if unknown is not None:
        message = f"There is no event {unknown!r}. Events: {', '.join(EVENT_TYPES)}; patterns: *, run.*."
        raise InvalidRequest(message, code="unknown_event", details={"event": unknown})
    return tuple(dict.fromkeys(events))
