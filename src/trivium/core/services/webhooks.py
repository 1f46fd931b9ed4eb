"""Subscriptions to what happens in an organization."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from trivium.core.errors import InvalidRequest, LimitExceeded
from trivium.core.model.deliveries import Webhook
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.samples import SAMPLES
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.deliveries import Deliveries, check_url
from trivium.core.services.event_types import checked_types, type_matches
from trivium.core.services.listening import overhear
from trivium.core.services.signing import SigningSecrets

_WEBHOOKS_MAX = 50


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """To how many a sample went."""

    event_id: str
    listeners: int
    webhooks: int


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
        """Have an event delivered to every webhook and listener that wants its type, in the caller's transaction.

        Returns to how many webhooks. `event_id` names what happened, so that telling of it twice delivers it once.
        """
        now = self._clock.now()
        body = _body(event_type, data, now)
        overhear(tx, organization_id, event_type, body, event_id=event_id, now=now)
        return self._deliver(tx, organization_id, event_type, body, event_id=event_id, ordering_key=ordering_key)

    async def rehearse(
        self, organization_id: str, event_type: str, data: JSONObject | None = None, *, to_webhooks: bool = False
    ) -> Rehearsal:
        """Send a sample of an event, or these data under its name, to who listens, and if wanted to the webhooks too.

        InvalidRequest for a type that does not exist. Nothing else happens: no workflow starts.
        """
        if event_type not in SAMPLES:
            raise InvalidRequest(
                f"There is no event {event_type!r}. Events: {', '.join(SAMPLES)}.",
                code="unknown_event",
                details={"event": event_type},
            )
        now, event_id = self._clock.now(), new_id("sample")
        body = _body(event_type, SAMPLES[event_type] if data is None else data, now)

        def unit(tx: Transaction) -> Rehearsal:
            heard = overhear(tx, organization_id, event_type, body, event_id=event_id, now=now)
            sent = self._deliver(tx, organization_id, event_type, body, event_id=event_id) if to_webhooks else 0
            return Rehearsal(event_id=event_id, listeners=heard, webhooks=sent)

        return await self._store.write(unit)

    def _deliver(
        self,
        tx: Transaction,
        organization_id: str,
        event_type: str,
        body: str,
        *,
        event_id: str,
        ordering_key: str | None = None,
    ) -> int:
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


def _body(event_type: str, data: JSONObject, now: datetime) -> str:
    at = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"type": event_type, "timestamp": at, "data": data}, ensure_ascii=False)


def _checked(url: str, events: Sequence[str]) -> tuple[str, ...]:
    check_url(url)
    return checked_types(events)
