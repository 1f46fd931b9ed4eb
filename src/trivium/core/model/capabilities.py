"""What an agent can load or call beyond its builtin tools: skills and tool servers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trivium.core.model.json import JSONObject

Transport = Literal["http", "stdio", "native"]
SkillMode = Literal["on_demand", "always"]


@dataclass(frozen=True, kw_only=True)
class McpServer:
    """A server of tools, by name unique in its agent. Its credentials are `AgentSecret`s with `owner_id` = its id.

    `settings` are further fields of the configuration, `tools` what the last discovery found (with `enabled`).
    """

    id: str
    organization_id: str
    agent_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    type: str = "generic"
    enabled: bool = True
    transport: Transport = "http"
    url: str | None = None
    instructions: str | None = None
    tool_name_prefix: str | None = None
    settings: JSONObject = field(default_factory=dict)
    tools: tuple[JSONObject, ...] = ()
    tools_discovered_at: datetime | None = None
    discovery_error: str | None = None
    access_key_hash: str | None = None
    access_key_hint: str | None = None
    access_key_updated_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Skill:
    """Instructions that are loaded when they are needed, or always. Tool servers are linked by name."""

    id: str
    organization_id: str
    agent_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    body: str = ""
    enabled: bool = True
    mode: SkillMode = "on_demand"
    source: Literal["manual", "imported"] = "manual"
    source_server: str | None = None
    linked_servers: tuple[str, ...] = ()
    linked_agents: tuple[str, ...] = ()
