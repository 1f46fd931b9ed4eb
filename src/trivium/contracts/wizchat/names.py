"""The contract's names for our words, both ways; everything else passes as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from trivium.core.errors import InvalidRequest

JSONObject = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Names:
    """How the fields of an object are called: contract → core.

    `nested` translates the value of a field (by its core name) or, for a list, every item. `aliases` are other
    spellings that come in. Unknown fields are kept under the prefix `rest`.
    """

    pairs: Mapping[str, str]
    nested: Mapping[str, "Names"] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    rest: str = ""

    @cached_property
    def _theirs(self) -> Mapping[str, str]:
        return {ours: theirs for theirs, ours in self.pairs.items()}

    def into_core(self, value: Any, place: str = "spec") -> Any:
        """Return the value in our words. InvalidRequest when two spellings of one field disagree."""
        if isinstance(value, list):
            return [self.into_core(item, f"{place}[{index}]") for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        result: JSONObject = {}
        for name, content in value.items():
            ours = self.core_name(name)
            if ours in self.nested:
                content = self.nested[ours].into_core(content, f"{place}.{name}")
            if ours in result and result[ours] != content:
                raise InvalidRequest(f"{place}.{name} is given twice, in two spellings.", details={"path": place})
            result[ours] = content
        return result

    def into_wire(self, value: Any) -> Any:
        """Return the value in the contract's words."""
        if isinstance(value, list):
            return [self.into_wire(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            self.wire_name(name): self.nested[name].into_wire(content) if name in self.nested else content
            for name, content in value.items()
        }

    def core_name(self, name: str) -> str:
        """Return our name of a field."""
        return self.pairs.get(name) or self.aliases.get(name) or f"{self.rest}{name}"

    def wire_name(self, name: str) -> str:
        """Return the contract's name of a field."""
        if theirs := self._theirs.get(name):
            return theirs
        return name[len(self.rest) :] if self.rest and name.startswith(self.rest) else name


_AI = Names(
    pairs={"model": "model", "temperature": "temperature", "maxTokens": "max_output_tokens"},
    aliases={
        "maxOutputTokens": "max_output_tokens",
        "max_tokens": "max_output_tokens",
        "max_output_tokens": "max_output_tokens",
        "modelId": "model",
    },
)
_BEHAVIOR = Names(
    pairs={
        "systemPrompt": "instructions",
        "persona": "persona",
        "firstMessage": "greeting",
        "responseLength": "response_length",
        "inlineCitations": "inline_citations",
    },
    aliases={
        "instructions": "instructions",
        "prompt": "instructions",
        "greeting": "greeting",
        "welcomeMessage": "greeting",
        "response_length": "response_length",
        "inline_citations": "inline_citations",
    },
)
_SCOPE = Names(
    pairs={
        "id": "id",
        "label": "name",
        "description": "description",
        "requireAuth": "requires_auth",
        "systemPrompt": "instructions",
        "persona": "persona",
        "responseLength": "response_length",
        "firstMessage": "greeting",
        "webSearchEnabled": "web_search_enabled",
        "inlineCitations": "inline_citations",
        "sourceQuality": "source_quality",
        "trackUnanswered": "tracks_unanswered",
        "mcpServerIds": "mcp_servers",
        "authorizedEmailCount": "email_count",
        "authorizedDomainCount": "domain_count",
    }
)
_JWT = Names(
    pairs={"enabled": "enabled", "algorithm": "algorithm", "emailClaim": "email_claim", "hasSecret": "has_secret"}
)
SECTION_NAMES = {
    "core": "agent",
    "scopes": "collections",
    "accessProtection": "access_protection",
    "externalApi": "external_api",
    "accessLists": "access_lists",
    "telemetry": "telemetry",
    "mcpServers": "mcp_servers",
    "skills": "skills",
    "domains": "domains",
}
WIRE_SECTIONS = {ours: theirs for theirs, ours in SECTION_NAMES.items()}
# By our name of the section.
FIELDS: dict[str, Names] = {
    "agent": Names(
        pairs={
            "name": "name",
            "description": "description",
            "status": "status",
            "logoUrl": "logo_url",
            "requireAuth": "requires_auth",
            "aiConfig": "model_settings",
            "behavior": "behavior",
            "appearance": "appearance",
            "byoiConfig": "own_models",
            "salesAgentEnabled": "sales_enabled",
            "x-protect": "protected",
        },
        nested={"model_settings": _AI, "behavior": _BEHAVIOR},
        rest="open.",
    ),
    "collections": Names(
        pairs={
            "scopes": "collections",
            "uiTree": "ui_tree",
            "slotWorkflows": "slot_workflows",
            "defaultSlotId": "default_slot_id",
            "defaultScopeLabel": "default_name",
        },
        nested={"collections": _SCOPE},
    ),
    "access_protection": Names(pairs={"enabled": "enabled", "jwtConfig": "jwt"}, nested={"jwt": _JWT}),
    "external_api": Names(pairs={"enabled": "enabled", "rateLimitPerMinute": "rate_limit_per_min"}),
    "access_lists": Names(
        pairs={
            "authorizedEmails": "emails",
            "authorizedDomains": "email_domains",
            "allowedEmbedDomains": "embed_domains",
        }
    ),
    "telemetry": Names(
        pairs={
            "level": "level",
            "endUserOptOutAllowed": "is_opt_out_allowed",
            "pseudonymizeIdentifiers": "pseudonymizes",
            "retentionMonths": "retention_months",
        }
    ),
    "mcp_servers": Names(
        pairs={
            "id": "id",
            "name": "name",
            "description": "description",
            "type": "type",
            "enabled": "enabled",
            "transport": "transport",
            "url": "url",
            "httpProtocol": "http_protocol",
            "credentialSource": "credential_source",
            "executionMode": "execution_mode",
            "modelOverride": "model_override",
            "instructions": "instructions",
            "isPublic": "is_public",
            "toolNamePrefix": "tool_name_prefix",
            "allowUiResources": "allows_pages",
            "allowLlmCompletion": "allows_model_calls",
            "accessKeyHint": "access_key_hint",
            "centralizedCredentials": "credential_names",
            "tools": "tools",
            "localScriptFormat": "script_format",
            "authorizedEmailCount": "email_count",
            "authorizedGroupCount": "group_count",
            "toolsDiscoveredAt": "tools_discovered_at",
            "createdAt": "created_at",
            "updatedAt": "updated_at",
            "accessKeyUpdatedAt": "access_key_updated_at",
            "oauthConfig": "sign_in",
            "postgresqlConfig": "database",
        }
    ),
    "skills": Names(
        pairs={
            "id": "id",
            "name": "name",
            "description": "description",
            "body": "body",
            "enabled": "enabled",
            "mode": "mode",
            "source": "source",
            "sourceServerId": "source_server",
            "linkedServerIds": "linked_servers",
            "linkedAgentIds": "linked_agents",
            "createdAt": "created_at",
            "updatedAt": "updated_at",
        }
    ),
    "domains": Names(pairs={"domain": "domain"}),
}


def scope_into_core(scope: str) -> str:
    """Return our name of a scope."""
    return scope.replace("chatbots:", "agents:", 1)


def scope_into_wire(scope: str) -> str:
    """Return the contract's name of a scope."""
    return scope.replace("agents:", "chatbots:", 1)
