"""Asynchronous questions: 1,000 events accepted, answered by signed callbacks; rates, doubles, memory.

python -m bench.events
"""

import asyncio
import contextlib
import time
from collections import Counter

import aiohttp
from aiohttp import web

from bench.report import Bar, print_bars, print_table
from bench.served import Served, fake_model, served

_EVENTS, _CONNECTIONS = 1000, 32
_ANSWERED_S_MAX = 240.0


class _Receiver:
    """Takes callbacks and remembers for which events they came."""

    def __init__(self) -> None:
        self.subjects: Counter[str] = Counter()
        self.ids: set[str] = set()
        self.has_all = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        """Count one callback."""
        event = await request.json()
        if request.headers["webhook-id"] not in self.ids:
            self.ids.add(request.headers["webhook-id"])
            self.subjects[event["subject"]] += 1
            if len(self.subjects) == _EVENTS:
                self.has_all.set()
        return web.Response(status=204)


async def _ask_all(ours: Served, callback_url: str, receiver: _Receiver) -> tuple[list[float], float, float]:
    """Return the times of acceptance in ms, and the seconds until all were accepted and until all were answered."""
    took_ms: list[float] = []
    numbers = iter(range(_EVENTS))
    began = time.perf_counter()

    async def ask(client: aiohttp.ClientSession) -> None:
        for number in numbers:
            event = {
                "specversion": "1.0",
                "type": "ai.wabee.agent.chain",
                "source": "urn:bench",
                "id": str(number),
                "time": "2026-01-05T09:00:00Z",
                "data": {"messages": [{"role": "user", "content": "?tokens=16"}], "callback_url": callback_url},
            }
            asked = time.perf_counter()
            url = f"http://127.0.0.1:{ours.process.port}/core/v1/chain_async"
            async with client.post(url, json=event, headers={"x-wabee-access": ours.key}) as answer:
                await answer.read()
                assert answer.status == 202
            took_ms.append((time.perf_counter() - asked) * 1000)

    async with aiohttp.ClientSession() as client:
        await asyncio.gather(*(ask(client) for _ in range(_CONNECTIONS)))
    accepted_s = time.perf_counter() - began
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ANSWERED_S_MAX):
            await receiver.has_all.wait()
    return took_ms, accepted_s, time.perf_counter() - began


async def _measure() -> list[Bar]:
    receiver = _Receiver()
    application = web.Application()
    application.router.add_post("/callback", receiver.take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    with fake_model(tokens=16) as model, served(model, environ={"TRIVIUM_OUTBOUND_ALLOW": f"127.0.0.1:{port}"}) as ours:
        before_mb, before_s = ours.process.memory_mb(), ours.process.cpu_s()
        took_ms, accepted_s, answered_s = await _ask_all(ours, f"http://127.0.0.1:{port}/callback", receiver)
        cpu_ms = (ours.process.cpu_s() - before_s) / _EVENTS * 1000
        grown_mb = ours.process.memory_mb() - before_mb
    await runner.cleanup()
    took_ms.sort()
    answered = len(receiver.subjects)
    row = [_EVENTS / accepted_s, took_ms[len(took_ms) // 2], answered, answered / answered_s, cpu_ms, grown_mb]
    columns = ["accepted per s", "p50 ms", "answered", "per s", "cpu ms each", "memory + MB"]
    print_table(f"{_EVENTS} asynchronous events, {_CONNECTIONS} connections", columns, [row])
    return [
        Bar(name="asynchronous events answered, of 1,000", value=float(answered), at_least=_EVENTS),
        Bar(
            name="asynchronous events answered twice",
            value=float(sum(n > 1 for n in receiver.subjects.values())),
            at_most=0,
        ),
        Bar(name="asynchronous events: accepted, p50, ms", value=took_ms[len(took_ms) // 2]),
        Bar(name="asynchronous events: processor time each, ms", value=cpu_ms),
        Bar(name="asynchronous events: memory grown, MB", value=grown_mb),
    ]


def compare() -> list[Bar]:
    """Print the table and return the bars."""
    return asyncio.run(_measure())


if __name__ == "__main__":
    print_bars(compare())
