"""Load from a process of its own: as many connections as asked, bounded in count and time; a JSON line of results.

python -m bench.load --port 9200 --path /core/v1/chain --connections 16 --requests 500
"""

import argparse
import asyncio
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import uvloop

_STAMP = re.compile(rb"~(\d{10,20})~")
_PAUSE_MAX_S = 60.0


@dataclass
class Result:
    """What one run of the load saw. Times are milliseconds."""

    turns: int = 0
    failures: int = 0
    first_ms: list[float] = field(default_factory=list)
    whole_ms: list[float] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)

    def summary(self, took_s: float) -> dict[str, Any]:
        """Return rates and percentiles."""
        return {
            "turns": self.turns,
            "failures": self.failures,
            "seconds": took_s,
            "per_s": self.turns / took_s,
            **_percentiles("first", self.first_ms),
            **_percentiles("whole", self.whole_ms),
            **_percentiles("age", self.ages_ms),
        }


def _percentiles(name: str, values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    last = len(ordered) - 1
    return {f"{name}_p50": ordered[last // 2], f"{name}_p99": ordered[int(last * 0.99)], f"{name}_max": ordered[last]}


class Connection:
    """One kept-alive connection that knows just enough HTTP."""

    def __init__(self, options: argparse.Namespace, result: Result, number: int) -> None:
        self._options = options
        self._result = result
        self._session = f"bench-{options.session or uuid.uuid4().hex[:8]}-{number}"
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def prepare(self) -> None:
        """Do what comes before the first question."""

    async def ask(self, *, is_new: bool = False) -> None:
        """One request and its whole answer."""
        result = self._result
        request = self._question(is_new=is_new)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(_PAUSE_MAX_S):
                is_good = await self._exchange(request, began)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            is_good = False
        if is_good:
            result.turns += 1
            result.whole_ms.append((time.perf_counter() - began) * 1000)
        else:
            result.failures += 1
            await self.close()

    def _question(self, *, is_new: bool) -> bytes:
        session = f"{self._session}-{uuid.uuid4().hex[:6]}" if is_new else self._session
        headers = {"x-wabee-access": self._options.key, "session-id": session}
        return _post(self._options.path, headers, {"messages": [{"role": "user", "content": self._options.text}]})

    async def _exchange(self, request: bytes, began: float) -> bool:
        reader = await self._send(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        is_good = head.startswith(b"http/1.1 200")
        if b"transfer-encoding: chunked" in head:
            return await self._read_chunks(reader, began) and is_good
        length = int(re.search(rb"content-length: (\d+)", head).group(1))  # type: ignore[union-attr]
        await reader.readexactly(length)
        self._result.first_ms.append((time.perf_counter() - began) * 1000)
        return is_good

    async def _send(self, request: bytes) -> asyncio.StreamReader:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._options.port, limit=1 << 20)
        assert self._reader is not None
        self._writer.write(request)
        return self._reader

    async def _read_chunks(self, reader: asyncio.StreamReader, began: float) -> bool:
        """Read a stream to its end; True when it was whole."""
        is_first = True
        while True:
            size = int(await reader.readuntil(b"\r\n"), 16)
            piece = await reader.readexactly(size + 2)
            if size == 0:
                return self._is_whole()
            self._keep(piece[:-2])
            if is_first and self._options.mark.encode() in piece:
                is_first = False
                self._result.first_ms.append((time.perf_counter() - began) * 1000)
            if self._options.stamps:
                now = time.monotonic_ns() // 1000
                self._result.ages_ms.extend((now - int(stamp)) / 1000 for stamp in _STAMP.findall(piece))

    def _keep(self, piece: bytes) -> None:
        """Take a piece of a stream; only visitors look at all of it."""

    def _is_whole(self) -> bool:
        return True

    async def close(self) -> None:
        """Drop the connection; the next request opens a new one."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


class Visitor(Connection):
    """Somebody in a browser: a conversation of their own, whose streams are read and checked whole."""

    def __init__(self, options: argparse.Namespace, result: Result, number: int) -> None:
        super().__init__(options, result, number)
        self._pair: dict[str, str] = {}
        self._headers = {"authorization": f"Bearer {options.key}"}
        self._pieces: list[bytes] = []

    async def prepare(self) -> None:
        """Open the conversation."""
        reader = await self._send(_post("/api/v1/chat/sessions", self._headers, {"externalUserId": self._session}))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        opened = json.loads(await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r")[0])))
        self._pair = {name: opened[name] for name in ("threadId", "contactSessionId")}
        # Others open theirs before the first question: it would have been idle for too long.
        await self.close()

    def _question(self, *, is_new: bool) -> bytes:
        self._pieces.clear()
        return _post(self._options.path, self._headers, {**self._pair, "prompt": self._options.text})

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def _is_whole(self) -> bool:
        """True when each event came once, in order, and the pieces are the text that the last one names."""
        *events, end, _ = b"".join(self._pieces).split(b"\n\n")
        shown = [json.loads(event.partition(b"data: ")[2]) for event in events if not event.startswith(b":")]
        numbers = [int(number) for number in re.findall(rb"^id: (\d+)$", b"\n\n".join(events), re.MULTILINE)]
        text = "".join(one["delta"] for one in shown if one["type"] == "text-delta")
        return end == b"data: [DONE]" and numbers == sorted(set(numbers)) and text == shown[-1].get("fullText")


def _post(path: str, headers: dict[str, str], body: object) -> bytes:
    raw = json.dumps(body).encode()
    lines = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(raw)), **headers}
    return (f"POST {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n").encode() + raw


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """Share the requests out over the connections and return the summary."""
    result = Result()
    left = options.requests
    kind = Visitor if options.visitors else Connection
    connections = [kind(options, result, number) for number in range(options.connections)]
    for connection in connections:
        await connection.prepare()

    async def worker(number: int, connection: Connection) -> None:
        nonlocal left
        await asyncio.sleep(options.ramp_s * number / options.connections)
        while left > 0:
            left -= 1
            await connection.ask(is_new=options.new_sessions)
        await connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(worker(number, connection) for number, connection in enumerate(connections)))
    return result.summary(time.perf_counter() - began)


def main() -> None:
    """Run and print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--key", default="")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument(
        "--ramp-s", type=float, default=0.0, help="spread the connections' first requests over this time"
    )
    parser.add_argument("--text", default="Hello there")
    parser.add_argument("--mark", default="data:", help="what the first token's piece contains")
    parser.add_argument("--stamps", action="store_true", help="tokens carry the time they were made at: ~microseconds~")
    parser.add_argument(
        "--visitors", action="store_true", help="of the visitor chat, each in a conversation of its own"
    )
    parser.add_argument("--session", default="")
    parser.add_argument("--new-sessions", action="store_true", help="each request is a conversation of its own")
    print(json.dumps(uvloop.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
