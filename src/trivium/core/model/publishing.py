"""Where an agent can be reached: site addresses and publications."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DomainStatus = Literal["pending", "verified", "failed"]
DeploymentStatus = Literal["pending", "deploying", "deployed", "failed"]


@dataclass(frozen=True, kw_only=True)
class CustomDomain:
    """A site address an owner claims; a TXT record with `challenge` proves it."""

    id: str
    organization_id: str
    agent_id: str
    domain: str
    challenge: str
    created_at: datetime
    status: DomainStatus = "pending"
    checked_at: datetime | None = None
    verified_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The publication of an agent; `id` is the agent's. `version` is the agent's version that was published."""

    id: str
    organization_id: str
    status: DeploymentStatus
    url: str
    version: int
    deployed_at: datetime
    last_deployment_at: datetime
