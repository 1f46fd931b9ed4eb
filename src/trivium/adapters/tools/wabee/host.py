"""The Wabee tools that the operator has put in place, for the agents that have them switched on."""

import logging
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import anyio
import anyio.to_thread

from trivium.adapters.tools.wabee.answers import Answer, ToolFailedError, to_result
from trivium.adapters.tools.wabee.local import LocalTool, ToolThread
from trivium.core.errors import InvalidRequest, NotFound
from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.json import JSONObject
from trivium.core.ports import ToolContext, ToolResult

TYPE = "wabee"
_TRIES_MAX = 3
_PAUSE_S = 0.25
_log = logging.getLogger(__name__)


class _Tool(Protocol):
    name: str
    timeout_s: float

    async def describe(self) -> tuple[str, JSONObject]: ...

    async def execute(self, tool_input: JSONObject, headers: Mapping[str, str]) -> Answer: ...


class WabeeTools:
    """See `core.ports.ToolHost`. `places` are the operator's: a project folder, or `Name=host:port` of a gRPC server.

    An agent has those that its configuration names (`{"type": "wabee", "config": {"tool": "Invoice"}}`), or all with no
    name. An error of type `retryable` is tried three times in all; other errors are shown to the model.
    """

    def __init__(self, places: Sequence[str]) -> None:
        self._places = places
        self._thread = ToolThread()
        self._tools: dict[str, _Tool] | None = None
        self._loading = anyio.Lock()

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the tools that the agent has; the projects are imported with the first question."""
        wanted = [tool for tool in agent.tools if tool.type == TYPE]
        if not wanted:
            return []
        specs = []
        for name, tool in (await self._loaded()).items():
            chosen = [one for one in wanted if one.config.get("tool") in (None, name)]
            if chosen:
                description, schema = await tool.describe()
                specs.append(
                    ToolSpec(
                        name=name,
                        description=description,
                        input_schema=schema,
                        requires_approval=any(one.requires_approval for one in chosen),
                        timeout_s=tool.timeout_s * _TRIES_MAX,
                        source=TYPE,
                    )
                )
        return specs

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Call the tool, again where it says that this can help."""
        tool = (await self._loaded()).get(name)
        if tool is None:
            raise NotFound("tool", name)
        headers = {key: value for key, value in context.headers.items() if key.lower().startswith("stix")}
        for attempt in range(1, _TRIES_MAX + 1):
            try:
                with anyio.fail_after(tool.timeout_s):
                    return to_result(await tool.execute(tool_input, headers))
            except ToolFailedError as error:
                if error.kind != "retryable" or attempt == _TRIES_MAX:
                    return ToolResult(output=error.message, is_error=True, metadata={"code": error.kind})
            except TimeoutError:
                message = f"The tool did not answer within {tool.timeout_s:g} s."
                return ToolResult(output=message, is_error=True, metadata={"code": "timeout"})
            await anyio.sleep(_PAUSE_S * 4 ** (attempt - 1) * (0.5 + random.random()))
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """End connections and the thread of local tools."""
        for tool in (self._tools or {}).values():
            if not isinstance(tool, LocalTool):
                close = getattr(tool, "close", None)
                if close is not None:
                    await close()
        await self._thread.close()

    async def _loaded(self) -> dict[str, _Tool]:
        async with self._loading:
            if self._tools is None:
                self._tools = {}
                for place in self._places:
                    try:
                        tool = await anyio.to_thread.run_sync(self._load, place)
                    except (InvalidRequest, ImportError) as error:
                        _log.error("The Wabee tool %s is left out: %s", place, error)
                        continue
                    self._tools[tool.name] = tool
            return self._tools

    def _load(self, place: str) -> _Tool:
        name, is_remote, address = place.partition("=")
        if not is_remote:
            # Loaded here, like gRPC below: a server without such tools needs neither.
            from trivium.adapters.tools.wabee.loader import load_tool

            return LocalTool(load_tool(Path(place)), self._thread)
        from trivium.adapters.tools.wabee.remote import RemoteTool

        return RemoteTool(name.strip(), address.strip().removeprefix("grpc://"))
