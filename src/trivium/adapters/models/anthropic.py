"""Anthropic's Messages API, and servers that speak it."""

from collections.abc import AsyncGenerator, Iterable

import msgspec

from trivium.adapters.models.anthropic_wire import FINISH_REASONS, Block, Event, Message, TokenUse, write_request
from trivium.adapters.models.calls import Call, Prepare
from trivium.adapters.models.continuation import EchoFilter
from trivium.adapters.models.events import EventReader
from trivium.adapters.models.tokens import estimate_input_tokens
from trivium.adapters.models.tool_names import ToolNames, parse_arguments
from trivium.adapters.models.upstream import Upstream, converse
from trivium.core.errors import UpstreamFailed
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports.models import Finished, ModelChunk, ModelRequest, ReasoningChunk, TextChunk, ToolCallChunk

_VERSION = "2023-06-01"
_BLOCKS_MAX = 1024
_ARGUMENT_CHARS_MAX = 1024 * 1024
_decode_event = msgspec.json.Decoder(Event).decode
_decode_message = msgspec.json.Decoder(Message).decode


class AnthropicProvider:
    """One server and one key. `options["stream"] = False` asks for the answer in one piece."""

    has_language_model = True

    def __init__(
        self, *, name: str, base_url: str, api_key: str | None, upstream: Upstream, prepare: Prepare | None = None
    ) -> None:
        self.name = name
        base_url = base_url.rstrip("/")
        self._url = f"{base_url}/messages" if base_url.endswith("/v1") else f"{base_url}/v1/messages"
        self._api_key = api_key or ""
        self._upstream = upstream
        self._prepare = prepare

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Return the answer as it comes; codes of UpstreamFailed begin with `model_`."""
        names = ToolNames(request.tools)
        is_streamed = request.options.get("stream") is not False
        call = Call(
            url=self._url,
            headers={
                "Content-Type": "application/json",
                "Accept": "text/event-stream, application/json",
                "anthropic-version": _VERSION,
                "x-api-key": self._api_key,
            },
            body=write_request(request, names, is_streamed=is_streamed),
            timeout_s=request.timeout_s,
            adjust=_adjust,
            secret=self._api_key,
        )
        return converse(self._upstream, call, lambda: _MessageAnswer(request, names), self._prepare)


def _adjust(call: Call, reason: str) -> bool:
    # Newer models take no temperature.
    return "temperature" in reason and call.body.pop("temperature", None) is not None


class _MessageAnswer:
    """One try's answer, piece by piece."""

    def __init__(self, request: ModelRequest, names: ToolNames) -> None:
        self._request = request
        self._names = names
        self._events = EventReader()
        self._echo = EchoFilter(request.prefix)
        self._calls: dict[int, tuple[Block, list[str]]] = {}
        self._argument_chars = 0
        self._text_chars = 0
        self._stop_reason: str | None = None
        self._use = TokenUse()
        self._model = ""
        self.is_complete = False

    def feed(self, piece: bytes) -> list[ModelChunk]:
        return [chunk for data in self._events.feed(piece) for chunk in self._event(data)]

    def end(self) -> list[ModelChunk]:
        out = [] if self.is_complete else self.feed(b"\n\n")
        if self._stop_reason is None:
            raise UpstreamFailed("The model's answer was cut off.", code="model_stream_cut", is_retryable=True)
        return [*out, *self._last()]

    def whole(self, body: bytes) -> list[ModelChunk]:
        try:
            message = _decode_message(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _malformed() from error
        if message.error is not None:
            raise _stated_error(message.error)
        self._frame(message)
        self._stop_reason = message.stop_reason
        out = [chunk for index, block in enumerate(message.content) for chunk in self._block(index, block)]
        return [*out, *self._last()]

    def _event(self, data: bytes) -> Iterable[ModelChunk]:
        try:
            event = _decode_event(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _malformed() from error
        match event.type:
            case "content_block_delta":
                yield from self._piece(event)
            case "content_block_start" if event.content_block is not None:
                yield from self._block(event.index, event.content_block)
            case "message_start" if event.message is not None:
                self._frame(event.message)
            case "message_delta":
                self._count(event.usage)
                if event.delta is not None:
                    self._stop_reason = event.delta.stop_reason or self._stop_reason
            case "message_stop":
                self.is_complete = True
            case "error":
                raise _stated_error(event.error)

    def _piece(self, event: Event) -> Iterable[ModelChunk]:
        piece = event.delta
        if piece is None:
            return
        if piece.text:
            yield from self._text(piece.text)
        elif piece.thinking:
            self._text_chars += len(piece.thinking)
            yield ReasoningChunk(piece.thinking)
        elif piece.partial_json and event.index in self._calls:
            self._argument_chars += len(piece.partial_json)
            if self._argument_chars > _ARGUMENT_CHARS_MAX:
                raise UpstreamFailed("The model asks for too large tool calls.", code="model_malformed")
            self._calls[event.index][1].append(piece.partial_json)

    def _block(self, index: int, block: Block) -> Iterable[ModelChunk]:
        if block.type == "tool_use":
            if len(self._calls) >= _BLOCKS_MAX:
                raise UpstreamFailed("The model asks for too many tool calls.", code="model_malformed")
            self._calls[index] = (block, [])
        elif block.text:
            yield from self._text(block.text)
        elif block.thinking:
            yield ReasoningChunk(block.thinking)

    def _text(self, text: str) -> Iterable[ModelChunk]:
        self._text_chars += len(text)
        shown = self._echo.feed(text)
        if shown:
            yield TextChunk(shown)

    def _frame(self, message: Message) -> None:
        self._model = message.model or ""
        self._count(message.usage)

    def _count(self, use: TokenUse | None) -> None:
        if use is None:
            return
        # Some gateways tell the input at the end only, and zero before.
        for name in TokenUse.__struct_fields__:
            told = getattr(use, name)
            if told:
                setattr(self._use, name, told)

    def _last(self) -> Iterable[ModelChunk]:
        rest = self._echo.end()
        if rest:
            yield TextChunk(rest)
        for index, (block, parts) in sorted(self._calls.items()):
            call_id = block.id or f"call_{len(self._request.messages)}_{index}"
            tool_input: JSON = parse_arguments("".join(parts)) if parts else block.input or {}
            yield ToolCallChunk(id=call_id, name=self._names.ours(block.name or ""), input=tool_input)
        yield self._finished()

    def _finished(self) -> Finished:
        use = self._use
        cached = use.cache_read_input_tokens or 0
        counted = (use.input_tokens or 0) + (use.cache_creation_input_tokens or 0) + cached
        is_estimate = not counted or use.output_tokens is None
        metadata: JSONObject = {"cached_tokens": cached} if cached else {}
        return Finished(
            input_tokens=counted or estimate_input_tokens(self._request),
            output_tokens=use.output_tokens or (self._text_chars + self._argument_chars + 3) // 4,
            finish_reason="tool_calls" if self._calls else FINISH_REASONS.get(self._stop_reason or "", "stop"),
            model=self._model or self._request.model,
            is_estimate=is_estimate,
            metadata=metadata,
        )


def _malformed() -> UpstreamFailed:
    return UpstreamFailed("The model sent something that is not a message.", code="model_malformed")


def _stated_error(error: JSON) -> UpstreamFailed:
    kind = error.get("type") if isinstance(error, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    code = "model_rate_limited" if kind == "rate_limit_error" else "model_failed"
    return UpstreamFailed(f"The model server reported: {str(message)[:300]}", code=code, is_retryable=True)
