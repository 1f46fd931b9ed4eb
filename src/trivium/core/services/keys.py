"""API keys: made once, shown once, kept as a hash."""

import hashlib
import secrets
import string
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from trivium.core.errors import InvalidRequest, NotFound
from trivium.core.model.access import KEY_PREFIXES, SCOPES, ApiKey, KeyKind
from trivium.core.model.budgets import Budget, checked_budgets
from trivium.core.model.ids import new_id
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.accounts import clean_name

RATE_LIMIT_MAX = 100_000
_AGENTS_MAX = 100
_SECRET_LENGTH = 40  # of 62 letters and digits: 238 bits
_ALPHABET = string.ascii_letters + string.digits


def hash_secret(secret: str) -> str:
    """Return what is stored of a secret. It is random and long, so one fast hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_key(organization_id: str, kind: KeyKind, name: str, now: datetime) -> tuple[ApiKey, str]:
    """Return a key that may do nothing yet, and its secret; nothing is stored."""
    secret = KEY_PREFIXES[kind] + "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
    key = ApiKey(
        id=new_id("key"),
        organization_id=organization_id,
        kind=kind,
        name=name,
        prefix=secret[: len(KEY_PREFIXES[kind]) + 4],
        last_four=secret[-4:],
        secret_hash=hash_secret(secret),
        created_at=now,
    )
    return key, secret


class ApiKeys:
    """The keys of organizations."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(
        self,
        organization_id: str,
        *,
        kind: KeyKind,
        name: str = "",
        scopes: Sequence[str] | None = None,
        agent_ids: Sequence[str] | None = None,
        expires_at: datetime | None = None,
        rate_limit_per_min: int | None = None,
        budgets: Sequence[Budget] = (),
    ) -> tuple[ApiKey, str]:
        """Return the key and its secret, which cannot be had again.

        `scopes` None gives every scope, `agent_ids` None every agent, those to come included.
        """
        now = self._clock.now()
        bare, secret = new_key(organization_id, kind, clean_name(name) if name else kind, now)
        key = replace(
            bare,
            scopes=_checked_scopes(scopes),
            agent_ids=_checked_agents(agent_ids),
            rate_limit_per_min=_checked_limit(rate_limit_per_min),
            expires_at=_checked_expiry(expires_at, now),
            budgets=checked_budgets(tuple(budgets)),
        )

        def unit(tx: Transaction) -> None:
            tx.organizations.get(organization_id, organization_id)
            for agent_id in key.agent_ids or ():  # at most 100, and keys are made rarely
                tx.agents.get(organization_id, agent_id)
            tx.keys.add(key)

        await self._store.write(unit)
        return key, secret

    async def find(self, organization_id: str | None) -> list[ApiKey]:
        """Return the keys of an organization, oldest first, revoked ones too; None means all (for the operator)."""
        if organization_id is None:
            return await self._store.read(lambda tx: tx.keys.all())
        owner = organization_id
        return await self._store.read(lambda tx: tx.keys.find(owner))

    async def get(self, organization_id: str, key_id: str) -> ApiKey:
        """Return a key; NotFound."""
        return await self._store.read(lambda tx: tx.keys.get(organization_id, key_id))

    async def revoke(self, organization_id: str | None, key_id: str) -> ApiKey:
        """Return the key, which no longer works; a second time changes nothing. None is for the operator."""

        def unit(tx: Transaction) -> ApiKey:
            key = tx.keys.by_id(key_id) if organization_id is None else tx.keys.get(organization_id, key_id)
            if key is None:
                raise NotFound("key", key_id)
            if key.revoked_at is None:
                key = replace(key, revoked_at=self._clock.now())
                tx.keys.put(key)
            return key

        return await self._store.write(unit)


def _checked_scopes(scopes: Sequence[str] | None) -> tuple[str, ...]:
    if scopes is None:
        return tuple(sorted(SCOPES))
    unknown = sorted(set(scopes) - SCOPES)
    if unknown:
        raise InvalidRequest(
            f"No such scope: {', '.join(unknown)}. There are: {', '.join(sorted(SCOPES))}.",
            code="unknown_scope",
            details={"unknown": unknown},
        )
    return tuple(sorted(set(scopes)))


def _checked_agents(agent_ids: Sequence[str] | None) -> tuple[str, ...] | None:
    if agent_ids is None:
        return None
    if not 1 <= len(set(agent_ids)) <= _AGENTS_MAX:
        raise InvalidRequest(f"A key names 1 to {_AGENTS_MAX} agents, or none to allow all.", code="invalid_agents")
    return tuple(dict.fromkeys(agent_ids))


def _checked_limit(limit: int | None) -> int | None:
    if limit is not None and not 1 <= limit <= RATE_LIMIT_MAX:
        raise InvalidRequest(f"A rate limit is 1 to {RATE_LIMIT_MAX} calls a minute.", code="invalid_rate_limit")
    return limit


def _checked_expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is not None:
        if expires_at.tzinfo is None:
            raise InvalidRequest("The time a key expires needs a time zone.", code="invalid_expiry")
        if expires_at <= now:
            raise InvalidRequest("The time a key expires lies in the past.", code="invalid_expiry")
    return expires_at
