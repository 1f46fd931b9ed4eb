"""Who owns data, and the people who administer it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trivium.core.model.json import JSONObject

Role = Literal["owner", "admin", "member"]


@dataclass(frozen=True, kw_only=True)
class Organization:
    """The boundary of data and billing: nothing is ever read across it."""

    id: str
    name: str
    created_at: datetime
    default_agent_id: str | None = None
    settings: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class User:
    """A person who signs in to the dashboard; may belong to several organizations."""

    id: str
    email: str
    password_hash: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Membership:
    """What a user may do in one organization."""

    id: str
    organization_id: str
    user_id: str
    role: Role
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class ModelAccount:
    """An organization's own account at a model provider; the key is sealed, never readable in the store."""

    id: str
    organization_id: str
    provider: str
    base_url: str
    sealed_key: str | None
    default_model: str | None
    created_at: datetime
