"""Programs that sign in for themselves: the client-credentials grant."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from trivium.core.errors import InvalidRequest, NotAuthenticated, NotFound
from trivium.core.model.access import SCOPES, Principal
from trivium.core.model.clients import OAuthClient
from trivium.core.model.ids import new_id
from trivium.core.ports import Clock, Store, Tokens, Transaction

TOKEN_LIFETIME_S = 3600
_SECRET_PREFIX = "ocs_"  # noqa: S105 - the start of every secret, not one
_CLIENTS_MAX = 1000
# A program that is busy is noted once a minute, not at every call.
_TOUCH_EVERY = timedelta(seconds=60)


class OAuth:
    """Registers programs and gives them tokens. A revoked program's tokens stop working at once."""

    def __init__(self, *, store: Store, clock: Clock, tokens: Tokens) -> None:
        self._store = store
        self._clock = clock
        self._tokens = tokens

    async def create(
        self,
        organization_id: str,
        *,
        name: str,
        scopes: Sequence[str],
        agent_ids: Sequence[str] | None = None,
    ) -> tuple[OAuthClient, str]:
        """Return a new client and its secret, which is kept as a hash only. InvalidRequest for an unknown scope."""
        unknown = sorted(set(scopes) - SCOPES)
        if unknown:
            raise InvalidRequest(f"{unknown[0]} is no scope.", code="invalid_scope")
        if not name.strip() or len(name) > 200:
            raise InvalidRequest("A client needs a name of at most 200 characters.")
        secret = _SECRET_PREFIX + secrets.token_urlsafe(32)
        client = OAuthClient(
            id=new_id("occ"),
            organization_id=organization_id,
            name=name,
            secret_hash=_hash(secret),
            created_at=self._clock.now(),
            scopes=tuple(sorted(set(scopes))),
            agent_ids=None if agent_ids is None else tuple(agent_ids),
        )

        def unit(tx: Transaction) -> None:
            if tx.oauth_clients.count(organization_id) >= _CLIENTS_MAX:
                raise InvalidRequest(f"There are {_CLIENTS_MAX} clients already.")
            for agent_id in client.agent_ids or ():
                tx.agents.get(organization_id, agent_id)
            tx.oauth_clients.add(client)

        await self._store.write(unit)
        return client, secret

    async def find(self, organization_id: str) -> list[OAuthClient]:
        """Return all clients, oldest first, revoked ones included."""
        return await self._store.read(lambda tx: tx.oauth_clients.find(organization_id, limit=_CLIENTS_MAX))

    async def get(self, organization_id: str, client_id: str) -> OAuthClient:
        """Return a client; NotFound."""
        client = await self._store.read(lambda tx: tx.oauth_clients.first(organization_id, id=client_id))
        if client is None:
            raise NotFound("oauth_client", client_id)
        return client

    async def revoke(self, organization_id: str, client_id: str) -> None:
        """End a client and all its tokens; safe to repeat. NotFound."""
        now = self._clock.now()

        def unit(tx: Transaction) -> None:
            client = tx.oauth_clients.first(organization_id, id=client_id)
            if client is None:
                raise NotFound("oauth_client", client_id)
            if client.revoked_at is None:
                tx.oauth_clients.put(replace(client, revoked_at=now))

        await self._store.write(unit)

    async def token(self, client_id: str, secret: str, *, scope: str | None = None) -> tuple[str, int, tuple[str, ...]]:
        """Return (token, lifetime in seconds, scopes) for a right secret.

        NotAuthenticated with code `invalid_client`; InvalidRequest with code `invalid_scope` for more than was
        registered.
        """
        client = await self._store.read(lambda tx: tx.oauth_clients.by_id(client_id))
        expected = client.secret_hash if client is not None else _hash("")
        is_right = hmac.compare_digest(_hash(secret), expected)
        if client is None or not is_right or client.revoked_at is not None:
            raise NotAuthenticated("The client or its secret is not known.", code="invalid_client")
        granted = client.scopes if not scope else tuple(sorted(set(scope.split())))
        beyond = sorted(set(granted) - set(client.scopes))
        if beyond:
            raise InvalidRequest(
                f"The client may not ask for {beyond[0]}.", code="invalid_scope", details={"scope": beyond[0]}
            )
        claims = {"use": "client", "sub": client.id, "org": client.organization_id, "scope": " ".join(granted)}
        token = self._tokens.issue({**claims}, TOKEN_LIFETIME_S)
        await self._touch(client, self._clock.now())
        return token, TOKEN_LIFETIME_S, granted

    async def authenticate(self, token: str) -> Principal | None:
        """Return the program a token stands for; None when it is no token of a program.

        NotAuthenticated when it has expired or its client was revoked.
        """
        if token.count(".") != 2:
            return None
        claims = self._tokens.read(token)
        client_id = claims.get("sub")
        if claims.get("use") != "client" or not isinstance(client_id, str):
            return None
        client = await self._store.read(lambda tx: tx.oauth_clients.by_id(client_id))
        if client is None or client.revoked_at is not None:
            raise NotAuthenticated("This token's client was revoked.", code="invalid_token")
        await self._touch(client, self._clock.now())
        granted = frozenset(str(claims.get("scope") or "").split())
        return Principal(
            organization_id=client.organization_id,
            kind="client",
            id=client.id,
            name=client.name,
            scopes=granted & frozenset(client.scopes),
            agent_ids=None if client.agent_ids is None else frozenset(client.agent_ids),
        )

    async def _touch(self, client: OAuthClient, now: datetime) -> None:
        if client.last_used_at is not None and now - client.last_used_at < _TOUCH_EVERY:
            return

        def unit(tx: Transaction) -> None:
            current = tx.oauth_clients.by_id(client.id)
            if current is not None:
                tx.oauth_clients.put(replace(current, last_used_at=now))

        await self._store.write(unit)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
