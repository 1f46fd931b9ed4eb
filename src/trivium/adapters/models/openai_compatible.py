"""Servers that speak OpenAI's chat completions: OpenAI itself, vLLM, llama.cpp, Ollama, OpenRouter and many more."""

from collections.abc import AsyncGenerator, Callable, Iterable

import msgspec

from trivium.adapters.models.calls import Call, Prepare
from trivium.adapters.models.continuation import EchoFilter
from trivium.adapters.models.events import EventReader
from trivium.adapters.models.openai_wire import (
    TOOL_CALLS_MAX,
    CallPart,
    Choice,
    Delta,
    TokenUse,
    read_completion,
    storable,
    write_request,
)
from trivium.adapters.models.tokens import estimate_input_tokens, estimate_tokens
from trivium.adapters.models.tool_names import ToolNames, parse_arguments
from trivium.adapters.models.upstream import Upstream, converse
from trivium.core.errors import UpstreamFailed
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports.models import Finished, ModelChunk, ModelRequest, ReasoningChunk, TextChunk, ToolCallChunk

_ARGUMENT_CHARS_MAX = 1024 * 1024


class OpenAICompatibleProvider:
    """One server and one key. `options["stream"] = False` asks for the answer in one piece."""

    has_language_model = True

    def __init__(
        self, *, name: str, base_url: str, api_key: str | None, upstream: Upstream, prepare: Prepare | None = None
    ) -> None:
        self.name = name
        self._prepare = prepare
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._api_key = api_key or ""
        self._upstream = upstream
        # What this server refused once is left out from then on.
        self._refused: set[str] = set()
        self._is_proven = False

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Return the answer as it comes; codes of UpstreamFailed begin with `model_`."""
        names = ToolNames(request.tools)
        is_streamed = request.options.get("stream") is not False
        body = write_request(request, names, is_streamed=is_streamed)
        for name in self._refused:
            _leave_out(body, name)
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        call = Call(
            url=self._url,
            headers=headers,
            body=body,
            timeout_s=request.timeout_s,
            adjust=self._adjust,
            secret=self._api_key,
        )
        return converse(self._upstream, call, lambda: _CompletionAnswer(request, names, self._prove), self._prepare)

    def _prove(self) -> None:
        self._is_proven = True

    def _adjust(self, call: Call, reason: str) -> bool:
        """Leave out a parameter that the server's refusal names; one it may mean, if it never answered us yet."""
        name = next((name for name in ("stream_options", "max_tokens", "temperature") if name in reason), "")
        if not name and not self._is_proven and "tool" not in reason:
            name = "stream_options"
        if name not in call.body:
            return False
        _leave_out(call.body, name)
        self._refused.add(name)
        return True


def _leave_out(body: dict[str, JSON], name: str) -> None:
    value = body.pop(name, None)
    # Newer models of OpenAI know the limit by another name only.
    if name == "max_tokens" and value is not None:
        body["max_completion_tokens"] = value


class _CompletionAnswer:
    """One try's answer, piece by piece."""

    def __init__(self, request: ModelRequest, names: ToolNames, prove: Callable[[], None]) -> None:
        self._prove = prove
        self._request = request
        self._names = names
        self._events = EventReader()
        self._echo = EchoFilter(request.prefix)
        self._calls: dict[int, tuple[str, str, list[str]]] = {}
        self._argument_chars = 0
        self._text_chars = 0
        self._finish_reason: str | None = None
        self._use: TokenUse | None = None
        self._model = ""
        self._half = ""
        self._has_begun = False
        self.is_complete = False

    def feed(self, piece: bytes) -> list[ModelChunk]:
        out: list[ModelChunk] = []
        for data in self._events.feed(piece):
            self._event(data, out)
        return out

    def end(self) -> list[ModelChunk]:
        out = [] if self.is_complete else self.feed(b"\n\n")
        if self._finish_reason is None and not self.is_complete:
            raise UpstreamFailed("The model's answer was cut off.", code="model_stream_cut", is_retryable=True)
        return [*out, *self._last()]

    def whole(self, body: bytes) -> list[ModelChunk]:
        out: list[ModelChunk] = []
        self._completion(body, out)
        if not self._has_begun:
            raise UpstreamFailed("The model sent no answer.", code="model_malformed")
        return [*out, *self._last()]

    def _event(self, data: bytes, out: list[ModelChunk]) -> None:
        if data.startswith(b"[DONE]"):
            self.is_complete = True
        elif not self.is_complete and data.strip():
            self._completion(data, out)

    def _completion(self, data: bytes, out: list[ModelChunk]) -> None:
        completion = read_completion(data)
        if completion.error is not None:
            raise _stated_error(completion.error)
        if completion.usage is not None:
            self._use = completion.usage
        if completion.model:
            self._model = storable(completion.model)
        if completion.choices:
            self._has_begun = True
            self._choice(completion.choices[0], out)

    def _choice(self, choice: Choice, out: list[ModelChunk]) -> None:
        if choice.finish_reason:
            self._finish_reason = choice.finish_reason
        delta = choice.delta or choice.message
        if delta is None:
            return
        thought = delta.reasoning_content or delta.reasoning
        text = delta.content
        if isinstance(text, list):
            text, thought = _read_parts(text)
        if thought:
            self._text_chars += len(thought)
            out.append(ReasoningChunk(storable(thought)))
        text = text or delta.refusal
        if text:
            self._text_chars += len(text)
            if self._half or not text.isascii():
                text = self._with_whole_characters(text)
            if not self._echo.is_decided:
                text = self._echo.feed(text)
            if text:
                # Pieces that came together go on as one: each costs the loop some microseconds.
                if out and type(out[-1]) is TextChunk:
                    out[-1].text += text
                else:
                    out.append(TextChunk(text))
        if delta.tool_calls:
            self._take_calls(delta)

    def _with_whole_characters(self, text: str) -> str:
        """Return text that can be stored: half a character waits for the next piece to bring its other half."""
        text = self._half + text
        self._half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        return storable(text[:-1] if self._half else text)

    def _take_calls(self, delta: Delta) -> None:
        for position, part in enumerate(delta.tool_calls or ()):
            index = self._index(part, position)
            call_id, name, arguments = self._calls.get(index, ("", "", []))
            if part.function is not None:
                # The name comes once, whole; a server that sends it in every piece means the same one.
                name = name or storable(part.function.name or "")
                given = part.function.arguments
                if given:
                    text = given if isinstance(given, str) else msgspec.json.encode(given).decode()
                    self._argument_chars += len(text)
                    arguments.append(storable(text))
            self._calls[index] = (call_id or storable(part.id or ""), name, arguments)
        if len(self._calls) > TOOL_CALLS_MAX or self._argument_chars > _ARGUMENT_CHARS_MAX:
            raise UpstreamFailed("The model asks for too many or too large tool calls.", code="model_malformed")

    def _index(self, part: CallPart, position: int) -> int:
        """Return which call a piece belongs to; servers without indexes send calls whole, or go on with the last."""
        if part.index is not None:
            return part.index
        if part.id:
            known = [index for index, call in self._calls.items() if call[0] == part.id]
            return known[0] if known else len(self._calls)
        return max(len(self._calls) - 1, position) if self._calls else position

    def _last(self) -> Iterable[ModelChunk]:
        self._prove()
        rest = self._echo.end()
        if rest:
            yield TextChunk(rest)
        for index, (call_id, name, arguments) in sorted(self._calls.items()):
            call_id = call_id or f"call_{len(self._request.messages)}_{index}"
            yield ToolCallChunk(id=call_id, name=self._names.ours(name), input=parse_arguments("".join(arguments)))
        yield self._finished()

    def _finished(self) -> Finished:
        reason = self._finish_reason or "stop"
        if self._calls:
            reason = "tool_calls"
        use, model = self._use, self._model or self._request.model
        if use is None or use.prompt_tokens is None or use.completion_tokens is None:
            return Finished(
                input_tokens=estimate_input_tokens(self._request),
                output_tokens=(self._text_chars + self._argument_chars + 3) // 4
                + sum(estimate_tokens(name) for _, name, _ in self._calls.values()),
                finish_reason=reason,
                model=model,
                is_estimate=True,
            )
        return Finished(
            input_tokens=use.prompt_tokens,
            output_tokens=use.completion_tokens,
            finish_reason=reason,
            model=model,
            metadata=_details(use),
        )


def _read_parts(parts: list[JSONObject]) -> tuple[str, str]:
    """Return (text, thinking) of content that comes as a list of typed parts."""
    text, thought = [], []
    for part in parts:
        if part.get("type") == "thinking":
            inner = part.get("thinking")
            thought += (
                [str(p.get("text", "")) for p in inner if isinstance(p, dict)]
                if isinstance(inner, list)
                else [str(inner)]
            )
        elif isinstance(part.get("text"), str):
            text.append(str(part["text"]))
    return "".join(text), "".join(thought)


def _details(use: TokenUse) -> JSONObject:
    details: JSONObject = {}
    for name, value in (
        ("cached_tokens", use.prompt_tokens_details),
        ("reasoning_tokens", use.completion_tokens_details),
    ):
        count = value.get(name) if isinstance(value, dict) else None
        if isinstance(count, int):
            details[name] = count
    return details


def _stated_error(error: JSON) -> UpstreamFailed:
    message = error.get("message") if isinstance(error, dict) else error
    return UpstreamFailed(f"The model server reported: {str(message)[:300]}", code="model_failed", is_retryable=True)
