"""How many calls an organization's management keys may make in a day."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trivium.core.errors import LimitExceeded
from trivium.core.model.access import Principal
from trivium.core.model.organizations import Organization
from trivium.core.ports import Clock, Store, Transaction


@dataclass(frozen=True, kw_only=True)
class DailyQuota:
    """The state of a day's quota; `limit` None: there is none, and nothing is counted."""

    tier: str
    limit: int | None
    used: int
    resets_at: datetime

    @property
    def remaining(self) -> int | None:
        """Calls left today, or None without a limit."""
        return None if self.limit is None else max(0, self.limit - self.used)


class Quota:
    """Counts calls per organization and day (UTC).

    An organization's own limit is in its settings (`daily_calls_max`), else `daily_calls_max` of the server; None: no
    limit.
    """

    def __init__(self, *, store: Store, clock: Clock, daily_calls_max: int | None = None) -> None:
        self._store = store
        self._clock = clock
        self._daily_calls_max = daily_calls_max

    async def spend(self, principal: Principal) -> None:
        """Count one call of a key; LimitExceeded with code `quota_exceeded` when the day's calls are used up.

        A refused call is not counted.
        """
        now = self._clock.now()
        organization_id = principal.organization_id
        state = await self._store.read(lambda tx: self._state(tx, organization_id, now))
        if state.limit is not None:
            limit, wait_s = state.limit, (state.resets_at - now).total_seconds()
            await self._store.write(lambda tx: _count(tx, organization_id, _day(now), limit=limit, wait_s=wait_s))

    async def state(self, principal: Principal) -> DailyQuota:
        """Return how much of the day's quota is used."""
        now = self._clock.now()
        return await self._store.read(lambda tx: self._state(tx, principal.organization_id, now))

    def _state(self, tx: Transaction, organization_id: str, now: datetime) -> DailyQuota:
        organization = tx.organizations.first(organization_id)
        limit = self._limit(organization)
        tier = organization.settings.get("tier") if organization is not None else None
        use = None if limit is None else tx.daily_uses.first(organization_id, id=f"{organization_id}:{_day(now)}")
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return DailyQuota(
            tier=tier if isinstance(tier, str) else "self-hosted",
            limit=limit,
            used=0 if use is None else use.calls,
            resets_at=midnight + timedelta(days=1),
        )

    def _limit(self, organization: Organization | None) -> int | None:
        own = organization.settings.get("daily_calls_max") if organization is not None else None
        return own if isinstance(own, int) and not isinstance(own, bool) and own >= 0 else self._daily_calls_max


def _count(tx: Transaction, organization_id: str, day: str, *, limit: int, wait_s: float) -> None:
    # Counted and checked in one transaction: calls that come together do not slip past the limit.
    if tx.daily_uses.count_call(organization_id, day) > limit:
        raise LimitExceeded(
            f"The {limit} calls of this day are used up.",
            code="quota_exceeded",
            details={"limit": limit, "remaining": 0, "reset_s": round(wait_s)},
            retry_after_s=wait_s,
        )


def _day(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()
