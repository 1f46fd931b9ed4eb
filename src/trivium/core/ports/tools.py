"""Tools an agent may call."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from trivium.core.model.agents import Agent, ToolConfig, ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.knowledge import Source
from trivium.core.model.runs import FilterHint


@dataclass(frozen=True, kw_only=True)
class ToolContext:
    """On whose behalf a tool is called. `call_id` is stable across retries: pass it on as an idempotency key."""

    organization_id: str
    agent: Agent
    conversation_id: str
    run_id: str
    call_id: str
    visitor_id: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    filter_hints: tuple[FilterHint, ...] = ()
    depth: int = 0


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """What a tool answered. A failed tool is a result with `is_error`, which the model gets to see."""

    output: JSON
    is_error: bool = False
    sources: tuple[Source, ...] = ()
    images: tuple[tuple[str, bytes], ...] = ()
    ends_run: bool = False
    memory: str | None = None
    conversation_status: str | None = None
    metadata: JSONObject = field(default_factory=dict)


class ToolHost(Protocol):
    """A kind of tool: builtin, MCP, HTTP, gRPC. Looks at the agent's configuration to know which tools it offers."""

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the tools of this host that the agent may use; must be cheap enough to ask in every run."""

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Call a tool by the name `specs` gave it; the caller bounds the time."""


@runtime_checkable
class ChecksTools(Protocol):
    """A host that can say beforehand what is wrong with a tool of its own."""

    def lack(self, tool: ToolConfig) -> str | None:
        """Return why the tool cannot be offered on this server as it is set up, for people; None for other tools.

        InvalidRequest for a configuration that can never be used.
        """


class SchemaCheck(Protocol):
    """JSON Schema, as tools describe their input with it."""

    def problem(self, schema: JSONObject, value: JSON) -> str | None:
        """Return what is wrong with the value and where, for people, or None. A broken schema allows everything."""
