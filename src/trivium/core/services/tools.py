"""The tools of an agent: one list out of all hosts, and calls with checked input, bounded time and bounded size."""

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import anyio

from trivium.core.errors import CoreError, NotFound
from trivium.core.model.agents import Agent, ToolConfig, ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports import ChecksTools, SchemaCheck, ToolContext, ToolHost, ToolResult
from trivium.core.services.remembered import Remembered

OUTPUT_CHARS_MAX = 100_000
_NAME_CHARS_MAX = 64
_TOOLS_MAX = 128
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]+")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Offer:
    """A tool under the name the model sees, and the host that knows it under `host_name`."""

    spec: ToolSpec
    host: ToolHost
    host_name: str


class KeepsMemories(Protocol):
    """See `Memories.observe`."""

    async def observe(
        self, organization_id: str, agent_id: str, text: str, *, visitor_id: str | None, memory_id: str | None
    ) -> object: ...


class ToolBox:
    """Collects the tools of every host. A failed call is a result with `is_error` that the model gets to see."""

    def __init__(
        self, *, hosts: Sequence[ToolHost], schemas: SchemaCheck, remembered: Remembered | None = None
    ) -> None:
        self._hosts = list(hosts)
        self._schemas = schemas
        self._remembered = remembered
        self._memories: KeepsMemories | None = None

    def add_host(self, host: ToolHost) -> None:
        """Offer the tools of one more host, after those that are there."""
        self._hosts.append(host)

    def keep_memories_in(self, memories: "KeepsMemories") -> None:
        """Keep what tools ask to have remembered, once per call."""
        self._memories = memories

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return at most 128 tools with unique names of `[A-Za-z0-9_-]{1,64}`, in the order of the hosts.

        The names are the same for the same configuration: of two tools with one name the later gets `_2`, `_3` …
        A host that cannot say what it offers is left out and logged: the agent goes on without its tools.
        """
        return [offer.spec for offer in (await self._offers(agent)).values()]

    async def call(self, name: str, tool_input: JSON, context: ToolContext) -> ToolResult:
        """Call a tool by the name `specs` gave it. Raises NotFound for a tool the agent does not have, nothing else.

        The input is checked against the tool's JSON Schema, the time bounded by `timeout_s` of its spec, the output cut
        at 100,000 characters of JSON.
        """
        offer = (await self._offers(context.agent)).get(name)
        if offer is None:
            raise NotFound("tool", name)
        if not isinstance(tool_input, dict):
            return _failed("The input of a tool is a JSON object.")
        problem = self._schemas.problem(offer.spec.input_schema, tool_input)
        if problem is not None:
            return _failed(f"The input does not fit the tool: {problem}", code="invalid_input")
        result = _cut(await _bounded(offer, tool_input, context))
        if result.memory and not result.is_error and self._memories is not None:
            await _keep(self._memories, result.memory, context)
        return result

    def lack(self, tool: ToolConfig) -> str | None:
        """Return why a tool is not offered on this server, for people, or None; InvalidRequest for a bad config."""
        found = [host.lack(tool) for host in self._hosts if isinstance(host, ChecksTools)]
        return next((text for text in found if text), None)

    def input_problem(self, spec: ToolSpec, tool_input: JSON) -> str | None:
        """Return what is wrong with the input of a tool, for people, or None."""
        return self._schemas.problem(spec.input_schema, tool_input)

    async def _offers(self, agent: Agent) -> dict[str, _Offer]:
        if self._remembered is None:
            return await self._ask_hosts(agent)
        return await self._remembered.get("tools", agent, lambda: self._ask_hosts(agent))

    async def _ask_hosts(self, agent: Agent) -> dict[str, _Offer]:
        offers: dict[str, _Offer] = {}
        for host in self._hosts:
            for spec in await _specs_of(host, agent):
                if len(offers) >= _TOOLS_MAX:
                    _log.warning("Agent %s has more than %d tools; the rest is left out.", agent.id, _TOOLS_MAX)
                    return offers
                public = _unique(spec.name, offers)
                offers[public] = _Offer(spec=replace(spec, name=public), host=host, host_name=spec.name)
        return offers


async def _specs_of(host: ToolHost, agent: Agent) -> Sequence[ToolSpec]:
    try:
        return await host.specs(agent)
    except Exception:  # noqa: BLE001 - one broken host must not take the agent's other tools away
        _log.warning("The tools of %s are not available.", type(host).__name__, exc_info=True)
        return ()


def _unique(name: str, taken: dict[str, _Offer]) -> str:
    base = _FOREIGN.sub("_", name).strip("_")[:_NAME_CHARS_MAX] or "tool"
    public, number = base, 1
    while public in taken:
        number += 1
        suffix = f"_{number}"
        public = base[: _NAME_CHARS_MAX - len(suffix)] + suffix
    return public


async def _bounded(offer: _Offer, tool_input: JSONObject, context: ToolContext) -> ToolResult:
    spec = offer.spec
    try:
        with anyio.fail_after(spec.timeout_s):
            return await offer.host.call(offer.host_name, tool_input, context)
    except TimeoutError:
        return _failed(f"The tool did not answer within {spec.timeout_s:g} s.", code="timeout")
    except CoreError as error:
        return _failed(error.message, code=error.code)
    except Exception:  # noqa: BLE001 - whatever a host does wrong, the run goes on
        _log.exception("Tool %s failed (run %s).", spec.name, context.run_id)
        return _failed("The tool failed.", code="tool_failed")


async def _keep(memories: KeepsMemories, text: str, context: ToolContext) -> None:
    # The id follows from the call, so that a call that is made again is not remembered twice.
    memory_id = "mem_" + _FOREIGN.sub("_", f"{context.run_id}_{context.call_id}")
    try:
        await memories.observe(
            context.organization_id, context.agent.id, text, visitor_id=context.visitor_id, memory_id=memory_id
        )
    except CoreError as error:
        _log.warning("What a tool wanted remembered was not kept (run %s): %s", context.run_id, error.message)


def _failed(message: str, *, code: str = "tool_failed") -> ToolResult:
    return ToolResult(output=message, is_error=True, metadata={"code": code})


def _cut(result: ToolResult) -> ToolResult:
    if isinstance(result.output, str):
        text = result.output
    else:
        try:
            text = json.dumps(result.output, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            return _failed("The tool answered something that is not JSON.")
    if len(text) <= OUTPUT_CHARS_MAX:
        return result
    note = f"\n[cut: {OUTPUT_CHARS_MAX} of {len(text)} characters]"
    return replace(result, output=text[:OUTPUT_CHARS_MAX] + note, metadata={**result.metadata, "is_cut": True})
