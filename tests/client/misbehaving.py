"""A server on a loopback port that does what servers do on bad days: it cuts, stalls, refuses and repeats itself."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What to answer. `cut` resets the connection after the body, so that the reader sees it break."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    cut_before_status: bool = False
    stalls: bool = False


def answer(value: object, status: int = 200, **headers: str) -> Reply:
    return Reply(status=status, body=json.dumps(value).encode(), headers=spelled(headers))


def events(*pairs: tuple[int, object], cut: bool = False, **headers: str) -> Reply:
    """Return a stream of numbered events; a string is sent as it is, anything else as JSON."""
    body = "".join(f"id: {number}\ndata: {_data(value)}\n\n" for number, value in pairs)
    kind = {"content-type": "text/event-stream", **spelled(headers)}
    return Reply(body=body.encode(), headers=kind, cut=cut)


def spelled(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _data(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class Server:
    """Answers each request with the next of its replies, the last one for ever, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.replies: list[Reply | Callable[[Asked], Reply]] = [Reply()]
        self.url = ""
        self.released = threading.Event()

    def will(self, *replies: Reply | Callable[[Asked], Reply]) -> None:
        self.replies = list(replies)

    def next_reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        reply = self.replies[0] if len(self.replies) == 1 else self.replies.pop(0)
        return reply if isinstance(reply, Reply) else reply(asked)


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for the server its class was made for."""

    protocol_version = "HTTP/1.1"
    behaviour: Server

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def __getattr__(self, name: str):
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        target = urlsplit(self.path)
        reply = self.behaviour.next_reply(
            Asked(
                method=self.command,
                path=target.path,
                query=dict(parse_qsl(target.query)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self._body(),
            )
        )
        if reply.cut_before_status:
            self._reset()
            return
        is_open = reply.cut or reply.stalls
        self.send_response(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body) + is_open))
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()
        if reply.stalls:
            self.behaviour.released.wait(20)
        if is_open:
            self._reset()

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        pieces = []
        while size := int(self.rfile.readline().strip(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        if self.connection.fileno() >= 0:
            super().finish()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def misbehaving() -> Iterator[Server]:
    """Run a server until the block ends."""
    server = Server()
    handler = type("HandlerOfOneServer", (Handler,), {"behaviour": server})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listener:
        server.url = f"http://127.0.0.1:{listener.server_port}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            listener.shutdown()
            thread.join(5)
