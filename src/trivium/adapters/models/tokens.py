"""Token estimates, for providers that count none."""

from trivium.core.ports.models import ChatMessage, ModelRequest

_IMAGE_TOKENS = 765
_MESSAGE_TOKENS = 4


def estimate_tokens(text: str) -> int:
    """Return about how many tokens the text has: a quarter of its UTF-8 bytes, at least 1 unless it is empty."""
    return (len(text.encode("utf-8", "replace")) + 3) // 4


def estimate_input_tokens(request: ModelRequest) -> int:
    """Return about how many tokens the request has, tools included."""
    tokens = sum(_message_tokens(message) for message in request.messages)
    tokens += sum(estimate_tokens(tool.name + tool.description + str(tool.input_schema)) for tool in request.tools)
    return tokens + estimate_tokens(request.prefix)


def _message_tokens(message: ChatMessage) -> int:
    tokens = _MESSAGE_TOKENS + estimate_tokens(message.text) + _IMAGE_TOKENS * len(message.images)
    return tokens + sum(estimate_tokens(call.name + str(call.input)) for call in message.tool_calls)
