"""The shapes of the contract under their published names: what `/openapi.json` shows and input is checked against."""
# The names of the fields are the names on the wire.
# ruff: noqa: N815

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Access = Literal["owner-only", "authenticated-users", "anyone-with-link", "permanent-public"]
KeyStatus = Literal["active", "revoked"]
ManagementApiScope = Literal[
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
PerMinute = Annotated[int, Field(ge=1, le=1000)]


class Closed(BaseModel):
    """An object that takes no other keys; types are not converted."""

    # Built when first used: the start does not wait for sixty shapes.
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class Open(BaseModel):
    """An object that takes and keeps other keys."""

    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)


class PublicDocument(Closed):
    """A document."""

    document_id: str | None = None
    id: str | None = None
    chatbotId: str | None = None
    displayName: str | None = None
    originalFileName: str | None = None
    documentType: str | None = None
    status: Literal["processing", "completed", "failed"] | None = None
    uploadedAt: str | None = None
    fileSize: int | None = None
    vectorCount: int | None = None
    viewAccessLevel: Access | None = None
    scopeId: str | None = None
    authorizedEmailCount: int | None = None
    authorizedGroupCount: int | None = None


class PublicVideo(Closed):
    """A video; its transcript is not returned."""

    document_id: str | None = None
    id: str | None = None
    chatbotId: str | None = None
    displayName: str | None = None
    originalFileName: str | None = None
    videoFileName: str | None = None
    platform: Literal["youtube", "upload"] | None = None
    source: Literal["oauth", "url_paste", "upload"] | None = None
    status: Literal["processing", "completed", "failed"] | None = None
    duration: float | None = None
    language: str | None = None
    vectorCount: int | None = None
    uploadedAt: str | None = None
    videoTitle: str | None = None
    thumbnail: str | None = None
    scopeId: str | None = None
    viewAccessLevel: Access | None = None
    authorizedEmailCount: int | None = None
    authorizedGroupCount: int | None = None


class PublicScope(Closed):
    """A knowledge scope: documents that only this scope sees, and what is different when it answers."""

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


class SsoConfig(Open):
    """Single sign-on, without its secret."""

    provider: str | None = None
    hasClientSecret: bool | None = None


class AuthConfig(Open):
    """Who may sign in, as counts."""

    authorizedEmailCount: int | None = None
    authorizedDomainCount: int | None = None
    invitedUserCount: int | None = None
    ssoConfig: SsoConfig | None = None


class Key(Open):
    """A key as a chatbot shows it."""

    id: str | None = None
    name: str | None = None
    keyPrefix: str | None = None
    status: KeyStatus | None = None


class ExternalApiConfig(Open):
    """External API access as a chatbot shows it."""

    enabled: bool | None = None
    rateLimitPerMinute: PerMinute | None = None
    keys: list[Key] | None = None


class JwtConfig(Open):
    """Visitors' tokens as a chatbot shows them."""

    enabled: bool | None = None
    emailClaim: str | None = None
    hasSecret: bool | None = None


class AccessProtection(Open):
    """Access protection as a chatbot shows it."""

    enabled: bool | None = None
    keys: list[dict[str, Any]] | None = None
    jwtConfig: JwtConfig | None = None


class ByokConfig(Closed):
    """Whether there are model accounts of its own."""

    enabled: bool | None = None
    hasProviders: bool | None = None


class ByoiConfig(Open):
    """Own inference."""

    enabled: bool | None = None


class PublicChatbot(Open):
    """A chatbot. Keys are shown by prefix, people as counts, secrets not at all."""

    id: str
    name: str
    description: str | None = None
    status: (
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
        | None
    ) = None
    dataRegion: Literal["EU", "US"] | None = None
    logoUrl: str | None = None
    createdAt: str | None = None
    updatedAt: str | None = None
    aiConfig: dict[str, Any] | None = None
    behavior: dict[str, Any] | None = None
    appearance: dict[str, Any] | None = None
    embedConfig: dict[str, Any] | None = None
    requireAuth: bool | None = None
    authConfig: AuthConfig | None = None
    externalApiConfig: ExternalApiConfig | None = None
    accessProtection: AccessProtection | None = None
    byokConfig: ByokConfig | None = None
    byoiConfig: ByoiConfig | None = None
    salesAgentEnabled: bool | None = None


class PublicDeployment(Closed):
    """Where the chatbot is published."""

    status: Literal["pending", "deploying", "deployed", "failed"] | None = None
    deploymentUrl: str | None = None
    customDomain: str | None = None
    wizchatDomain: str | None = None
    wizchatDomainConfigured: bool | None = None
    customDomainAuthorized: bool | None = None
    domainVerified: bool | None = None
    domainStatus: str | None = None
    deployedAt: str | None = None
    lastDeploymentAt: str | None = None


class VerificationItem(Closed):
    """A DNS record to set."""

    type: str | None = None
    domain: str | None = None
    value: str | None = None


class Verification(Closed):
    """The only DNS record to set."""

    type: str | None = None
    domain: str | None = None
    value: str | None = None


class PublicDomainStatus(Closed):
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


class OauthConfig(Closed):
    """How a tool server signs in, without secrets."""

    provider: str | None = None
    scopes: list[str] | None = None
    authorizationUrl: str | None = None
    tokenUrl: str | None = None
    instanceUrl: str | None = None


class PostgresqlConfig(Closed):
    """What a scan of a database found."""

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


class PublicMcpServer(Closed):
    """An MCP server. Credentials are never shown."""

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
    tools: list[dict[str, Any]] | None = None
    localScriptFormat: dict[str, Any] | None = None
    authorizedEmailCount: int | None = None
    authorizedGroupCount: int | None = None
    toolsDiscoveredAt: str | None = None
    createdAt: str | None = None
    updatedAt: str | None = None
    accessKeyUpdatedAt: str | None = None
    oauthConfig: OauthConfig | None = None
    postgresqlConfig: PostgresqlConfig | None = None


class PublicSkill(Closed):
    """A skill."""

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


class PublicAccessProtectionKey(Closed):
    """A key for visitors."""

    id: str | None = None
    label: str | None = None
    keyPrefix: str | None = None
    status: KeyStatus | None = None
    usageCount: int | None = None
    createdAt: AwareDatetime | None = None
    lastUsedAt: AwareDatetime | None = None
    revokedAt: AwareDatetime | None = None


class JwtSettings(Closed):
    """Visitors' tokens: signed with HS256 and the secret, if there is one."""

    enabled: bool | None = None
    algorithm: str | None = None
    emailClaim: str | None = None
    hasSecret: bool | None = None


class PublicAccessProtectionConfig(Closed):
    """The gate before the chat."""

    enabled: bool | None = None
    jwtConfig: JwtSettings | None = None
    keys: list[PublicAccessProtectionKey] | None = None


class KeyMetadata(Closed):
    """What is noted about a key."""

    description: str | None = None


class PublicExternalApiKey(Closed):
    """A key for programs that ask questions."""

    id: str | None = None
    name: str | None = None
    keyPrefix: str | None = None
    status: KeyStatus | None = None
    usageCount: int | None = None
    createdAt: AwareDatetime | None = None
    lastUsedAt: AwareDatetime | None = None
    revokedAt: AwareDatetime | None = None
    metadata: KeyMetadata | None = None


class PublicExternalApiConfig(Closed):
    """Access for programs that ask questions."""

    enabled: bool | None = None
    rateLimitPerMinute: PerMinute | None = None
    keys: list[PublicExternalApiKey] | None = None


class PublicAccessLists(Closed):
    """Who may use the chatbot and where it may be embedded, by name."""

    authorizedEmails: list[str] | None = None
    authorizedDomains: list[str] | None = None
    allowedEmbedDomains: list[str] | None = None


class PublicTelemetry(Closed):
    """What is kept about visitors, and for how long."""

    level: Literal["anonymized", "identified", "full"] | None = None
    endUserOptOutAllowed: bool | None = None
    pseudonymizeIdentifiers: bool | None = None
    retentionMonths: int | None = None


class DailyTrendItem(Closed):
    """One day's cost."""

    date: str | None = None
    cost: float | None = None


class ModelBreakdownItem(Closed):
    """One model's part."""

    model: str | None = None
    cost: float | None = None
    tokens: int | None = None
    calls: int | None = None


class PublicCostAnalytics(Closed):
    """What answers cost."""

    totalCost: float | None = None
    costPerQuery: float | None = None
    dailyTrend: list[DailyTrendItem] | None = None
    modelBreakdown: list[ModelBreakdownItem] | None = None
    currency: str | None = None
    days: int | None = None
    periodStart: AwareDatetime | None = None
    periodEnd: AwareDatetime | None = None


class PublicUsageAnalytics(Closed):
    """How much the chatbot was used."""

    tokenCount: int | None = None
    documentCount: int | None = None
    queryCount: int | None = None
    days: int | None = None


class OAuthClient(BaseModel):
    """A program that signs in for itself."""

    clientId: str
    name: str
    scopes: list[ManagementApiScope]
    allowedChatbotIds: list[str] | None
    status: KeyStatus
    createdAt: AwareDatetime
    lastUsedAt: AwareDatetime | None


class OAuthClientCreated(OAuthClient):
    """A new program with its secret, which is shown this once."""

    clientSecret: str


class OAuthTokenRequest(BaseModel):
    """The client-credentials grant."""

    grant_type: Literal["client_credentials"]
    client_id: str
    client_secret: str
    scope: str | None = None


class OAuthTokenResponse(BaseModel):
    """A token that is used like a key until it expires."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class UsageSummary(BaseModel):
    """Calls of the day; `limit` -1 and `remaining` null mean: no limit."""

    period: Literal["day"]
    used: Annotated[int, Field(ge=0)]
    limit: Annotated[int, Field(ge=-1)]
    remaining: Annotated[int, Field(ge=0)] | None
    resetsAt: AwareDatetime
    plan: str


class ErrorBody(Closed):
    """What went wrong."""

    code: str
    message: str
    details: dict[str, Any] | None = None


class Error(Closed):
    """The envelope of every failure."""

    error: ErrorBody
