"""Model, tool server and skill, configured by one document, in one run."""

import json
import time
from collections.abc import Iterator
from urllib.parse import quote

import anyio
import httpx2
import pytest
from mcp.server import MCPServer
from starlette.types import Receive, Scope, Send

from tests.contracts.serving import serve
from tests.contracts.wizchat.conftest import Service
from trivium.core.model.access import SCOPES
from trivium.server import create_app
from trivium.settings import Settings

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def tools() -> Iterator[str]:
    """Yield the address of a tool server that wants a key."""
    server = MCPServer("crm")

    @server.tool()
    def find_customer(name: str) -> str:
        """Find a customer by name."""
        return f"{name} lives in Zürich."

    inner = server.streamable_http_app(stateless_http=True)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (b"x-key", b"s3cret") not in scope["headers"]:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await inner(scope, receive, send)

    with serve(guarded) as url:
        yield url


@pytest.fixture
def service(tools: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Yield a server that may reach the tool server."""
    data = tmp_path_factory.mktemp("data")
    app = create_app(Settings(data=data, outbound_allow=(tools.removeprefix("http://"),)))
    with serve(app) as url:
        platform = app.state.platform

        async def make() -> tuple[str, str]:
            organization = await platform.access.create_organization("Acme")
            _, key = await platform.access.create_key(
                organization.id, kind="wizchat", name="test", scopes=sorted(SCOPES)
            )
            return organization.id, key

        organization_id, key = anyio.run(make)
        service = Service(url=url, platform=platform, organization_id=organization_id, key=key)
        yield service
        for client in service.clients:
            client.close()


def model(*turns: dict[str, object]) -> str:
    return f"scripted/script?turns={quote(json.dumps(turns))}"


def test_one_document_makes_tools_and_skills_work(service: Service, tools: str) -> None:
    http = service.http()
    bot = service.new_chatbot()
    turns: list[dict[str, object]] = [
        {"tool_calls": [{"name": "crm_find_customer", "input": {"name": "Ada"}}]},
        {"tool_calls": [{"name": "load_skill", "input": {"name": "refunds"}}]},
        {"text": "Done."},
    ]
    spec = {
        "core": {"aiConfig": {"model": model(*turns)}, "behavior": {"systemPrompt": "You are Acme's clerk."}},
        "externalApi": {"enabled": True},
        "mcpServers": [{"name": "crm", "url": f"{tools}/mcp", "toolNamePrefix": "crm_"}],
        "skills": [{"name": "refunds", "body": "Ask for the receipt."}],
    }
    applied = http.post(f"/chatbots/{bot}/apply", json={"apiVersion": "v1", "kind": "ChatbotConfig", "spec": spec})
    assert applied.json()["failed"] is None
    http.put(f"/chatbots/{bot}/secrets", json={"secrets": {"mcpServers/crm/headers/X-Key": "s3cret"}})
    _wait_for_tools(http, bot)
    key = http.post(f"/chatbots/{bot}/external-api/keys", json={"name": "ci"}).json()["key"]
    url = f"{service.url}/v1/chatbots/{bot}/query"
    answer = httpx2.post(url, json={"message": "Where?"}, headers={"Authorization": f"Bearer {key}"}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["response"].endswith("Done.")
    outputs = anyio.run(_tool_outputs, service, answer.json()["conversationId"])
    assert outputs == ["Ada lives in Zürich.", "Ask for the receipt."]


def _wait_for_tools(http: httpx2.Client, bot: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        (server,) = http.get(f"/chatbots/{bot}/mcp-servers").json()["mcpServers"]
        if server["tools"]:
            return
        assert time.monotonic() < deadline, server
        http.post(f"/chatbots/{bot}/mcp-servers/{server['id']}/discover-tools")
        time.sleep(0.3)


async def _tool_outputs(service: Service, conversation_id: str) -> list[object]:
    def unit(tx: object) -> list[object]:
        (run,) = tx.runs.find(service.organization_id, conversation_id=conversation_id)  # type: ignore[attr-defined]
        events = tx.events.read(run.id, 0, 1000)  # type: ignore[attr-defined]
        return [one.event.output for one in events if type(one.event).__name__ == "ToolReturned"]

    return await service.platform.store.read(unit)
