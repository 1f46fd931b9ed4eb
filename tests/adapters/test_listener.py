"""Connections whose requests begin too slowly or too large, against the server's own listener."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from trivium.adapters.listener import HEAD_BYTES_MAX, BoundedProtocol, Server, bind

pytestmark = pytest.mark.server


class _Hasty(BoundedProtocol):
    head_s_max = 0.3


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with how many bytes came."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), bool(message.get("more_body"))
    body = b"%d" % size
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def _listening(protocol: Any) -> Iterator[int]:
    listener, ready = bind("127.0.0.1", 0), threading.Event()
    config = uvicorn.Config(_echo, http=protocol, loop="uvloop", ws="none", log_level="error", access_log=False)

    async def opened() -> None:
        pass

    server = Server(config, listener, on_open=opened, on_ready=ready.set)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    port = int(listener.getsockname()[1])
    assert ready.wait(20)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(15)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with _listening(BoundedProtocol) as opened:
        yield opened


@pytest.fixture(scope="module")
def hasty() -> Iterator[int]:
    with _listening(_Hasty) as opened:
        yield opened


def _talk(port: int, *pieces: bytes) -> tuple[int, bytes]:
    """Send the pieces, then read until the server closes; return the last answer's status and body."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
        raw = b""
        with contextlib.suppress(ConnectionError):
            while chunk := connection.recv(65_536):
                raw += chunk
    head, _, body = raw[raw.rfind(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]) if head else 0, body


def _request(size: int) -> bytes:
    """Return a request whose headers have about so many bytes."""
    return b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Big: " + b"a" * size + b"\r\n\r\n"


def test_headers_up_to_the_limit_are_read_and_larger_ones_refused(port: int) -> None:
    assert _talk(port, _request(HEAD_BYTES_MAX - 200)) == (200, b"0")
    for size in (HEAD_BYTES_MAX + 1, 200_000):
        status, body = _talk(port, _request(size))
        assert (status, json.loads(body)["error"]["code"]) == (431, "headers_too_large")


def test_a_header_without_end_is_refused_before_it_fills_memory(port: int) -> None:
    status, _ = _talk(port, b"GET / HTTP/1.1\r\nHost: x\r\nX-Big: ", *[b"a" * 8_192] * 200)
    # Whoever goes on sending may lose the answer to a reset.
    assert status in {0, 431}


def test_many_small_headers_count_together(port: int) -> None:
    lines = b"".join(b"x-%d: 1\r\n" % number for number in range(8_000))
    assert _talk(port, b"GET / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n")[0] in {0, 431}


def test_large_bodies_and_several_requests_pass(port: int) -> None:
    large = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + b"b" * 300_000
    assert _talk(port, large + large, large, _request(10)) == (200, b"0")


def test_headers_that_do_not_come_end_the_connection(hasty: int) -> None:
    status, body = _talk(hasty, b"GET / HTTP/1.1\r\nHost: x\r\n")
    assert (status, json.loads(body)["error"]["code"]) == (408, "request_timeout")
    assert _talk(hasty) == (0, b"")


def test_the_second_request_of_a_connection_is_timed_too(hasty: int) -> None:
    first = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert _talk(hasty, first, b"GET / HTTP/1.1\r\nHo")[0] == 408


def test_what_is_no_http_gets_an_error_in_json(port: int) -> None:
    status, body = _talk(port, b"\x16\x03\x01 hello\r\n\r\n")
    assert (status, json.loads(body)["error"]["code"]) == (400, "bad_request")
