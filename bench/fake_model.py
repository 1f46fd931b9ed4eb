"""A model server that costs next to nothing and misbehaves on request: for benchmarks and tests.

    python -m bench.fake_model --port 9100 --tokens 64 --delay-ms 0

It speaks `/v1/chat/completions` (OpenAI) and `/v1/messages` (Anthropic). The model's name may carry settings that win
over those of the command line, e.g. `fake?tokens=200&delay_ms=50&cut_after=10`; see `Behaviour`. So may a question that
begins with `?`, e.g. `?tokens=200`.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_KEPT_REQUESTS = 50
_KEPT_CLIENTS = 10_000
_TOKENS_PER_WRITE = 64


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What one answer does. Counts of tokens begin at 0; `-1` means never."""

    tokens: int = 64
    delay_ms: float = 0.0
    first_ms: float = 0.0
    text: str = ""  # these words instead of numbered tokens
    status: int = 0  # answer with this status …
    fails: int = 1_000_000  # … so many times for this `key`, and properly then
    key: str = ""
    retry_after: str = ""
    cut_after: int = -1  # close the connection after so many tokens
    malformed_after: int = -1
    hang_after: int = -1
    line_bytes: int = 0  # one token of this size
    tool: str = ""  # call this tool with `args` unless its result is there already
    args: str = "{}"
    reasoning: str = ""
    reject: str = ""  # 400 when the body has this field
    usage: bool = True
    done: bool = True
    whole: bool = False  # answer with one JSON document although a stream was asked for
    echo: bool = False  # repeat the last user message
    echo_prefix: bool = False  # repeat the assistant text that is to be continued
    error_after: int = -1  # an error object inside the stream
    crlf: bool = False
    pings: bool = False
    location: str = ""  # a redirect there
    stamp: bool = False  # each token is the time it is made at: ~microseconds of the monotonic clock~


class FakeModel:
    """The ASGI application. `requests` holds the last bodies, newest last; `headers` those of the newest request."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self._default = behaviour or Behaviour()
        self._failures: Counter[str] = Counter()
        self._parsed: dict[str, Behaviour] = {}
        self.requests: deque[dict[str, Any]] = deque(maxlen=_KEPT_REQUESTS)
        self.headers: dict[str, str] = {}
        self.calls = 0
        self.clients: set[tuple[str, int]] = set()  # the connections that calls came by

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _read_body(receive)
        if scope["method"] != "POST":
            await _send_json(send, 200, {"object": "list", "data": [{"id": "fake", "object": "model"}]})
            return
        request = json.loads(body)
        self.calls += 1
        if len(self.clients) < _KEPT_CLIENTS:
            self.clients.add(tuple(scope["client"]))
        self.requests.append(request)
        self.headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        behaviour = self._behaviour(str(request.get("model", "")))
        question = _question(request)
        if question.startswith("?"):
            behaviour = _parse(behaviour, question[1:])
        if await self._refuses(behaviour, request, send):
            return
        if scope["path"].endswith("/messages"):
            await _answer(behaviour, request, send, _Anthropic(behaviour, request))
        else:
            await _answer(behaviour, request, send, _OpenAI(behaviour, request))

    def _behaviour(self, model: str) -> Behaviour:
        if model not in self._parsed:
            if len(self._parsed) > 1000:
                self._parsed.clear()
            self._parsed[model] = _parse(self._default, model.partition("?")[2])
        return self._parsed[model]

    async def _refuses(self, behaviour: Behaviour, request: dict[str, Any], send: Send) -> bool:
        if behaviour.location:
            await _send_json(send, 307, {}, [(b"location", behaviour.location.encode())])
            return True
        if behaviour.reject and behaviour.reject in request:
            message = f"Unrecognized request argument supplied: {behaviour.reject}"
            await _send_json(send, 400, {"error": {"message": message, "type": "invalid_request_error"}})
            return True
        if not behaviour.status or self._failures[behaviour.key] >= behaviour.fails:
            return False
        self._failures[behaviour.key] += 1
        headers = [(b"retry-after", behaviour.retry_after.encode())] if behaviour.retry_after else []
        await _send_json(send, behaviour.status, {"error": {"message": f"asked for {behaviour.status}"}}, headers)
        return True


class _OpenAI:
    """How chat completions look on the wire."""

    def __init__(self, behaviour: Behaviour, request: dict[str, Any]) -> None:
        self._model = str(request.get("model", ""))
        options = request.get("stream_options") or {}
        self._has_usage = behaviour.usage and bool(options.get("include_usage"))
        self._behaviour = behaviour
        self.is_streamed = bool(request.get("stream"))

    def begin(self) -> bytes:
        return b""

    def reasoning(self, text: str) -> bytes:
        return self._event({"reasoning_content": text})

    def token(self, text: str) -> bytes:
        return self._event({"content": text})

    def tool(self, name: str, arguments: str) -> bytes:
        half = len(arguments) // 2
        first = {"index": 0, "id": "call_fake", "type": "function", "function": {"name": name, "arguments": ""}}
        parts = [first] + [{"index": 0, "function": {"arguments": a}} for a in (arguments[:half], arguments[half:])]
        return b"".join(self._event({"tool_calls": [part]}) for part in parts)

    def error(self) -> bytes:
        return b'data: {"error": {"message": "the engine fell over"}}\n\n'

    def end(self, tokens: int, *, is_tool: bool) -> bytes:
        out = self._event({}, "tool_calls" if is_tool else "stop")
        if self._has_usage:
            usage = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": tokens + 10}
            out += b"data: " + json.dumps({"model": self._model, "choices": [], "usage": usage}).encode() + b"\n\n"
        return out + (b"data: [DONE]\n\n" if self._behaviour.done else b"")

    def whole(self, text: str, tokens: int) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if self._behaviour.tool:
            function = {"name": self._behaviour.tool, "arguments": self._behaviour.args}
            message["tool_calls"] = [{"id": "call_fake", "type": "function", "function": function}]
        answer: dict[str, Any] = {"id": "c", "model": self._model, "choices": [{"index": 0, "message": message}]}
        answer["choices"][0]["finish_reason"] = "stop"
        if self._behaviour.usage:
            answer["usage"] = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": tokens + 10}
        return answer

    def _event(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": self._model, "choices": [choice]}
        return b"data: " + json.dumps(chunk).encode() + b"\n\n"


class _Anthropic:
    """How messages look on the wire."""

    def __init__(self, behaviour: Behaviour, request: dict[str, Any]) -> None:
        self._model = str(request.get("model", ""))
        self._behaviour = behaviour
        self.is_streamed = bool(request.get("stream"))

    def begin(self) -> bytes:
        message = {"id": "m", "role": "assistant", "model": self._model, "usage": {"input_tokens": 10}}
        block = {"type": "text", "text": ""}
        start = _event("message_start", {"message": message})
        return start + _event("content_block_start", {"index": 0, "content_block": block})

    def reasoning(self, text: str) -> bytes:
        return _event("content_block_delta", {"index": 0, "delta": {"type": "thinking_delta", "thinking": text}})

    def token(self, text: str) -> bytes:
        return _event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}})

    def tool(self, name: str, arguments: str) -> bytes:
        block = {"type": "tool_use", "id": "call_fake", "name": name, "input": {}}
        half = len(arguments) // 2
        out = _event("content_block_start", {"index": 1, "content_block": block})
        for part in (arguments[:half], arguments[half:]):
            out += _event(
                "content_block_delta", {"index": 1, "delta": {"type": "input_json_delta", "partial_json": part}}
            )
        return out + _event("content_block_stop", {"index": 1})

    def error(self) -> bytes:
        return _event("error", {"error": {"type": "overloaded_error", "message": "the engine fell over"}})

    def end(self, tokens: int, *, is_tool: bool) -> bytes:
        out = _event("content_block_stop", {"index": 0})
        reason = "tool_use" if is_tool else "end_turn"
        out += _event("message_delta", {"delta": {"stop_reason": reason}, "usage": {"output_tokens": tokens}})
        return out + (_event("message_stop", {}) if self._behaviour.done else b"")

    def whole(self, text: str, tokens: int) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if self._behaviour.tool:
            arguments = json.loads(self._behaviour.args)
            content.append({"type": "tool_use", "id": "call_fake", "name": self._behaviour.tool, "input": arguments})
        usage = {"input_tokens": 10, "output_tokens": tokens}
        return {"id": "m", "model": self._model, "content": content, "stop_reason": "end_turn", "usage": usage}


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()


async def _answer(behaviour: Behaviour, request: dict[str, Any], send: Send, wire: "_OpenAI | _Anthropic") -> None:
    tokens = _tokens(behaviour, request)
    if not wire.is_streamed or behaviour.whole:
        await asyncio.sleep((behaviour.first_ms + behaviour.delay_ms * len(tokens)) / 1000)
        await _send_json(send, 200, wire.whole("".join(tokens), len(tokens)))
        return
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for piece in _stream(behaviour, request, tokens, wire):
        data = piece.replace(b"\n", b"\r\n") if behaviour.crlf else piece
        await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _stream(
    behaviour: Behaviour, request: dict[str, Any], tokens: list[str], wire: "_OpenAI | _Anthropic"
) -> AsyncGenerator[bytes, None]:
    yield wire.begin() + (wire.reasoning(behaviour.reasoning) if behaviour.reasoning else b"")
    is_tool = bool(behaviour.tool) and not _has_result(request)
    await asyncio.sleep(behaviour.first_ms / 1000)
    if is_tool:
        yield wire.tool(behaviour.tool, behaviour.args)
        tokens = []
    waiting = b""
    for index, token in enumerate(tokens):
        yield await _trouble(behaviour, index, wire)
        if behaviour.stamp:
            token = f"~{time.monotonic_ns() // 1000}~ "
        waiting += (b": ping\n\n" if behaviour.pings else b"") + wire.token(token)
        if behaviour.delay_ms or index % _TOKENS_PER_WRITE == _TOKENS_PER_WRITE - 1 or len(waiting) > 32_768:
            yield waiting
            waiting = b""
            if behaviour.delay_ms:
                await asyncio.sleep(behaviour.delay_ms / 1000)
    yield waiting + await _trouble(behaviour, len(tokens), wire)
    yield wire.end(len(tokens), is_tool=is_tool)


async def _trouble(behaviour: Behaviour, index: int, wire: "_OpenAI | _Anthropic") -> bytes:
    if index == behaviour.hang_after:
        await asyncio.sleep(3600)
    if index == behaviour.cut_after:
        raise ConnectionAbortedError  # uvicorn drops the connection in mid-answer
    if index == behaviour.error_after:
        return wire.error()
    return b"data: {not json\n\n" if index == behaviour.malformed_after else b""


def _question(request: dict[str, Any]) -> str:
    for message in reversed(request.get("messages") or []):
        if message.get("role") == "user":
            return message["content"] if isinstance(message["content"], str) else ""
    return ""


def _tokens(behaviour: Behaviour, request: dict[str, Any]) -> list[str]:
    messages = request.get("messages") or []
    said = [m["content"] for m in messages if isinstance(m.get("content"), str) and m.get("role") == "user"]
    text = behaviour.text or (said[-1] if behaviour.echo and said else "")
    tokens = [word + " " for word in text.split()] if text else [f"t{index} " for index in range(behaviour.tokens)]
    if behaviour.line_bytes:
        tokens = ["x" * behaviour.line_bytes]
    if "response_format" in request or "output_config" in request:
        tokens = ['{"ans', 'wer": ', "42}"]
    prefixes = [m["content"] for m in messages if m.get("role") == "assistant" and isinstance(m.get("content"), str)]
    if prefixes and behaviour.echo_prefix:
        tokens = [prefixes[-1][:5], prefixes[-1][5:], *tokens]
    return tokens


def _has_result(request: dict[str, Any]) -> bool:
    messages = request.get("messages") or []
    return any(m.get("role") == "tool" or "tool_result" in json.dumps(m.get("content")) for m in messages)


def _parse(default: Behaviour, query: str) -> Behaviour:
    types = {field.name: type(getattr(default, field.name)) for field in fields(Behaviour)}
    changes: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in types:
            changes[name] = value not in {"0", "false", ""} if types[name] is bool else types[name](value)
    return replace(default, **changes)


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        piece: bytes = message.get("body", b"")
        body += piece
        if not message.get("more_body"):
            return body


async def _send_json(send: Send, status: int, body: Any, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    all_headers = [(b"content-type", b"application/json"), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


@contextlib.asynccontextmanager
async def serving(app: FakeModel, port: int = 0) -> AsyncGenerator[str, None]:
    """Serve in this event loop on the loopback interface; give the base URL that ends in /v1."""
    import uvicorn

    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:  # noqa: ASYNC110  uvicorn tells it in no other way
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        server.should_exit = server.force_exit = True
        await task
        listener.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--first-ms", type=float, default=0.0)
    given = parser.parse_args()
    import uvicorn

    behaviour = Behaviour(tokens=given.tokens, delay_ms=given.delay_ms, first_ms=given.first_ms)
    print(f"http://127.0.0.1:{given.port}/v1", flush=True)
    uvicorn.run(FakeModel(behaviour), port=given.port, log_level="critical", access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
