"""Language models."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from trivium.core.model.agents import ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.organizations import ModelAccount


@dataclass(frozen=True, kw_only=True)
class ChatToolCall:
    """A call the model asked for in an earlier step."""

    id: str
    name: str
    input: JSON


@dataclass(kw_only=True, slots=True)
class ChatMessage:
    """One message as a model sees it. `tool` messages answer `tool_call_id`; `images` are (mime type, bytes).

    Not frozen, though nobody changes one: a frozen one takes three times as long to make, and a turn makes dozens.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    images: tuple[tuple[str, bytes], ...] = ()
    tool_calls: tuple[ChatToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_name: str | None = None
    data: JSON = None


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """One call of a model.

    `prefix` is answer text that readers have already seen (after a crash): the provider yields only what follows it.
    `timeout_s` bounds the wait for each next piece, not the whole answer.
    """

    model: str
    messages: Sequence[ChatMessage]
    tools: Sequence[ToolSpec] = ()
    temperature: float | None = None
    max_output_tokens: int | None = None
    json_schema: JSONObject | None = None
    prefix: str = ""
    timeout_s: float = 120.0
    options: Mapping[str, JSON] = field(default_factory=dict)


class TextChunk:
    """A piece of the answer."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class ReasoningChunk:
    """A piece of the model's thinking."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


@dataclass(frozen=True, kw_only=True)
class ToolCallChunk:
    """A complete call the model wants made; `input` is parsed, or a string when the model sent no valid JSON."""

    id: str
    name: str
    input: JSON


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The last chunk. Tokens are the provider's count, or an estimate when `is_estimate`."""

    input_tokens: int
    output_tokens: int
    finish_reason: str = "stop"
    model: str = ""
    is_estimate: bool = False
    metadata: JSONObject = field(default_factory=dict)


ModelChunk: TypeAlias = TextChunk | ReasoningChunk | ToolCallChunk | Finished


class ModelProvider(Protocol):
    """One way to reach models.

    `stream` yields text as it comes and exactly one `Finished` at the end. It raises UpstreamFailed (with
    `is_retryable` false once something was yielded) and retries what is safe by itself, within a bound.
    """

    name: str
    has_language_model: bool

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]: ...


class ModelProviders(Protocol):
    """The providers that are configured: for everyone by the settings, for one organization by its accounts."""

    default_model: str

    def get(self, provider: str, account: ModelAccount | None = None) -> ModelProvider | None:
        """Return the provider, or None when it is not configured."""


class Prices(Protocol):
    """What models cost."""

    def cost_usd(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """Return the price of that use in US dollars, or None when the model's price is not known."""
