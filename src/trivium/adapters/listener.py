"""Taking in connections; uvicorn does the rest."""

import asyncio
import functools
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

logger = logging.getLogger(__name__)

_BACKLOG = 4096
_ACCEPTED_AT_ONCE = 256


class Server(uvicorn.Server):
    """Uvicorn with a listener of our own: it accepts every waiting connection in one turn of the event loop.

    uvloop takes one per turn, so a thousand streams that open within a second would wait seconds for their first token.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        listener: socket.socket,
        *,
        on_open: Callable[[], Awaitable[None]],
        on_ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._listener = listener
        self._on_open = on_open
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            self.should_exit = True
            return
        await self._on_open()
        loop = asyncio.get_running_loop()
        protocol_class: Any = self.config.http_protocol_class
        make_protocol = functools.partial(
            protocol_class,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            _loop=loop,
        )
        self._listener.listen(_BACKLOG)
        self._listener.setblocking(False)
        connecting: set[asyncio.Task[object]] = set()

        def accept() -> None:
            for _ in range(_ACCEPTED_AT_ONCE):
                try:
                    connection, _address = self._listener.accept()
                except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                    return
                except OSError:
                    logger.exception("A connection could not be accepted.")
                    return
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                task = loop.create_task(_connect(loop, make_protocol, connection))
                connecting.add(task)
                task.add_done_callback(connecting.discard)

        loop.add_reader(self._listener.fileno(), accept)
        self.servers = []
        self.started = True
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, then let go of what is connected."""
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._listener.close()
        await super().shutdown(sockets)


async def _connect(
    loop: asyncio.AbstractEventLoop, make_protocol: Callable[[], asyncio.BaseProtocol], connection: socket.socket
) -> None:
    try:
        await loop.connect_accepted_socket(make_protocol, connection)
    except OSError:
        connection.close()


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket (port 0: a free one). Raises OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
