"""Who may do what: principals, keys, scopes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from trivium.core.model.budgets import Budget
from trivium.core.model.organizations import Organization, Role

ProgramKeyKind = Literal["wabee", "wisebot", "wizchat"]
KeyKind = Literal["wabee", "wisebot", "wizchat", "device"]
PrincipalKind = Literal["key", "user", "visitor", "client", "system"]
# How a caller showed who it is: a key of some kind, or that of somebody who signed in (a token, a device's key).
CredentialKind = Literal["wabee", "wisebot", "wizchat", "user"]

# A secret starts with the prefix of its kind, so that a contract knows it at a glance and a scanner finds a leak.
KEY_PREFIXES: dict[KeyKind, str] = {
    "wabee": "wab_live_",
    "wisebot": "wb_live_",
    "wizchat": "wpk_live_",
    "device": "tdk_live_",
}

# What a principal may be allowed to do. Each contract maps its own scope strings to these.
AREAS = ("agents", "documents", "videos", "domains", "mcp", "skills", "security", "workflows")
SCOPES = frozenset({f"{area}:{verb}" for area in AREAS for verb in ("read", "write")} | {"deploy", "analytics:read"})

# A member looks at everything but security and looks after the files; what agents are and who may do what is for
# admins; an owner differs from an admin by what asks for the role itself.
ROLE_SCOPES: dict[Role, frozenset[str]] = {
    "owner": SCOPES,
    "admin": SCOPES,
    "member": frozenset(scope for scope in SCOPES if scope.endswith(":read") and scope != "security:read")
    | {"documents:write", "videos:write"},
}


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A secret string given to a program; only its hash is kept. `agent_ids` None means every agent.

    One of kind "device" stands for a person (`user_id`) on one of their machines, with at most the role `role` and
    never more than what the person may do by now.
    """

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
    budgets: tuple[Budget, ...] = ()
    user_id: str | None = None
    role: Role | None = None


@dataclass(frozen=True, kw_only=True)
class Principal:
    """The caller of a use case, as far as the core needs to know it.

    `id` is the key's, user's or visitor's. A visitor pass is a principal of kind "visitor" that names its agent and, if
    it is good for one conversation only, that conversation. `key_id` is the API key that pays, when there is one.
    """

    organization_id: str
    kind: PrincipalKind
    id: str
    name: str = ""
    role: Role | None = None
    key_kind: KeyKind | None = None
    scopes: frozenset[str] = frozenset()
    agent_ids: frozenset[str] | None = None
    rate_limit_per_min: int | None = None
    budgets: tuple[Budget, ...] = ()
    conversation_id: str | None = None
    key_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What somebody signs in with, as it may be shown to them; `key_id` None: a token that is not stored."""

    principal: Principal
    kind: KeyKind | Literal["token"]
    organization: Organization
    expires_at: datetime | None
    key_id: str | None = None
    key_name: str = ""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How many calls a key has left in the running minute; `reset_s` is when all of them are back."""

    limit: int
    remaining: int
    reset_s: int


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    """A token that stands for a user in one organization until it expires."""

    token: str
    expires_at: datetime
    user_id: str
    email: str
    organization_id: str
    role: Role
