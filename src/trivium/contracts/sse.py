"""The one encoder of server-sent events, and the response that sends them."""

import asyncio
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
_TICKS = 5
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

    While nothing comes, a comment is sent every `heartbeat_s`; `ending` is sent, or asked for, when the source has
    ended. A reader that leaves, or takes nothing for `stalled_s`, ends the response and nothing else. For a slow one
    the source is not asked for more until it has taken what was sent.
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
        stalled_s: float | None = None,
    ) -> None:
        # What proxies need to hear so that they neither gather the stream nor pack it.
        kept = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
        super().__init__(headers={**kept, **(headers or {})})
        del self.headers["content-length"]
        self._source = source
        self._encode = encode
        self._ending = ending
        self._heartbeat_s = heartbeat_s
        self._stalled_s = STALLED_S if stalled_s is None else stalled_s
        self._sender: asyncio.Task[object] | None = None
        self._has_left = False
        self._is_sending = False
        self._sent_at = 0.0
        self._ping: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; see ASGI."""
        loop = asyncio.get_running_loop()
        timer = _Repeat(loop, self._heartbeat_s / _TICKS)
        watch = loop.create_task(self._watch(receive))
        self._sender = asyncio.current_task()
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            self._sent_at = loop.time()
            timer.start(lambda: self._tick(loop, send))
            await self._send_all(send, loop)
        except asyncio.CancelledError:
            # Only what `_leave` asked for ends here; the server's own wish to stop goes on.
            if not self._has_left or self._sender is None or self._sender.uncancel():
                raise
        finally:
            self._sender = None
            timer.stop()
            watch.cancel()
            if self._ping is not None:
                self._ping.cancel()
            with anyio.CancelScope(shield=True):
                await self._source.aclose()

    async def _send_all(self, send: Send, loop: asyncio.AbstractEventLoop) -> None:
        # One task reads and sends: each event of each reader comes by here.
        encode = self._encode
        async for item in self._source:
            body = encode(item)
            if body:
                if self._ping is not None:
                    await self._ping
                    self._ping = None
                self._is_sending, self._sent_at = True, loop.time()
                await send({"type": "http.response.body", "body": body, "more_body": True})
                self._is_sending, self._sent_at = False, loop.time()
        if self._ping is not None:
            await self._ping
        self._is_sending, self._sent_at = True, loop.time()
        ending = self._ending() if callable(self._ending) else self._ending
        await send({"type": "http.response.body", "body": ending, "more_body": False})

    def _tick(self, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        # One timer per stream and not one per write: a stream writes often and waits long only now and then.
        waited_s = loop.time() - self._sent_at
        if self._is_sending or (self._ping is not None and not self._ping.done()):
            if waited_s > self._stalled_s:
                self._leave()
        elif waited_s > self._heartbeat_s * (1 - 1 / _TICKS):
            self._sent_at = loop.time()
            self._ping = loop.create_task(_send_ping(send))

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        if self._sender is not None and not self._has_left:
            self._has_left = True
            self._sender.cancel()


async def _send_ping(send: Send) -> None:
    await send({"type": "http.response.body", "body": PING, "more_body": True})


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
