# Written by `make generate` from ../_async/wizchat_resources.py; edits here are lost.
"""The settings of a chatbot, one group of methods each."""

from collections.abc import Iterator, Mapping, Sequence

from trivium_client._generated.client import Resource
from trivium_client._call import Call, path
from trivium_client._json import JsonInput
from trivium_client._model import Items
from trivium_client.models.wizchat import (
    AccessListsAnswer,
    ApplyResult,
    Drift,
    Key,
    McpAccessKey,
    McpServerAnswer,
    OAuthClient,
    PublicAccessProtectionConfig,
    PublicCostAnalytics,
    PublicExternalApiConfig,
    PublicUsageAnalytics,
    Revision,
    RevisionDiff,
    ScopeAnswer,
    ScopesAnswer,
    SecretState,
    SkillAnswer,
    TelemetryAnswer,
)

C = "/api/v1/chatbots/{}"
PAGE_SIZE = 100


class Scopes(Resource):
    """Sets of documents apart from each other."""

    def get(self, chatbot_id: str) -> ScopesAnswer:
        """Return the whole section."""
        return self._transport.fetch(ScopesAnswer, Call(method="GET", path=path(f"{C}/scopes", chatbot_id)))

    def replace(self, chatbot_id: str, section: JsonInput) -> ScopesAnswer:
        """Write the whole section."""
        return self._transport.fetch(
            ScopesAnswer, Call(method="PUT", path=path(f"{C}/scopes", chatbot_id), body={**section})
        )

    def create(self, chatbot_id: str, label: str, **fields: object) -> ScopeAnswer:
        """Add a scope; its id follows from the label unless one is given."""
        call = Call(
            method="POST", path=path(f"{C}/scopes", chatbot_id), body={"label": label, **fields}, unwrap="scope"
        )
        return self._transport.fetch(ScopeAnswer, call)

    def update(self, chatbot_id: str, scope_id: str, fields: JsonInput) -> ScopeAnswer:
        """Change fields of a scope."""
        call = Call(
            method="PATCH", path=path(f"{C}/scopes/{{}}", chatbot_id, scope_id), body={**fields}, unwrap="scope"
        )
        return self._transport.fetch(ScopeAnswer, call)

    def delete(self, chatbot_id: str, scope_id: str) -> None:
        """Remove a scope that holds no documents."""
        self._transport.send(Call(method="DELETE", path=path(f"{C}/scopes/{{}}", chatbot_id, scope_id)))


class AccessProtection(Resource):
    """Who may open the chat."""

    def get(self, chatbot_id: str) -> PublicAccessProtectionConfig:
        """Return the settings and the keys, without their secrets."""
        return self._transport.fetch(
            PublicAccessProtectionConfig, Call(method="GET", path=path(f"{C}/access-protection", chatbot_id))
        )

    def update(self, chatbot_id: str, fields: JsonInput) -> PublicAccessProtectionConfig:
        """Change settings."""
        return self._transport.fetch(
            PublicAccessProtectionConfig,
            Call(method="PATCH", path=path(f"{C}/access-protection", chatbot_id), body={**fields}),
        )

    def create_key(self, chatbot_id: str, label: str) -> Key:
        """Make a key; its `key` is shown this once."""
        return self._transport.fetch(
            Key, Call(method="POST", path=path(f"{C}/access-protection/keys", chatbot_id), body={"label": label})
        )

    def revoke_key(self, chatbot_id: str, key_id: str) -> None:
        """Revoke a key at once."""
        self._transport.send(
            Call(method="DELETE", path=path(f"{C}/access-protection/keys/{{}}", chatbot_id, key_id))
        )

    def set_jwt_secret(self, chatbot_id: str, secret: str) -> None:
        """Store the secret that visitors' tokens are checked with; it cannot be read again."""
        self._transport.send(
            Call(method="PUT", path=path(f"{C}/access-protection/jwt-secret", chatbot_id), body={"secret": secret})
        )


class ExternalApi(Resource):
    """Whether other programs may ask the chatbot."""

    def get(self, chatbot_id: str) -> PublicExternalApiConfig:
        """Return the settings and the keys, without their secrets."""
        return self._transport.fetch(
            PublicExternalApiConfig, Call(method="GET", path=path(f"{C}/external-api", chatbot_id))
        )

    def update(self, chatbot_id: str, fields: JsonInput) -> PublicExternalApiConfig:
        """Change settings."""
        return self._transport.fetch(
            PublicExternalApiConfig,
            Call(method="PATCH", path=path(f"{C}/external-api", chatbot_id), body={**fields}),
        )

    def create_key(self, chatbot_id: str, name: str, *, description: str | None = None) -> Key:
        """Make a key; its `key` is shown this once."""
        body = {"name": name} | ({"description": description} if description else {})
        return self._transport.fetch(
            Key, Call(method="POST", path=path(f"{C}/external-api/keys", chatbot_id), body=body)
        )

    def revoke_key(self, chatbot_id: str, key_id: str) -> None:
        """Revoke a key at once."""
        self._transport.send(Call(method="DELETE", path=path(f"{C}/external-api/keys/{{}}", chatbot_id, key_id)))


class AccessLists(Resource):
    """E-mail addresses and domains that may come in."""

    def get(self, chatbot_id: str) -> AccessListsAnswer:
        """Return all three lists in full."""
        return self._transport.fetch(
            AccessListsAnswer, Call(method="GET", path=path(f"{C}/access-lists", chatbot_id))
        )

    def replace(self, chatbot_id: str, lists: JsonInput) -> AccessListsAnswer:
        """Write all three lists."""
        return self._transport.fetch(
            AccessListsAnswer, Call(method="PUT", path=path(f"{C}/access-lists", chatbot_id), body={**lists})
        )


class Telemetry(Resource):
    """What is recorded, and for how long."""

    def get(self, chatbot_id: str) -> TelemetryAnswer:
        """Return the four settings."""
        return self._transport.fetch(TelemetryAnswer, Call(method="GET", path=path(f"{C}/telemetry", chatbot_id)))

    def update(self, chatbot_id: str, fields: JsonInput) -> TelemetryAnswer:
        """Change settings."""
        return self._transport.fetch(
            TelemetryAnswer, Call(method="PATCH", path=path(f"{C}/telemetry", chatbot_id), body={**fields})
        )


class McpServers(Resource):
    """Servers of tools."""

    def list(self, chatbot_id: str) -> Items[McpServerAnswer]:
        """Return all of them."""
        call = Call(method="GET", path=path(f"{C}/mcp-servers", chatbot_id), unwrap="mcpServers")
        return self._transport.fetch_items(McpServerAnswer, call)

    def iterate(self, chatbot_id: str, *, page_size: int = PAGE_SIZE) -> Iterator[McpServerAnswer]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path=path(f"{C}/mcp-servers", chatbot_id), unwrap="mcpServers")
        return self._transport.iterate(McpServerAnswer, call, page_size)

    def create(self, chatbot_id: str, name: str, **fields: object) -> McpServerAnswer:
        """Add one; credentials are set apart."""
        call = Call(
            method="POST",
            path=path(f"{C}/mcp-servers", chatbot_id),
            body={"name": name, **fields},
            unwrap="mcpServer",
        )
        return self._transport.fetch(McpServerAnswer, call)

    def get(self, chatbot_id: str, server_id: str) -> McpServerAnswer:
        """Return one; raises NotFound."""
        call = Call(method="GET", path=path(f"{C}/mcp-servers/{{}}", chatbot_id, server_id), unwrap="mcpServer")
        return self._transport.fetch(McpServerAnswer, call)

    def update(self, chatbot_id: str, server_id: str, fields: JsonInput) -> McpServerAnswer:
        """Change fields; credentials stay."""
        call = Call(
            method="PATCH",
            path=path(f"{C}/mcp-servers/{{}}", chatbot_id, server_id),
            body={**fields},
            unwrap="mcpServer",
        )
        return self._transport.fetch(McpServerAnswer, call)

    def delete(self, chatbot_id: str, server_id: str) -> None:
        """Remove one with its credentials."""
        self._transport.send(Call(method="DELETE", path=path(f"{C}/mcp-servers/{{}}", chatbot_id, server_id)))

    def set_credentials(self, chatbot_id: str, server_id: str, credentials: JsonInput) -> None:
        """Store headers, environment or command; they cannot be read again."""
        self._transport.send(
            Call(
                method="PUT",
                path=path(f"{C}/mcp-servers/{{}}/credentials", chatbot_id, server_id),
                body={**credentials},
            )
        )

    def discover_tools(self, chatbot_id: str, server_id: str) -> McpServerAnswer:
        """Ask the server for its tools; returns it with what was found."""
        call = Call(
            method="POST",
            path=path(f"{C}/mcp-servers/{{}}/discover-tools", chatbot_id, server_id),
            unwrap="mcpServer",
        )
        return self._transport.fetch(McpServerAnswer, call)

    def rotate_access_key(self, chatbot_id: str, server_id: str) -> McpAccessKey:
        """Make a new access key; its `accessKey` is shown this once."""
        call = Call(method="POST", path=path(f"{C}/mcp-servers/{{}}/access-key", chatbot_id, server_id))
        return self._transport.fetch(McpAccessKey, call)


class Skills(Resource):
    """Instructions loaded on demand or always."""

    def list(self, chatbot_id: str) -> Items[SkillAnswer]:
        """Return all of them."""
        call = Call(method="GET", path=path(f"{C}/skills", chatbot_id), unwrap="skills")
        return self._transport.fetch_items(SkillAnswer, call)

    def iterate(self, chatbot_id: str, *, page_size: int = PAGE_SIZE) -> Iterator[SkillAnswer]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path=path(f"{C}/skills", chatbot_id), unwrap="skills")
        return self._transport.iterate(SkillAnswer, call, page_size)

    def create(self, chatbot_id: str, name: str, **fields: object) -> SkillAnswer:
        """Add one."""
        call = Call(method="POST", path=path(f"{C}/skills", chatbot_id), body={"name": name, **fields}, unwrap="skill")
        return self._transport.fetch(SkillAnswer, call)

    def get(self, chatbot_id: str, skill_id: str) -> SkillAnswer:
        """Return one; raises NotFound."""
        call = Call(method="GET", path=path(f"{C}/skills/{{}}", chatbot_id, skill_id), unwrap="skill")
        return self._transport.fetch(SkillAnswer, call)

    def update(self, chatbot_id: str, skill_id: str, fields: JsonInput) -> SkillAnswer:
        """Change fields."""
        call = Call(
            method="PATCH", path=path(f"{C}/skills/{{}}", chatbot_id, skill_id), body={**fields}, unwrap="skill"
        )
        return self._transport.fetch(SkillAnswer, call)

    def delete(self, chatbot_id: str, skill_id: str) -> None:
        """Remove one."""
        self._transport.send(Call(method="DELETE", path=path(f"{C}/skills/{{}}", chatbot_id, skill_id)))

    def import_from(self, chatbot_id: str, source_server_id: str) -> Items[SkillAnswer]:
        """Take over the skills that an MCP server offers."""
        call = Call(
            method="POST",
            path=path(f"{C}/skills/import", chatbot_id),
            body={"sourceServerId": source_server_id},
            unwrap="skills",
        )
        return self._transport.fetch_items(SkillAnswer, call)


class Analytics(Resource):
    """Costs and use in a window of days, today included."""

    def costs(self, chatbot_id: str, *, days: int | None = None) -> PublicCostAnalytics:
        """Return what the answers cost, by day and by model."""
        return self._transport.fetch(
            PublicCostAnalytics,
            Call(method="GET", path=path(f"{C}/analytics/costs", chatbot_id), params={"days": days}),
        )

    def usage(self, chatbot_id: str, *, days: int | None = None) -> PublicUsageAnalytics:
        """Return how much was asked."""
        return self._transport.fetch(
            PublicUsageAnalytics,
            Call(method="GET", path=path(f"{C}/analytics/usage", chatbot_id), params={"days": days}),
        )


class OAuthClients(Resource):
    """Programs that fetch tokens of their own. A signed-in owner administers them."""

    def list(self) -> Items[OAuthClient]:
        """Return all of them."""
        call = Call(method="GET", path="/api/v1/oauth/clients", unwrap="clients")
        return self._transport.fetch_items(OAuthClient, call)

    def iterate(self, *, page_size: int = PAGE_SIZE) -> Iterator[OAuthClient]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path="/api/v1/oauth/clients", unwrap="clients")
        return self._transport.iterate(OAuthClient, call, page_size)

    def create(
        self, name: str, scopes: Sequence[str], *, allowed_chatbot_ids: Sequence[str] | None = None
    ) -> OAuthClient:
        """Register one; its `clientSecret` is shown this once."""
        body: JsonInput = {"name": name, "scopes": [*scopes], "allowedChatbotIds": allowed_chatbot_ids}
        return self._transport.fetch(OAuthClient, Call(method="POST", path="/api/v1/oauth/clients", body=body))

    def get(self, client_id: str) -> OAuthClient:
        """Return one; raises NotFound."""
        return self._transport.fetch(
            OAuthClient, Call(method="GET", path=path("/api/v1/oauth/clients/{}", client_id))
        )

    def delete(self, client_id: str) -> None:
        """Revoke one and its tokens."""
        self._transport.send(Call(method="DELETE", path=path("/api/v1/oauth/clients/{}", client_id)))


class Revisions(Resource):
    """Earlier states of a chatbot's configuration. Every write makes one."""

    def list(self, chatbot_id: str, *, limit: int | None = None, before: int | None = None) -> Items[Revision]:
        """Return a page, the newest first: 50 unless told otherwise, at most 200, below the number `before`."""
        call = Call(
            method="GET",
            path=path(f"{C}/revisions", chatbot_id),
            params={"limit": limit, "before": before},
            unwrap="revisions",
        )
        return self._transport.fetch_items(Revision, call)

    def iterate(self, chatbot_id: str) -> Iterator[Revision]:
        """Yield all of them, the newest first, fetching page after page."""
        before: int | None = None
        while True:
            page = self.list(chatbot_id, before=before)
            for revision in page:
                yield revision
            if not page or "nextBefore" not in page.raw_response.json():
                return
            before = page[-1].number

    def get(self, chatbot_id: str, number: int) -> Revision:
        """Return one with its document and its plan."""
        call = Call(method="GET", path=path(f"{C}/revisions/{{}}", chatbot_id, str(number)), unwrap="revision")
        return self._transport.fetch(Revision, call)

    def diff(self, chatbot_id: str, number: int, *, against: int | None = None) -> RevisionDiff:
        """Return the plan that leads from a revision to another one, or to the state now."""
        call = Call(
            method="GET",
            path=path(f"{C}/revisions/{{}}/diff", chatbot_id, str(number)),
            params={"against": against},
        )
        return self._transport.fetch(RevisionDiff, call)

    def restore(self, chatbot_id: str, number: int, *, dry_run: bool = False) -> ApplyResult:
        """Apply what a revision left, which makes a new one; with `dry_run` only plan it."""
        call = Call(
            method="POST",
            path=path(f"{C}/revisions/{{}}/restore", chatbot_id, str(number)),
            params={"dryRun": True} if dry_run else {},
            accepts=frozenset({422}),
            conflict_passes=False,
        )
        return self._transport.fetch(ApplyResult, call)

    def drift(self, chatbot_id: str) -> Drift:
        """Return what changed since the last apply, and who did it."""
        return self._transport.fetch(Drift, Call(method="GET", path=path(f"{C}/drift", chatbot_id)))


class Secrets(Resource):
    """What no export shows: written, never read back.

    A place is `accessProtection/jwtSecret`, `mcpServers/NAME/headers/HEADER` or `mcpServers/NAME/env/VARIABLE`.
    """

    def list(self, chatbot_id: str) -> Items[SecretState]:
        """Return the places of all secrets, with fingerprints."""
        call = Call(method="GET", path=path(f"{C}/secrets", chatbot_id), unwrap="secrets")
        return self._transport.fetch_items(SecretState, call)

    def put(
        self, chatbot_id: str, values: Mapping[str, str | None], *, dry_run: bool = False
    ) -> Items[SecretState]:
        """Write secrets by their places, None deletes one; with `dry_run` only say which of them would change."""
        call = Call(
            method="PUT",
            path=path(f"{C}/secrets", chatbot_id),
            params={"dryRun": True} if dry_run else {},
            body={"secrets": {**values}},
            unwrap="secrets",
        )
        return self._transport.fetch_items(SecretState, call)
