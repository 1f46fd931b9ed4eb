"""What stands outside in tests: a receiver of HTTP calls on loopback, and a seal that hides nothing."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from trivium.adapters.outbound.allowed import parse_allowed
from trivium.adapters.outbound.client import GuardedOutbound
from trivium.core.errors import InvalidRequest


@dataclass
class Call:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Keeps every call and answers with `answer(call)`: a status, headers and a body."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    answer: Callable[[Call], tuple[int, dict[str, str], bytes]] = lambda call: (204, {}, b"")

    @property
    def outbound(self) -> GuardedOutbound:
        """The client of the server, allowed to call this receiver."""
        return GuardedOutbound(parse_allowed([self.url.removeprefix("http://")]))

    async def handle(self, request: web.Request) -> web.Response:
        """Note the call and answer it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, request.path_qs, headers, await request.read())
        self.calls.append(call)
        status, answer_headers, body = self.answer(call)
        return web.Response(status=status, headers=answer_headers, body=body)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Listen on a free loopback port while the block runs."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        receiver.url = f"http://127.0.0.1:{port}"
        yield receiver
    finally:
        await runner.cleanup()


class OpenSeal:
    """Seals nothing, but binds to the context."""

    def close(self, plain: str, context: str) -> str:
        """Return the text with its context before it."""
        return f"{context}|{plain}"

    def open(self, sealed: str, context: str) -> str:
        """Return the text if the context is the same."""
        bound, _, plain = sealed.partition("|")
        if bound != context:
            raise InvalidRequest("sealed for something else")
        return plain
