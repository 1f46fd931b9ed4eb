"""Visitors as programs: raw sockets that open chat streams, read them whole, in part or not at all."""

import asyncio
import json
import re
import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.contracts.wisebot.office import Office, pair

_ID = re.compile(r"^id: (\d+)$", re.MULTILINE)


@dataclass
class Told:
    """What one reader got: the events, their numbers, and whether the end mark came."""

    events: list[Any] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    is_whole: bool = False

    @property
    def text(self) -> str:
        """The text of the deltas."""
        return "".join(event["delta"] for event in self.events if event["type"] == "text-delta")


def told(raw: str) -> Told:
    """Return what complete events say; the rest of a cut one is left out."""
    whole = raw[: raw.rfind("\n\n") + 2]
    found = Told(numbers=[int(number) for number in _ID.findall(whole)])
    for line in whole.splitlines():
        if line == "data: [DONE]":
            found.is_whole = True
        elif line.startswith("data: "):
            found.events.append(json.loads(line[6:]))
    return found


def request_of(office: Office, session: Any, prompt: str, **headers: str) -> bytes:
    """Return the bytes of a question, for a connection that is closed after the answer."""
    body = json.dumps({**pair(session), "prompt": prompt}).encode()
    lines = {
        "Host": "127.0.0.1",
        "Authorization": f"Bearer {office.key}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST /api/chat/agent HTTP/1.1\r\n{head}\r\n".encode() + body


def stalled(office: Office, session: Any, prompt: str) -> socket.socket:
    """Return a connection that asked and will take next to nothing of the answer."""
    address = urlsplit(office.site.url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((address.hostname, address.port))
    connection.sendall(request_of(office, session, prompt))
    return connection


async def visit(port: int, request: bytes) -> tuple[int, Told]:
    """Ask and read to the end; return the status and what was told."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    pieces = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        pieces.append((await reader.readexactly(size + 2))[:-2])
    writer.close()
    return int(head.split(b" ")[1]), told(b"".join(pieces).decode())
