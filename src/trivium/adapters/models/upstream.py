"""What providers need of HTTP, without loading an HTTP client before a model is called."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

import anyio.to_thread

from trivium.adapters.models.calls import Answer, Call, ConnectorFactory, Prepare
from trivium.adapters.models.retry import RetryPolicy
from trivium.core.ports.models import Finished, ModelChunk

if TYPE_CHECKING:
    from trivium.adapters.models.exchange import Exchange


# A price that is not known by then stays unknown for this call.
_PRICE_WAIT_S = 3.0


class Upstream:
    """Connections to model servers, opened when the first call is made and shared by all of them.

    `connectors` makes the connector: a guarded one for addresses that an organization named, aiohttp's own for the
    operator's. Redirects are never followed, since they would carry the key elsewhere.
    """

    def __init__(self, connectors: ConnectorFactory | None = None, policy: RetryPolicy | None = None) -> None:
        self._connectors = connectors
        self._policy = policy or RetryPolicy()
        self._exchange: Exchange | None = None

    async def opened(self) -> "Exchange":
        """Return what calls are made with. The first time loads the HTTP client, half a second, in a thread."""
        if self._exchange is None:
            await anyio.to_thread.run_sync(_load)
        return self._made()

    async def aclose(self) -> None:
        """Close all connections."""
        if self._exchange is not None:
            await self._exchange.aclose()

    def _made(self) -> "Exchange":
        if self._exchange is None:
            self._exchange = _load()(self._connectors, self._policy)
        return self._exchange


async def converse(
    upstream: Upstream, call: Call, new_answer: Callable[[], Answer], prepare: Prepare | None
) -> AsyncGenerator[ModelChunk, None]:
    """Yield the chunks of one call. The one generator between the connection and the loop: each costs every token."""
    if prepare is not None:
        prepare(str(call.body.get("model", "")))
    reply = await (await upstream.opened()).begin(call, new_answer)
    try:
        chunks = reply.ready
        while True:
            for chunk in chunks:
                if prepare is not None and type(chunk) is Finished:
                    known = prepare(chunk.model)
                    if not known.done():
                        await asyncio.wait({known}, timeout=_PRICE_WAIT_S)
                yield chunk
            if reply.is_ended:
                return
            chunks = await reply.more()
    finally:
        await reply.close()


def _load() -> "type[Exchange]":
    from trivium.adapters.models.exchange import Exchange

    return Exchange
