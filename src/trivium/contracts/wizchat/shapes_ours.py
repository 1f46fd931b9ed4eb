"""Shapes beyond the published components, for the description: imported only when somebody asks for it."""
# The names of the fields are the names on the wire.
# ruff: noqa: N815

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from trivium.contracts.openapi import Shape
from trivium.contracts.wizchat import shapes
from trivium.contracts.wizchat.shapes_config import (
    AccessProtectionSection,
    Action,
    ChatbotConfigDocument,
    ExternalApiSection,
    Plan,
)
from trivium.core.model.config import Cause, RevisionStatus

_File = Annotated[str, Field(json_schema_extra={"format": "binary"})]


class Actor(Shape):
    """Who wrote."""

    kind: str
    id: str
    name: str


class Revision(Shape):
    """A stored state of a chatbot's configuration."""

    number: int
    cause: Cause
    status: RevisionStatus
    actor: Actor
    createdAt: AwareDatetime
    finishedAt: AwareDatetime | None
    baseETag: str | None
    etag: str | None
    opCount: int
    doneCount: int
    failure: dict[str, Any] | None
    note: str | None


class RevisionDetail(Revision):
    """A revision with the configuration that it left, and the plan that led to it."""

    config: ChatbotConfigDocument
    plan: Plan


class RevisionPage(Shape):
    """Revisions, newest first; `nextBefore` where there may be more."""

    revisions: list[Revision]
    nextBefore: int | None = None


class RevisionAnswer(Shape):
    """One revision."""

    revision: RevisionDetail


class RevisionDiff(Shape):
    """The plan that leads from one state to another."""

    plan: Plan


class Drift(Shape):
    """What changed since the last apply: the plan that leads from then to now, and who wrote since."""

    since: Revision | None
    plan: Plan
    revisions: list[Revision]


class SecretState(Shape):
    """Where a secret is kept and what a write does to it. The fingerprint tells a change without telling the value."""

    place: str
    action: Action
    fingerprint: str | None = None
    updatedAt: AwareDatetime | None = None


class SecretList(Shape):
    """The places of all secrets; `dryRun` where they were written, or only would be."""

    dryRun: bool | None = None
    secrets: list[SecretState]


class AccessProtectionKeyCreated(shapes.PublicAccessProtectionKey):
    """A new key for visitors; `key` is shown this once."""

    key: str


class ExternalApiKeyCreated(shapes.PublicExternalApiKey):
    """A new key for programs; `key` is shown this once."""

    key: str


class McpAccessKey(Shape):
    """A new access key of an MCP server, which is shown this once."""

    accessKey: str
    accessKeyHint: str | None
    accessKeyUpdatedAt: str | None


class ChatbotBody(shapes.Open):
    """Fields of the section `core`. A new chatbot needs a `name`; what is absent stays as it is."""

    name: str | None = None
    description: str | None = None
    aiConfig: dict[str, Any] | None = None
    behavior: dict[str, Any] | None = None
    appearance: dict[str, Any] | None = None
    embedConfig: dict[str, Any] | None = None
    requireAuth: bool | None = None


class RenameBody(Shape):
    """What gets another name."""

    section: Literal["mcpServers", "skills"]
    old: Annotated[str, Field(alias="from")]
    new: Annotated[str, Field(alias="to")]


class SecretsBody(Shape):
    """Values by place; null deletes."""

    secrets: dict[str, str | None]


class AccessProtectionKeyBody(Shape):
    """A new key for visitors."""

    label: str


class ExternalApiKeyBody(Shape):
    """A new key for programs."""

    name: str
    description: str | None = None


class JwtSecretBody(Shape):
    """The secret that visitors' tokens are signed with."""

    secret: Annotated[str, Field(min_length=16, max_length=4096)]


class CredentialsBody(Shape):
    """Credentials of an MCP server, each by its name; null deletes."""

    headers: dict[str, str | None] | None = None
    env: dict[str, str | None] | None = None


class SkillImportBody(Shape):
    """The MCP server whose prompts become skills."""

    sourceServerId: str


class DocumentFields(Shape):
    """The name, who may see it, and the scope."""

    displayName: str | None = None
    viewAccessLevel: shapes.Access | None = None
    scopeId: str | None = None


class DocumentUpload(DocumentFields):
    """A file, and what to call it."""

    file: _File


class DocumentUrlBody(DocumentFields):
    """A page of the web."""

    url: str


class DomainBody(Shape):
    """A custom domain."""

    domain: str


class OAuthClientBody(Shape):
    """A program that signs in for itself; without chatbots it may use all of them."""

    name: str
    scopes: list[shapes.ManagementApiScope]
    allowedChatbotIds: list[str] | None = None


_BOT = "/chatbots/{chatbotId}"
_REVISION = f"{_BOT}/revisions/{{number}}"
_SERVER = f"{_BOT}/mcp-servers/{{serverId}}"
ANSWERS: dict[str, type[BaseModel]] = {
    f"GET {_BOT}/revisions": RevisionPage,
    f"GET {_REVISION}": RevisionAnswer,
    f"GET {_REVISION}/diff": RevisionDiff,
    f"GET {_BOT}/drift": Drift,
    f"GET {_BOT}/secrets": SecretList,
    f"PUT {_BOT}/secrets": SecretList,
    f"POST {_BOT}/access-protection/keys": AccessProtectionKeyCreated,
    f"POST {_BOT}/external-api/keys": ExternalApiKeyCreated,
    f"POST {_SERVER}/access-key": McpAccessKey,
}
BODIES: dict[str, type[BaseModel]] = {
    "POST /chatbots": ChatbotBody,
    f"PATCH {_BOT}": ChatbotBody,
    f"POST {_BOT}/rename": RenameBody,
    f"PATCH {_BOT}/access-protection": AccessProtectionSection,
    f"PATCH {_BOT}/external-api": ExternalApiSection,
    f"PUT {_BOT}/secrets": SecretsBody,
    f"POST {_BOT}/access-protection/keys": AccessProtectionKeyBody,
    f"PUT {_BOT}/access-protection/jwt-secret": JwtSecretBody,
    f"POST {_BOT}/external-api/keys": ExternalApiKeyBody,
    f"PUT {_SERVER}/credentials": CredentialsBody,
    f"POST {_BOT}/skills/import": SkillImportBody,
    f"POST {_BOT}/documents/url": DocumentUrlBody,
    f"PATCH {_BOT}/documents/{{documentId}}": DocumentFields,
    f"POST {_BOT}/videos/url": DocumentUrlBody,
    f"PATCH {_BOT}/videos/{{documentId}}": DocumentFields,
    f"POST {_BOT}/domains": DomainBody,
    "POST /oauth/clients": OAuthClientBody,
}
UPLOADS: dict[str, type[BaseModel]] = {f"POST {_BOT}/documents": DocumentUpload, f"POST {_BOT}/videos": DocumentUpload}
