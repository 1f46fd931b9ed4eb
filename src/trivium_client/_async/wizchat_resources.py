"""The settings of a chatbot, one group of methods each."""

from collections.abc import AsyncIterator, Mapping, Sequence

from trivium_client._async.client import AsyncResource
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


class AsyncScopes(AsyncResource):
    """Sets of documents apart from each other."""

    async def get(self, chatbot_id: str) -> ScopesAnswer:
        """Return the whole section."""
        return await self._transport.fetch(ScopesAnswer, Call(method="GET", path=path(f"{C}/scopes", chatbot_id)))

    async def replace(self, chatbot_id: str, section: JsonInput) -> ScopesAnswer:
        """Write the whole section."""
        return await self._transport.fetch(
            ScopesAnswer, Call(method="PUT", path=path(f"{C}/scopes", chatbot_id), body={**section})
        )

    async def create(self, chatbot_id: str, label: str, **fields: object) -> ScopeAnswer:
        """Add a scope; its id follows from the label unless one is given."""
        call = Call(
            method="POST", path=path(f"{C}/scopes", chatbot_id), body={"label": label, **fields}, unwrap="scope"
        )
        return await self._transport.fetch(ScopeAnswer, call)

    async def update(self, chatbot_id: str, scope_id: str, fields: JsonInput) -> ScopeAnswer:
        """Change fields of a scope."""
        call = Call(
            method="PATCH", path=path(f"{C}/scopes/{{}}", chatbot_id, scope_id), body={**fields}, unwrap="scope"
        )
        return await self._transport.fetch(ScopeAnswer, call)

    async def delete(self, chatbot_id: str, scope_id: str) -> None:
        """Remove a scope that holds no documents."""
        await self._transport.send(Call(method="DELETE", path=path(f"{C}/scopes/{{}}", chatbot_id, scope_id)))


class AsyncAccessProtection(AsyncResource):
    """Who may open the chat."""

    async def get(self, chatbot_id: str) -> PublicAccessProtectionConfig:
        """Return the settings and the keys, without their secrets."""
        return await self._transport.fetch(
            PublicAccessProtectionConfig, Call(method="GET", path=path(f"{C}/access-protection", chatbot_id))
        )

    async def update(self, chatbot_id: str, fields: JsonInput) -> PublicAccessProtectionConfig:
        """Change settings."""
        return await self._transport.fetch(
            PublicAccessProtectionConfig,
            Call(method="PATCH", path=path(f"{C}/access-protection", chatbot_id), body={**fields}),
        )

    async def create_key(self, chatbot_id: str, label: str) -> Key:
        """Make a key; its `key` is shown this once."""
        return await self._transport.fetch(
            Key, Call(method="POST", path=path(f"{C}/access-protection/keys", chatbot_id), body={"label": label})
        )

    async def revoke_key(self, chatbot_id: str, key_id: str) -> None:
        """Revoke a key at once."""
        await self._transport.send(
            Call(method="DELETE", path=path(f"{C}/access-protection/keys/{{}}", chatbot_id, key_id))
        )

    async def set_jwt_secret(self, chatbot_id: str, secret: str) -> None:
        """Store the secret that visitors' tokens are checked with; it cannot be read again."""
        await self._transport.send(
            Call(method="PUT", path=path(f"{C}/access-protection/jwt-secret", chatbot_id), body={"secret": secret})
        )


class AsyncExternalApi(AsyncResource):
    """Whether other programs may ask the chatbot."""

    async def get(self, chatbot_id: str) -> PublicExternalApiConfig:
        """Return the settings and the keys, without their secrets."""
        return await self._transport.fetch(
            PublicExternalApiConfig, Call(method="GET", path=path(f"{C}/external-api", chatbot_id))
        )

    async def update(self, chatbot_id: str, fields: JsonInput) -> PublicExternalApiConfig:
        """Change settings."""
        return await self._transport.fetch(
            PublicExternalApiConfig,
            Call(method="PATCH", path=path(f"{C}/external-api", chatbot_id), body={**fields}),
        )

    async def create_key(self, chatbot_id: str, name: str, *, description: str | None = None) -> Key:
        """Make a key; its `key` is shown this once."""
        body = {"name": name} | ({"description": description} if description else {})
        return await self._transport.fetch(
            Key, Call(method="POST", path=path(f"{C}/external-api/keys", chatbot_id), body=body)
        )

    async def revoke_key(self, chatbot_id: str, key_id: str) -> None:
        """Revoke a key at once."""
        await self._transport.send(Call(method="DELETE", path=path(f"{C}/external-api/keys/{{}}", chatbot_id, key_id)))


class AsyncAccessLists(AsyncResource):
    """E-mail addresses and domains that may come in."""

    async def get(self, chatbot_id: str) -> AccessListsAnswer:
        """Return all three lists in full."""
        return await self._transport.fetch(
            AccessListsAnswer, Call(method="GET", path=path(f"{C}/access-lists", chatbot_id))
        )

    async def replace(self, chatbot_id: str, lists: JsonInput) -> AccessListsAnswer:
        """Write all three lists."""
        return await self._transport.fetch(
            AccessListsAnswer, Call(method="PUT", path=path(f"{C}/access-lists", chatbot_id), body={**lists})
        )


class AsyncTelemetry(AsyncResource):
    """What is recorded, and for how long."""

    async def get(self, chatbot_id: str) -> TelemetryAnswer:
        """Return the four settings."""
        return await self._transport.fetch(TelemetryAnswer, Call(method="GET", path=path(f"{C}/telemetry", chatbot_id)))

    async def update(self, chatbot_id: str, fields: JsonInput) -> TelemetryAnswer:
        """Change settings."""
        return await self._transport.fetch(
            TelemetryAnswer, Call(method="PATCH", path=path(f"{C}/telemetry", chatbot_id), body={**fields})
        )


class AsyncMcpServers(AsyncResource):
    """Servers of tools."""

    async def list(self, chatbot_id: str) -> Items[McpServerAnswer]:
        """Return all of them."""
        call = Call(method="GET", path=path(f"{C}/mcp-servers", chatbot_id), unwrap="mcpServers")
        return await self._transport.fetch_items(McpServerAnswer, call)

    def iterate(self, chatbot_id: str, *, page_size: int = PAGE_SIZE) -> AsyncIterator[McpServerAnswer]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path=path(f"{C}/mcp-servers", chatbot_id), unwrap="mcpServers")
        return self._transport.iterate(McpServerAnswer, call, page_size)

    async def create(self, chatbot_id: str, name: str, **fields: object) -> McpServerAnswer:
        """Add one; credentials are set apart."""
        call = Call(
            method="POST",
            path=path(f"{C}/mcp-servers", chatbot_id),
            body={"name": name, **fields},
            unwrap="mcpServer",
        )
        return await self._transport.fetch(McpServerAnswer, call)

    async def get(self, chatbot_id: str, server_id: str) -> McpServerAnswer:
        """Return one; raises NotFound."""
        call = Call(method="GET", path=path(f"{C}/mcp-servers/{{}}", chatbot_id, server_id), unwrap="mcpServer")
        return await self._transport.fetch(McpServerAnswer, call)

    async def update(self, chatbot_id: str, server_id: str, fields: JsonInput) -> McpServerAnswer:
        """Change fields; credentials stay."""
        call = Call(
            method="PATCH",
            path=path(f"{C}/mcp-servers/{{}}", chatbot_id, server_id),
            body={**fields},
            unwrap="mcpServer",
        )
        return await self._transport.fetch(McpServerAnswer, call)

    async def delete(self, chatbot_id: str, server_id: str) -> None:
        """Remove one with its credentials."""
        await self._transport.send(Call(method="DELETE", path=path(f"{C}/mcp-servers/{{}}", chatbot_id, server_id)))

    async def set_credentials(self, chatbot_id: str, server_id: str, credentials: JsonInput) -> None:
        """Store headers, environment or command; they cannot be read again."""
        await self._transport.send(
            Call(
                method="PUT",
                path=path(f"{C}/mcp-servers/{{}}/credentials", chatbot_id, server_id),
                body={**credentials},
            )
        )

    async def discover_tools(self, chatbot_id: str, server_id: str) -> McpServerAnswer:
        """Ask the server for its tools; returns it with what was found."""
        call = Call(
            method="POST",
            path=path(f"{C}/mcp-servers/{{}}/discover-tools", chatbot_id, server_id),
            unwrap="mcpServer",
        )
        return await self._transport.fetch(McpServerAnswer, call)

    async def rotate_access_key(self, chatbot_id: str, server_id: str) -> McpAccessKey:
        """Make a new access key; its `accessKey` is shown this once."""
        call = Call(method="POST", path=path(f"{C}/mcp-servers/{{}}/access-key", chatbot_id, server_id))
        return await self._transport.fetch(McpAccessKey, call)


class AsyncSkills(AsyncResource):
    """Instructions loaded on demand or always."""

    async def list(self, chatbot_id: str) -> Items[SkillAnswer]:
        """Return all of them."""
        call = Call(method="GET", path=path(f"{C}/skills", chatbot_id), unwrap="skills")
        return await self._transport.fetch_items(SkillAnswer, call)

    def iterate(self, chatbot_id: str, *, page_size: int = PAGE_SIZE) -> AsyncIterator[SkillAnswer]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path=path(f"{C}/skills", chatbot_id), unwrap="skills")
        return self._transport.iterate(SkillAnswer, call, page_size)

    async def create(self, chatbot_id: str, name: str, **fields: object) -> SkillAnswer:
        """Add one."""
        call = Call(method="POST", path=path(f"{C}/skills", chatbot_id), body={"name": name, **fields}, unwrap="skill")
        return await self._transport.fetch(SkillAnswer, call)

    async def get(self, chatbot_id: str, skill_id: str) -> SkillAnswer:
        """Return one; raises NotFound."""
        call = Call(method="GET", path=path(f"{C}/skills/{{}}", chatbot_id, skill_id), unwrap="skill")
        return await self._transport.fetch(SkillAnswer, call)

    async def update(self, chatbot_id: str, skill_id: str, fields: JsonInput) -> SkillAnswer:
        """Change fields."""
        call = Call(
            method="PATCH", path=path(f"{C}/skills/{{}}", chatbot_id, skill_id), body={**fields}, unwrap="skill"
        )
        return await self._transport.fetch(SkillAnswer, call)

    async def delete(self, chatbot_id: str, skill_id: str) -> None:
        """Remove one."""
        await self._transport.send(Call(method="DELETE", path=path(f"{C}/skills/{{}}", chatbot_id, skill_id)))

    async def import_from(self, chatbot_id: str, source_server_id: str) -> Items[SkillAnswer]:
        """Take over the skills that an MCP server offers."""
        call = Call(
            method="POST",
            path=path(f"{C}/skills/import", chatbot_id),
            body={"sourceServerId": source_server_id},
            unwrap="skills",
        )
        return await self._transport.fetch_items(SkillAnswer, call)


class AsyncAnalytics(AsyncResource):
    """Costs and use in a window of days, today included."""

    async def costs(self, chatbot_id: str, *, days: int | None = None) -> PublicCostAnalytics:
        """Return what the answers cost, by day and by model."""
        return await self._transport.fetch(
            PublicCostAnalytics,
            Call(method="GET", path=path(f"{C}/analytics/costs", chatbot_id), params={"days": days}),
        )

    async def usage(self, chatbot_id: str, *, days: int | None = None) -> PublicUsageAnalytics:
        """Return how much was asked."""
        return await self._transport.fetch(
            PublicUsageAnalytics,
            Call(method="GET", path=path(f"{C}/analytics/usage", chatbot_id), params={"days": days}),
        )


class AsyncOAuthClients(AsyncResource):
    """Programs that fetch tokens of their own. A signed-in owner administers them."""

    async def list(self) -> Items[OAuthClient]:
        """Return all of them."""
        call = Call(method="GET", path="/api/v1/oauth/clients", unwrap="clients")
        return await self._transport.fetch_items(OAuthClient, call)

    def iterate(self, *, page_size: int = PAGE_SIZE) -> AsyncIterator[OAuthClient]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path="/api/v1/oauth/clients", unwrap="clients")
        return self._transport.iterate(OAuthClient, call, page_size)

    async def create(
        self, name: str, scopes: Sequence[str], *, allowed_chatbot_ids: Sequence[str] | None = None
    ) -> OAuthClient:
        """Register one; its `clientSecret` is shown this once."""
        body: JsonInput = {"name": name, "scopes": [*scopes], "allowedChatbotIds": allowed_chatbot_ids}
        return await self._transport.fetch(OAuthClient, Call(method="POST", path="/api/v1/oauth/clients", body=body))

    async def get(self, client_id: str) -> OAuthClient:
        """Return one; raises NotFound."""
        return await self._transport.fetch(
            OAuthClient, Call(method="GET", path=path("/api/v1/oauth/clients/{}", client_id))
        )

    async def delete(self, client_id: str) -> None:
        """Revoke one and its tokens."""
        await self._transport.send(Call(method="DELETE", path=path("/api/v1/oauth/clients/{}", client_id)))


class AsyncRevisions(AsyncResource):
    """Earlier states of a chatbot's configuration. Every write makes one."""

    async def list(self, chatbot_id: str, *, limit: int | None = None, before: int | None = None) -> Items[Revision]:
        """Return a page, the newest first: 50 unless told otherwise, at most 200, below the number `before`."""
        call = Call(
            method="GET",
            path=path(f"{C}/revisions", chatbot_id),
            params={"limit": limit, "before": before},
            unwrap="revisions",
        )
        return await self._transport.fetch_items(Revision, call)

    async def iterate(self, chatbot_id: str) -> AsyncIterator[Revision]:
        """Yield all of them, the newest first, fetching page after page."""
        before: int | None = None
        while True:
            page = await self.list(chatbot_id, before=before)
            for revision in page:
                yield revision
            if not page or "nextBefore" not in page.raw_response.json():
                return
            before = page[-1].number

    async def get(self, chatbot_id: str, number: int) -> Revision:
        """Return one with its document and its plan."""
        call = Call(method="GET", path=path(f"{C}/revisions/{{}}", chatbot_id, str(number)), unwrap="revision")
        return await self._transport.fetch(Revision, call)

    async def diff(self, chatbot_id: str, number: int, *, against: int | None = None) -> RevisionDiff:
        """Return the plan that leads from a revision to another one, or to the state now."""
        call = Call(
            method="GET",
            path=path(f"{C}/revisions/{{}}/diff", chatbot_id, str(number)),
            params={"against": against},
        )
        return await self._transport.fetch(RevisionDiff, call)

    async def restore(self, chatbot_id: str, number: int, *, dry_run: bool = False) -> ApplyResult:
        """Apply what a revision left, which makes a new one; with `dry_run` only plan it."""
        call = Call(
            method="POST",
            path=path(f"{C}/revisions/{{}}/restore", chatbot_id, str(number)),
            params={"dryRun": True} if dry_run else {},
            accepts=frozenset({422}),
            conflict_passes=False,
        )
        return await self._transport.fetch(ApplyResult, call)

    async def drift(self, chatbot_id: str) -> Drift:
        """Return what changed since the last apply, and who did it."""
        return await self._transport.fetch(Drift, Call(method="GET", path=path(f"{C}/drift", chatbot_id)))


class AsyncSecrets(AsyncResource):
    """What no export shows: written, never read back.

    A place is `accessProtection/jwtSecret`, `mcpServers/NAME/headers/HEADER` or `mcpServers/NAME/env/VARIABLE`.
    """

    async def list(self, chatbot_id: str) -> Items[SecretState]:
        """Return the places of all secrets, with fingerprints."""
        call = Call(method="GET", path=path(f"{C}/secrets", chatbot_id), unwrap="secrets")
        return await self._transport.fetch_items(SecretState, call)

    async def put(
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
        return await self._transport.fetch_items(SecretState, call)
