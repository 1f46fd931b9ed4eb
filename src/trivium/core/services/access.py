"""Who is calling, and what they may do."""

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from anyio import Lock

from trivium.core.errors import NotAuthenticated, NotPermitted
from trivium.core.model.access import (
    KEY_PREFIXES,
    ROLE_SCOPES,
    Allowance,
    ApiKey,
    Credential,
    CredentialKind,
    IssuedToken,
    KeyKind,
    Principal,
)
from trivium.core.model.budgets import Budget
from trivium.core.model.organizations import Organization, Role, User
from trivium.core.ports import Clock, Passwords, Store, Tokens, Transaction
from trivium.core.services.accounts import Accounts, password_mark
from trivium.core.services.device_keys import Person, device_principal, expiry, person
from trivium.core.services.device_logins import DeviceLogins
from trivium.core.services.keys import ApiKeys
from trivium.core.services.limits import RateLimits

# A key revoked by another process works for at most this long: within the promised second, with room for a slow read.
CACHE_S = 0.5
_CACHED_MAX = 10_000
_TOKEN_LENGTH_MAX = 4096
_TOUCH_INTERVAL_S = 10.0
_TOUCHED_MAX = 10_000
_LOCKS = 16
_RANKS: dict[Role, int] = {"member": 0, "admin": 1, "owner": 2}
_PREFIXES = tuple(KEY_PREFIXES.values())


@dataclass(frozen=True, slots=True)
class _Known:
    """What a credential turned out to be, as of a moment."""

    principal: Principal
    kind: CredentialKind
    expires_at: datetime | None
    checked_at: datetime
    key: ApiKey | None = None

    def is_fresh(self, now: datetime) -> bool:
        # A clock that was set back makes the age negative: ask again.
        return 0 <= (now - self.checked_at).total_seconds() < CACHE_S


class Access:
    """Authentication and permission; the front of `accounts` (people), `keys` (programs), `devices` (machines)."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        tokens: Tokens,
        passwords: Passwords,
        token_lifetime_s: float = 12 * 3600.0,
    ) -> None:
        self._store = store
        self._clock = clock
        self._tokens = tokens
        self.accounts = Accounts(
            store=store, clock=clock, tokens=tokens, passwords=passwords, token_lifetime_s=token_lifetime_s
        )
        self.keys = ApiKeys(store=store, clock=clock)
        self.devices = DeviceLogins(store=store, clock=clock, tokens=tokens, accounts=self.accounts)
        self._limits = RateLimits()
        self._cache: OrderedDict[bytes, _Known] = OrderedDict()
        # Many requests may find the same entry stale at once; one of them asks the store.
        self._locks = [Lock() for _ in range(_LOCKS)]
        self._used: set[str] = set()
        self._touched_at = clock.now()

    async def authenticate(self, token: str, *, kinds: Collection[CredentialKind] | None = None) -> Principal:
        """Return who holds this API key or token, and count the call against the key's rate limit: once per request.

        `kinds` names the credentials that are good here (None: all). NotAuthenticated with code `missing_credential`,
        `invalid_key`, `revoked_key`, `expired_key`, `invalid_token` or `wrong_credential`; LimitExceeded with
        `retry_after_s`. What was revoked elsewhere, by any process, stops working within 0.5 s.
        """
        known = await self._identify(token)
        if kinds is not None and known.kind not in kinds:
            raise NotAuthenticated("This credential is of another kind.", code="wrong_credential")
        principal = known.principal
        if principal.rate_limit_per_min is not None:
            self._limits.spend(principal.id, principal.rate_limit_per_min, self._clock.now())
        if known.key is not None and len(self._used) < _TOUCHED_MAX:
            self._used.add(known.key.id)
        return principal

    async def credential(self, token: str) -> Credential:
        """Return what somebody signs in with, for them to see; NotAuthenticated as in `authenticate`."""
        known = await self._identify(token)
        owner = known.principal.organization_id
        organization = await self._store.read(lambda tx: tx.organizations.get(owner, owner))
        key = known.key
        return Credential(
            principal=known.principal,
            kind="token" if key is None else key.kind,
            organization=organization,
            expires_at=known.expires_at,
            key_id=None if key is None else key.id,
            key_name="" if key is None else key.name,
        )

    async def log_out(self, token: str) -> bool:
        """Sign out the device that shows its key, at once; False for other credentials, which nothing happens to."""
        key = (await self._identify(token)).key
        if key is None or key.kind != "device":
            return False
        await self.revoke_key(key.organization_id, key.id)
        return True

    def require(
        self,
        principal: Principal,
        *,
        scope: str | None = None,
        agent_id: str | None = None,
        role: Role | None = None,
    ) -> None:
        """Raise NotPermitted (`missing_scope`, `agent_not_allowed`, `role_too_low`) unless all that is named holds.

        A role is something people have: a key never has one.
        """
        if principal.kind == "system":
            return
        if scope is not None and scope not in principal.scopes:
            raise NotPermitted(f"This needs the scope {scope}.", code="missing_scope", details={"scope": scope})
        if agent_id is not None and principal.agent_ids is not None and agent_id not in principal.agent_ids:
            raise NotPermitted(
                "This credential is for other agents.", code="agent_not_allowed", details={"agent_id": agent_id}
            )
        if role is not None and (principal.role is None or _RANKS[principal.role] < _RANKS[role]):
            raise NotPermitted(f"This needs the role {role}.", code="role_too_low", details={"role": role})

    def allowance(self, principal: Principal) -> Allowance | None:
        """Return what the key has left in this minute, or None when it has no limit."""
        if principal.rate_limit_per_min is None:
            return None
        return self._limits.allowance(principal.id, principal.rate_limit_per_min, self._clock.now())

    async def create_key(
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
        """Return a new key and its secret; see `ApiKeys.create`."""
        return await self.keys.create(
            organization_id,
            kind=kind,
            name=name,
            scopes=scopes,
            agent_ids=agent_ids,
            expires_at=expires_at,
            rate_limit_per_min=rate_limit_per_min,
            budgets=budgets,
        )

    async def list_keys(self, organization_id: str | None) -> list[ApiKey]:
        """Return keys, oldest first; see `ApiKeys.find`."""
        return await self.keys.find(organization_id)

    async def revoke_key(self, organization_id: str | None, key_id: str) -> ApiKey:
        """Return the key, which stops working at once here and within 0.5 s in other processes."""
        key = await self.keys.revoke(organization_id, key_id)
        self._cache.clear()
        return key

    async def create_organization(self, name: str) -> Organization:
        """Return a new organization."""
        return await self.accounts.create_organization(name)

    async def create_user(self, email: str, *, organization_id: str, role: Role, password: str | None = None) -> User:
        """Return the user, now a member of the organization; see `Accounts.create_user`."""
        return await self.accounts.create_user(email, organization_id=organization_id, role=role, password=password)

    async def login(
        self, email: str, password: str, *, organization_id: str | None = None, source: str | None = None
    ) -> IssuedToken:
        """Return a token for a right password; see `Accounts.login`."""
        return await self.accounts.login(email, password, organization_id=organization_id, source=source)

    async def issue_token(
        self, email: str, *, organization_id: str | None = None, lifetime_s: float | None = None
    ) -> IssuedToken:
        """Return a token for a user, whose password was not asked for; see `Accounts.issue_token`."""
        return await self.accounts.issue_token(email, organization_id=organization_id, lifetime_s=lifetime_s)

    async def flush_usage(self) -> None:
        """Write when keys were last used. It happens every 10 s beside other reads; a server that stops calls this."""
        used, self._used = self._used, set()
        self._touched_at = now = self._clock.now()
        if used:
            await self._store.write(lambda tx: tx.keys.touch(sorted(used), now))

    async def _identify(self, token: str) -> _Known:
        if not token or len(token) > _TOKEN_LENGTH_MAX:
            raise NotAuthenticated("A credential is needed.", code="missing_credential")
        # The cache holds no usable secret, only its hash.
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._cache.get(digest)
        if known is None or not known.is_fresh(self._clock.now()):
            async with self._locks[digest[0] % _LOCKS]:
                known = self._cache.get(digest)
                if known is None or not known.is_fresh(self._clock.now()):
                    known = await self._look_up(token, digest)
            await self._touch_now_and_then()
        if known.expires_at is not None and known.expires_at <= self._clock.now():
            raise NotAuthenticated("This credential has expired.", code=_expired_code(known.kind))
        return known

    async def _look_up(self, token: str, digest: bytes) -> _Known:
        self._cache.pop(digest, None)
        # The age counts from before the read: what is read is at least that new.
        now = self._clock.now()
        if token.startswith(_PREFIXES):
            key, who = await self._store.read(lambda tx: _key_and_person(tx, digest.hex()))
            known = _known_key(key, who, now)
        elif token.count(".") == 2:
            known = await self._known_user(token, now)
        else:
            raise NotAuthenticated("This credential is not known.", code="invalid_key")
        self._cache[digest] = known
        if len(self._cache) > _CACHED_MAX:
            self._cache.popitem(last=False)
        return known

    async def _known_user(self, token: str, now: datetime) -> _Known:
        claims = self._tokens.read(token)
        user_id, organization_id, expires = claims.get("sub"), claims.get("org"), claims.get("exp")
        if (
            claims.get("use") != "user"
            or not isinstance(user_id, str)
            or not isinstance(organization_id, str)
            or not isinstance(expires, int | float)
        ):
            raise NotAuthenticated("This token is not for people.", code="invalid_token")

        who = await self._store.read(lambda tx: person(tx, user_id, organization_id))
        if who is None or claims.get("pw") != password_mark(who.user):
            raise NotAuthenticated("This token is no longer good.", code="invalid_token")
        principal = Principal(
            organization_id=organization_id,
            kind="user",
            id=who.user.id,
            name=who.user.email,
            role=who.role,
            scopes=ROLE_SCOPES[who.role],
        )
        return _Known(principal, "user", datetime.fromtimestamp(expires, UTC), now)

    async def _touch_now_and_then(self) -> None:
        if (self._clock.now() - self._touched_at).total_seconds() >= _TOUCH_INTERVAL_S:
            await self.flush_usage()


def _key_and_person(tx: Transaction, secret_hash: str) -> tuple[ApiKey | None, Person | None]:
    key = tx.keys.by_hash(secret_hash)
    return key, None if key is None or key.user_id is None else person(tx, key.user_id, key.organization_id)


def _known_key(key: ApiKey | None, who: Person | None, now: datetime) -> _Known:
    if key is None:
        raise NotAuthenticated("This API key is not known.", code="invalid_key")
    if key.revoked_at is not None:
        raise NotAuthenticated("This API key was revoked.", code="revoked_key")
    if key.kind == "device":
        return _Known(device_principal(key, who), "user", expiry(key), now, key)
    principal = Principal(
        organization_id=key.organization_id,
        kind="key",
        id=key.id,
        name=key.name,
        key_kind=key.kind,
        scopes=frozenset(key.scopes),
        agent_ids=None if key.agent_ids is None else frozenset(key.agent_ids),
        rate_limit_per_min=key.rate_limit_per_min,
        budgets=key.budgets,
        key_id=key.id,
    )
    return _Known(principal, key.kind, key.expires_at, now, key)


def _expired_code(kind: CredentialKind) -> str:
    return "expired_token" if kind == "user" else "expired_key"
