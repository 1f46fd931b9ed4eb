"""Tool servers over MCP: discovery, calls, prompts, credentials and the guard, against a real server on loopback."""

from collections.abc import Iterator
from typing import Any

import pytest
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.contracts.serving import serve
from trivium.adapters.outbound import GuardedOutbound, parse_allowed
from trivium.adapters.tools.mcp import HttpMcpClients
from trivium.core.errors import InvalidRequest, UpstreamFailed
from trivium.core.ports.mcp import McpTarget

pytestmark = pytest.mark.server


def tool_server() -> MCPServer:
    server = MCPServer("crm")

    @server.tool()
    def find_customer(name: str) -> str:
        """Find a customer by name."""
        if name == "nobody":
            raise ToolError("no such customer")
        return f"{name} lives in Zürich."

    @server.prompt()
    def refunds() -> str:
        """How refunds are handled."""
        return "Be kind."

    @server.prompt()
    def letter(name: str) -> str:
        """A letter to somebody."""
        return f"Dear {name}"

    return server


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    inner = tool_server().streamable_http_app(stateless_http=True, json_response=False)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (b"x-key", b"right") not in scope["headers"]:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await inner(scope, receive, send)

    app: ASGIApp = guarded
    with serve(app) as url:
        yield url


def target(address: str, **headers: str) -> McpTarget:
    return McpTarget(url=f"{address}/mcp", headers=headers or {"X-Key": "right"}, timeout_s=10)


@pytest.fixture
async def clients(address: str) -> Any:
    outbound = GuardedOutbound(parse_allowed(address.removeprefix("http://")))
    yield HttpMcpClients(outbound)
    await outbound.aclose()


async def test_tools_are_discovered_with_their_schemas(clients: HttpMcpClients, address: str) -> None:
    (tool,) = await clients.list_tools(target(address))
    assert (tool["name"], tool["description"]) == ("find_customer", "Find a customer by name.")
    assert tool["input_schema"]["required"] == ["name"]  # type: ignore[call-overload, index]


async def test_a_tool_answers_or_says_that_it_failed(clients: HttpMcpClients, address: str) -> None:
    good = await clients.call(target(address), "find_customer", {"name": "Ada"})
    assert (good.output, good.is_error) == ("Ada lives in Zürich.", False)
    bad = await clients.call(target(address), "find_customer", {"name": "nobody"})
    assert bad.is_error
    assert "no such customer" in str(bad.output)


async def test_prompts_without_arguments_are_listed(clients: HttpMcpClients, address: str) -> None:
    prompts = await clients.list_prompts(target(address))
    assert prompts == [{"name": "refunds", "description": "How refunds are handled.", "text": "Be kind."}]


async def test_a_wrong_credential_is_a_failure_that_can_be_told(clients: HttpMcpClients, address: str) -> None:
    with pytest.raises(UpstreamFailed):
        await clients.list_tools(target(address, **{"X-Key": "wrong"}))


async def test_inner_addresses_are_refused(address: str) -> None:
    outbound = GuardedOutbound()
    with pytest.raises(InvalidRequest) as caught:
        await HttpMcpClients(outbound).list_tools(target(address))
    assert caught.value.code == "address_refused"
    await outbound.aclose()
