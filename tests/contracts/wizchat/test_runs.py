"""Model, tool server and skill, configured by one document, in one run."""

import base64
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import anyio
import httpx2
import pytest
from mcp.server import MCPServer
from mcp.server.mcpserver import Image
from PIL import Image as Picture
from starlette.types import Receive, Scope, Send

from bench.fake_model import Behaviour, FakeModel
from tests.contracts.serving import serve
from tests.contracts.wizchat.conftest import Service
from trivium.core.model.access import SCOPES
from trivium.core.model.agents import ToolConfig
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

    @server.tool()
    def show_map() -> Image:
        """Show where the shop is."""
        return Image(data=picture(), format="png")

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
def vision() -> Iterator[tuple[FakeModel, str]]:
    """Yield a model server that calls the map's tool, and its address."""
    model = FakeModel(Behaviour(tool="crm_show_map", text="Here."))
    app: Any = model
    with serve(app) as url:
        yield model, url


@pytest.fixture
def service(tools: str, vision: tuple[FakeModel, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Yield a server that may reach the tool server and the model server."""
    data = tmp_path_factory.mktemp("data")
    allowed = (tools.removeprefix("http://"),)
    app = create_app(Settings(data=data, outbound_allow=allowed, model_base_url=f"{vision[1]}/v1", model="fake"))
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
    answer = _door(service, http, bot)({"message": "Where?"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["response"].endswith("Done.")
    outputs = anyio.run(_tool_outputs, service, answer.json()["conversationId"])
    assert outputs == ["Ada lives in Zürich.", "Ask for the receipt."]


def test_pictures_of_questions_and_of_tools_reach_the_model(
    service: Service, tools: str, vision: tuple[FakeModel, str]
) -> None:
    http = service.http()
    bot = service.new_chatbot()
    spec = {
        "core": {"aiConfig": {"model": "fake"}},
        "externalApi": {"enabled": True},
        "mcpServers": [{"name": "crm", "url": f"{tools}/mcp", "toolNamePrefix": "crm_"}],
    }
    http.post(f"/chatbots/{bot}/apply", json={"apiVersion": "v1", "kind": "ChatbotConfig", "spec": spec})
    http.put(f"/chatbots/{bot}/secrets", json={"secrets": {"mcpServers/crm/headers/X-Key": "s3cret"}})
    _wait_for_tools(http, bot)
    ask = _door(service, http, bot)
    data = base64.b64encode(picture(8)).decode()
    answer = ask({"message": "Where?", "images": [data, {"data": f"data:image/png;base64,{data}"}]})
    assert answer.json()["response"] == "Here. "
    asked, shown = vision[0].requests
    assert [_size(part) for part in asked["messages"][-1]["content"][1:]] == [(8, 8), (8, 8)]
    assert [_size(part) for part in shown["messages"][-1]["content"] if part["type"] == "image_url"] == [(4, 4)]


@pytest.mark.parametrize("images", ["text", [5], ["%"], ["aGVsbG8="], ["https://127.0.0.1/x.png"], [""] * 6, [{}]])
def test_what_is_no_picture_is_refused_by_its_place(service: Service, images: object) -> None:
    http = service.http()
    bot = service.new_chatbot()
    http.patch(f"/chatbots/{bot}/external-api", json={"enabled": True})
    answer = _door(service, http, bot)({"message": "What is it?", "images": images})
    assert answer.status_code == 400
    assert "images" in answer.text


def test_pictures_of_a_question_that_is_refused_are_not_kept(
    service: Service, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def kept() -> int:
        return sum(1 for path in tmp_path_factory.getbasetemp().rglob("pictures/**/*") if path.is_file())

    http, before = service.http(), kept()
    bot = service.new_chatbot()
    http.patch(f"/chatbots/{bot}/external-api", json={"enabled": True})
    ask, good = _door(service, http, bot), base64.b64encode(picture()).decode()
    assert ask({"message": "Hi", "images": [good], "conversationId": "unknown"}).status_code == 404
    assert ask({"message": "Hi", "images": [good, "aGVsbG8="]}).status_code == 400
    assert kept() == before
    assert ask({"message": "Hi", "images": [good]}).status_code == 200
    assert kept() == before + 1


def picture(side: int = 4) -> bytes:
    stored = io.BytesIO()
    Picture.new("RGB", (side, side), "red").save(stored, "PNG")
    return stored.getvalue()


def _size(part: Any) -> tuple[int, int]:
    stored = base64.b64decode(part["image_url"]["url"].partition(",")[2])
    return Picture.open(io.BytesIO(stored)).size


def _door(service: Service, http: httpx2.Client, bot: str) -> Callable[[object], httpx2.Response]:
    key = http.post(f"/chatbots/{bot}/external-api/keys", json={"name": "ci"}).json()["key"]
    url, headers = f"{service.url}/v1/chatbots/{bot}/query", {"Authorization": f"Bearer {key}"}
    return lambda body: httpx2.post(url, json=body, headers=headers, timeout=60)


@pytest.mark.parametrize(("config", "asks"), [({}, True), ({"tools": ["find_customer"]}, True), ({"tools": []}, False)])
def test_server_s_tools_wait_for_a_person(service: Service, tools: str, config: dict[str, object], asks: bool) -> None:
    http, bot = service.http(), service.new_chatbot()
    http.post(f"/chatbots/{bot}/mcp-servers", json={"name": "crm", "url": f"{tools}/mcp", "transport": "http"})
    http.put(f"/chatbots/{bot}/secrets", json={"secrets": {"mcpServers/crm/headers/X-Key": "s3cret"}})
    _wait_for_tools(http, bot)
    named = ToolConfig(type="mcp", config={"server": "crm", **config}, requires_approval=True)  # type: ignore[dict-item]

    async def specs() -> dict[str, bool]:
        agent = await service.platform.agents.get(service.organization_id, bot)
        found = await service.platform.tools.specs(replace(agent, tools=(named,)))
        return {spec.name: spec.requires_approval for spec in found}

    assert anyio.run(specs)["find_customer"] is asks


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
