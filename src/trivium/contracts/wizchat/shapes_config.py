"""The shapes of configuration as code: document, plan, result."""
# The names of the fields are the names on the wire.
# ruff: noqa: N815

from typing import Annotated, Any, Literal

from pydantic import Field

from trivium.contracts.wizchat.shapes import (
    Closed,
    JwtSettings,
    PerMinute,
    PublicAccessLists,
    PublicMcpServer,
    PublicScope,
    PublicSkill,
    PublicTelemetry,
)

Action = Literal["noop", "create", "update", "delete"]
SectionName = Literal[
    "core",
    "scopes",
    "accessProtection",
    "externalApi",
    "accessLists",
    "telemetry",
    "mcpServers",
    "skills",
    "domains",
]


class ScopesSection(Closed):
    """All knowledge scopes."""

    scopes: list[PublicScope] | None = None
    uiTree: list[dict[str, Any]] | None = None
    slotWorkflows: list[dict[str, Any]] | None = None
    defaultSlotId: str | None = None
    defaultScopeLabel: str | None = None


class AccessProtectionSection(Closed):
    """Access protection without its keys."""

    enabled: bool | None = None
    jwtConfig: JwtSettings | None = None


class ExternalApiSection(Closed):
    """External API access without its keys."""

    enabled: bool | None = None
    rateLimitPerMinute: PerMinute | None = None


class DomainItem(Closed):
    """A custom domain."""

    domain: str


class Spec(Closed):
    """The sections; only those that are there are looked at."""

    core: dict[str, Any] | None = None
    scopes: ScopesSection | None = None
    accessProtection: AccessProtectionSection | None = None
    externalApi: ExternalApiSection | None = None
    accessLists: PublicAccessLists | None = None
    telemetry: PublicTelemetry | None = None
    mcpServers: list[PublicMcpServer] | None = None
    skills: list[PublicSkill] | None = None
    domains: list[DomainItem] | None = None


class ChatbotConfigDocument(Closed):
    """The desired state of a chatbot."""

    apiVersion: Literal["v1"]
    kind: Literal["ChatbotConfig"]
    prune: bool | None = None
    spec: Spec
    omitted_sections: Annotated[list[str] | None, Field(alias="_omittedSections")] = None


class Op(Closed):
    """One line of a plan."""

    section: SectionName
    action: Action
    key: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    changedFields: list[str] | None = None


class Summary(Closed):
    """How many ops there are of each kind."""

    create: Annotated[int, Field(ge=0)]
    update: Annotated[int, Field(ge=0)]
    delete: Annotated[int, Field(ge=0)]
    noop: Annotated[int, Field(ge=0)]


class Plan(Closed):
    """What an apply does."""

    ops: list[Op]
    summary: Summary


class AppliedItem(Closed):
    """An op that was done."""

    section: str
    action: Action
    key: str | None = None
    noop: bool | None = None


class Failed(Closed):
    """The op that failed, and why."""

    op: dict[str, Any]
    status: int | None = None
    code: str | None = None
    message: str | None = None


class ApplyResult(Closed):
    """What an apply did; a dry run has only `dryRun` and `plan`."""

    dryRun: bool
    plan: Plan
    applied: list[AppliedItem] | None = None
    failed: Failed | None = None
    config: ChatbotConfigDocument | None = None
