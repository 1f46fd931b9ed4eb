"""The Anthropic provider against a server that behaves, and one that does not."""

import json
from collections.abc import AsyncGenerator

import pytest

from tests.adapters.models.talking import QUESTION, Bench, talking_to
from trivium.adapters.models.anthropic import AnthropicProvider
from trivium.core.model.agents import ToolSpec
from trivium.core.ports.models import ChatMessage, ChatToolCall, Finished, ReasoningChunk, ToolCallChunk

pytestmark = pytest.mark.server


@pytest.fixture
async def bench() -> AsyncGenerator[Bench, None]:
    async with talking_to(AnthropicProvider) as bench:
        yield bench


@pytest.mark.parametrize("model", ["m?tokens=3", "m?tokens=3&whole=1", "m?tokens=3&crlf=1", "m?tokens=3&done=0"])
async def test_tokens_come_with_the_servers_own_count(bench: Bench, model: str) -> None:
    finished = (await bench.ask(model))[-1]
    assert bench.text == "t0 t1 t2 "
    assert isinstance(finished, Finished)
    assert (finished.input_tokens, finished.output_tokens, finished.finish_reason) == (10, 3, "stop")
    assert (bench.app.headers["x-api-key"], bench.app.headers["anthropic-version"]) == ("sk-x", "2023-06-01")


@pytest.mark.parametrize("query", ["", "&whole=1"])
async def test_a_tool_call_is_put_together(bench: Bench, query: str) -> None:
    tool = ToolSpec(name="math.add", description="Adds.", input_schema={"type": "object"})
    chunks = await bench.ask('m?tool=math_add&args={"a": [1, 2]}' + query, tools=[tool])
    assert ToolCallChunk(id="call_fake", name="math.add", input={"a": [1, 2]}) in chunks
    assert isinstance(chunks[-1], Finished)
    assert chunks[-1].finish_reason == "tool_calls"


async def test_a_conversation_is_written_with_alternating_roles(bench: Bench) -> None:
    calls = (ChatToolCall(id="c1", name="add", input={"a": 1}), ChatToolCall(id="c2", name="add", input="no json"))
    await bench.ask(
        "m?tokens=1",
        ChatMessage(role="system", text="Be brief."),
        ChatMessage(role="user", text="Look", images=(("image/png", b"\x89PNG"),)),
        ChatMessage(role="assistant", text="", tool_calls=calls),
        ChatMessage(role="tool", text="", data={"sum": 3}, tool_call_id="c1", images=(("image/png", b"x"),)),
        ChatMessage(role="tool", text="failed", tool_call_id="c2"),
    )
    body = bench.app.requests[-1]
    assert body["system"] == "Be brief."
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    asked, called, returned = (message["content"] for message in body["messages"])
    assert asked[0]["source"] == {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}
    assert [block["input"] for block in called] == [{"a": 1}, {"input": "no json"}]
    assert [block["tool_use_id"] for block in returned] == ["c1", "c2"]
    assert json.loads(returned[0]["content"][0]["text"]) == {"sum": 3}
    assert returned[0]["content"][1]["type"] == "image"


async def test_a_schema_is_asked_for(bench: Bench) -> None:
    await bench.ask("m", json_schema={"type": "object"})
    assert json.loads(bench.text) == {"answer": 42}
    assert bench.app.requests[-1]["output_config"]["format"]["schema"] == {"type": "object"}


async def test_thinking_is_kept_apart(bench: Bench) -> None:
    thought = (await bench.ask("m?tokens=1&reasoning=hmm"))[0]
    assert isinstance(thought, ReasoningChunk)
    assert (thought.text, bench.text) == ("hmm", "t0 ")


@pytest.mark.parametrize("query", ["", "&echo_prefix=1"])
async def test_a_continuation_shows_only_what_is_new(bench: Bench, query: str) -> None:
    await bench.ask(f"m?tokens=2{query}", QUESTION, prefix="Once upon a time, ")
    assert bench.text == "t0 t1 "
    assert [m["role"] for m in bench.app.requests[-1]["messages"]] == ["user", "assistant", "user"]


async def test_a_refused_temperature_is_left_out(bench: Bench) -> None:
    await bench.ask("m?tokens=1&reject=temperature", temperature=0.1)
    assert bench.text == "t0 "


@pytest.mark.parametrize(
    ("model", "code", "text"),
    [
        ("m?cut_after=2&delay_ms=1", "model_stream_cut", "t0 t1 "),
        ("m?malformed_after=1&delay_ms=1", "model_malformed", "t0 "),
        ("m?error_after=1&delay_ms=1", "model_failed", "t0 "),
        ("m?hang_after=1&delay_ms=1", "model_timeout", "t0 "),
        ("m?status=529", "model_unreachable", ""),
        ("m?status=401", "model_auth_failed", ""),
        ("m?status=429&retry_after=60", "model_rate_limited", ""),
    ],
)
async def test_what_goes_wrong_has_a_name(bench: Bench, model: str, code: str, text: str) -> None:
    failure = await bench.fail(model, timeout_s=0.3)
    assert (failure.code, bench.text) == (code, text)
