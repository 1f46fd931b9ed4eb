"""Keys that open one agent: for its visitors, and for programs that put questions to it."""

import hashlib
import secrets
from dataclasses import replace

from trivium.core.errors import Conflict, InvalidRequest, NotAuthenticated, NotFound
from trivium.core.model.ids import new_id
from trivium.core.model.protection import AgentKey, AgentKeyPurpose
from trivium.core.ports import Clock, Store, Transaction

PREFIXES: dict[AgentKeyPurpose, str] = {"visitor": "wak_live_", "external": "wek_live_"}
_SHOWN = 4
_KEYS_MAX = 1_000


class AgentKeys:
    """Makes, lists, revokes and recognizes keys of agents. Only hashes are kept."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(
        self,
        organization_id: str,
        agent_id: str,
        *,
        purpose: AgentKeyPurpose,
        name: str,
        description: str | None = None,
    ) -> tuple[AgentKey, str]:
        """Return a new key and its secret, which cannot be shown again. NotFound for the agent, InvalidRequest."""
        if not name.strip() or len(name) > 200 or len(description or "") > 2000:
            raise InvalidRequest("A key needs a name of at most 200 characters, and a short description.")
        secret = PREFIXES[purpose] + secrets.token_urlsafe(32)
        key = AgentKey(
            id=new_id("key"),
            organization_id=organization_id,
            agent_id=agent_id,
            purpose=purpose,
            name=name,
            prefix=secret[: len(PREFIXES[purpose]) + _SHOWN],
            secret_hash=_hash(secret),
            created_at=self._clock.now(),
            description=description,
        )

        def unit(tx: Transaction) -> None:
            tx.agents.get(organization_id, agent_id)
            if tx.agent_keys.count(organization_id, agent_id=agent_id) >= _KEYS_MAX:
                raise Conflict(f"An agent has at most {_KEYS_MAX} keys.", code="too_many_keys")
            tx.agent_keys.add(key)

        await self._store.write(unit)
        return key, secret

    async def find(self, organization_id: str, agent_id: str, purpose: AgentKeyPurpose) -> list[AgentKey]:
        """Return the keys of an agent, oldest first, revoked ones included; NotFound for the agent."""

        def unit(tx: Transaction) -> list[AgentKey]:
            tx.agents.get(organization_id, agent_id)
            return tx.agent_keys.find(organization_id, agent_id=agent_id, purpose=purpose, limit=_KEYS_MAX)

        return await self._store.read(unit)

    async def revoke(self, organization_id: str, agent_id: str, key_id: str, *, purpose: AgentKeyPurpose) -> None:
        """End a key at once; safe to repeat. NotFound(kind="key")."""
        now = self._clock.now()

        def unit(tx: Transaction) -> None:
            key = tx.agent_keys.first(organization_id, id=key_id, agent_id=agent_id, purpose=purpose)
            if key is None:
                raise NotFound("key", key_id)
            if key.revoked_at is None:
                tx.agent_keys.put(replace(key, revoked_at=now))

        await self._store.write(unit)

    async def recognize(self, secret: str, purpose: AgentKeyPurpose) -> AgentKey:
        """Return the key with this secret and count the use; NotAuthenticated for an unknown or revoked one."""
        digest = _hash(secret)
        key = await self._store.read(lambda tx: tx.agent_keys.by_hash(digest))
        if key is None or key.purpose != purpose:
            raise NotAuthenticated("This key is not known.", code="invalid_key")
        if key.revoked_at is not None:
            raise NotAuthenticated("This key was revoked.", code="revoked_key")
        now = self._clock.now()

        def unit(tx: Transaction) -> None:
            current = tx.agent_keys.by_hash(digest)
            if current is not None:
                tx.agent_keys.put(replace(current, usage_count=current.usage_count + 1, last_used_at=now))

        await self._store.write(unit)
        return key


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
