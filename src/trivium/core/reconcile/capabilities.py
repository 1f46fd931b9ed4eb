"""Tool servers and skills of an agent: reading, discovery, keys, import, and their tools in a run."""

import hashlib
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from trivium.core.errors import CoreError, InvalidRequest, NotFound
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.capabilities import McpServer, Skill
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports import Clock, Store, ToolContext, ToolResult, Transaction
from trivium.core.ports.mcp import McpClients, McpTarget
from trivium.core.reconcile import checks
from trivium.core.reconcile.secret_store import Secrets
from trivium.core.reconcile.sections import discovery_job
from trivium.core.reconcile.service import Configs
from trivium.core.services.jobs import JobRun

_ALL = 10_000
_CALL_TIMEOUT_S = 60.0
_ACCESS_PREFIX = "mak_live_"
_log = logging.getLogger(__name__)


class Capabilities:
    """Reads tool servers and skills, and does with them what is no configuration."""

    def __init__(
        self, *, store: Store, clock: Clock, configs: Configs, vault: Secrets, clients: McpClients | None
    ) -> None:
        self._store = store
        self._clock = clock
        self._configs = configs
        self._vault = vault
        self._clients = clients

    async def servers(self, principal: Principal, agent_id: str) -> list[McpServer]:
        """Return the tool servers of an agent, by name. Needs `mcp:read` or `mcp:write`."""
        _require(principal, agent_id, "mcp_servers")

        def unit(tx: Transaction) -> list[McpServer]:
            tx.agents.get(principal.organization_id, agent_id)
            return tx.mcp_servers.find(principal.organization_id, agent_id=agent_id, limit=_ALL)

        return sorted(await self._store.read(unit), key=lambda server: server.name)

    async def server(self, principal: Principal, agent_id: str, server_id: str) -> McpServer:
        """Return one tool server; NotFound."""
        _require(principal, agent_id, "mcp_servers")
        organization_id = principal.organization_id
        server = await self._store.read(
            lambda tx: tx.mcp_servers.first(organization_id, agent_id=agent_id, id=server_id)
        )
        if server is None:
            raise NotFound("mcp_server", server_id)
        return server

    async def skills(self, principal: Principal, agent_id: str) -> tuple[list[Skill], dict[str, str]]:
        """Return the skills of an agent, by name, and the ids of its tool servers by name."""
        _require(principal, agent_id, "skills")

        def unit(tx: Transaction) -> tuple[list[Skill], list[McpServer]]:
            tx.agents.get(principal.organization_id, agent_id)
            skills = tx.skills.find(principal.organization_id, agent_id=agent_id, limit=_ALL)
            return skills, tx.mcp_servers.find(principal.organization_id, agent_id=agent_id, limit=_ALL)

        skills, servers = await self._store.read(unit)
        return sorted(skills, key=lambda skill: skill.name), {server.name: server.id for server in servers}

    async def discover(self, principal: Principal, agent_id: str, server_id: str) -> None:
        """Have the server asked for its tools in the background; once at a time."""
        server = await self.server(principal, agent_id, server_id)
        now = self._clock.now()
        await self._store.write(lambda tx: tx.jobs.enqueue(discovery_job(server, now)))

    async def rotate_access_key(self, principal: Principal, agent_id: str, server_id: str) -> tuple[McpServer, str]:
        """Return the server with a new access key, and the key, which cannot be shown again."""
        _require(principal, agent_id, "mcp_servers", is_write=True)
        key, now = _ACCESS_PREFIX + secrets.token_urlsafe(32), self._clock.now()

        def unit(tx: Transaction) -> McpServer:
            server = tx.mcp_servers.first(principal.organization_id, agent_id=agent_id, id=server_id)
            if server is None:
                raise NotFound("mcp_server", server_id)
            changed = replace(
                server,
                access_key_hash=hashlib.sha256(key.encode()).hexdigest(),
                access_key_hint=f"{_ACCESS_PREFIX}…{key[-4:]}",
                access_key_updated_at=now,
            )
            tx.mcp_servers.put(changed)
            return changed

        return await self._store.write(unit), key

    async def import_skills(self, principal: Principal, agent_id: str, server_id: str) -> list[str]:
        """Make or renew a skill of every prompt a server offers; return their names. UpstreamFailed, InvalidRequest."""
        _require(principal, agent_id, "skills", is_write=True)
        server = await self._store.read(
            lambda tx: tx.mcp_servers.first(principal.organization_id, agent_id=agent_id, id=server_id)
        )
        if server is None:
            raise NotFound("mcp_server", server_id)
        target = await self._store.read(lambda tx: self._target(tx, server))
        prompts = await self._the_clients().list_prompts(target)
        skills: list[JSON] = [
            {
                "name": str(prompt["name"]),
                "description": str(prompt.get("description") or ""),
                "body": str(prompt.get("text") or ""),
                "source": "imported",
                "source_server": server.name,
            }
            for prompt in prompts
        ]
        if skills:
            await self._configs.change(principal, agent_id, {"skills": skills})
        return [str(prompt["name"]) for prompt in prompts]

    async def run_discovery(self, run: JobRun) -> datetime | None:
        """The job: ask a server for its tools and keep the answer. Safe to repeat: the last answer stays."""
        organization_id, server_id = run.job.organization_id, str(run.job.arguments["server_id"])
        server = await self._store.read(lambda tx: tx.mcp_servers.first(organization_id, id=server_id))
        if server is None or not server.enabled or not server.url:
            return None
        try:
            target = await self._store.read(lambda tx: self._target(tx, server))
            tools = await self._the_clients().list_tools(target)
        except CoreError as error:
            message = error.message
            await self._keep(server, lambda current: replace(current, discovery_error=message[:500]))
            raise
        now = self._clock.now()
        await self._keep(
            server,
            lambda current: replace(current, tools=tuple(tools), tools_discovered_at=now, discovery_error=None),
        )
        return None

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the discovered tools of the agent's enabled servers (ToolHost)."""
        servers = await self._store.read(
            lambda tx: tx.mcp_servers.find(agent.organization_id, agent_id=agent.id, enabled=True, limit=_ALL)
        )
        return [
            ToolSpec(
                name=name,
                description=str(tool.get("description") or ""),
                input_schema=schema if isinstance(schema := tool.get("input_schema"), dict) else {"type": "object"},
                is_repeatable=tool.get("is_repeatable") is True,
                requires_approval=_needs_approval(agent, server, tool),
                timeout_s=_CALL_TIMEOUT_S,
                source={"server": server.name},
            )
            for server in servers
            for name, tool in _tools(server)
        ]

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Call a tool by its name in `specs` (ToolHost); credentials are opened for this one call."""
        agent = context.agent

        def unit(tx: Transaction) -> tuple[McpTarget, str]:
            servers = tx.mcp_servers.find(agent.organization_id, agent_id=agent.id, enabled=True, limit=_ALL)
            for server in servers:
                for offered, tool in _tools(server):
                    if offered == name:
                        return self._target(tx, server, timeout_s=_CALL_TIMEOUT_S), str(tool["name"])
            raise NotFound("tool", name)

        target, their_name = await self._store.read(unit)
        return await self._the_clients().call(target, their_name, tool_input)

    def _target(self, tx: Transaction, server: McpServer, *, timeout_s: float = 20.0) -> McpTarget:
        if server.transport != "http" or not server.url:
            raise InvalidRequest(
                f"The tool server {server.name!r} is not reached over HTTP.", code="transport_not_supported"
            )
        known = self._vault.reveal(tx, server.organization_id, server.agent_id, server.id)
        headers = {name.removeprefix("headers/"): value for name, value in known.items() if name.startswith("headers/")}
        return McpTarget(url=server.url, headers=headers, timeout_s=timeout_s)

    async def _keep(self, server: McpServer, change: Callable[[McpServer], McpServer]) -> None:
        def unit(tx: Transaction) -> None:
            current = tx.mcp_servers.first(server.organization_id, id=server.id)
            if current is not None and current.url == server.url:
                tx.mcp_servers.put(change(current))

        await self._store.write(unit)

    def _the_clients(self) -> McpClients:
        if self._clients is None:
            raise InvalidRequest("This server has no client for tool servers installed.", code="not_implemented")
        return self._clients


def _tools(server: McpServer) -> list[tuple[str, JSONObject]]:
    prefix = server.tool_name_prefix or ""
    return [(f"{prefix}{tool['name']}", tool) for tool in server.tools if tool.get("enabled") is not False]


def _needs_approval(agent: Agent, server: McpServer, tool: JSONObject) -> bool:
    """Return whether the agent's configuration names the server, and the tool or none, with approval."""
    for one in agent.tools:
        if one.type == "mcp" and one.requires_approval and one.config.get("server") in (server.name, server.id):
            names = one.config.get("tools")
            if not isinstance(names, list) or tool["name"] in names:
                return True
    return False


def _require(principal: Principal, agent_id: str, section: str, *, is_write: bool = False) -> None:
    checks.require_agent(principal, agent_id)
    checks.require_sections(principal, [section], is_write=is_write)
