"""The one encoder of server-sent events, and the response that sends them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TypeVar

import anyio
import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")
HEARTBEAT_S = 15.0
# A reader that takes nothing for so long is gone, whatever its socket says.
STALLED_S = 120.0
PING = b": ping\n\n"
DONE = b"data: [DONE]\n\n"
_BUFFER_BYTES = 128 * 1024
_TICKS = 5
_SEND_BYTES = 64 * 1024
_encode = msgspec.json.Encoder().encode


def event(data: object, *, seq: int | None = None) -> bytes:
    """Return one event: an `id:` line when it has a number, and one `data:` line of JSON (no line break in it)."""
    if seq is None:
        return b"data: %b\n\n" % _encode(data)
    return b"id: %d\ndata: %b\n\n" % (seq, _encode(data))


def last_event_id(headers: Mapping[str, str]) -> tuple[str | None, int | None]:
    """Return (run id, sequence number) of `Last-Event-ID: n` or `run:n`; None for what is absent or not a number."""
    value = headers.get("last-event-id", "").strip()
    run_id, separator, number = value.rpartition(":")
    if not separator:
        run_id = ""
    seq = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else None
    return (run_id or None) if seq is not None else None, seq


class EventStream(Response):
    """Sends what `encode` makes of each item of a source, as it comes, and closes the source in every case.

    Items that are ready at the same moment leave in one write. While nothing comes, a comment is sent every
    `heartbeat_s`; `ending` is sent, or asked for, when the source has ended. A reader that leaves ends the response and
    nothing else. For a slow one the source is not asked for more while 128 KiB wait to be taken.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        source: AsyncGenerator[T, None],
        encode: Callable[[T], bytes],
        *,
        headers: Mapping[str, str] | None = None,
        ending: bytes | Callable[[], bytes] = b"",
        heartbeat_s: float = HEARTBEAT_S,
        stalled_s: float = STALLED_S,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no", **(headers or {})})
        del self.headers["content-length"]
        self._source = source
        self._encode = encode
        self._ending = ending
        self._heartbeat_s = heartbeat_s
        self._stalled_s = stalled_s
        self._ready: deque[bytes] = deque()
        self._ready_bytes = 0
        self._has_ended = False
        self._is_sending = False
        self._sent_at = 0.0
        self._wake: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; see ASGI."""
        loop = asyncio.get_running_loop()
        timer = _Repeat(loop, self._heartbeat_s / _TICKS)
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            self._sent_at = loop.time()
            async with anyio.create_task_group() as tasks:
                timer.start(lambda: self._tick(loop.time(), tasks.cancel_scope))
                tasks.start_soon(self._watch, receive, tasks.cancel_scope)
                tasks.start_soon(self._pull)
                await self._send_all(send, loop)
                tasks.cancel_scope.cancel()
        finally:
            timer.stop()
            with anyio.CancelScope(shield=True):
                await self._source.aclose()

    def _tick(self, now: float, scope: anyio.CancelScope) -> None:
        # One timer per stream and not one per write: a stream writes often and waits long only now and then.
        waited_s = now - self._sent_at
        if self._is_sending:
            if waited_s > self._stalled_s:
                scope.cancel()
        elif waited_s > self._heartbeat_s * (1 - 1 / _TICKS):
            _release(self._wake)

    async def _watch(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    async def _pull(self) -> None:
        ready, encode = self._ready, self._encode
        try:
            async for item in self._source:
                piece = encode(item)
                if not piece:
                    continue
                ready.append(piece)
                self._ready_bytes += len(piece)
                _release(self._wake)
                if self._ready_bytes >= _BUFFER_BYTES:
                    self._room = asyncio.get_running_loop().create_future()
                    await self._room
        finally:
            self._has_ended = True
            _release(self._wake)

    async def _send_all(self, send: Send, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            if not self._ready and not self._has_ended:
                self._wake = loop.create_future()
                await self._wake
            body = self._take() or (b"" if self._has_ended else PING)
            more = bool(self._ready) or not self._has_ended
            if not more:
                body += self._ending() if callable(self._ending) else self._ending
            self._is_sending, self._sent_at = True, loop.time()
            await send({"type": "http.response.body", "body": body, "more_body": more})
            self._is_sending, self._sent_at = False, loop.time()
            if not more:
                return

    def _take(self) -> bytes:
        ready = self._ready
        pieces = [ready.popleft()] if ready else []
        size = len(pieces[0]) if pieces else 0
        while ready and size < _SEND_BYTES:
            pieces.append(ready.popleft())
            size += len(pieces[-1])
        self._ready_bytes -= size
        if self._ready_bytes < _BUFFER_BYTES:
            _release(self._room)
        return b"".join(pieces)


def _release(future: "asyncio.Future[None] | None") -> None:
    if future is not None and not future.done():
        future.set_result(None)


class _Repeat:
    """Calls a function every so often until it is stopped."""

    def __init__(self, loop: asyncio.AbstractEventLoop, every_s: float) -> None:
        self._loop = loop
        self._every_s = every_s
        self._handle: asyncio.TimerHandle | None = None

    def start(self, function: Callable[[], None]) -> None:
        def run() -> None:
            self._handle = self._loop.call_later(self._every_s, run)
            function()

        self._handle = self._loop.call_later(self._every_s, run)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
