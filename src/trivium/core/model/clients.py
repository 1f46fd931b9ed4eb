"""Programs that sign in for themselves, and how much organizations call."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class OAuthClient:
    """A program that exchanges its secret for short-lived tokens; only the secret's hash is kept."""

    id: str
    organization_id: str
    name: str
    secret_hash: str
    created_at: datetime
    scopes: tuple[str, ...] = ()
    agent_ids: tuple[str, ...] | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class DailyUse:
    """How many calls an organization's management keys made on one day (UTC); `id` is organization and day."""

    id: str
    organization_id: str
    day: str
    calls: int
