"""Signing in a machine without giving it a password: a person approves what it asks for (RFC 8628)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trivium.core.errors import Gone, InvalidRequest, LimitExceeded, NotAuthenticated, NotFound, NotPermitted
from trivium.core.model.access import ApiKey, Principal
from trivium.core.model.devices import DeviceRequest
from trivium.core.model.ids import new_id
from trivium.core.model.organizations import Role
from trivium.core.ports import Clock, Store, Tokens, Transaction
from trivium.core.services.accounts import Accounts, clean_name, password_mark
from trivium.core.services.device_keys import Person, add_device, lower_role, person
from trivium.core.services.keys import hash_secret
from trivium.core.services.limits import LoginThrottle

LIFETIME_S = 600
INTERVAL_S = 5
_INTERVAL_S_MAX = 60
OPEN_MAX = 1000
OPEN_PER_SOURCE_MAX = 20
# A request that is over is kept for a while, to say what became of it.
_REMEMBERED = timedelta(hours=1)
# RFC 8628, 6.1: consonants only, so that no code spells a word; 8 of 20 are 34 bits.
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 8
_TEXT_MAX = 200


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A new request with its codes: one for the machine, one for a person to type (`BCDF-GHJK`)."""

    request: DeviceRequest
    device_code: str
    user_code: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An organization in which a person may approve, and what the machine would be there."""

    organization_id: str
    organization_name: str
    role: Role


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """A request before somebody who has just given their password; the ticket lets them answer it."""

    request: DeviceRequest
    ticket: str
    email: str
    choices: Sequence[Choice]


class DeviceLogins:
    """Requests of machines, from the first call to the key. Only hashes of codes and keys are stored."""

    def __init__(self, *, store: Store, clock: Clock, tokens: Tokens, accounts: Accounts) -> None:
        self._store = store
        self._clock = clock
        self._tokens = tokens
        self._accounts = accounts
        self._guesses = LoginThrottle()

    async def ask(self, *, program: str, name: str = "", source: str = "", role: Role | None = None) -> Asked:
        """Return a new request, open for 10 minutes.

        LimitExceeded (`too_many_requests`) while 1,000 are open, 20 of them from this source; InvalidRequest for names
        that cannot be shown.
        """
        device_code, user_code = secrets.token_urlsafe(32), "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        now = self._clock.now()
        program = clean_name(program)
        request = DeviceRequest(
            id=new_id("dev"),
            code_hash=hash_secret(device_code),
            user_code_hash=hash_secret(user_code),
            program=program,
            name=clean_name(name) if name else program,
            source=source[:_TEXT_MAX],
            created_at=now,
            expires_at=now + timedelta(seconds=LIFETIME_S),
            interval_s=INTERVAL_S,
            role=role,
        )

        def unit(tx: Transaction) -> None:
            tx.device_requests.forget(now - _REMEMBERED)
            if (
                tx.device_requests.open_count(now) >= OPEN_MAX
                or tx.device_requests.open_count(now, source=request.source) >= OPEN_PER_SOURCE_MAX
            ):
                raise LimitExceeded("Too many sign-ins are open.", code="too_many_requests", retry_after_s=60.0)
            tx.device_requests.add(request)

        await self._store.write(unit)
        return Asked(request=request, device_code=device_code, user_code=shown_code(user_code))

    async def poll(self, device_code: str) -> tuple[ApiKey, str]:
        """Return the key and its secret, once.

        InvalidRequest with code `authorization_pending`, `slow_down` (from now on wait 5 s more), `access_denied`,
        `expired_token`, or `invalid_grant` for a code that is not known or was used: the key it gave is revoked then,
        because somebody else may have it.
        """
        digest, now = hash_secret(device_code), self._clock.now()

        def unit(tx: Transaction) -> tuple[ApiKey, str] | InvalidRequest:
            request = tx.device_requests.by_code(digest)
            if request is None:
                return InvalidRequest("This device code is not known.", code="invalid_grant")
            if request.status == "claimed":
                _end(tx, request, now)
                return InvalidRequest("This device code was used; its key is revoked.", code="invalid_grant")
            if request.expires_at <= now:
                return InvalidRequest("Nobody approved in time; begin again.", code="expired_token")
            if request.status == "denied":
                return InvalidRequest("The request was denied.", code="access_denied")
            if request.status == "pending":
                return _waiting(tx, request, now)
            who = person(tx, request.user_id or "", request.organization_id or "")
            if who is None:
                return InvalidRequest("Who approved has left the organization.", code="access_denied")
            key, secret = add_device(tx, who, name=request.name, role=request.role or "member", now=now)
            tx.device_requests.put(replace(request, status="claimed", key_id=key.id))
            return key, secret

        found = await self._store.write(unit)
        if isinstance(found, InvalidRequest):
            # Raised here, not inside: what a refusal has to remember must be committed.
            raise found
        return found

    async def show(self, principal: Principal, user_code: str) -> DeviceRequest:
        """Return the open request of a code; NotFound, NotPermitted for no person, LimitExceeded for guessing."""
        return await self._find(_person_id(principal), user_code)

    async def decide(self, principal: Principal, user_code: str, *, is_approved: bool) -> DeviceRequest:
        """Answer a request as a person who is signed in: it gets at most their role, in their organization.

        Gone (`already_decided`) when it was answered before; see `show` for the rest.
        """
        request = await self._find(_person_id(principal), user_code)
        role = principal.role or "member"
        return await self._settle(request.id, principal.id, principal.organization_id, role, is_approved=is_approved)

    async def confirm(self, email: str, password: str, user_code: str, *, source: str | None = None) -> Confirmation:
        """Return what a person is asked to approve, for their password and the code; see `recognize` and `show`."""
        user = await self._accounts.recognize(email, password, source=source)
        request = await self._find(user.id, user_code)
        claims = {"use": "device", "sub": user.id, "request": request.id, "pw": password_mark(user)}
        return Confirmation(
            request=request,
            ticket=self._tokens.issue({**claims}, LIFETIME_S),
            email=user.email,
            choices=await self._choices(user.id, request.role),
        )

    async def settle(self, ticket: str, organization_id: str, *, is_approved: bool) -> DeviceRequest:
        """Answer the request of a ticket. NotAuthenticated for a bad ticket; NotFound for a foreign organization."""
        claims = self._tokens.read(ticket)
        user_id, request_id = claims.get("sub"), claims.get("request")
        if claims.get("use") != "device" or not isinstance(user_id, str) or not isinstance(request_id, str):
            raise NotAuthenticated("This is no ticket.", code="invalid_token")
        who = await self._store.read(lambda tx: person(tx, user_id, organization_id))
        if who is None:
            raise NotFound("organization", organization_id[:100])
        if claims.get("pw") != password_mark(who.user):
            raise NotAuthenticated("Sign in again.", code="invalid_token")
        return await self._settle(request_id, user_id, organization_id, who.role, is_approved=is_approved)

    async def sign_in(
        self, email: str, password: str, *, name: str, organization_id: str | None = None, source: str | None = None
    ) -> tuple[ApiKey, str]:
        """Return a device's key and its secret for a right password; NotFound for a foreign organization."""
        user = await self._accounts.recognize(email, password, source=source)
        name, now = clean_name(name), self._clock.now()

        def unit(tx: Transaction) -> tuple[ApiKey, str]:
            for one in tx.users.memberships(user.id):
                if organization_id in (None, one.organization_id):
                    who = Person(user=user, organization_id=one.organization_id, role=one.role)
                    return add_device(tx, who, name=name, role=one.role, now=now)
            raise NotFound("organization", organization_id or "")

        return await self._store.write(unit)

    async def _choices(self, user_id: str, wanted: Role | None) -> list[Choice]:
        def unit(tx: Transaction) -> list[Choice]:
            found = []
            # A person belongs to few organizations, and looks at this page seldom.
            for one in tx.users.memberships(user_id):
                organization = tx.organizations.get(one.organization_id, one.organization_id)
                role = lower_role(one.role, wanted)
                found.append(Choice(organization_id=organization.id, organization_name=organization.name, role=role))
            return found

        return await self._store.read(unit)

    async def _find(self, user_id: str, user_code: str) -> DeviceRequest:
        now = self._clock.now()
        self._guesses.attempt(user_id, now)
        digest = hash_secret(plain_code(user_code))
        request = await self._store.read(lambda tx: tx.device_requests.by_user_code(digest))
        if request is None or request.expires_at <= now:
            raise NotFound("device_request", message="No machine asks with this code, or no longer.")
        self._guesses.was_right(user_id)
        _refuse_decided(request)
        return request

    async def _settle(
        self, request_id: str, user_id: str, organization_id: str, role: Role, *, is_approved: bool
    ) -> DeviceRequest:
        now = self._clock.now()

        def unit(tx: Transaction) -> DeviceRequest:
            request = tx.device_requests.by_id(request_id)
            if request is None or request.expires_at <= now:
                raise NotFound("device_request", message="The request is no longer open.")
            _refuse_decided(request)
            decided = replace(
                request,
                status="approved" if is_approved else "denied",
                user_id=user_id,
                organization_id=organization_id,
                role=lower_role(role, request.role),
            )
            tx.device_requests.put(decided)
            return decided

        return await self._store.write(unit)


def plain_code(text: str) -> str:
    """Return the letters of a code as a person types it: in any case, with any signs between."""
    return "".join(letter for letter in text[:_TEXT_MAX].upper() if letter.isalpha())


def shown_code(code: str) -> str:
    """Return a code in two halves, as it is read and typed."""
    return f"{code[:4]}-{code[4:]}"


def _person_id(principal: Principal) -> str:
    if principal.kind != "user":
        raise NotPermitted("Only a person can sign in a machine.", code="not_a_person")
    return principal.id


def _refuse_decided(request: DeviceRequest) -> None:
    if request.status != "pending":
        done = "denied" if request.status == "denied" else "approved"
        raise Gone(f"This request was {done} already.", code="already_decided")


def _waiting(tx: Transaction, request: DeviceRequest, now: datetime) -> InvalidRequest:
    is_early = request.polled_at is not None and now - request.polled_at < timedelta(seconds=request.interval_s)
    interval_s = min(request.interval_s + INTERVAL_S, _INTERVAL_S_MAX) if is_early else request.interval_s
    tx.device_requests.put(replace(request, polled_at=now, interval_s=interval_s))
    if is_early:
        return InvalidRequest(f"Ask every {interval_s} seconds.", code="slow_down", details={"interval_s": interval_s})
    return InvalidRequest("Nobody has answered yet.", code="authorization_pending")


def _end(tx: Transaction, request: DeviceRequest, now: datetime) -> None:
    key = tx.keys.by_id(request.key_id or "")
    if key is not None and key.revoked_at is None:
        tx.keys.put(replace(key, revoked_at=now))
