"""Secrets of an agent: written, never read back; a fingerprint shows that one has changed without showing it."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from trivium.core.errors import InvalidRequest, LimitExceeded, NotFound
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent
from trivium.core.model.capabilities import McpServer
from trivium.core.model.ids import new_id
from trivium.core.model.protection import AgentSecret, tools_owner
from trivium.core.ports import Clock, Seal, Store, Transaction
from trivium.core.reconcile import checks
from trivium.core.reconcile.sections import discovery_job
from trivium.core.reconcile.service import Configs

JWT_SECRET = "jwt_secret"  # noqa: S105 - a name
VALUE_CHARS_MAX = 16_384
_SECRETS_MAX = 10_000
_PER_CALL_MAX = 200


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a secret belongs: to a tool server (by name), or to the agent itself (`server` None)."""

    server: str | None
    name: str


@dataclass(frozen=True, kw_only=True)
class SecretChange:
    """What a write does to one secret; `fingerprint` is the one after it, None for one that is gone."""

    place: Place
    action: Literal["noop", "create", "update", "delete"]
    fingerprint: str | None
    updated_at: datetime | None = None


class Secrets:
    """Keeps secrets sealed. A write that changes one leaves a revision with the fingerprints."""

    def __init__(self, *, store: Store, clock: Clock, seal: Seal, configs: Configs) -> None:
        self._store = store
        self._clock = clock
        self._seal = seal
        self._configs = configs

    async def find(self, principal: Principal, agent_id: str) -> list[SecretChange]:
        """Return every secret's place and fingerprint, as noops. Needs `security:read`."""
        checks.require_agent(principal, agent_id)
        checks.require_sections(principal, ["access_protection"], is_write=False)

        def unit(tx: Transaction) -> list[SecretChange]:
            agent = tx.agents.get(principal.organization_id, agent_id)
            names = {server.id: server.name for server in _servers(tx, agent).values()}
            return [
                SecretChange(
                    place=Place(server=names.get(secret.owner_id), name=secret.name),
                    action="noop",
                    fingerprint=secret.fingerprint,
                    updated_at=secret.updated_at,
                )
                for secret in _stored(tx, agent)
                if secret.owner_id != tools_owner(agent.id)
            ]

        return await self._store.read(unit)

    async def put(
        self, principal: Principal, agent_id: str, values: Mapping[Place, str | None], *, is_dry_run: bool = False
    ) -> list[SecretChange]:
        """Write secrets (None deletes); return what each write does, in the order given.

        Needs `security:write` for the agent's own, `mcp:write` for tool servers'; the read scopes for a dry run.
        The same value again is a noop, so a caller who holds the secret sees whether it has changed.
        """
        checks.require_agent(principal, agent_id)
        sections = {"mcp_servers" if place.server is not None else "access_protection" for place in values}
        checks.require_sections(principal, sections, is_write=not is_dry_run)
        _check(values)
        now = self._clock.now()
        planned = await self._store.read(
            lambda tx: self._plan(tx, tx.agents.get(principal.organization_id, agent_id), values)
        )
        if is_dry_run or all(change.action == "noop" for change in planned):
            return planned

        def unit(tx: Transaction, agent: Agent) -> tuple[Agent, list[SecretChange]]:
            return agent, self._write(tx, agent, values, now)

        return await self._configs.write(principal, agent_id, unit, cause="secrets")

    async def tool_secrets(self, principal: Principal, agent_id: str) -> list[AgentSecret]:
        """Return the secrets of the agent's custom tools, sealed as they are; NotFound."""
        checks.require_agent(principal, agent_id)

        def unit(tx: Transaction) -> list[AgentSecret]:
            agent = tx.agents.get(principal.organization_id, agent_id)
            return [secret for secret in _stored(tx, agent) if secret.owner_id == tools_owner(agent_id)]

        return await self._store.read(unit)

    async def put_tool_secret(
        self, principal: Principal, agent_id: str, name: str, value: str | None
    ) -> AgentSecret | None:
        """Write a secret that custom tools name, or delete it (None); return it as it is kept. Leaves a revision.

        NotFound for an agent, or a secret to delete, that is not there; LimitExceeded for more than 200.
        """
        checks.require_agent(principal, agent_id)
        _check_secret(name, value)
        now = self._clock.now()

        def unit(tx: Transaction, agent: Agent) -> tuple[Agent, AgentSecret | None]:
            owner_id = tools_owner(agent.id)
            known = tx.agent_secrets.first(agent.organization_id, agent_id=agent.id, owner_id=owner_id, name=name)
            if value is None:
                if known is None:
                    raise NotFound("secret", name)
                tx.agent_secrets.remove(agent.organization_id, known.id)
                return agent, None
            secret = self._sealed(agent, owner_id, name, value, known=known, now=now)
            if known is not None:
                tx.agent_secrets.put(secret)
            elif tx.agent_secrets.count(agent.organization_id, agent_id=agent.id, owner_id=owner_id) >= _PER_CALL_MAX:
                raise LimitExceeded(f"There may be at most {_PER_CALL_MAX} secrets.", code="too_many_secrets")
            else:
                tx.agent_secrets.add(secret)
            return agent, secret

        return await self._configs.write(principal, agent_id, unit, cause="secrets")

    def reveal(self, tx: Transaction, organization_id: str, agent_id: str, owner_id: str) -> dict[str, str]:
        """Return the secrets of one owner by name, for the adapters that use them; never for a caller."""
        found = tx.agent_secrets.find(organization_id, agent_id=agent_id, owner_id=owner_id, limit=_SECRETS_MAX)
        return {secret.name: self._seal.open(secret.sealed, _context(secret.id)) for secret in found}

    def _plan(self, tx: Transaction, agent: Agent, values: Mapping[Place, str | None]) -> list[SecretChange]:
        servers, stored = _servers(tx, agent), {(one.owner_id, one.name): one for one in _stored(tx, agent)}
        changes = []
        for place, value in values.items():
            known = stored.get((_owner(agent, servers, place), place.name))
            if value is None:
                changes.append(
                    SecretChange(place=place, action="noop" if known is None else "delete", fingerprint=None)
                )
                continue
            if known is None:
                changes.append(SecretChange(place=place, action="create", fingerprint=None))
                continue
            fingerprint = _fingerprint(known.salt, value)
            is_same = hmac.compare_digest(fingerprint, known.fingerprint)
            action: Literal["noop", "update"] = "noop" if is_same else "update"
            changes.append(SecretChange(place=place, action=action, fingerprint=fingerprint))
        return changes

    def _write(
        self, tx: Transaction, agent: Agent, values: Mapping[Place, str | None], now: datetime
    ) -> list[SecretChange]:
        servers, stored = _servers(tx, agent), {(one.owner_id, one.name): one for one in _stored(tx, agent)}
        done = []
        for change in self._plan(tx, agent, values):
            place, value = change.place, values[change.place]
            owner_id = _owner(agent, servers, place)
            known = stored.get((owner_id, place.name))
            if change.action == "delete" and known is not None:
                tx.agent_secrets.remove(agent.organization_id, known.id)
            elif change.action in ("create", "update") and value is not None:
                secret = self._sealed(agent, owner_id, place.name, value, known=known, now=now)
                if known is None:
                    tx.agent_secrets.add(secret)
                else:
                    tx.agent_secrets.put(secret)
                change = replace(change, fingerprint=secret.fingerprint, updated_at=now)
            done.append(change)
        for name in {change.place.server for change in done if change.action != "noop"}:
            if name is not None and servers[name].enabled and servers[name].url:
                # Tools may show only to whoever signs in.
                tx.jobs.enqueue(discovery_job(servers[name], now))
        return done

    def _sealed(
        self, agent: Agent, owner_id: str, name: str, value: str, *, known: AgentSecret | None, now: datetime
    ) -> AgentSecret:
        secret_id = known.id if known is not None else new_id("sec")
        salt = known.salt if known is not None else secrets.token_hex(16)
        return AgentSecret(
            id=secret_id,
            organization_id=agent.organization_id,
            agent_id=agent.id,
            owner_id=owner_id,
            name=name,
            sealed=self._seal.close(value, _context(secret_id)),
            fingerprint=_fingerprint(salt, value),
            salt=salt,
            created_at=known.created_at if known is not None else now,
            updated_at=now,
        )


def _check(values: Mapping[Place, str | None]) -> None:
    if len(values) > _PER_CALL_MAX:
        raise InvalidRequest(f"At most {_PER_CALL_MAX} secrets can be written at once.")
    for place, value in values.items():
        _check_secret(place.name, value)
        if place.server is None and place.name != JWT_SECRET:
            raise InvalidRequest(f"There is no secret {place.name!r}.")


def _check_secret(name: str, value: str | None) -> None:
    if value is not None and not 0 < len(value) <= VALUE_CHARS_MAX:
        raise InvalidRequest(f"The secret {name!r} has no value, or more than {VALUE_CHARS_MAX} characters.")
    if not 0 < len(name) <= 200 or not name.isprintable():
        raise InvalidRequest("A secret needs a name of at most 200 characters.")


def _servers(tx: Transaction, agent: Agent) -> dict[str, McpServer]:
    found = tx.mcp_servers.find(agent.organization_id, agent_id=agent.id, limit=_SECRETS_MAX)
    return {server.name: server for server in found}


def _stored(tx: Transaction, agent: Agent) -> list[AgentSecret]:
    return tx.agent_secrets.find(agent.organization_id, agent_id=agent.id, limit=_SECRETS_MAX)


def _owner(agent: Agent, servers: Mapping[str, McpServer], place: Place) -> str:
    if place.server is None:
        return agent.id
    if place.server not in servers:
        raise NotFound("mcp_server", place.server)
    return servers[place.server].id


def _fingerprint(salt: str, value: str) -> str:
    return hmac.new(salt.encode(), value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]


def _context(secret_id: str) -> str:
    return f"agent_secrets/{secret_id}"
