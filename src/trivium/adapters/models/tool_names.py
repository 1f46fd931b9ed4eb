"""Tools as providers take them: names in their alphabet, arguments and results as text."""

import re
from collections.abc import Sequence

import msgspec

from trivium.core.model.agents import ToolSpec
from trivium.core.model.json import JSON
from trivium.core.ports.models import ChatMessage

_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_CHARS_MAX = 64


class ToolNames:
    """Tool names in the alphabet that servers accept, and back."""

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._theirs: dict[str, str] = {}
        self._ours: dict[str, str] = {}
        for tool in tools:
            name = _NAME.sub("_", tool.name)[:_NAME_CHARS_MAX] or "tool"
            number = 2
            while name in self._ours:
                name = f"{name[: _NAME_CHARS_MAX - 4]}_{number}"
                number += 1
            self._theirs[tool.name] = name
            self._ours[name] = tool.name

    def theirs(self, name: str) -> str:
        """Return the name to send."""
        return self._theirs.get(name) or _NAME.sub("_", name)[:_NAME_CHARS_MAX] or "tool"

    def ours(self, name: str) -> str:
        """Return the tool's own name; a name the model made up stays as it is."""
        return self._ours.get(name, name)


def tool_text(message: ChatMessage) -> str:
    """Return a tool's output as the model reads it."""
    if message.text or message.data is None:
        return message.text
    return message.data if isinstance(message.data, str) else msgspec.json.encode(message.data).decode()


def parse_arguments(text: str) -> JSON:
    """Return the parsed arguments of a tool call, {} for none, and the text itself when it is no JSON."""
    if not text.strip():
        return {}
    try:
        parsed: JSON = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text
    return parsed
