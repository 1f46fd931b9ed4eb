"""Visitor chat: 500 streams within a second, and readers that take nothing beside those that do.

python -m bench.visitors
"""

import contextlib
import http.client
import json
import socket
import time
from typing import Any

from bench.report import Bar, print_bars, print_table
from bench.served import Served, admin, fake_model, load, served

_PATH = "/api/chat/agent"
_STREAMS, _TOKENS, _DELAY_MS = 500, 100, 50
_STALLED, _STALLED_TOKENS, _ANSWERED_S_MAX = 100, 8_000, 60
_OTHERS = {"connections": 8, "requests": 200, "mark": "text-delta", "visitors": True}


def compare() -> list[Bar]:
    """Print the table and return the bars."""
    with fake_model() as model, served(model) as ours:
        key = admin({"TRIVIUM_DATA": str(ours.folder)}, "key", "create", "--org", "Bench", "--kind", "wisebot")["key"]
        port = ours.process.port
        load(port, _PATH, key, **_OTHERS)
        many = load(
            port,
            _PATH,
            key,
            connections=_STREAMS,
            requests=_STREAMS,
            ramp_s=1.0,
            text=f"?tokens={_TOKENS}&delay_ms={_DELAY_MS}",
            mark="text-delta",
            visitors=True,
        )
        before = load(port, _PATH, key, **_OTHERS)
        idle_mb = ours.process.own_memory_mb()
        with _stalled(ours, key):
            beside = load(port, _PATH, key, **_OTHERS)
            grown_mb = ours.process.own_memory_mb() - idle_mb
    own_ms = _TOKENS * _DELAY_MS
    rows = [
        [f"{_STREAMS} streams within a second", many["turns"], many["first_p50"], many["first_p99"], many["whole_p99"]],
        ["8 visitors, nobody else", before["turns"], before["first_p50"], before["first_p99"], before["whole_p99"]],
        [
            f"8 visitors, {_STALLED} stalled",
            beside["turns"],
            beside["first_p50"],
            beside["first_p99"],
            beside["whole_p99"],
        ],
    ]
    print_table("Visitor chat", ["what", "whole", "first p50 ms", "p99", "end p99 ms"], rows)
    return [
        Bar(name="500 visitor streams: dropped, cut or doubled", value=float(many["failures"]), at_most=0),
        Bar(name="500 visitor streams: whole time over the model's own", value=many["whole_p50"] / own_ms),
        Bar(name="500 visitor streams: first token, p99, ms", value=many["first_p99"]),
        Bar(name="beside 100 stalled readers: failed", value=float(beside["failures"]), at_most=0),
        Bar(name="beside 100 stalled readers: whole answer, p99, ms", value=beside["whole_p99"], at_most=1000),
        Bar(name="100 stalled readers: memory, MB", value=grown_mb, at_most=100),
    ]


@contextlib.contextmanager
def _stalled(ours: Served, key: str) -> Any:
    """Have 100 readers ask for long answers and take next to nothing; the block begins once all are answered."""
    with contextlib.ExitStack() as stack:
        sessions = [_open(ours, key, f"stalled {number}") for number in range(_STALLED)]
        for session in sessions:
            connection = stack.enter_context(contextlib.closing(socket.socket()))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", ours.process.port))
            connection.sendall(_question(session, key))
        deadline = time.monotonic() + _ANSWERED_S_MAX
        for session in sessions:
            while len(_messages(ours, key, session)) < 2:
                if time.monotonic() > deadline:
                    raise RuntimeError("The stalled readers' questions were not answered.")
                time.sleep(0.1)
        yield


def _open(ours: Served, key: str, visitor: str) -> dict[str, Any]:
    session: dict[str, Any] = _call(ours, key, "POST", "/api/v1/chat/sessions", {"externalUserId": visitor})
    return session


def _messages(ours: Served, key: str, session: dict[str, Any]) -> list[Any]:
    query = "&".join(f"{name}={session[name]}" for name in ("threadId", "contactSessionId"))
    messages: list[Any] = _call(ours, key, "GET", f"/api/v1/chat/messages?{query}")["messages"]
    return messages


def _call(ours: Served, key: str, method: str, path: str, body: object = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", ours.process.port, timeout=10)
    with contextlib.closing(connection):
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        return json.loads(connection.getresponse().read())


def _question(session: dict[str, Any], key: str) -> bytes:
    body = {name: session[name] for name in ("threadId", "contactSessionId")}
    raw = json.dumps({**body, "prompt": f"?tokens={_STALLED_TOKENS}"}).encode()
    head = f"POST {_PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw


if __name__ == "__main__":
    print_bars(compare())
