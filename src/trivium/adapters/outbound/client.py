"""HTTP to addresses that a user may have named: the Outbound port."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import anyio.to_thread

from trivium.adapters.outbound.allowed import Place
from trivium.core.ports.outside import OutboundResponse

if TYPE_CHECKING:
    from aiohttp import BaseConnector
    from aiohttp.abc import AbstractResolver

    from trivium.adapters.outbound.guard import Guard
    from trivium.adapters.outbound.sending import Sender


class GuardedOutbound:
    """One client for the process. Follows no redirects, keeps no cookies, uses no proxy.

    `allowed` are the operator's places inside (see `parse_allowed`). `resolvers` makes the resolver of names, the
    system's unless given. The HTTP client is loaded with the first call, half a second, in a thread.
    """

    def __init__(
        self,
        allowed: frozenset[Place] = frozenset(),
        *,
        resolvers: "Callable[[], AbstractResolver] | None" = None,
        user_agent: str = "Trivium",
    ) -> None:
        self._allowed = allowed
        self._resolvers = resolvers
        self._user_agent = user_agent
        self._guard_made: Guard | None = None
        self._sender: Sender | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float = 10.0,
        size_max: int = 1_000_000,
    ) -> OutboundResponse:
        """Return whatever was answered within `timeout_s` all in all, its body cut at `size_max` bytes.

        Raises InvalidRequest (`invalid_url`, `address_refused`) or UpstreamFailed (`outbound_timeout`,
        `outbound_unreachable`, `outbound_malformed`).
        """
        if self._sender is None:
            await anyio.to_thread.run_sync(_load_sender)
        return await self._made().request(
            method, url, headers=headers or {}, body=body, timeout_s=timeout_s, size_max=size_max
        )

    def connector(self) -> "BaseConnector":
        """Return a guarded connector for another aiohttp session; call it inside the running event loop."""
        return self._guard().connector()

    async def aclose(self) -> None:
        """Close all connections of our own client."""
        if self._sender is not None:
            await self._sender.aclose()

    def _made(self) -> "Sender":
        if self._sender is None:
            self._sender = _load_sender()(self._guard(), self._user_agent)
        return self._sender

    def _guard(self) -> "Guard":
        if self._guard_made is None:
            from trivium.adapters.outbound.guard import Guard

            self._guard_made = Guard(self._allowed, self._resolvers)
        return self._guard_made


def _load_sender() -> "type[Sender]":
    from trivium.adapters.outbound.sending import Sender

    return Sender
