"""Who may talk with an agent: its keys and tokens for visitors, its lists of people, the sites that embed it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from trivium.core.errors import NotAuthenticated, NotPermitted
from trivium.core.model.agents import Agent
from trivium.core.model.json import JSONObject
from trivium.core.model.protection import AccessList
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.agent_keys import AgentKeys
from trivium.core.services.visitor_tokens import read_visitor_token

# Secrets of one owner by name: (transaction, organization_id, agent_id, owner_id).
Reveal = Callable[[Transaction, str, str, str], dict[str, str]]

_TOKEN = "token"  # noqa: S105 - a word
_KEY = "key:"
_SECRET_NAME = "jwt_secret"  # noqa: S105 - a name
_SITES_FRESH = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a visitor brings: a key or token of the agent, or an e-mail that the organization's program vouches for."""

    app_key: str | None = None
    token: str | None = None
    email: str | None = None


@dataclass(frozen=True, kw_only=True)
class Admission:
    """What a proof has shown. `by` is "token" or "key:ID" when it opens the agent's gate; `email` is proven."""

    by: str | None = None
    email: str | None = None


class Gate:
    """Reads proofs and keeps an agent's rules; what is not known to be allowed is refused."""

    def __init__(self, *, store: Store, clock: Clock, keys: AgentKeys, reveal: Reveal) -> None:
        self._store = store
        self._clock = clock
        self.keys = keys
        self._reveal = reveal
        self._sites: frozenset[str] = frozenset()
        self._sites_at: datetime | None = None

    async def admit(self, organization_id: str, agent_id: str, proof: Proof) -> Admission:
        """Return what the proof shows; NotPermitted (`visitor_refused`) for a key or token that is not the agent's."""
        email = clean_address(proof.email)
        if proof.token is not None:
            claims = await self._claims(organization_id, agent_id, proof.token)
            return Admission(by=_TOKEN, email=claims or email)
        if proof.app_key is not None:
            try:
                key = await self.keys.recognize(proof.app_key, "visitor")
            except NotAuthenticated as error:
                raise NotPermitted("The visitor's key is not good.", code="visitor_refused") from error
            if (key.organization_id, key.agent_id) != (organization_id, agent_id):
                raise NotPermitted("The visitor's key is not good.", code="visitor_refused")
            return Admission(by=_KEY + key.id, email=email)
        return Admission(email=email)

    def check(self, tx: Transaction, agent: Agent, *, by: str | None, visitor_id: str) -> tuple[str, ...]:
        """Return the sites that may embed the agent (none: not limited) for a visitor who may talk with it.

        `by` is what opened the gate for them. NotPermitted: `gate_closed` without a key or token where the gate is on,
        and see `check_person`.
        """
        protection = _settings(agent, "access_protection")
        if protection.get("enabled") is True and not self._opens(tx, agent, protection, by):
            raise NotPermitted("A key or a token of this agent is needed.", code="gate_closed")
        lists = tx.access_lists.first(agent.organization_id, id=agent.id)
        if _is_for_known(agent, lists):
            visitor = tx.visitors.first(agent.organization_id, id=visitor_id)
            _require_listed(lists, visitor.email if visitor is not None and visitor.is_authenticated else None)
        return () if lists is None else lists.embed_domains

    def check_person(self, tx: Transaction, agent: Agent, email: str | None) -> None:
        """Raise NotPermitted unless the agent's lists have this proven e-mail.

        `sign_in_required` for nobody in particular where the agent wants to know who asks or has a list,
        `not_on_the_list` for others. An empty list restricts nobody.
        """
        lists = tx.access_lists.first(agent.organization_id, id=agent.id)
        if _is_for_known(agent, lists):
            _require_listed(lists, email)

    async def embeds(self, origin: str) -> bool:
        """Return whether some agent may be embedded in this site, as of at most 5 seconds ago."""
        now = self._clock.now()
        if self._sites_at is None or not timedelta() <= now - self._sites_at < _SITES_FRESH:
            self._sites_at = now
            self._sites = await self._store.read(lambda tx: tx.access_lists.sites())
        return is_site(origin, self._sites)

    async def _claims(self, organization_id: str, agent_id: str, token: str) -> str | None:
        """Return the e-mail that a good token names, if any."""

        def unit(tx: Transaction) -> tuple[JSONObject, str | None]:
            agent = tx.agents.get(organization_id, agent_id)
            secrets = self._reveal(tx, organization_id, agent_id, agent_id)
            return _jwt(_settings(agent, "access_protection")), secrets.get(_SECRET_NAME)

        jwt, secret = await self._store.read(unit)
        if jwt.get("enabled") is not True or secret is None:
            raise NotPermitted("This agent takes no tokens of visitors.", code="visitor_refused")
        claims = read_visitor_token(token, secret, self._clock.now())
        email = claims.get(str(jwt.get("email_claim") or "email"))
        return clean_address(email) if isinstance(email, str) else None

    def _opens(self, tx: Transaction, agent: Agent, protection: JSONObject, by: str | None) -> bool:
        if by == _TOKEN:
            return _jwt(protection).get("enabled") is True
        if by is None or not by.startswith(_KEY):
            return False
        key = tx.agent_keys.first(agent.organization_id, id=by.removeprefix(_KEY), agent_id=agent.id)
        return key is not None and key.revoked_at is None


def is_site(origin: str, sites: Sequence[str] | frozenset[str]) -> bool:
    """Return whether a browser's `Origin` is one of these sites: `example.com`, `*.example.com`, `localhost:3000`.

    A site without a port stands for every port of it; `*.` for every name below.
    """
    try:
        parts = urlsplit(origin.strip().lower())
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    names = [host, *(f"*.{host.split('.', number)[-1]}" for number in range(1, host.count(".") + 1))]
    return any(name in sites or (port is not None and f"{name}:{port}" in sites) for name in names)


def clean_address(email: str | None) -> str | None:
    """Return an e-mail in lower case; None for what is none."""
    address = (email or "").strip().lower()
    name, at, domain = address.rpartition("@")
    is_address = at and name and domain and len(address) <= 254 and not any(char.isspace() for char in address)
    return address if is_address else None


def _is_for_known(agent: Agent, lists: AccessList | None) -> bool:
    return agent.requires_auth or (lists is not None and bool(lists.emails or lists.email_domains))


def _require_listed(lists: AccessList | None, email: str | None) -> None:
    if email is None:
        raise NotPermitted("This agent answers only people it knows by e-mail.", code="sign_in_required")
    if lists is None or not (lists.emails or lists.email_domains):
        return
    if email not in lists.emails and email.rpartition("@")[2] not in lists.email_domains:
        raise NotPermitted("This agent is not open to this e-mail.", code="not_on_the_list")


def _settings(agent: Agent, name: str) -> JSONObject:
    value = agent.settings.get(name)
    return value if isinstance(value, dict) else {}


def _jwt(protection: JSONObject) -> JSONObject:
    value = protection.get("jwt")
    return value if isinstance(value, dict) else {}
