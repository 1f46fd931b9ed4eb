"""Searching the web through the operator's engine, on loopback."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.outside import Receiver, receiving
from trivium.adapters.tools.web_search import Engine, WebSearchTool
from trivium.core.errors import UpstreamFailed
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.ports import ToolContext

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
TOOL = ToolConfig(type="web_search", requires_approval=True)
AGENT = Agent(id="a1", organization_id="o1", name="Desk", created_at=NOW, updated_at=NOW, tools=(TOOL,))
CONTEXT = ToolContext(organization_id="o1", agent=AGENT, conversation_id="c1", run_id="r1", call_id="k1")
PAGES = [{"title": f"Page {n}", "url": f"https://example.test/{n}", "content": "About it. " * 100} for n in range(9)]


@asynccontextmanager
async def _searching(receiver: Receiver, engine: Engine = "searxng", api_key: str = "") -> AsyncIterator[WebSearchTool]:
    outbound = receiver.outbound
    yield WebSearchTool(outbound=outbound, url=f"{receiver.url}/search", engine=engine, api_key=api_key)
    await outbound.aclose()


async def test_searxng_is_asked_for_json() -> None:
    async with receiving() as receiver:
        wrong = [{"title": "no address"}, {"url": "javascript:alert(1)"}]
        receiver.answer = lambda call: (200, {}, json.dumps({"results": [*wrong, *PAGES]}).encode())
        async with _searching(receiver) as tool:
            result = await tool.call("web_search", {"query": "a b&c", "count": 2}, CONTEXT)
    output = cast("dict[str, Any]", result.output)
    assert [one["url"] for one in output["results"]] == ["https://example.test/0", "https://example.test/1"]
    assert len(output["results"][0]["text"]) == 500
    assert receiver.calls[0].path == "/search?q=a+b%26c&format=json"


async def test_brave_gets_its_key_in_a_header() -> None:
    pages = [{"title": "T", "url": "https://example.test", "description": "D"}]
    async with receiving() as receiver:
        receiver.answer = lambda call: (200, {}, json.dumps({"web": {"results": pages}}).encode())
        async with _searching(receiver, "brave", "s3cret") as tool:
            result = await tool.call("web_search", {"query": "x"}, CONTEXT)
    assert result.output == {"results": [{"title": "T", "url": "https://example.test", "text": "D"}]}
    assert receiver.calls[0].headers["x-subscription-token"] == "s3cret"
    assert "s3cret" not in receiver.calls[0].path


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (200, b"<html>"), (200, b"{}"), (200, b'{"results": 5}')])
async def test_engine_that_fails_is_told(status: int, body: bytes) -> None:
    async with receiving() as receiver:
        receiver.answer = lambda call: (status, {}, body)
        async with _searching(receiver) as tool:
            with pytest.raises(UpstreamFailed):
                await tool.call("web_search", {"query": "x"}, CONTEXT)


async def test_without_an_engine_there_is_no_tool_and_a_reason() -> None:
    async with receiving() as receiver:
        without = WebSearchTool(outbound=receiver.outbound, url="", engine="searxng", api_key="")
        assert await without.specs(AGENT) == ()
        assert "search_url" in (without.lack(TOOL) or "")
        async with _searching(receiver) as tool:
            assert [one.requires_approval for one in await tool.specs(AGENT)] == [True]
            assert tool.lack(TOOL) is None
