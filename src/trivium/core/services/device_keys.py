"""Keys of devices: what a person's own machines sign in with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trivium.core.errors import NotAuthenticated
from trivium.core.model.access import ROLE_SCOPES, ApiKey, Principal
from trivium.core.model.organizations import Role, User
from trivium.core.ports import Transaction
from trivium.core.services.keys import new_key

# A device that was not used for so long has to sign in again; one that is used never has to.
IDLE_MAX = timedelta(days=90)
PER_PERSON_MAX = 50
_KEPT_DEAD = timedelta(days=30)
_RANKS: dict[Role, int] = {"member": 0, "admin": 1, "owner": 2}


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody in one organization, with what they may do there."""

    user: User
    organization_id: str
    role: Role


def lower_role(one: Role, other: Role | None) -> Role:
    """Return the role that may do less; None is no limit."""
    return one if other is None or _RANKS[one] <= _RANKS[other] else other


def person(tx: Transaction, user_id: str, organization_id: str) -> Person | None:
    """Return a person of an organization, or None when they do not (or no longer) belong to it."""
    user = tx.users.by_id(user_id)
    roles = [one.role for one in tx.users.memberships(user_id) if one.organization_id == organization_id]
    return Person(user=user, organization_id=organization_id, role=roles[0]) if user is not None and roles else None


def expiry(key: ApiKey) -> datetime:
    """Return when a device has to sign in again if it is not used before."""
    return (key.last_used_at or key.created_at) + IDLE_MAX


def key_expiry(key: ApiKey) -> datetime | None:
    """Return when a key of any kind stops working, as things stand; None: never."""
    return expiry(key) if key.kind == "device" else key.expires_at


def add_device(tx: Transaction, who: Person, *, name: str, role: Role, now: datetime) -> tuple[ApiKey, str]:
    """Store a key for a device of this person and return it with its secret.

    The role is the lower one of `role` and theirs. Of more than 50 devices the one unused for longest is signed out;
    those that ended more than 30 days ago are forgotten.
    """
    bare, secret = new_key(who.organization_id, "device", name, now)
    role = lower_role(who.role, role)
    key = replace(bare, user_id=who.user.id, role=role, scopes=tuple(sorted(ROLE_SCOPES[role])))
    _make_room(tx, tx.keys.find(who.organization_id, kind="device", user_id=who.user.id), now)
    tx.keys.add(key)
    return key, secret


def device_principal(key: ApiKey, who: Person | None) -> Principal:
    """Return the person as this device may act for them; NotAuthenticated when they have left the organization."""
    if who is None:
        raise NotAuthenticated("This device's person no longer belongs to the organization.", code="invalid_token")
    role = lower_role(who.role, key.role)
    return Principal(
        organization_id=key.organization_id,
        kind="user",
        id=who.user.id,
        name=who.user.email,
        role=role,
        scopes=ROLE_SCOPES[role],
    )


def _make_room(tx: Transaction, keys: Sequence[ApiKey], now: datetime) -> None:
    good = []
    for key in keys:
        ended_at = key.revoked_at or (expiry(key) if expiry(key) <= now else None)
        if ended_at is None:
            good.append(key)
        elif ended_at < now - _KEPT_DEAD:
            tx.keys.remove(key.organization_id, key.id)
    good.sort(key=expiry)
    for key in good[: max(0, len(good) - PER_PERSON_MAX + 1)]:
        tx.keys.put(replace(key, revoked_at=now))
