"""The shapes of Anthropic's Messages API (version 2023-06-01)."""

import base64

import msgspec

from trivium.adapters.models.continuation import CONTINUE
from trivium.adapters.models.tool_names import ToolNames, tool_text
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports.models import ChatMessage, ModelRequest

# The API demands a limit; ours only bounds what an agent without one may say.
OUTPUT_TOKENS_MAX = 8192
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class TokenUse(msgspec.Struct):
    """Tokens as counted so far; what was read from a cache is counted apart."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class Block(msgspec.Struct):
    """A part of the answer."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: JSON = None


class Piece(msgspec.Struct):
    """What an event adds to a block, or to the message as a whole."""

    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class Message(msgspec.Struct):
    """The answer's frame, or the whole answer when not streamed."""

    model: str | None = None
    usage: TokenUse | None = None
    content: list[Block] = []
    stop_reason: str | None = None
    error: JSON = None


class Event(msgspec.Struct):
    """Every event of the stream has some of these."""

    type: str = ""
    index: int = 0
    message: Message | None = None
    content_block: Block | None = None
    delta: Piece | None = None
    usage: TokenUse | None = None
    error: JSON = None


def write_request(request: ModelRequest, names: ToolNames, *, is_streamed: bool) -> dict[str, JSON]:
    """Return the body to send."""
    body: dict[str, JSON] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens or OUTPUT_TOKENS_MAX,
        "messages": _write_messages(request, names),
    }
    system = "\n\n".join(message.text for message in request.messages if message.role == "system" and message.text)
    if system:
        body["system"] = system
    if is_streamed:
        body["stream"] = True
    if request.tools:
        body["tools"] = [
            {
                "name": names.theirs(tool.name),
                "description": tool.description,
                "input_schema": tool.input_schema or {"type": "object", "properties": {}},
            }
            for tool in request.tools
        ]
    if request.temperature is not None:
        body["temperature"] = min(request.temperature, 1.0)
    if request.json_schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": request.json_schema}}
    return body


def _write_messages(request: ModelRequest, names: ToolNames) -> list[JSON]:
    """Return the messages with roles that alternate: the API wants all results of a step in one message."""
    turns: list[tuple[str, list[JSON]]] = []
    for message in request.messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        _add(turns, role, _write_blocks(message, names))
    if request.prefix.strip():
        _add(turns, "assistant", [{"type": "text", "text": request.prefix}])
        _add(turns, "user", [{"type": "text", "text": CONTINUE}])
    return [{"role": role, "content": blocks} for role, blocks in turns]


def _add(turns: list[tuple[str, list[JSON]]], role: str, blocks: list[JSON]) -> None:
    if not blocks:
        return
    if turns and turns[-1][0] == role:
        turns[-1][1].extend(blocks)
    else:
        turns.append((role, blocks))


def _write_blocks(message: ChatMessage, names: ToolNames) -> list[JSON]:
    images = [_write_image(mime_type, data) for mime_type, data in message.images]
    if message.role == "tool":
        content: list[JSON] = [*_write_text(tool_text(message)), *images]
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": content}]
    blocks = [*images, *_write_text(message.text)]
    for call in message.tool_calls:
        # Arguments that were no JSON are shown as what they were; the API takes objects only.
        tool_input: JSON = call.input if isinstance(call.input, dict) else {"input": call.input}
        blocks.append({"type": "tool_use", "id": call.id, "name": names.theirs(call.name), "input": tool_input})
    return blocks


def _write_text(text: str) -> list[JSON]:
    return [{"type": "text", "text": text}] if text.strip() else []


def _write_image(mime_type: str, data: bytes) -> JSONObject:
    source: JSONObject = {"type": "base64", "media_type": mime_type, "data": base64.b64encode(data).decode()}
    return {"type": "image", "source": source}
