"""Serving an application on a real loopback port from a thread of the test's own process."""

import contextlib
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from tests.contracts.honesty import HONESTY, documents_of, watched
from trivium.adapters.listener import STALLED_S, BoundedProtocol, Server, bind


@contextlib.contextmanager
def serve(app: ASGIApp, *, stalled_s: float = STALLED_S) -> Iterator[str]:
    """Yield the base URL of the application, behind the server's own listener; it is shut down in the end.

    A whole server's answers are watched.
    """
    if isinstance(app, Starlette) and hasattr(app.state, "platform"):
        HONESTY.learn(documents_of(app))
        app = watched(app)
    listener, ready = bind("127.0.0.1", 0), threading.Event()
    port = int(listener.getsockname()[1])
    config = uvicorn.Config(
        app, loop="uvloop", http=BoundedProtocol, log_level="error", access_log=False, timeout_graceful_shutdown=5
    )

    async def opened() -> None:
        pass

    server = Server(config, listener, on_open=opened, on_ready=ready.set, stalled_s=stalled_s)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not ready.wait(0.01):
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("The server did not start.")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(15)
        listener.close()
