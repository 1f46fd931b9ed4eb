"""The tool that searches the web through an engine the operator has chosen: SearXNG, or Brave's API."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import urlencode

from trivium.core.errors import NotFound, UpstreamFailed
from trivium.core.model.agents import Agent, ToolConfig, ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports import Outbound, ToolContext, ToolResult

TYPES = frozenset({"web_search", "builtin:web_search"})
Engine = Literal["searxng", "brave"]
_RESULTS_MAX = 10
_RESULTS = 5
_TIMEOUT_S = 15.0
_SIZE_MAX = 2_000_000
_CHARS = {"title": 200, "url": 2_000, "text": 500}
_SPEC = ToolSpec(
    name="web_search",
    description="Search the web. Returns titles, addresses and short texts; name the address of what you rely on.",
    input_schema={
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 1, "maxLength": 400},
            "count": {"type": "integer", "minimum": 1, "maximum": _RESULTS_MAX},
        },
        "required": ["query"],
        "additionalProperties": False,
    },
    is_repeatable=True,
    timeout_s=_TIMEOUT_S + 5.0,
    source="builtin",
)


class WebSearchTool:
    """See `core.ports.ToolHost`. Offered where the agent's configuration names it and an engine is set up.

    SearXNG is asked at `url` with `q` and `format=json` (its settings must allow that format); Brave's
    `https://api.search.brave.com/res/v1/web/search` with `q`, `count` and the key in `X-Subscription-Token`.
    """

    def __init__(self, *, outbound: Outbound, url: str, engine: Engine, api_key: str) -> None:
        self._outbound = outbound
        self._url = url
        self._engine = engine
        self._api_key = api_key

    def lack(self, tool: ToolConfig) -> str | None:
        """Return that no engine is set up."""
        if tool.type in TYPES and not self._url:
            return "No search engine is set up on this server; its operator names one in the setting search_url."
        return None

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the tool when it is switched on and can work."""
        tool = next((tool for tool in agent.tools if tool.type in TYPES), None)
        if tool is None or not self._url:
            return ()
        return (replace(_SPEC, requires_approval=tool.requires_approval),)

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Return what the engine found; UpstreamFailed when it answers with an error or with something else."""
        if name != _SPEC.name:
            raise NotFound("tool", name)
        count = int(str(tool_input.get("count") or _RESULTS))
        query = {"q": str(tool_input["query"])}
        headers = {"accept": "application/json"}
        if self._engine == "brave":
            query["count"] = str(count)
            headers["x-subscription-token"] = self._api_key
        else:
            query["format"] = "json"
            if self._api_key:
                headers["authorization"] = f"Bearer {self._api_key}"
        url = f"{self._url}{'&' if '?' in self._url else '?'}{urlencode(query)}"
        response = await self._outbound.request("GET", url, headers=headers, timeout_s=_TIMEOUT_S, size_max=_SIZE_MAX)
        if response.status != 200 or response.is_cut:
            raise UpstreamFailed(f"The search engine answered with status {response.status}.", code="search_failed")
        results: list[JSON] = [*_results(response.body, self._engine)[:count]]
        return ToolResult(output={"results": results})


def _results(body: bytes, engine: Engine) -> list[JSONObject]:
    try:
        answer = json.loads(body)
        found = answer["web"]["results"] if engine == "brave" else answer["results"]
        text = "description" if engine == "brave" else "content"
        return [
            {name: str(one.get(field) or "")[: _CHARS[name]] for name, field in _fields(text)}
            for one in found
            if isinstance(one, dict) and str(one.get("url", "")).startswith(("http://", "https://"))
        ]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UpstreamFailed("The search engine did not answer as expected.", code="search_failed") from error


def _fields(text: str) -> tuple[tuple[str, str], ...]:
    return ("title", "title"), ("url", "url"), ("text", text)
