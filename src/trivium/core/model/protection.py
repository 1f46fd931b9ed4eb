"""Who may reach an agent: rosters, its own keys and the secrets it keeps."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

AgentKeyPurpose = Literal["visitor", "external"]


@dataclass(frozen=True, kw_only=True)
class AccessList:
    """People and sites an agent is open to, in lower case and sorted; `id` is the agent's. Empty: no restriction."""

    id: str
    organization_id: str
    emails: tuple[str, ...] = ()
    email_domains: tuple[str, ...] = ()
    embed_domains: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AgentKey:
    """A key that opens one agent and nothing else: for its visitors, or for programs that put questions to it."""

    id: str
    organization_id: str
    agent_id: str
    purpose: AgentKeyPurpose
    name: str
    prefix: str
    secret_hash: str
    created_at: datetime
    description: str | None = None
    usage_count: int = 0
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class AgentSecret:
    """A secret of an agent, sealed. `owner_id` is a tool server's id, the agent's own for what belongs to itself, or
    `tools_owner` for what its custom tools name.

    `fingerprint` changes when the secret does and tells nothing about it: it is keyed with `salt`, which never leaves.
    """

    id: str
    organization_id: str
    agent_id: str
    owner_id: str
    name: str
    sealed: str
    fingerprint: str
    salt: str
    created_at: datetime
    updated_at: datetime


def tools_owner(agent_id: str) -> str:
    """Return the owner of the secrets that an agent's custom tools may name; they reach no others."""
    return f"{agent_id}/tools"
