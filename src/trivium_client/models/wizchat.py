"""The shapes of the WizChat contract. Names are those on the wire, as in the published client."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from trivium_client._json import JsonObject
from trivium_client._model import Model, TracedAnswer


class Closed(Model):
    """A shape that takes no field it does not know, so that a misspelt one is not lost."""

    model_config = ConfigDict(extra="forbid")


class PublicScope(Closed):
    """A set of documents apart from the others, with its own manner of answering."""

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


class OauthConfig(Closed):
    """How an MCP server signs in."""

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
    """A server of tools."""

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


class PublicSkill(Closed):
    """Instructions that are loaded on demand or always."""

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


class Scopes(Closed):
    """The section `scopes`."""

    scopes: list[PublicScope] | None = None
    uiTree: list[JsonObject] | None = None
    slotWorkflows: list[JsonObject] | None = None
    defaultSlotId: str | None = None
    defaultScopeLabel: str | None = None


class JwtConfig(Closed):
    """How visitors' tokens are checked; the secret itself is never shown."""

    enabled: bool | None = None
    algorithm: str | None = None
    emailClaim: str | None = None
    hasSecret: bool | None = None


class AccessProtection(Closed):
    """The section `accessProtection`."""

    enabled: bool | None = None
    jwtConfig: JwtConfig | None = None


class ExternalApi(Closed):
    """The section `externalApi`; the limit is per key and minute, 1 to 1000."""

    enabled: bool | None = None
    rateLimitPerMinute: int | None = None


class PublicAccessLists(Closed):
    """The section `accessLists`."""

    authorizedEmails: list[str] | None = None
    authorizedDomains: list[str] | None = None
    allowedEmbedDomains: list[str] | None = None


class PublicTelemetry(Closed):
    """The section `telemetry`; the retention is 1 to 24 months."""

    level: Literal["anonymized", "identified", "full"] | None = None
    endUserOptOutAllowed: bool | None = None
    pseudonymizeIdentifiers: bool | None = None
    retentionMonths: int | None = None


class Domain(Closed):
    """An item of the section `domains`."""

    domain: str | None = None


class Spec(Closed):
    """The nine sections. One that is absent is not touched by an apply."""

    core: JsonObject | None = None
    scopes: Scopes | None = None
    accessProtection: AccessProtection | None = None
    externalApi: ExternalApi | None = None
    accessLists: PublicAccessLists | None = None
    telemetry: PublicTelemetry | None = None
    mcpServers: list[PublicMcpServer] | None = None
    skills: list[PublicSkill] | None = None
    domains: list[Domain] | None = None


class ChatbotConfigDocument(TracedAnswer):
    """The wanted state of a chatbot, as a document."""

    model_config = ConfigDict(extra="forbid")

    apiVersion: Literal["v1"] = "v1"
    kind: Literal["ChatbotConfig"] = "ChatbotConfig"
    prune: bool | None = None
    spec: Spec
    omitted_sections: list[str] | None = Field(default=None, alias="_omittedSections")

    @property
    def etag(self) -> str | None:
        """Return the state this document was read from, to be passed as `if_match` of an apply."""
        return self.raw_response.headers.get("etag") if self.raw_response else None


class Op(Model):
    """One line of a plan."""

    section: str
    action: Literal["noop", "create", "update", "delete"]
    key: str | None = None
    before: JsonValue = None
    after: JsonValue = None
    changedFields: list[str] | None = None


class Summary(Model):
    """How many lines of each kind."""

    create: int = 0
    update: int = 0
    delete: int = 0
    noop: int = 0


class Plan(Model):
    """What an apply does, or would do."""

    ops: list[Op]
    summary: Summary

    @property
    def has_changes(self) -> bool:
        return any(op.action != "noop" for op in self.ops)


class AppliedItem(Model):
    """A line of the plan that was carried out."""

    section: str
    action: Literal["noop", "create", "update", "delete"]
    key: str | None = None
    noop: bool | None = None


class Failed(Model):
    """The line of the plan at which the apply stopped, and why."""

    op: JsonObject
    status: int | None = None
    code: str | None = None
    message: str | None = None


class ApplyResult(TracedAnswer):
    """What came of an apply. When `failed` is set, what is in `applied` stays applied: mend and apply again."""

    dryRun: bool
    plan: Plan
    applied: list[AppliedItem] | None = None
    failed: Failed | None = None
    config: ChatbotConfigDocument | None = None

    @property
    def base_etag(self) -> str | None:
        """Return the state that the plan was made against, to be passed as `if_match` of the apply."""
        return self._header("base-etag")

    @property
    def etag(self) -> str | None:
        """Return the state after an apply; of a dry run, the state as it is."""
        return self._header("etag")

    @property
    def plan_hash(self) -> str | None:
        """Return what names this very plan, to be passed to an apply that must do exactly this."""
        return self._header("plan-hash")

    @property
    def document_hash(self) -> str | None:
        """Return what names the document that was planned."""
        return self._header("document-hash")

    @property
    def revision(self) -> int | None:
        """Return the number of the revision that the apply made."""
        number = self._header("revision")
        return int(number) if number and number.isdecimal() else None

    @property
    def warnings(self) -> str | None:
        """Return what the server wants to be known, such as a setting that is stored but not in effect."""
        return self._header("plan-warning")

    def _header(self, name: str) -> str | None:
        return self.raw_response.headers.get(name) if self.raw_response else None


class PublicChatbot(TracedAnswer):
    """A chatbot. Nested objects are as the server sends them."""

    id: str
    name: str
    description: str | None = None
    status: str | None = None
    dataRegion: str | None = None
    logoUrl: str | None = None
    createdAt: str | None = None
    updatedAt: str | None = None
    aiConfig: JsonObject | None = None
    behavior: JsonObject | None = None
    appearance: JsonObject | None = None
    embedConfig: JsonObject | None = None
    requireAuth: bool | None = None
    authConfig: JsonObject | None = None
    externalApiConfig: JsonObject | None = None
    accessProtection: JsonObject | None = None
    byokConfig: JsonObject | None = None
    byoiConfig: JsonObject | None = None
    salesAgentEnabled: bool | None = None


class Key(TracedAnswer):
    """A key of a chatbot, shown by its first letters. `key` holds all of it, once, when it was just made."""

    id: str | None = None
    name: str | None = None
    label: str | None = None
    keyPrefix: str | None = None
    key: str | None = None
    status: str | None = None
    usageCount: int | None = None
    createdAt: datetime | None = None
    lastUsedAt: datetime | None = None
    revokedAt: datetime | None = None
    metadata: JsonObject | None = None


class PublicAccessProtectionConfig(TracedAnswer):
    """Who may open the chat, with the keys to it."""

    enabled: bool | None = None
    jwtConfig: JwtConfig | None = None
    keys: list[Key] = []


class PublicExternalApiConfig(TracedAnswer):
    """Whether other programs may ask, with their keys."""

    enabled: bool | None = None
    rateLimitPerMinute: int | None = None
    keys: list[Key] = []


class ScopesAnswer(Scopes, TracedAnswer):
    """The section `scopes`, read by itself."""


class ScopeAnswer(PublicScope, TracedAnswer):
    """One scope."""


class AccessListsAnswer(PublicAccessLists, TracedAnswer):
    """The section `accessLists`, read by itself."""


class TelemetryAnswer(PublicTelemetry, TracedAnswer):
    """The section `telemetry`, read by itself."""


class McpServerAnswer(PublicMcpServer, TracedAnswer):
    """One MCP server."""


class SkillAnswer(PublicSkill, TracedAnswer):
    """One skill."""


class PublicDocument(TracedAnswer):
    """A document the chatbot answers from."""

    id: str | None = None
    document_id: str | None = None
    chatbotId: str | None = None
    displayName: str | None = None
    originalFileName: str | None = None
    documentType: str | None = None
    status: str | None = None
    uploadedAt: str | None = None
    fileSize: int | None = None
    vectorCount: int | None = None
    viewAccessLevel: str | None = None
    scopeId: str | None = None
    authorizedEmailCount: int | None = None
    authorizedGroupCount: int | None = None


class PublicVideo(TracedAnswer):
    """A video the chatbot answers from; its length is in seconds."""

    id: str | None = None
    document_id: str | None = None
    chatbotId: str | None = None
    displayName: str | None = None
    originalFileName: str | None = None
    videoFileName: str | None = None
    platform: str | None = None
    source: str | None = None
    status: str | None = None
    duration: float | None = None
    language: str | None = None
    vectorCount: int | None = None
    uploadedAt: str | None = None
    videoTitle: str | None = None
    thumbnail: str | None = None
    scopeId: str | None = None
    viewAccessLevel: str | None = None
    authorizedEmailCount: int | None = None
    authorizedGroupCount: int | None = None


class PublicDeployment(TracedAnswer):
    """Where the chatbot is published."""

    status: str | None = None
    deploymentUrl: str | None = None
    customDomain: str | None = None
    wizchatDomain: str | None = None
    wizchatDomainConfigured: bool | None = None
    customDomainAuthorized: bool | None = None
    domainVerified: bool | None = None
    domainStatus: str | None = None
    deployedAt: str | None = None
    lastDeploymentAt: str | None = None


class PublicDomainStatus(TracedAnswer):
    """How far a domain has come."""

    domain: str | None = None
    verified: bool | None = None
    configured: bool | None = None
    status: str | None = None
    customDomain: str | None = None
    customDomainAuthorized: bool | None = None
    authorizedDomains: list[str] | None = None
    warning: str | None = None
    verification: list[JsonObject] | JsonObject | None = None


class DailyCost(Model):
    """The cost of one day."""

    date: str
    cost: float


class ModelCost(Model):
    """The cost of one model."""

    model: str
    cost: float
    tokens: int
    calls: int


class PublicCostAnalytics(TracedAnswer):
    """What the answers cost."""

    totalCost: float | None = None
    costPerQuery: float | None = None
    dailyTrend: list[DailyCost] = []
    modelBreakdown: list[ModelCost] = []
    currency: str | None = None
    days: int | None = None
    periodStart: str | None = None
    periodEnd: str | None = None


class PublicUsageAnalytics(TracedAnswer):
    """How much was asked and answered."""

    tokenCount: int | None = None
    documentCount: int | None = None
    queryCount: int | None = None
    days: int | None = None


class UsageSummary(TracedAnswer):
    """The daily quota; a limit of -1 is none."""

    period: str = "day"
    used: int = 0
    limit: int = -1
    remaining: int | None = None
    resetsAt: datetime
    plan: str = ""


class McpAccessKey(TracedAnswer):
    """A new access key of an MCP server; `accessKey` is shown this once."""

    accessKey: str
    accessKeyHint: str | None = None
    accessKeyUpdatedAt: datetime | None = None


class QuerySource(Model):
    """A passage that an answer comes from; `relevance` is from 0 to 1."""

    documentId: str
    title: str = ""
    chunk: str | None = None
    relevance: float | None = None


class QueryUsage(Model):
    """What an answer used; `cost` is in US dollars, None where a price is not known."""

    inputTokens: int = 0
    outputTokens: int = 0
    cost: float | None = None


class QueryAnswer(TracedAnswer):
    """The answer to a question."""

    response: str
    conversationId: str
    sources: list[QuerySource] = []
    usage: QueryUsage = QueryUsage()


class OAuthClient(TracedAnswer):
    """A program that fetches tokens of its own. `clientSecret` is there once, when it was just made."""

    clientId: str
    name: str = ""
    scopes: list[str] = []
    allowedChatbotIds: list[str] | None = None
    status: str = "active"
    createdAt: datetime | None = None
    lastUsedAt: datetime | None = None
    clientSecret: str | None = None


class OAuthTokenResponse(TracedAnswer):
    """A token to be used like a key, for so many seconds."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105
    expires_in: int = 0
    scope: str = ""


class Actor(Model):
    """Who wrote."""

    kind: str | None = None
    id: str | None = None
    name: str | None = None


class Revision(TracedAnswer):
    """A stored state of a chatbot's configuration; `config` and `plan` only where one is read by itself."""

    number: int
    cause: str | None = None
    status: str | None = None
    actor: Actor | None = None
    createdAt: datetime | None = None
    finishedAt: datetime | None = None
    baseETag: str | None = None
    etag: str | None = None
    opCount: int | None = None
    doneCount: int | None = None
    failure: JsonValue = None
    note: str | None = None
    config: JsonObject | None = None
    plan: Plan | None = None


class Drift(TracedAnswer):
    """What changed since the last apply: the plan that leads from then to now, and who wrote since."""

    since: Revision | None = None
    plan: Plan
    revisions: list[Revision] = []


class RevisionDiff(TracedAnswer):
    """The plan that leads from one state to another."""

    plan: Plan


class SecretState(Model):
    """Where a secret is kept and what a write does to it. The fingerprint tells a change without telling the value."""

    place: str
    action: Literal["noop", "create", "update", "delete"] = "noop"
    fingerprint: str | None = None
    updatedAt: datetime | None = None
