# Written by `make generate` from the OpenAPI document; edits here are lost.
"""The shapes of the WizChat contract, as its OpenAPI document describes them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from trivium_client._json import JsonObject
from trivium_client._model import Known, TracedAnswer


class AccessProtectionKeyBody(TracedAnswer):
    """A new key for visitors."""

    label: str


class AccessProtectionKeyCreated(TracedAnswer):
    """A new key for visitors; `key` is shown this once."""

    id: str | None = None
    label: str | None = None
    keyPrefix: str | None = None
    status: Known[Literal["active", "revoked"]] | None = None
    usageCount: int | None = None
    createdAt: datetime | None = None
    lastUsedAt: datetime | None = None
    revokedAt: datetime | None = None
    key: str


class Actor(TracedAnswer):
    """Who wrote."""

    kind: str
    id: str
    name: str


class AppliedItem(TracedAnswer):
    """An op that was done."""

    section: str
    action: Known[Literal["noop", "create", "update", "delete"]]
    key: str | None = None
    noop: bool | None = None


class ByoiConfig(TracedAnswer):
    """Own inference."""

    enabled: bool | None = None


class ByokConfig(TracedAnswer):
    """Whether there are model accounts of its own."""

    enabled: bool | None = None
    hasProviders: bool | None = None


class ChatbotBody(TracedAnswer):
    """Fields of the section `core`. A new chatbot needs a `name`; what is absent stays as it is."""

    name: str | None = None
    description: str | None = None
    aiConfig: JsonObject | None = None
    behavior: JsonObject | None = None
    appearance: JsonObject | None = None
    embedConfig: JsonObject | None = None
    requireAuth: bool | None = None


class CredentialsBody(TracedAnswer):
    """Credentials of an MCP server, each by its name; null deletes."""

    headers: dict[str, str | None] | None = None
    env: dict[str, str | None] | None = None


class DailyTrendItem(TracedAnswer):
    """One day's cost."""

    date: str | None = None
    cost: float | None = None


class DocumentFields(TracedAnswer):
    """The name, who may see it, and the scope."""

    displayName: str | None = None
    viewAccessLevel: (
        Known[Literal["owner-only", "authenticated-users", "anyone-with-link", "permanent-public"]] | None
    ) = None
    scopeId: str | None = None


class DocumentUpload(TracedAnswer):
    """A file, and what to call it."""

    displayName: str | None = None
    viewAccessLevel: (
        Known[Literal["owner-only", "authenticated-users", "anyone-with-link", "permanent-public"]] | None
    ) = None
    scopeId: str | None = None
    file: bytes


class DocumentUrlBody(TracedAnswer):
    """A page of the web."""

    displayName: str | None = None
    viewAccessLevel: (
        Known[Literal["owner-only", "authenticated-users", "anyone-with-link", "permanent-public"]] | None
    ) = None
    scopeId: str | None = None
    url: str


class DomainBody(TracedAnswer):
    """A custom domain."""

    domain: str


class DomainItem(TracedAnswer):
    """A custom domain."""

    model_config = ConfigDict(
        extra="forbid",
    )
    domain: str


class ErrorBody(TracedAnswer):
    """What went wrong."""

    code: str
    message: str
    details: JsonObject | None = None


class ExternalApiKeyBody(TracedAnswer):
    """A new key for programs."""

    name: str
    description: str | None = None


class ExternalApiSection(TracedAnswer):
    """External API access without its keys."""

    model_config = ConfigDict(
        extra="forbid",
    )
    enabled: bool | None = None
    rateLimitPerMinute: int | None = None


class Failed(TracedAnswer):
    """The op that failed, and why."""

    op: JsonObject
    status: int | None = None
    code: str | None = None
    message: str | None = None


class JwtConfig(TracedAnswer):
    """Visitors' tokens as a chatbot shows them."""

    enabled: bool | None = None
    emailClaim: str | None = None
    hasSecret: bool | None = None


class JwtSecretBody(TracedAnswer):
    """The secret that visitors' tokens are signed with."""

    secret: str


class JwtSettings(TracedAnswer):
    """Visitors' tokens: signed with HS256 and the secret, if there is one."""

    model_config = ConfigDict(
        extra="forbid",
    )
    enabled: bool | None = None
    algorithm: str | None = None
    emailClaim: str | None = None
    hasSecret: bool | None = None


class Key(TracedAnswer):
    """A key as a chatbot shows it."""

    id: str | None = None
    name: str | None = None
    keyPrefix: str | None = None
    status: Known[Literal["active", "revoked"]] | None = None


class KeyMetadata(TracedAnswer):
    """What is noted about a key."""

    description: str | None = None


class McpAccessKey(TracedAnswer):
    """A new access key of an MCP server, which is shown this once."""

    accessKey: str
    accessKeyHint: str | None
    accessKeyUpdatedAt: str | None


class ModelBreakdownItem(TracedAnswer):
    """One model's part."""

    model: str | None = None
    cost: float | None = None
    tokens: int | None = None
    calls: int | None = None


class OAuthClient(TracedAnswer):
    """A program that signs in for itself."""

    clientId: str
    name: str
    scopes: list[
        Known[
            Literal[
                "chatbots:read",
                "chatbots:write",
                "documents:read",
                "documents:write",
                "videos:read",
                "videos:write",
                "deploy",
                "domains:read",
                "domains:write",
                "mcp:read",
                "mcp:write",
                "skills:read",
                "skills:write",
                "analytics:read",
                "security:read",
                "security:write",
            ]
        ]
    ]
    allowedChatbotIds: list[str] | None
    status: Known[Literal["active", "revoked"]]
    createdAt: datetime
    lastUsedAt: datetime | None


class OAuthClientBody(TracedAnswer):
    """A program that signs in for itself; without chatbots it may use all of them."""

    name: str
    scopes: list[
        Known[
            Literal[
                "chatbots:read",
                "chatbots:write",
                "documents:read",
                "documents:write",
                "videos:read",
                "videos:write",
                "deploy",
                "domains:read",
                "domains:write",
                "mcp:read",
                "mcp:write",
                "skills:read",
                "skills:write",
                "analytics:read",
                "security:read",
                "security:write",
            ]
        ]
    ]
    allowedChatbotIds: list[str] | None = None


class OAuthClientCreated(TracedAnswer):
    """A new program with its secret, which is shown this once."""

    clientId: str
    name: str
    scopes: list[
        Known[
            Literal[
                "chatbots:read",
                "chatbots:write",
                "documents:read",
                "documents:write",
                "videos:read",
                "videos:write",
                "deploy",
                "domains:read",
                "domains:write",
                "mcp:read",
                "mcp:write",
                "skills:read",
                "skills:write",
                "analytics:read",
                "security:read",
                "security:write",
            ]
        ]
    ]
    allowedChatbotIds: list[str] | None
    status: Known[Literal["active", "revoked"]]
    createdAt: datetime
    lastUsedAt: datetime | None
    clientSecret: str


class OAuthTokenRequest(TracedAnswer):
    """The client-credentials grant."""

    grant_type: Known[Literal["client_credentials"]] = "client_credentials"
    client_id: str
    client_secret: str
    scope: str | None = None


class OAuthTokenResponse(TracedAnswer):
    """A token that is used like a key until it expires."""

    access_token: str
    token_type: Known[Literal["Bearer"]] = "Bearer"
    expires_in: int
    scope: str


class OauthConfig(TracedAnswer):
    """How a tool server signs in, without secrets."""

    model_config = ConfigDict(
        extra="forbid",
    )
    provider: str | None = None
    scopes: list[str] | None = None
    authorizationUrl: str | None = None
    tokenUrl: str | None = None
    instanceUrl: str | None = None


class Op(TracedAnswer):
    """One line of a plan."""

    section: Known[
        Literal[
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
    ]
    action: Known[Literal["noop", "create", "update", "delete"]]
    key: str | None = None
    before: JsonObject | None = None
    after: JsonObject | None = None
    changedFields: list[str] | None = None


class PostgresqlConfig(TracedAnswer):
    """What a scan of a database found."""

    model_config = ConfigDict(
        extra="forbid",
    )
    status: str | None = None
    schemaNames: list[str] | None = None
    tableCount: int | None = None
    columnCount: int | None = None
    relationshipCount: int | None = None
    connectionHost: str | None = None
    connectionDatabase: str | None = None
    hasConnectionString: bool | None = None
    lastScannedAt: str | None = None
    errorMessage: str | None = None


class PublicAccessLists(TracedAnswer):
    """Who may use the chatbot and where it may be embedded, by name."""

    model_config = ConfigDict(
        extra="forbid",
    )
    authorizedEmails: list[str] | None = None
    authorizedDomains: list[str] | None = None
    allowedEmbedDomains: list[str] | None = None


class PublicAccessProtectionKey(TracedAnswer):
    """A key for visitors."""

    id: str | None = None
    label: str | None = None
    keyPrefix: str | None = None
    status: Known[Literal["active", "revoked"]] | None = None
    usageCount: int | None = None
    createdAt: datetime | None = None
    lastUsedAt: datetime | None = None
    revokedAt: datetime | None = None


class PublicCostAnalytics(TracedAnswer):
    """What answers cost."""

    totalCost: float | None = None
    costPerQuery: float | None = None
    dailyTrend: list[DailyTrendItem] | None = None
    modelBreakdown: list[ModelBreakdownItem] | None = None
    currency: str | None = None
    days: int | None = None
    periodStart: datetime | None = None
    periodEnd: datetime | None = None


class PublicDeployment(TracedAnswer):
    """Where the chatbot is published."""

    status: Known[Literal["pending", "deploying", "deployed", "failed"]] | None = None
    deploymentUrl: str | None = None
    customDomain: str | None = None
    wizchatDomain: str | None = None
    wizchatDomainConfigured: bool | None = None
    customDomainAuthorized: bool | None = None
    domainVerified: bool | None = None
    domainStatus: str | None = None
    deployedAt: str | None = None
    lastDeploymentAt: str | None = None


class PublicDocument(TracedAnswer):
    """A document."""

    document_id: str | None = None
    id: str | None = None
    chatbotId: str | None = None
    displayName: str | None = None
    originalFileName: str | None = None
    documentType: str | None = None
    status: Known[Literal["processing", "completed", "failed"]] | None = None
    uploadedAt: str | None = None
    fileSize: int | None = None
    vectorCount: int | None = None
    viewAccessLevel: (
        Known[Literal["owner-only", "authenticated-users", "anyone-with-link", "permanent-public"]] | None
    ) = None
    scopeId: str | None = None
    authorizedEmailCount: int | None = None
    authorizedGroupCount: int | None = None


class PublicExternalApiKey(TracedAnswer):
    """A key for programs that ask questions."""

    id: str | None = None
    name: str | None = None
    keyPrefix: str | None = None
    status: Known[Literal["active", "revoked"]] | None = None
    usageCount: int | None = None
    createdAt: datetime | None = None
    lastUsedAt: datetime | None = None
    revokedAt: datetime | None = None
    metadata: KeyMetadata | None = None


class PublicMcpServer(TracedAnswer):
    """An MCP server. Credentials are never shown."""

    model_config = ConfigDict(
        extra="forbid",
    )
    id: str | None = None
    name: str | None = None
    description: str | None = None
    type: str | None = None
    enabled: bool | None = None
    transport: Literal["http", "stdio", "native"] | None = None
    url: str | None = None
    httpProtocol: str | None = None
    credentialSource: str | None = None
    executionMode: str | None = None
    modelOverride: str | None = None
    instructions: str | None = None
    isPublic: bool | None = None
    toolNamePrefix: str | None = None
    allowUiResources: bool | None = None
    allowLlmCompletion: bool | None = None
    accessKeyHint: str | None = None
    centralizedCredentials: list[str] | None = None
    tools: list[JsonObject] | None = None
    localScriptFormat: JsonObject | None = None
    authorizedEmailCount: int | None = None
    authorizedGroupCount: int | None = None
    toolsDiscoveredAt: str | None = None
    createdAt: str | None = None
    updatedAt: str | None = None
    accessKeyUpdatedAt: str | None = None
    oauthConfig: OauthConfig | None = None
    postgresqlConfig: PostgresqlConfig | None = None


class PublicScope(TracedAnswer):
    """A knowledge scope: documents that only this scope sees, and what is different when it answers."""

    model_config = ConfigDict(
        extra="forbid",
    )
    id: str | None = None
    label: str | None = None
    description: str | None = None
    requireAuth: bool | None = None
    systemPrompt: str | None = None
    persona: str | None = None
    responseLength: str | None = None
    firstMessage: str | None = None
    webSearchEnabled: bool | None = None
    inlineCitations: bool | None = None
    sourceQuality: Literal["normal", "medium", "high"] | None = None
    trackUnanswered: bool | None = None
    mcpServerIds: list[str] | None = None
    authorizedEmailCount: int | None = None
    authorizedDomainCount: int | None = None


class PublicSkill(TracedAnswer):
    """A skill."""

    model_config = ConfigDict(
        extra="forbid",
    )
    id: str | None = None
    name: str | None = None
    description: str | None = None
    body: str | None = None
    enabled: bool | None = None
    mode: Literal["on_demand", "always"] | None = None
    source: Literal["manual", "imported"] | None = None
    sourceServerId: str | None = None
    linkedServerIds: list[str] | None = None
    linkedAgentIds: list[str] | None = None
    createdAt: str | None = None
    updatedAt: str | None = None


class PublicTelemetry(TracedAnswer):
    """What is kept about visitors, and for how long."""

    model_config = ConfigDict(
        extra="forbid",
    )
    level: Literal["anonymized", "identified", "full"] | None = None
    endUserOptOutAllowed: bool | None = None
    pseudonymizeIdentifiers: bool | None = None
    retentionMonths: int | None = None


class PublicUsageAnalytics(TracedAnswer):
    """How much the chatbot was used."""

    tokenCount: int | None = None
    documentCount: int | None = None
    queryCount: int | None = None
    days: int | None = None


class PublicVideo(TracedAnswer):
    """A video; its transcript is not returned."""

    document_id: str | None = None
    id: str | None = None
    chatbotId: str | None = None
    displayName: str | None = None
    originalFileName: str | None = None
    videoFileName: str | None = None
    platform: Known[Literal["youtube", "upload"]] | None = None
    source: Known[Literal["oauth", "url_paste", "upload"]] | None = None
    status: Known[Literal["processing", "completed", "failed"]] | None = None
    duration: float | None = None
    language: str | None = None
    vectorCount: int | None = None
    uploadedAt: str | None = None
    videoTitle: str | None = None
    thumbnail: str | None = None
    scopeId: str | None = None
    viewAccessLevel: (
        Known[Literal["owner-only", "authenticated-users", "anyone-with-link", "permanent-public"]] | None
    ) = None
    authorizedEmailCount: int | None = None
    authorizedGroupCount: int | None = None


class RenameBody(TracedAnswer):
    """What gets another name."""

    section: Known[Literal["mcpServers", "skills"]]
    old: Annotated[str, Field(validation_alias="from", serialization_alias="from")]
    new: Annotated[str, Field(validation_alias="to", serialization_alias="to")]


class Revision(TracedAnswer):
    """A stored state of a chatbot's configuration."""

    number: int
    cause: Known[Literal["create", "apply", "edit", "rename", "restore", "secrets", "unnoticed"]]
    status: Known[Literal["applying", "applied", "failed", "interrupted"]]
    actor: Actor
    createdAt: datetime
    finishedAt: datetime | None
    baseETag: str | None
    etag: str | None
    opCount: int
    doneCount: int
    failure: JsonObject | None
    note: str | None


class RevisionPage(TracedAnswer):
    """Revisions, newest first; `nextBefore` where there may be more."""

    revisions: list[Revision]
    nextBefore: int | None = None


class ScopesSection(TracedAnswer):
    """All knowledge scopes."""

    model_config = ConfigDict(
        extra="forbid",
    )
    scopes: list[PublicScope] | None = None
    uiTree: list[JsonObject] | None = None
    slotWorkflows: list[JsonObject] | None = None
    defaultSlotId: str | None = None
    defaultScopeLabel: str | None = None


class SecretState(TracedAnswer):
    """Where a secret is kept and what a write does to it. The fingerprint tells a change without telling the value."""

    place: str
    action: Known[Literal["noop", "create", "update", "delete"]]
    fingerprint: str | None = None
    updatedAt: datetime | None = None


class SecretsBody(TracedAnswer):
    """Values by place; null deletes."""

    secrets: dict[str, str | None]


class SkillImportBody(TracedAnswer):
    """The MCP server whose prompts become skills."""

    sourceServerId: str


class SsoConfig(TracedAnswer):
    """Single sign-on, without its secret."""

    provider: str | None = None
    hasClientSecret: bool | None = None


class Summary(TracedAnswer):
    """How many ops there are of each kind."""

    create: int
    update: int
    delete: int
    noop: int


class UsageSummary(TracedAnswer):
    """Calls of the day; `limit` -1 and `remaining` null mean: no limit."""

    period: Known[Literal["day"]] = "day"
    used: int
    limit: int
    remaining: int | None
    resetsAt: datetime
    plan: str


class Verification(TracedAnswer):
    """The only DNS record to set."""

    type: str | None = None
    domain: str | None = None
    value: str | None = None


class VerificationItem(TracedAnswer):
    """A DNS record to set."""

    type: str | None = None
    domain: str | None = None
    value: str | None = None


class QueryImage(TracedAnswer):
    """A picture as base64 or a data URL."""

    data: str


class QuerySource(TracedAnswer):
    """A passage that an answer comes from; `relevance` is from 0 to 1."""

    documentId: str
    title: str
    chunk: str
    relevance: float


class QueryUsage(TracedAnswer):
    """What an answer used; `cost` is in US dollars, absent where a price is not known."""

    inputTokens: int
    outputTokens: int
    cost: float | None = None


class AccessProtection(TracedAnswer):
    """Access protection as a chatbot shows it."""

    enabled: bool | None = None
    keys: list[JsonObject] | None = None
    jwtConfig: JwtConfig | None = None


class AccessProtectionSection(TracedAnswer):
    """Access protection without its keys."""

    model_config = ConfigDict(
        extra="forbid",
    )
    enabled: bool | None = None
    jwtConfig: JwtSettings | None = None


class AuthConfig(TracedAnswer):
    """Who may sign in, as counts."""

    authorizedEmailCount: int | None = None
    authorizedDomainCount: int | None = None
    invitedUserCount: int | None = None
    ssoConfig: SsoConfig | None = None


class Error(TracedAnswer):
    """The envelope of every failure."""

    error: ErrorBody


class ExternalApiConfig(TracedAnswer):
    """External API access as a chatbot shows it."""

    enabled: bool | None = None
    rateLimitPerMinute: int | None = None
    keys: list[Key] | None = None


class ExternalApiKeyCreated(TracedAnswer):
    """A new key for programs; `key` is shown this once."""

    id: str | None = None
    name: str | None = None
    keyPrefix: str | None = None
    status: Known[Literal["active", "revoked"]] | None = None
    usageCount: int | None = None
    createdAt: datetime | None = None
    lastUsedAt: datetime | None = None
    revokedAt: datetime | None = None
    metadata: KeyMetadata | None = None
    key: str


class Plan(TracedAnswer):
    """What an apply does."""

    ops: list[Op]
    summary: Summary


class PublicAccessProtectionConfig(TracedAnswer):
    """The gate before the chat."""

    enabled: bool | None = None
    jwtConfig: JwtSettings | None = None
    keys: list[PublicAccessProtectionKey] | None = None


class PublicChatbot(TracedAnswer):
    """A chatbot. Keys are shown by prefix, people as counts, secrets not at all."""

    id: str
    name: str
    description: str | None = None
    status: (
        Known[
            Literal[
                "draft",
                "preview",
                "active",
                "paused",
                "archived",
                "deploying",
                "deployed",
                "pending",
                "failed",
                "inactive",
                "error",
            ]
        ]
        | None
    ) = None
    dataRegion: Known[Literal["EU", "US"]] | None = None
    logoUrl: str | None = None
    createdAt: str | None = None
    updatedAt: str | None = None
    aiConfig: JsonObject | None = None
    behavior: JsonObject | None = None
    appearance: JsonObject | None = None
    embedConfig: JsonObject | None = None
    requireAuth: bool | None = None
    authConfig: AuthConfig | None = None
    externalApiConfig: ExternalApiConfig | None = None
    accessProtection: AccessProtection | None = None
    byokConfig: ByokConfig | None = None
    byoiConfig: ByoiConfig | None = None
    salesAgentEnabled: bool | None = None


class PublicDomainStatus(TracedAnswer):
    """A custom domain and what is still to be done for it."""

    domain: str | None = None
    verified: bool | None = None
    configured: bool | None = None
    status: str | None = None
    customDomain: str | None = None
    customDomainAuthorized: bool | None = None
    authorizedDomains: list[str] | None = None
    warning: str | None = None
    verification: list[VerificationItem] | Verification | None = None


class PublicExternalApiConfig(TracedAnswer):
    """Access for programs that ask questions."""

    enabled: bool | None = None
    rateLimitPerMinute: int | None = None
    keys: list[PublicExternalApiKey] | None = None


class RevisionDiff(TracedAnswer):
    """The plan that leads from one state to another."""

    plan: Plan


class SecretList(TracedAnswer):
    """The places of all secrets; `dryRun` where they were written, or only would be."""

    dryRun: bool | None = None
    secrets: list[SecretState]


class Spec(TracedAnswer):
    """The sections; only those that are there are looked at."""

    model_config = ConfigDict(
        extra="forbid",
    )
    core: JsonObject | None = None
    scopes: ScopesSection | None = None
    accessProtection: AccessProtectionSection | None = None
    externalApi: ExternalApiSection | None = None
    accessLists: PublicAccessLists | None = None
    telemetry: PublicTelemetry | None = None
    mcpServers: list[PublicMcpServer] | None = None
    skills: list[PublicSkill] | None = None
    domains: list[DomainItem] | None = None


class QueryAnswer(TracedAnswer):
    """The answer to a question."""

    response: str
    conversationId: str
    sources: list[QuerySource]
    usage: QueryUsage


class QueryBody(TracedAnswer):
    """A question; `conversationId` goes on with an earlier one, `scope` asks in one scope only."""

    message: str
    conversationId: str | None = None
    userId: str | None = None
    metadata: JsonObject | None = None
    scope: str | None = None
    images: list[str | QueryImage] | None = None


class ChatbotConfigDocument(TracedAnswer):
    """The desired state of a chatbot."""

    model_config = ConfigDict(
        extra="forbid",
    )
    apiVersion: Literal["v1"] = "v1"
    kind: Literal["ChatbotConfig"] = "ChatbotConfig"
    prune: bool | None = None
    spec: Spec
    omitted_sections: Annotated[
        list[str] | None, Field(validation_alias="_omittedSections", serialization_alias="_omittedSections")
    ] = None


class Drift(TracedAnswer):
    """What changed since the last apply: the plan that leads from then to now, and who wrote since."""

    since: Revision | None
    plan: Plan
    revisions: list[Revision]


class RevisionDetail(TracedAnswer):
    """A revision with the configuration that it left, and the plan that led to it."""

    number: int
    cause: Known[Literal["create", "apply", "edit", "rename", "restore", "secrets", "unnoticed"]]
    status: Known[Literal["applying", "applied", "failed", "interrupted"]]
    actor: Actor
    createdAt: datetime
    finishedAt: datetime | None
    baseETag: str | None
    etag: str | None
    opCount: int
    doneCount: int
    failure: JsonObject | None
    note: str | None
    config: ChatbotConfigDocument
    plan: Plan


class ApplyResult(TracedAnswer):
    """What an apply did; a dry run has only `dryRun` and `plan`."""

    dryRun: bool
    plan: Plan
    applied: list[AppliedItem] | None = None
    failed: Failed | None = None
    config: ChatbotConfigDocument | None = None


class RevisionAnswer(TracedAnswer):
    """One revision."""

    revision: RevisionDetail


__all__ = [
    "AccessProtectionKeyBody",
    "AccessProtectionKeyCreated",
    "AccessProtectionSection",
    "Actor",
    "AppliedItem",
    "AuthConfig",
    "ByoiConfig",
    "ByokConfig",
    "ChatbotBody",
    "CredentialsBody",
    "DailyTrendItem",
    "DocumentFields",
    "DocumentUpload",
    "DocumentUrlBody",
    "DomainBody",
    "DomainItem",
    "Error",
    "ErrorBody",
    "ExternalApiConfig",
    "ExternalApiKeyBody",
    "ExternalApiKeyCreated",
    "ExternalApiSection",
    "Failed",
    "JwtSecretBody",
    "JwtSettings",
    "KeyMetadata",
    "McpAccessKey",
    "ModelBreakdownItem",
    "OAuthClientBody",
    "OAuthClientCreated",
    "OAuthTokenRequest",
    "OAuthTokenResponse",
    "OauthConfig",
    "Op",
    "PostgresqlConfig",
    "PublicAccessLists",
    "PublicAccessProtectionConfig",
    "PublicAccessProtectionKey",
    "PublicChatbot",
    "PublicCostAnalytics",
    "PublicDeployment",
    "PublicDocument",
    "PublicDomainStatus",
    "PublicExternalApiConfig",
    "PublicExternalApiKey",
    "PublicMcpServer",
    "PublicScope",
    "PublicSkill",
    "PublicTelemetry",
    "PublicUsageAnalytics",
    "PublicVideo",
    "QueryAnswer",
    "QueryBody",
    "QueryImage",
    "QuerySource",
    "QueryUsage",
    "RenameBody",
    "RevisionAnswer",
    "RevisionDetail",
    "RevisionPage",
    "ScopesSection",
    "SecretList",
    "SecretState",
    "SecretsBody",
    "SkillImportBody",
    "Spec",
    "SsoConfig",
    "Summary",
    "UsageSummary",
    "Verification",
    "VerificationItem",
]
