"""Calls of model servers over HTTP: the shared connections, the retries, and failures in our words."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import aiohttp
import anyio
import msgspec

from trivium.adapters.models.calls import Answer, Call, ConnectorFactory
from trivium.adapters.models.retry import RetryPolicy, is_retryable, read_retry_after
from trivium.core.errors import CoreError, UpstreamFailed
from trivium.core.ports.models import ModelChunk

_CONNECTIONS_MAX = 1024
_CONNECT_S = 10.0
_POOL_WAIT_S = 30.0
_BODY_BYTES_MAX = 16 * 1024 * 1024
_STREAM_BYTES_MAX = 64 * 1024 * 1024
_ERROR_BYTES_MAX = 64 * 1024
_REASON_CHARS_MAX = 300
_ADJUSTMENTS_MAX = 3
_CODES = {
    400: "model_bad_request",
    401: "model_auth_failed",
    403: "model_auth_failed",
    404: "model_not_found",
    408: "model_timeout",
    413: "model_request_too_large",
    422: "model_bad_request",
    429: "model_rate_limited",
}


class Exchange:
    """Makes calls with retries; `connectors` is asked for a connector when the first call is made."""

    def __init__(self, connectors: ConnectorFactory | None, policy: RetryPolicy) -> None:
        self._connectors = connectors or _default_connector
        self._policy = policy
        self._client: aiohttp.ClientSession | None = None

    async def stream(self, call: Call, new_answer: Callable[[], Answer]) -> AsyncGenerator[ModelChunk, None]:
        """Yield the answer's chunks; try again what is safe, never after the first chunk."""
        tries, waited_s, adjustments = 0, 0.0, 0
        while True:
            has_yielded = False
            try:
                async with aclosing(self._try(call, new_answer())) as chunks:
                    async for chunk in chunks:
                        has_yielded = True
                        yield chunk
                return
            except (aiohttp.ClientError, TimeoutError, OSError, CoreError) as error:
                failure = _explain(error, call)
            if has_yielded:
                failure.is_retryable = False
                raise failure
            is_refused = failure.code == "model_bad_request" and adjustments < _ADJUSTMENTS_MAX
            if is_refused and call.adjust(call, failure.message):
                adjustments += 1
                continue
            tries += 1
            wait_s = self._policy.wait_s(tries, waited_s, failure.retry_after_s) if failure.is_retryable else None
            if wait_s is None:
                raise failure
            waited_s += wait_s
            await anyio.sleep(wait_s)

    async def _try(self, call: Call, answer: Answer) -> AsyncGenerator[ModelChunk, None]:
        async with self._post(call) as response:
            if response.status != 200:
                raise await _refusal(response, call)
            if "json" in response.content_type:
                for chunk in answer.whole(await _read_bounded(response, _BODY_BYTES_MAX)):
                    yield chunk
                return
            size = 0
            async for piece in response.content.iter_any():
                size += len(piece)
                for chunk in answer.feed(piece):
                    yield chunk
                if answer.is_complete:
                    break
                if size > _STREAM_BYTES_MAX:
                    raise UpstreamFailed("The model's answer is too large.", code="model_malformed")
            for chunk in answer.end():
                yield chunk

    async def aclose(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _post(self, call: Call) -> aiohttp.client._RequestContextManager:
        if self._client is None or self._client.closed:
            self._client = aiohttp.ClientSession(connector=self._connectors(), cookie_jar=aiohttp.DummyCookieJar())
        timeout = aiohttp.ClientTimeout(
            total=None, connect=_POOL_WAIT_S, sock_connect=_CONNECT_S, sock_read=call.timeout_s
        )
        return self._client.post(
            call.url,
            data=msgspec.json.encode(call.body),
            headers=call.headers,
            timeout=timeout,
            allow_redirects=False,
        )


def _default_connector() -> aiohttp.BaseConnector:
    return aiohttp.TCPConnector(limit=_CONNECTIONS_MAX, keepalive_timeout=30.0)


async def _read_bounded(response: aiohttp.ClientResponse, size_max: int) -> bytes:
    pieces, size = [], 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > size_max:
            raise UpstreamFailed("The model's answer is too large.", code="model_malformed")
        pieces.append(piece)
    return b"".join(pieces)


async def _refusal(response: aiohttp.ClientResponse, call: Call) -> UpstreamFailed:
    body = await response.content.read(_ERROR_BYTES_MAX)
    reason = _reason(body).replace(call.secret, "***") if call.secret else _reason(body)
    status = response.status
    code = _CODES.get(status, "model_unreachable" if status >= 500 else "model_bad_request")
    return UpstreamFailed(
        f"The model server answered {status}{': ' + reason if reason else '.'}",
        code=code,
        details={"status": status},
        is_retryable=is_retryable(status),
        is_timeout=status in {408, 504},
        retry_after_s=read_retry_after(response.headers),
    )


def _reason(body: bytes) -> str:
    """Return what a server says about its refusal, from the shapes that are common, shortened."""
    text = body.decode("utf-8", "replace")
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return " ".join(text.split())[:_REASON_CHARS_MAX]
    for _ in range(3):
        if isinstance(parsed, dict):
            parsed = next((parsed[key] for key in ("error", "message", "detail") if parsed.get(key)), text)
    return " ".join(str(parsed).split())[:_REASON_CHARS_MAX]


def _explain(error: Exception, call: Call) -> UpstreamFailed:
    if isinstance(error, UpstreamFailed):
        return error
    if isinstance(error, CoreError):
        return UpstreamFailed(error.message, code=error.code, details=error.details)
    failure: UpstreamFailed
    if isinstance(error, aiohttp.SocketTimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
        failure = UpstreamFailed(
            f"The model sent nothing for {call.timeout_s:g} seconds.", code="model_timeout", is_timeout=True
        )
    elif isinstance(error, aiohttp.ClientPayloadError):
        failure = UpstreamFailed("The model's answer was cut off.", code="model_stream_cut", is_retryable=True)
    elif isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        failure = UpstreamFailed("The model's address is not a URL.", code="model_bad_request")
    elif isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, PermissionError):
        # The guard refused the address: trying again cannot help.
        failure = UpstreamFailed("The model's address may not be reached.", code="model_address_refused")
    else:
        is_timeout = isinstance(error, TimeoutError)
        failure = UpstreamFailed(
            "The model server could not be reached.", code="model_unreachable", is_retryable=True, is_timeout=is_timeout
        )
    failure.__cause__ = error
    return failure
