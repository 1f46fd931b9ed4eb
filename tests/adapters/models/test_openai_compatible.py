"""The OpenAI-compatible provider against a server that behaves, and one that does not."""

import json
from collections.abc import AsyncGenerator

import pytest

from tests.adapters.models.talking import QUESTION, Bench, talking_to
from trivium.adapters.models.openai_compatible import OpenAICompatibleProvider
from trivium.adapters.models.retry import RetryPolicy
from trivium.adapters.models.upstream import Upstream
from trivium.core.errors import UpstreamFailed
from trivium.core.model.agents import ToolSpec
from trivium.core.ports.models import (
    ChatMessage,
    ChatToolCall,
    Finished,
    ModelRequest,
    ReasoningChunk,
    TextChunk,
    ToolCallChunk,
)

pytestmark = pytest.mark.server


@pytest.fixture
async def bench() -> AsyncGenerator[Bench, None]:
    async with talking_to(OpenAICompatibleProvider) as bench:
        yield bench


@pytest.mark.parametrize("model", ["m?tokens=3", "m?tokens=3&crlf=1", "m?tokens=3&pings=1", "m?tokens=3&done=0"])
async def test_tokens_come_with_the_servers_own_count(bench: Bench, model: str) -> None:
    chunks = await bench.ask(model)
    assert bench.text == "t0 t1 t2 "
    assert isinstance(chunks[-1], Finished)
    assert (chunks[-1].input_tokens, chunks[-1].output_tokens, chunks[-1].is_estimate) == (10, 3, False)
    assert bench.app.headers["authorization"] == "Bearer sk-x"


async def test_tokens_are_estimated_when_the_server_counts_none(bench: Bench) -> None:
    finished = (await bench.ask("m?tokens=8&usage=0"))[-1]
    assert isinstance(finished, Finished)
    assert finished.is_estimate
    assert finished.output_tokens == 6


async def test_an_answer_in_one_piece_is_read_too(bench: Bench) -> None:
    await bench.ask("m?tokens=2&whole=1")
    assert bench.text == "t0 t1 "
    await bench.ask("m?tokens=2", options={"stream": False})
    assert bench.text == "t0 t1 "
    assert "stream" not in bench.app.requests[-1]


async def test_a_tool_call_is_put_together_from_its_pieces(bench: Bench) -> None:
    tool = ToolSpec(name="math.add", description="Adds.", input_schema={"type": "object"})
    call = (await bench.ask('m?tool=math_add&args={"a": [1, 2]}', tools=[tool]))[0]
    assert call == ToolCallChunk(id="call_fake", name="math.add", input={"a": [1, 2]})
    assert bench.app.requests[-1]["tools"][0]["function"]["name"] == "math_add"


async def test_arguments_that_are_no_json_reach_the_loop_as_text(bench: Bench) -> None:
    call = (await bench.ask('m?tool=add&args={"a": '))[0]
    assert isinstance(call, ToolCallChunk)
    assert call.input == '{"a": '


async def test_tool_results_and_images_go_to_the_server(bench: Bench) -> None:
    call = ChatToolCall(id="c1", name="add", input={"a": 1})
    await bench.ask(
        "m?tokens=1",
        ChatMessage(role="user", text="Look", images=(("image/png", b"\x89PNG"),)),
        ChatMessage(role="assistant", text="", tool_calls=(call,)),
        ChatMessage(role="tool", text="", data={"sum": 3}, tool_call_id="c1", images=(("image/png", b"x"),)),
    )
    user, assistant, tool, pictures = bench.app.requests[-1]["messages"]
    assert user["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw=="
    assert json.loads(assistant["tool_calls"][0]["function"]["arguments"]) == {"a": 1}
    assert (tool["tool_call_id"], json.loads(tool["content"])) == ("c1", {"sum": 3})
    assert pictures["role"] == "user"


async def test_a_schema_is_asked_for(bench: Bench) -> None:
    await bench.ask("m", json_schema={"type": "object"}, temperature=0.5, max_output_tokens=9)
    assert json.loads(bench.text) == {"answer": 42}
    body = bench.app.requests[-1]
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert (body["temperature"], body["max_tokens"]) == (0.5, 9)


async def test_thinking_is_kept_apart_from_the_answer(bench: Bench) -> None:
    chunks = await bench.ask("m?tokens=1&reasoning=hmm")
    assert isinstance(chunks[0], ReasoningChunk)
    assert (chunks[0].text, bench.text) == ("hmm", "t0 ")


async def test_a_long_line_is_read_whole(bench: Bench) -> None:
    await bench.ask("m?line_bytes=65536")
    assert len(bench.text) == 65536


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_a_passing_failure_is_tried_again(bench: Bench, status: int) -> None:
    await bench.ask(f"m?tokens=1&status={status}&fails=2&key=again")
    assert (bench.text, bench.app.calls) == ("t0 ", 3)


async def test_tries_are_bounded(bench: Bench) -> None:
    failure = await bench.fail("m?status=503")
    assert (failure.code, bench.app.calls, failure.is_retryable) == ("model_unreachable", 3, True)


async def test_a_wait_beyond_the_bound_is_not_waited_for(bench: Bench) -> None:
    failure = await bench.fail("m?status=429&retry_after=30")
    assert (failure.code, failure.retry_after_s, bench.app.calls) == ("model_rate_limited", 30.0, 1)


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "model_bad_request"), (401, "model_auth_failed"), (403, "model_auth_failed"), (404, "model_not_found")],
)
async def test_a_final_refusal_says_why_at_once(bench: Bench, status: int, code: str) -> None:
    await bench.ask("m?tokens=1")
    failure = await bench.fail(f"m?status={status}")
    assert (failure.code, bench.app.calls, failure.is_retryable) == (code, 2, False)
    assert f"asked for {status}" in failure.message


async def test_a_cut_stream_fails_after_the_text_that_came(bench: Bench) -> None:
    failure = await bench.fail("m?tokens=9&cut_after=3&delay_ms=1")
    assert (failure.code, failure.is_retryable, bench.app.calls) == ("model_stream_cut", False, 1)
    assert bench.text == "t0 t1 t2 "


async def test_a_stream_cut_before_its_first_token_is_tried_again(bench: Bench) -> None:
    failure = await bench.fail("m?cut_after=0")
    assert (failure.code, bench.app.calls) == ("model_stream_cut", 3)


@pytest.mark.parametrize(
    ("model", "code"),
    [("m?malformed_after=1&delay_ms=1", "model_malformed"), ("m?error_after=1&delay_ms=1", "model_failed")],
)
async def test_nonsense_in_the_stream_is_a_clear_failure(bench: Bench, model: str, code: str) -> None:
    failure = await bench.fail(model)
    assert (failure.code, bench.text) == (code, "t0 ")


async def test_silence_in_the_stream_times_out(bench: Bench) -> None:
    failure = await bench.fail("m?tokens=3&hang_after=1&delay_ms=1", timeout_s=0.2)
    assert (failure.code, failure.is_timeout, bench.text) == ("model_timeout", True, "t0 ")


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    upstream = Upstream(policy=RetryPolicy(first_wait_s=0.0))
    provider = OpenAICompatibleProvider(
        name="openai", base_url="http://127.0.0.1:9/v1", api_key=None, upstream=upstream
    )
    with pytest.raises(UpstreamFailed) as caught:
        _ = [chunk async for chunk in provider.stream(ModelRequest(model="m", messages=[QUESTION]))]
    assert caught.value.code == "model_unreachable"
    await upstream.aclose()


async def test_a_redirect_is_not_followed(bench: Bench) -> None:
    failure = await bench.fail("m?location=http://127.0.0.1:9/")
    assert failure.details["status"] == 307


@pytest.mark.parametrize("name", ["stream_options", "max_tokens", "temperature"])
async def test_a_parameter_the_server_refuses_is_left_out_from_then_on(bench: Bench, name: str) -> None:
    for calls in (2, 3):
        await bench.ask(f"m?tokens=1&reject={name}", temperature=0.1, max_output_tokens=5)
        assert (bench.text, bench.app.calls) == ("t0 ", calls)
    assert name not in bench.app.requests[-1]


@pytest.mark.parametrize("query", ["", "&echo_prefix=1"])
async def test_a_continuation_shows_only_what_is_new(bench: Bench, query: str) -> None:
    await bench.ask(f"m?tokens=2{query}", prefix="Once upon a time, ")
    assert bench.text == "t0 t1 "
    *_, shown, instruction = bench.app.requests[-1]["messages"]
    assert shown == {"role": "assistant", "content": "Once upon a time, "}
    assert instruction["role"] == "user"


async def test_no_failure_shows_the_key(bench: Bench) -> None:
    failure = await bench.fail("m?status=401", options={"stream": False})
    assert "sk-x" not in failure.message


async def test_a_reader_that_leaves_closes_the_connection(bench: Bench) -> None:
    stream = bench.provider.stream(ModelRequest(model="m?tokens=1000&delay_ms=5", messages=[QUESTION]))
    first = await anext(stream)
    await stream.aclose()
    assert isinstance(first, TextChunk)
    await bench.ask("m?tokens=1")
    assert bench.text == "t0 "


async def test_a_connection_is_used_again_after_an_answer(bench: Bench) -> None:
    for model in ("m?tokens=2", "m?tokens=500", "m?tokens=2&whole=1", "m?tokens=3&delay_ms=1", "m?tokens=1"):
        await bench.ask(model)
    assert len(bench.app.clients) == 1
