"""Whatever a server sends becomes chunks that can be stored, or a clear failure."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.adapters.models.anthropic import _MessageAnswer
from trivium.adapters.models.calls import Answer
from trivium.adapters.models.openai_compatible import _CompletionAnswer
from trivium.adapters.models.tool_names import ToolNames
from trivium.core.errors import UpstreamFailed
from trivium.core.ports.models import Finished, ModelChunk, ModelRequest, ReasoningChunk, TextChunk, ToolCallChunk

REQUEST = ModelRequest(model="m", messages=[])


def completion() -> Answer:
    return _CompletionAnswer(REQUEST, ToolNames([]), lambda: None)


def message() -> Answer:
    return _MessageAnswer(REQUEST, ToolNames([]))


def events(*data: object) -> bytes:
    return b"".join(b"data: " + (d if isinstance(d, bytes) else json.dumps(d).encode()) + b"\n\n" for d in data)


def delta(**fields: object) -> dict[str, object]:
    return {"choices": [{"delta": fields}]}


def read(answer: Answer, data: bytes) -> list[ModelChunk]:
    return [*answer.feed(data), *answer.end()]


def text_of(chunks: list[ModelChunk]) -> str:
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, TextChunk))


# Values of the right and of every wrong type, under the names that both protocols know.
names = st.sampled_from(
    (
        "choices delta message content text type index tool_calls function arguments name finish_reason usage error "
        "content_block partial_json input id stop_reason thinking prompt_tokens completion_tokens input_tokens "
        "output_tokens reasoning"
    ).split()
)
kinds = st.sampled_from(["message_start", "content_block_start", "content_block_delta", "message_delta", "tool_use"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(st.characters(), max_size=5) | kinds,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)


def chunks_or_failure(make: Callable[[], list[ModelChunk]]) -> list[ModelChunk]:
    try:
        chunks = make()
    except UpstreamFailed as failure:
        return [Finished(input_tokens=0, output_tokens=0, finish_reason=failure.code)]
    for chunk in chunks:
        if isinstance(chunk, TextChunk | ReasoningChunk):
            chunk.text.encode()
        elif isinstance(chunk, ToolCallChunk):
            json.dumps([chunk.id, chunk.name, chunk.input], ensure_ascii=False).encode()
    return chunks


@pytest.mark.parametrize("new_answer", [completion, message])
@given(st.lists(values | st.binary(max_size=20), max_size=6))
def test_any_stream_is_read_or_refused(new_answer: Callable[[], Answer], data: list[object]) -> None:
    chunks = chunks_or_failure(lambda: read(new_answer(), events(*data)))
    assert isinstance(chunks[-1], Finished)


@pytest.mark.parametrize("new_answer", [completion, message])
@given(values)
def test_any_document_is_read_or_refused(new_answer: Callable[[], Answer], data: object) -> None:
    chunks = chunks_or_failure(lambda: new_answer().whole(json.dumps(data).encode()))
    assert isinstance(chunks[-1], Finished)


def test_a_character_in_two_halves_is_put_together() -> None:
    first, second = (b'{"choices":[{"delta":{"content":"%s"}}]}' % half for half in (rb"a\ud83d", rb"\ude00b"))
    assert text_of(read(completion(), events(first, second, b"[DONE]"))) == "a😀b"
    lost = events(rb'{"choices":[{"delta":{"content":"a\ude00b"}}]}', b"[DONE]")
    assert text_of(read(completion(), lost)) == "a\ufffdb"


def test_calls_side_by_side_are_kept_apart() -> None:
    parts = [
        delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}}]),
        delta(tool_calls=[{"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}]),
        delta(tool_calls=[{"index": 1, "function": {"arguments": "[2]"}}]),
    ]
    calls = [c for c in read(completion(), events(*parts, b"[DONE]")) if isinstance(c, ToolCallChunk)]
    assert [(call.id, call.name, call.input) for call in calls] == [("a", "f", {"x": 1}), ("b", "g", [2])]


def test_calls_without_indexes_are_told_apart_by_their_ids() -> None:
    parts = [
        delta(tool_calls=[{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]),
        delta(tool_calls=[{"id": "b", "function": {"name": "g"}}]),
        delta(tool_calls=[{"function": {"arguments": "[2]"}}]),
    ]
    calls = [c for c in read(completion(), events(*parts, b"[DONE]")) if isinstance(c, ToolCallChunk)]
    assert [(call.id, call.name, call.input) for call in calls] == [("a", "f", {"x": 1}), ("b", "g", [2])]


def test_content_in_parts_is_text_and_thinking() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Hi"}]
    chunks = read(completion(), events(delta(content=parts), b"[DONE]"))
    assert text_of(chunks) == "Hi"
    assert isinstance(chunks[0], ReasoningChunk)


def test_more_calls_than_anyone_needs_are_refused() -> None:
    many = [delta(tool_calls=[{"index": number, "function": {"name": "f"}}]) for number in range(200)]
    with pytest.raises(UpstreamFailed, match="too many"):
        completion().feed(events(*many))
