"""HTTP calls described in a configuration."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.clock import HandClock
from tests.outside import OpenSeal, Receiver, receiving
from tests.stores import sqlite_store
from trivium.adapters.tools.http import HttpTools, read_config, secret_context
from trivium.core.errors import InvalidRequest, LimitExceeded
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.protection import AgentSecret, tools_owner
from trivium.core.ports import Store, ToolContext, ToolResult

NOW = datetime(2026, 1, 5, tzinfo=UTC)
AGENT = Agent(id="a1", organization_id="o1", name="Plant", created_at=NOW, updated_at=NOW)


class Bench:
    def __init__(self, store: Store, receiver: Receiver) -> None:
        self.store = store
        self.receiver = receiver
        self.clock = HandClock()
        self.outbound = receiver.outbound
        self.tools = HttpTools(store=store, clock=self.clock, outbound=self.outbound, seal=OpenSeal())

    def agent(self, **config: JSON) -> Agent:
        url = f"{self.receiver.url}{config.pop('path', '/x')}"
        return replace(AGENT, tools=(ToolConfig(type="http", config={"name": "look", "url": url, **config}),))

    async def call(self, tool_input: JSONObject, **config: JSON) -> ToolResult:
        context = ToolContext(
            organization_id="o1", agent=self.agent(**config), conversation_id="c1", run_id="r1", call_id="call_1"
        )
        return await self.tools.call("look", tool_input, context)

    async def keep_secret(self, name: str, value: str, owner_id: str = tools_owner("a1")) -> None:
        secret = AgentSecret(
            id="s1",
            organization_id="o1",
            agent_id="a1",
            owner_id=owner_id,
            name=name,
            sealed=OpenSeal().close(value, secret_context("s1")),
            fingerprint="",
            salt="",
            created_at=NOW,
            updated_at=NOW,
        )
        await self.store.write(lambda tx: tx.agent_secrets.add(secret))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with sqlite_store(tmp_path) as store, receiving() as receiver:
        receiver.answer = lambda call: (200, {"content-type": "application/json"}, b'{"stock": 3}')
        bench = Bench(store, receiver)
        yield bench
        await bench.outbound.aclose()


async def test_parameters_fill_the_address_and_the_rest_is_the_query(bench: Bench) -> None:
    result = await bench.call({"sku": "a/b?c#d", "size": 3}, path="/items/{{sku}}?lang=en")
    assert result.output == {"stock": 3}
    (call,) = bench.receiver.calls
    assert (call.method, call.path) == ("GET", "/items/a%2Fb%3Fc%23d?lang=en&size=3")
    assert call.headers["idempotency-key"] == "call_1"


@pytest.mark.parametrize("value", [".", ".."])
async def test_a_parameter_climbs_to_no_other_folder(bench: Bench, value: str) -> None:
    with pytest.raises(InvalidRequest):
        await bench.call({"sku": value}, path="/items/{{sku}}/stock")
    await bench.call({"sku": f"{value}/admin"}, path="/items/{{sku}}/stock")
    assert bench.receiver.calls[0].path == f"/items/{value}%2Fadmin/stock"


async def test_a_body_keeps_the_types_of_its_parameters(bench: Bench) -> None:
    body: JSON = {"n": "{{count}}", "text": "{{count}} of {{what}}", "fixed": [1]}
    await bench.call({"count": 2, "what": "bolts"}, method="POST", body=body)
    assert json.loads(bench.receiver.calls[0].body) == {"n": 2, "text": "2 of bolts", "fixed": [1]}
    await bench.call({"count": 2}, method="POST")
    assert json.loads(bench.receiver.calls[1].body) == {"count": 2}


@pytest.mark.parametrize(
    ("auth", "seen"),
    [
        ({"type": "bearer"}, "Bearer s3cret"),
        ({"type": "basic", "username": "u"}, f"Basic {base64.b64encode(b'u:s3cret').decode()}"),
        ({"type": "header", "name": "x-key"}, "s3cret"),
        ({"type": "query", "name": "key"}, "/x?key=s3cret"),
    ],
)
async def test_a_stored_secret_proves_who_calls(bench: Bench, auth: JSONObject, seen: str) -> None:
    await bench.keep_secret("shop", "s3cret")
    await bench.call({}, auth={**auth, "secret": "shop"})
    (call,) = bench.receiver.calls
    assert seen in (call.headers.get("authorization"), call.headers.get("x-key"), call.path)
    with pytest.raises(InvalidRequest) as raised:
        await bench.call({}, auth={**auth, "secret": "other"})
    assert raised.value.code == "secret_missing"


async def test_secrets_of_the_agent_itself_are_out_of_reach(bench: Bench) -> None:
    await bench.keep_secret("jwt_secret", "s3cret", owner_id="a1")
    with pytest.raises(InvalidRequest) as raised:
        await bench.call({}, auth={"type": "bearer", "secret": "jwt_secret"})
    assert raised.value.code == "secret_missing"
    assert not bench.receiver.calls


@pytest.mark.parametrize(
    "auth", [{"type": "oauth"}, {"type": "header", "name": "Host"}, {"type": "header", "name": "a b"}]
)
def test_auth_that_cannot_be_sent_is_refused(auth: JSONObject) -> None:
    with pytest.raises(InvalidRequest):
        read_config({"name": "x", "url": "https://example.test", "auth": {**auth, "secret": "s"}})


async def test_a_refusal_shows_the_failure_text_or_the_answer(bench: Bench) -> None:
    bench.receiver.answer = lambda call: (404, {}, b"no such item")
    plain = await bench.call({})
    assert (plain.is_error, plain.output) == (True, "The service answered 404: no such item")
    assert (await bench.call({}, failure_text="Ask the shop.")).output == "Ask the shop."


@pytest.mark.parametrize(
    ("body", "output"), [(b"plain", "plain"), (b"[1, 2]", [1, 2]), (b"", ""), (b'{"a": NaN}', {"a": None})]
)
async def test_answers_are_json_or_text(bench: Bench, body: bytes, output: JSON) -> None:
    bench.receiver.answer = lambda call: (200, {}, body)
    assert (await bench.call({})).output == output


async def test_calls_a_minute_are_limited(bench: Bench) -> None:
    for _ in range(2):
        await bench.call({}, rate_limit_per_min=2)
    with pytest.raises(LimitExceeded):
        await bench.call({}, rate_limit_per_min=2)
    bench.clock.advance(seconds=60)
    await bench.call({}, rate_limit_per_min=2)
    assert len(bench.receiver.calls) == 3


async def test_the_model_is_told_the_parameters(bench: Bench) -> None:
    size: JSON = {"type": "integer", "required": False}
    agent = bench.agent(path="/{{sku}}", description="Stock", parameters={"size": size, "lang": "string"})
    (spec,) = await bench.tools.specs(agent)
    assert spec.input_schema["properties"] == {
        "size": {"type": "integer"},
        "lang": {"type": "string"},
        "sku": {"type": "string"},
    }
    assert spec.input_schema["required"] == ["lang", "sku"]
    assert (spec.is_repeatable, spec.description) == (True, "Stock")


@pytest.mark.parametrize(
    "config",
    [
        {"url": "ftp://a.test"},
        {"url": "https://{{host}}.a.test/"},
        {"url": "https://a.test{{rest}}"},
        {"url": "https://u:p@a.test/"},
        {"method": "TRACE"},
        {"headers": {"Host": "b.test"}},
        {"headers": {"a b": "c"}},
        {"auth": {"type": "bearer"}},
        {"timeout_s": "soon"},
    ],
)
async def test_configurations_that_cannot_be_used_are_left_out(bench: Bench, config: JSONObject) -> None:
    whole: JSONObject = {"name": "look", "url": "https://a.test/", **config}
    with pytest.raises(InvalidRequest):
        read_config(whole)
    assert await bench.tools.specs(replace(AGENT, tools=(ToolConfig(type="http", config=whole),))) == []
