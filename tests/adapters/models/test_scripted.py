"""The scripted model does what its name and options say, and goes on where a crash cut it off."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.adapters.models import ScriptedProvider
from trivium.core.errors import InvalidRequest, UpstreamFailed
from trivium.core.model.json import JSON
from trivium.core.ports.models import (
    ChatMessage,
    Finished,
    ModelChunk,
    ModelRequest,
    ReasoningChunk,
    TextChunk,
    ToolCallChunk,
)

QUESTION = ChatMessage(role="user", text="What is  2 + 2?\nExactly.")
CALLED = ChatMessage(role="assistant", text="")
TOOL = ChatMessage(role="tool", text="4", tool_call_id="call_0_0", tool_name="add")


async def ask(model: str, *messages: ChatMessage, prefix: str = "", **options: JSON) -> list[ModelChunk]:
    request = ModelRequest(model=model, messages=messages or (QUESTION,), prefix=prefix, options=options)
    return [chunk async for chunk in ScriptedProvider().stream(request)]


def text_of(chunks: list[ModelChunk]) -> str:
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, TextChunk))


async def test_echo_repeats_the_question_to_the_letter() -> None:
    assert text_of(await ask("echo")) == QUESTION.text


async def test_tokens_come_one_by_one_and_are_counted() -> None:
    chunks = await ask("tokens?count=5")
    assert [chunk.text for chunk in chunks[:-1] if isinstance(chunk, TextChunk)] == ["t0 ", "t1 ", "t2 ", "t3 ", "t4 "]
    assert isinstance(chunks[-1], Finished)
    assert (chunks[-1].output_tokens, chunks[-1].model) == (5, "scripted/tokens")


async def test_a_script_goes_from_its_call_to_its_answer() -> None:
    script: JSON = [
        {"text": "Let me see. ", "tool_calls": [{"name": "add", "input": {"a": 2}}, {"name": "add", "input": {}}]},
        {"text": "It is 4.", "reasoning": "Easy."},
    ]
    first = await ask("script", QUESTION, script=script)
    calls = [chunk for chunk in first if isinstance(chunk, ToolCallChunk)]
    assert [(call.id, call.input) for call in calls] == [("call_0_0", {"a": 2}), ("call_0_1", {})]
    second = await ask("script", QUESTION, CALLED, TOOL, TOOL, script=script)
    assert text_of(second) == "It is 4."
    assert any(isinstance(chunk, ReasoningChunk) for chunk in second)
    third = await ask("script", QUESTION, CALLED, TOOL, CALLED, QUESTION, script=script)
    assert text_of(third) == "Let me see. "


async def test_the_script_may_stand_in_the_name() -> None:
    turns = quote(json.dumps([{"text": "Hello & goodbye"}]))
    assert text_of(await ask(f"script?turns={turns}")) == "Hello & goodbye"


async def test_after_its_last_turn_a_script_calls_nothing_unless_it_loops() -> None:
    script: JSON = [{"tool_calls": [{"name": "add"}]}]
    past = await ask("script", QUESTION, CALLED, TOOL, script=script)
    looping = await ask("script", QUESTION, CALLED, TOOL, script=script, loop=True)
    assert not any(isinstance(chunk, ToolCallChunk) for chunk in past)
    assert [chunk.id for chunk in looping if isinstance(chunk, ToolCallChunk)] == ["call_1_0"]


@given(st.text(), st.integers(min_value=0, max_value=40))
async def test_what_follows_a_prefix_completes_it(text: str, cut: int) -> None:
    prefix = text[:cut]
    chunks = await ask("script", prefix=prefix, script=[{"text": text}])
    assert prefix + text_of(chunks) == text


async def test_an_error_comes_after_the_text_that_precedes_it() -> None:
    seen: list[ModelChunk] = []
    request = ModelRequest(model="tokens?count=9&fail_after=2&error=model_timeout", messages=[QUESTION])
    with pytest.raises(UpstreamFailed) as caught:
        seen.extend([chunk async for chunk in _kept(request, seen)])
    assert (text_of(seen), caught.value.code) == ("t0 t1 ", "model_timeout")


async def _kept(request: ModelRequest, seen: list[ModelChunk]):
    async for chunk in ScriptedProvider().stream(request):
        seen.append(chunk)
        yield chunk


@pytest.mark.parametrize("model", ["nothing", "script", "script?turns=[", "script?turns=[1]", "tokens?count=many"])
async def test_a_name_that_says_nothing_sensible_is_refused(model: str) -> None:
    with pytest.raises(InvalidRequest):
        await ask(model)
