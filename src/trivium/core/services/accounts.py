"""Organizations, the people in them, and how those sign in."""

import hashlib
import unicodedata
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from trivium.core.errors import Conflict, InvalidRequest, LimitExceeded, NotAuthenticated, NotFound
from trivium.core.model.access import IssuedToken
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.organizations import Membership, Organization, Role, User
from trivium.core.ports import Clock, Passwords, Store, Tokens, Transaction
from trivium.core.services.limits import LoginThrottle

PASSWORD_LENGTH_MIN = 8
PASSWORD_LENGTH_MAX = 1000
R = TypeVar("R")

# A password hash takes some 20 MB and tens of milliseconds; more at once would starve the runs.
_HASHES_AT_ONCE = 2
_HASHES_WAITING_MAX = 32
_NAME_LENGTH_MAX = 200


class Accounts:
    """Who belongs to which organization, in which role; passwords and the tokens a login gives."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        tokens: Tokens,
        passwords: Passwords,
        token_lifetime_s: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._tokens = tokens
        self._passwords = passwords
        self._token_lifetime_s = token_lifetime_s
        self._throttle = LoginThrottle()
        self._hashes = CapacityLimiter(_HASHES_AT_ONCE)
        self._no_user_hash = ""

    async def create_organization(self, name: str) -> Organization:
        """Return a new organization; names need not be unique."""
        organization = Organization(id=new_id("org"), name=clean_name(name), created_at=self._clock.now())
        await self._store.write(lambda tx: tx.organizations.add(organization))
        return organization

    async def create_user(self, email: str, *, organization_id: str, role: Role, password: str | None = None) -> User:
        """Return the user, now a member of the organization.

        A new user needs a password. One who exists keeps their own and merely joins; a password that is given for them
        must be theirs. Conflict when they belong to the organization already.
        """
        address = clean_email(email)
        known = await self._store.read(lambda tx: tx.users.by_email(address))
        password_hash = await self._hash_for(known, password)

        def unit(tx: Transaction) -> User:
            now = self._clock.now()
            tx.organizations.get(organization_id, organization_id)
            user = tx.users.by_email(address)
            if user is None:
                user = User(id=new_id("usr"), email=address, password_hash=password_hash, created_at=now)
                tx.users.add(user)
            if any(one.organization_id == organization_id for one in tx.users.memberships(user.id)):
                raise Conflict(f"{address} belongs to this organization already.", code="already_exists")
            tx.memberships.add(
                Membership(
                    id=new_id("mem"), organization_id=organization_id, user_id=user.id, role=role, created_at=now
                )
            )
            return user

        return await self._store.write(unit)

    async def set_password(self, email: str, password: str) -> User:
        """Return the user with a new password; every token and device of theirs is signed out."""
        address = clean_email(email)
        password_hash = await self._hash(clean_password(password))

        def unit(tx: Transaction) -> User:
            user = tx.users.by_email(address)
            if user is None:
                raise NotFound("user", address)
            user = replace(user, password_hash=password_hash)
            tx.users.put(user)
            tx.keys.revoke_of_user(user.id, self._clock.now())
            return user

        return await self._store.write(unit)

    async def memberships(self, user_id: str) -> list[Membership]:
        """Return what the user belongs to, oldest first."""
        return await self._store.read(lambda tx: tx.users.memberships(user_id))

    async def emails(self, organization_id: str) -> dict[str, str]:
        """Return the addresses of an organization's people by their ids."""
        return await self._store.read(lambda tx: tx.users.emails(organization_id))

    async def login(
        self, email: str, password: str, *, organization_id: str | None = None, source: str | None = None
    ) -> IssuedToken:
        """Return a token for a right password; see `recognize`."""
        user = await self.recognize(email, password, source=source)
        return await self.issue_token(user.email, organization_id=organization_id)

    async def recognize(self, email: str, password: str, *, source: str | None = None) -> User:
        """Return who has this password; NotAuthenticated for a wrong one, LimitExceeded for guessing.

        `source` is the caller's address, where it is known: it is throttled like the e-mail. An unknown e-mail takes as
        long as a known one and is answered alike.
        """
        address = email.strip().lower()[:_NAME_LENGTH_MAX]
        now = self._clock.now()
        names = [f"email {address}", *([f"source {source}"] if source else [])]
        for name in names:
            self._throttle.attempt(name, now)
        user = await self._store.read(lambda tx: tx.users.by_email(address))
        if user is None and not self._no_user_hash:
            self._no_user_hash = await self._hash("nobody has this password")
        is_right = await self._verify(user.password_hash if user else self._no_user_hash, password)
        if user is None or not is_right:
            raise NotAuthenticated("E-mail or password is wrong.", code="wrong_login")
        for name in names:
            self._throttle.succeeded(name)
        return user

    async def issue_token(
        self, email: str, *, organization_id: str | None = None, lifetime_s: float | None = None
    ) -> IssuedToken:
        """Return a token for a user in one of their organizations (None: the one they joined first), unasked.

        NotFound for an unknown user, NotPermitted is never raised: an organization they do not belong to is NotFound.
        """
        address = clean_email(email)

        def unit(tx: Transaction) -> tuple[User, Membership]:
            user = tx.users.by_email(address)
            if user is None:
                raise NotFound("user", address)
            for one in tx.users.memberships(user.id):
                if organization_id in (None, one.organization_id):
                    return user, one
            raise NotFound("organization", organization_id or "")

        user, membership = await self._store.read(unit)
        lifetime = lifetime_s or self._token_lifetime_s
        expires_at = self._clock.now() + timedelta(seconds=lifetime)
        claims: JSONObject = {
            "use": "user",
            "sub": user.id,
            "email": user.email,
            "org": membership.organization_id,
            "role": membership.role,
            "pw": password_mark(user),
        }
        return IssuedToken(
            token=self._tokens.issue(claims, lifetime),
            expires_at=expires_at,
            user_id=user.id,
            email=user.email,
            organization_id=membership.organization_id,
            role=membership.role,
        )

    async def _hash_for(self, known: User | None, password: str | None) -> str:
        if known is None:
            if password is None:
                raise InvalidRequest("A new user needs a password.", code="password_missing")
            return await self._hash(clean_password(password))
        if password and not await self._verify(known.password_hash, password):
            raise Conflict(
                f"{known.email} exists with another password; leave it out to add them to the organization.",
                code="already_exists",
            )
        return known.password_hash

    async def _hash(self, password: str) -> str:
        return await self._bounded(partial(self._passwords.hash, _normal(password)))

    async def _verify(self, password_hash: str, password: str) -> bool:
        if len(password) > PASSWORD_LENGTH_MAX:
            return False
        return await self._bounded(partial(self._passwords.verify, password_hash, _normal(password)))

    async def _bounded(self, work: partial[R]) -> R:
        if self._hashes.statistics().tasks_waiting >= _HASHES_WAITING_MAX:
            raise LimitExceeded("Too many logins at once.", code="busy", retry_after_s=2.0)
        return await anyio.to_thread.run_sync(work, limiter=self._hashes)


def password_mark(user: User) -> str:
    """Return what a token carries of the password: it changes with the password and tells nothing about it."""
    return hashlib.sha256(user.password_hash.encode()).hexdigest()[:16]


def clean_email(email: str) -> str:
    """Return the address as it is stored (lower case); InvalidRequest when it cannot be one."""
    address = email.strip().lower()
    name, at, domain = address.rpartition("@")
    if not (at and name and domain) or len(address) > 254 or "@" in name or any(c.isspace() for c in address):
        raise InvalidRequest(f"{email!r} is no e-mail address.", code="invalid_email")
    return address


def clean_name(name: str) -> str:
    """Return a name without space around it; InvalidRequest when nothing or more than 200 characters are left."""
    cleaned = name.strip()
    if not cleaned or len(cleaned) > _NAME_LENGTH_MAX or not cleaned.isprintable():
        raise InvalidRequest("A name has 1 to 200 printable characters.", code="invalid_name")
    return cleaned


def clean_password(password: str) -> str:
    """Return the password; InvalidRequest when it is shorter than 8 or longer than 1,000 characters."""
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise InvalidRequest("A password has 8 to 1,000 characters.", code="invalid_password")
    return password


def _normal(password: str) -> str:
    # The same keys give different code points on different systems (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)
