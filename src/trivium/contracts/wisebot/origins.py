"""Browsers without a key: which origins may talk, and the CORS headers of the chat paths alone (open point 13)."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATHS = ("/api/chat/agent", "/api/v1/chat/")
_ALLOWED = [
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, last-event-id, run-id, request-id"),
    (b"access-control-max-age", b"600"),
]


class Origins:
    """The allowed origins, by scheme, host and port; `*` allows every one. `embeds` tells of sites that agents name."""

    def __init__(self, allowed: Iterable[str], *, embeds: Callable[[str], Awaitable[bool]]) -> None:
        self._embeds = embeds
        self._allowed = frozenset(plain for text in allowed if (plain := _plain(text)))

    def allows(self, origin: str | None) -> bool:
        """True for an origin on the list; a missing one and "null" are on no list."""
        if not origin or origin == "null":
            return False
        return "*" in self._allowed or _plain(origin) in self._allowed

    async def opens(self, origin: str | None) -> bool:
        """True for an origin on the list, or of a site that some agent may be embedded in."""
        return self.allows(origin) or (bool(origin) and origin != "null" and await self._embeds(str(origin)))

    def layer(self, app: ASGIApp) -> ASGIApp:
        """Return the application with CORS on the chat paths; a refused origin gets no header and no preflight."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["path"].startswith(_PATHS):
                await app(scope, receive, send)
                return
            origin = Headers(scope=scope).get("origin")
            if origin is None or not await self.opens(origin):
                await app(scope, receive, send)
                return
            shared = [(b"access-control-allow-origin", origin.encode("latin-1", "replace")), (b"vary", b"Origin")]
            if scope["method"] == "OPTIONS":
                await send({"type": "http.response.start", "status": 204, "headers": [*shared, *_ALLOWED]})
                await send({"type": "http.response.body", "body": b""})
                return

            async def send_shared(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _add(message, [*shared, (b"access-control-expose-headers", b"run-id, x-request-id")])
                await send(message)

            await app(scope, receive, send_shared)

        return serve


def _add(message: MutableMapping[str, Any], headers: list[tuple[bytes, bytes]]) -> None:
    message["headers"] = [*message.get("headers", ()), *headers]


def _plain(text: str) -> str:
    text = text.strip()
    if text == "*":
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.scheme and parts.netloc else ""
