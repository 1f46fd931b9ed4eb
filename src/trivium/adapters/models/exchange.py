"""Calls of model servers over HTTP: the shared connections, the retries, and failures in our words."""

import asyncio
import contextlib
from collections.abc import Callable

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
_DRAIN_S = 0.1
_DRAIN_READS_MAX = 8
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

    async def begin(self, call: Call, new_answer: Callable[[], Answer]) -> "Reply":
        """Return the reply once its first chunks are there; until then what is safe is tried again.

        Raises UpstreamFailed. The caller closes the reply.
        """
        tries, waited_s, adjustments = 0, 0.0, 0
        while True:
            try:
                return await self._try(call, new_answer())
            except (aiohttp.ClientError, TimeoutError, OSError, CoreError) as error:
                failure = _explain(error, call)
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

    async def _try(self, call: Call, answer: Answer) -> "Reply":
        response = await self._post(call)
        reply = Reply(response, call, answer)
        try:
            if response.status != 200:
                raise await _refusal(response, call)
            if "json" in response.content_type:
                reply.ready = answer.whole(await _read_bounded(response, _BODY_BYTES_MAX))
                reply.is_ended = True
            while not reply.ready and not reply.is_ended:
                await reply.read()
        except BaseException:
            response.close()
            raise
        return reply

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


class Reply:
    """An answer that has begun. `ready` are the chunks that were read last, `is_ended` that no more will come."""

    __slots__ = ("_answer", "_call", "_response", "_size", "is_ended", "ready")

    def __init__(self, response: aiohttp.ClientResponse, call: Call, answer: Answer) -> None:
        self._response = response
        self._call = call
        self._answer = answer
        self._size = 0
        self.ready: list[ModelChunk] = []
        self.is_ended = False

    async def read(self) -> None:
        """Wait for the next bytes and put what they complete into `ready`, which may be nothing."""
        piece = await self._response.content.readany()
        answer = self._answer
        if piece:
            self.ready = answer.feed(piece)
            self._size += len(piece)
            if self._size > _STREAM_BYTES_MAX:
                raise UpstreamFailed("The model's answer is too large.", code="model_malformed")
            if not answer.is_complete:
                return
        else:
            self.ready = []
        self.ready += answer.end()
        self.is_ended = True

    async def more(self) -> list[ModelChunk]:
        """Return the next chunks. UpstreamFailed is never retryable here: something was shown already."""
        try:
            await self.read()
        except (aiohttp.ClientError, TimeoutError, OSError, CoreError) as error:
            failure = _explain(error, self._call)
            failure.is_retryable = False
            raise failure from error
        return self.ready

    async def close(self) -> None:
        """Give the connection back for the next call when the answer was read to its end, else close it."""
        content = self._response.content
        if self.is_ended and not content.at_eof():
            # The very end of the stream often comes a moment after its last event.
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with asyncio.timeout(_DRAIN_S):
                    for _ in range(_DRAIN_READS_MAX):
                        if not await content.readany():
                            break
        if not content.at_eof():
            self._response.close()
        self._response.release()


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
