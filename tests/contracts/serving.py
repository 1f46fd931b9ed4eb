"""Serving an application on a real loopback port from a thread of the test's own process."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from tests.contracts.honesty import HONESTY, documents_of, watched


@contextlib.contextmanager
def serve(app: ASGIApp) -> Iterator[str]:
    """Yield the base URL of the application; it is shut down in the end. A whole server's answers are watched."""
    if isinstance(app, Starlette) and hasattr(app.state, "platform"):
        HONESTY.learn(documents_of(app))
        app = watched(app)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", log_level="error", access_log=False, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("The server did not start.")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(15)
        listener.close()
