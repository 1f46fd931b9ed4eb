"""Servers of tools that speak the Model Context Protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trivium.core.model.json import JSONObject
from trivium.core.ports.tools import ToolResult


@dataclass(frozen=True, kw_only=True)
class McpTarget:
    """Where a server is and how to sign in; `timeout_s` bounds a whole exchange with it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 20.0


class McpClients(Protocol):
    """Exchanges with tool servers over guarded HTTP. UpstreamFailed when one does not answer as it should."""

    async def list_tools(self, target: McpTarget) -> Sequence[JSONObject]:
        """Return {name, description, input_schema, is_repeatable} of each tool, at most 500."""

    async def list_prompts(self, target: McpTarget) -> Sequence[JSONObject]:
        """Return {name, description, text} of each prompt that needs no arguments, at most 100."""

    async def call(self, target: McpTarget, name: str, arguments: JSONObject) -> ToolResult:
        """Call a tool; what it reports as an error is a result with `is_error`."""
