"""The shapes of OpenAI's chat completions, as the many servers that speak it take and send them."""

import base64
import json
from collections.abc import Sequence

import msgspec

from trivium.adapters.models.continuation import CONTINUE
from trivium.adapters.models.tool_names import ToolNames, tool_text
from trivium.core.errors import UpstreamFailed
from trivium.core.model.agents import ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports.models import ChatMessage, ModelRequest

TOOL_CALLS_MAX = 128


class CallFunction(msgspec.Struct):
    """Part of a tool call."""

    name: str | None = None
    arguments: str | JSONObject | None = None


class CallPart(msgspec.Struct):
    """A tool call or a piece of one; pieces with the same index belong together."""

    index: int | None = None
    id: str | None = None
    function: CallFunction | None = None


class Delta(msgspec.Struct):
    """A piece of a message, or the whole message when not streamed."""

    content: str | list[JSONObject] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[CallPart] | None = None


class Choice(msgspec.Struct):
    """One alternative; we only ever ask for one."""

    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None


class TokenUse(msgspec.Struct):
    """Tokens as counted by the server."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: JSON = None
    completion_tokens_details: JSON = None


class Completion(msgspec.Struct):
    """An event of the stream, or the whole answer."""

    choices: list[Choice] | None = None
    usage: TokenUse | None = None
    error: JSON = None
    model: str | None = None


_decode = msgspec.json.Decoder(Completion).decode


def read_completion(data: bytes) -> Completion:
    """Return what the server sent; UpstreamFailed when it is no completion.

    The quick way is strict. The slow one takes what some servers send all the same: half characters, bytes that are no
    UTF-8, numbers as text.
    """
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return msgspec.convert(json.loads(data.decode("utf-8", "replace")), Completion, strict=False)
    except (ValueError, msgspec.ValidationError, RecursionError) as error:
        raise UpstreamFailed("The model sent something that is not a completion.", code="model_malformed") from error


def storable(text: str) -> str:
    """Return the text with a replacement mark for every half character, which no database or socket takes."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def write_request(request: ModelRequest, names: ToolNames, *, is_streamed: bool) -> dict[str, JSON]:
    """Return the body to send."""
    body: dict[str, JSON] = {"model": request.model, "messages": _write_messages(request, names)}
    if is_streamed:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    if request.tools:
        body["tools"] = [_write_tool(tool, names) for tool in request.tools]
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_output_tokens is not None:
        body["max_tokens"] = request.max_output_tokens
    if request.json_schema is not None:
        schema: JSONObject = {"name": "answer", "schema": request.json_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def _write_messages(request: ModelRequest, names: ToolNames) -> list[JSON]:
    messages: list[JSON] = []
    pictures: list[tuple[str, bytes]] = []
    for message in request.messages:
        # A tool message holds no pictures: they follow as a user message, after the last result of the step.
        if pictures and message.role != "tool":
            messages.append({"role": "user", "content": _write_content("", pictures)})
            pictures = []
        if message.role == "tool":
            messages.append({"role": "tool", "tool_call_id": message.tool_call_id, "content": tool_text(message)})
            pictures += message.images
        else:
            messages.append(_write_message(message, names))
    if pictures:
        messages.append({"role": "user", "content": _write_content("", pictures)})
    if request.prefix:
        messages.append({"role": "assistant", "content": request.prefix})
        messages.append({"role": "user", "content": CONTINUE})
    return messages


def _write_message(message: ChatMessage, names: ToolNames) -> JSONObject:
    content: JSON = _write_content(message.text, message.images) if message.images else message.text
    written: JSONObject = {"role": message.role, "content": content}
    if message.tool_calls:
        written["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": names.theirs(call.name), "arguments": _write_arguments(call.input)},
            }
            for call in message.tool_calls
        ]
        written["content"] = content or None
    return written


def _write_arguments(tool_input: JSON) -> str:
    return tool_input if isinstance(tool_input, str) else msgspec.json.encode(tool_input).decode()


def _write_content(text: str, images: Sequence[tuple[str, bytes]]) -> list[JSON]:
    parts: list[JSON] = [{"type": "text", "text": text}] if text else []
    for mime_type, data in images:
        url = f"data:{mime_type};base64,{base64.b64encode(data).decode()}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _write_tool(tool: ToolSpec, names: ToolNames) -> JSONObject:
    schema = tool.input_schema or {"type": "object", "properties": {}}
    function: JSONObject = {
        "name": names.theirs(tool.name),
        "description": tool.description,
        "parameters": schema,
    }
    return {"type": "function", "function": function}
