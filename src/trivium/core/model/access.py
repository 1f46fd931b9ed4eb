"""Who may do what: principals, keys, scopes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from trivium.core.model.organizations import Role

KeyKind = Literal["wabee", "wisebot", "wizchat"]
PrincipalKind = Literal["key", "user", "visitor", "client", "system"]

# What a principal may be allowed to do. Each contract maps its own scope strings to these.
AREAS = ("agents", "documents", "videos", "domains", "mcp", "skills", "security")
SCOPES = frozenset({f"{area}:{verb}" for area in AREAS for verb in ("read", "write")} | {"deploy", "analytics:read"})


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A secret string given to a program; only its hash is kept. `agent_ids` None means every agent."""

    id: str
    organization_id: str
    kind: KeyKind
    name: str
    prefix: str
    last_four: str
    secret_hash: str
    created_at: datetime
    scopes: tuple[str, ...] = ()
    agent_ids: tuple[str, ...] | None = None
    rate_limit_per_min: int | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Principal:
    """The caller of a use case, as far as the core needs to know it."""

    organization_id: str
    kind: PrincipalKind
    id: str
    name: str = ""
    role: Role | None = None
    key_kind: KeyKind | None = None
    scopes: frozenset[str] = frozenset()
    agent_ids: frozenset[str] | None = None
    rate_limit_per_min: int | None = None
