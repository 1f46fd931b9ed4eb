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

    async def ask(self, *, is_new: bool = False) -> None:
        """One request and its whole answer."""
        options, result = self._options, self._result
        session = f"{self._session}-{uuid.uuid4().hex[:6]}" if is_new else self._session
        body = json.dumps({"messages": [{"role": "user", "content": options.text}]}).encode()
        request = (
            f"POST {options.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"x-wabee-access: {options.key}\r\nsession-id: {session}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
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

    async def _exchange(self, request: bytes, began: float) -> bool:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._options.port, limit=1 << 20)
        assert self._reader is not None
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        is_good = head.startswith(b"http/1.1 200")
        if b"transfer-encoding: chunked" in head:
            await self._read_chunks(self._reader, began)
        else:
            length = int(re.search(rb"content-length: (\d+)", head).group(1))  # type: ignore[union-attr]
            await self._reader.readexactly(length)
            self._result.first_ms.append((time.perf_counter() - began) * 1000)
        return is_good

    async def _read_chunks(self, reader: asyncio.StreamReader, began: float) -> None:
        is_first = True
        while True:
            size = int(await reader.readuntil(b"\r\n"), 16)
            piece = await reader.readexactly(size + 2)
            if size == 0:
                return
            if is_first and self._options.mark.encode() in piece:
                is_first = False
                self._result.first_ms.append((time.perf_counter() - began) * 1000)
            if self._options.stamps:
                now = time.monotonic_ns() // 1000
                self._result.ages_ms.extend((now - int(stamp)) / 1000 for stamp in _STAMP.findall(piece))

    async def close(self) -> None:
        """Drop the connection; the next request opens a new one."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """Share the requests out over the connections and return the summary."""
    result = Result()
    left = options.requests

    async def worker(number: int) -> None:
        nonlocal left
        await asyncio.sleep(options.ramp_s * number / options.connections)
        connection = Connection(options, result, number)
        while left > 0:
            left -= 1
            await connection.ask(is_new=options.new_sessions)
        await connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(worker(number) for number in range(options.connections)))
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
    parser.add_argument("--session", default="")
    parser.add_argument("--new-sessions", action="store_true", help="each request is a conversation of its own")
    print(json.dumps(uvloop.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
