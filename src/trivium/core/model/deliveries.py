"""Signed calls that we make to others: callbacks and webhooks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DeliveryStatus = Literal["waiting", "pending", "delivered", "dead"]


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A subscription: events of these types go to `url`. "*" is every type, "run.*" every one with that beginning."""

    id: str
    organization_id: str
    url: str
    events: tuple[str, ...]
    created_at: datetime
    description: str = ""
    enabled: bool = True
    last_status: str = ""
    last_delivery_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SigningSecret:
    """What the deliveries of `owner_id` (a webhook, or "callbacks") are signed with; sealed, never shown again.

    While it is being replaced the old one signs too, until `expires_at`.
    """

    id: str
    organization_id: str
    owner_id: str
    sealed: str
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One signed POST, tried until it is taken. The id is the same in every try, so that the receiver can tell.

    Deliveries of one organization with the same `ordering_key` and `url` are sent one after the other: the later ones
    are "waiting". "dead": given up, `error` says why; it can be sent again by hand.
    """

    id: str
    organization_id: str
    type: str
    url: str
    body: str
    created_at: datetime
    next_attempt_at: datetime
    content_type: str = "application/json"
    webhook_id: str | None = None
    run_id: str | None = None
    ordering_key: str | None = None
    status: DeliveryStatus = "pending"
    attempt: int = 0
    response_status: int | None = None
    error: str | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class DeliveryAttempt:
    """One try, as the delivery log shows it; `response` is the beginning of what was answered."""

    id: str
    organization_id: str
    delivery_id: str
    attempt: int
    created_at: datetime
    duration_ms: int
    response_status: int | None = None
    response: str = ""
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A subscription of somebody who is connected, in place of an address; it ends soon after they have left."""

    id: str
    organization_id: str
    events: tuple[str, ...]
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class HeardEvent:
    """What a listener is told, kept until it has been taken. `seq` is given when it is first sent."""

    id: str
    organization_id: str
    listener_id: str
    type: str
    body: str
    created_at: datetime
    seq: int | None = None
