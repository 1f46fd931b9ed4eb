"""The guard at the point of connecting: whatever a name was spelt like, the address that is connected to was checked.

Names are resolved once per connection. Every address that comes back is checked, and the socket is made for exactly
those addresses, checked again: a name that changes its answer between two questions (DNS rebinding) gains nothing.
"""

import socket
from collections import OrderedDict
from collections.abc import Callable

import aiohttp
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

from trivium.adapters.outbound.addresses import is_inside
from trivium.adapters.outbound.allowed import Place, normal_host

_PERMITTED_MAX = 1024
_ANSWERS_MAX = 32


class AddressRefused(PermissionError):
    """An address inside that is not on the operator's list. An OSError, so that HTTP clients pass it on."""


class Guard:
    """Makes connectors that refuse what is inside, except the allowed places."""

    def __init__(
        self, allowed: frozenset[Place] = frozenset(), resolvers: Callable[[], AbstractResolver] | None = None
    ) -> None:
        self._allowed = allowed
        self._resolvers = resolvers or aiohttp.ThreadedResolver
        # Addresses that an allowed name resolved to; the socket factory no longer knows the name.
        self._permitted: OrderedDict[Place, None] = OrderedDict()

    def connector(self, *, limit: int = 256, limit_per_host: int = 32) -> aiohttp.TCPConnector:
        """Return a connector for a client session of one's own; make it inside the running event loop."""
        return aiohttp.TCPConnector(
            resolver=_GuardedResolver(self, self._resolvers()),
            socket_factory=self.open_socket,
            use_dns_cache=False,
            family=socket.AF_UNSPEC,
            limit=limit,
            limit_per_host=limit_per_host,
            keepalive_timeout=15.0,
        )

    def is_allowed(self, host: str, port: int) -> bool:
        """Return whether the operator listed this place."""
        return (normal_host(host), port) in self._allowed

    def check_answers(self, host: str, port: int, addresses: list[str]) -> None:
        """Raise AddressRefused when one of a name's addresses is inside and neither it nor the name is allowed."""
        is_named = self.is_allowed(host, port)
        for address in addresses:
            if is_named:
                self._permitted[normal_host(address), port] = None
                self._permitted.move_to_end((normal_host(address), port))
            elif is_inside(address) and not self.is_allowed(address, port):
                raise AddressRefused(f"{host} is an address inside that may not be reached.")
        while len(self._permitted) > _PERMITTED_MAX:
            self._permitted.popitem(last=False)

    def open_socket(self, info: AddrInfoType) -> socket.socket:
        """Return a socket for an address; AddressRefused when it may not be reached. Knows only addresses."""
        family, kind, protocol, _, target = info
        address, port = str(target[0]), int(target[1])
        is_open = (normal_host(address), port) in self._permitted or self.is_allowed(address, port)
        if is_inside(address) and not is_open:
            raise AddressRefused(f"{address} is an address inside that may not be reached.")
        return socket.socket(family=family, type=kind, proto=protocol)


class _GuardedResolver(AbstractResolver):
    def __init__(self, guard: Guard, inner: AbstractResolver) -> None:
        self._guard = guard
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        answers = (await self._inner.resolve(host, port, family))[:_ANSWERS_MAX]
        self._guard.check_answers(host, port, [answer["host"] for answer in answers])
        return answers

    async def close(self) -> None:
        await self._inner.close()
