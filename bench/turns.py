"""Turns beside the floor: rate, processor time per turn and per token, time to the first token, long conversations.

python -m bench.turns
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.processes import Process, free_port, python, running
from bench.report import Bar, print_bars, print_table, show
from bench.served import fake_model, load, served

_CONNECTIONS = (1, 16, 64)
_PATHS = {"chain": "/core/v1/chain", "stream": "/core/v1/chain_streaming"}
_MARKS = {"trivium": "TYPING_TEXT"}
# Tokens that come one by one, each in a write of its own, as from a real model: without a delay the fake one sends 64
# in a write, and passing on 64 at once costs the floor next to nothing.
_FEW, _MANY, _TOKEN_DELAY_MS = 20, 220, 10
_TOKEN_TRIES = 2


@dataclass(frozen=True)
class Target:
    """A server to load."""

    name: str
    process: Process
    key: str = ""

    def measure(self, kind: str, *, requests: int, **options: object) -> tuple[dict[str, Any], float]:
        """Return the load's summary and the server's own processor time per turn in milliseconds, warmed up."""
        options = {"mark": _MARKS.get(self.name, "data:"), **options}
        path, port = _PATHS[kind], self.process.port
        load(port, path, self.key, requests=20, **options)
        before = self.process.cpu_s()
        summary = load(port, path, self.key, requests=requests, **options)
        return summary, (self.process.cpu_s() - before) / max(1, summary["turns"]) * 1000


def compare() -> list[Bar]:
    """Print the tables and return the bars."""
    port = free_port()
    with fake_model(tokens=64) as model, served(model) as ours:
        floor_command = python("bench.floor", "--port", str(port), "--model", model)
        with running(floor_command, port) as bare:
            targets = [Target("floor", bare), Target("trivium", ours.process, ours.key)]
            figures = _turns(targets)
            tokens = {target.name: _per_token(target) for target in targets}
            growth = _growth(targets[1])
            memory = ours.process.memory_mb()
    show(f"CPU per streamed token: floor {tokens['floor']:.1f} µs, trivium {tokens['trivium']:.1f} µs")
    bars = [
        Bar(
            name=f"chain, {count} connections: share of the floor's rate",
            value=figures["trivium", "chain", count][0] / figures["floor", "chain", count][0],
            at_least=0.125,
        )
        for count in (16, 64)
    ]
    for kind in _PATHS:
        ratio = figures["trivium", kind, 16][1] / figures["floor", kind, 16][1]
        bars.append(Bar(name=f"{kind}, 16 connections: CPU per turn over the floor's", value=ratio, at_most=8))
    return [
        *bars,
        Bar(
            name="CPU per streamed token over the floor's",
            value=tokens["trivium"] / max(0.1, tokens["floor"]),
            at_most=3,
        ),
        Bar(name="turn 500 over turn 50 of one conversation", value=growth, at_most=1.1),
        Bar(name="memory after the load, MB", value=memory),
    ]


def _turns(targets: list[Target]) -> Mapping[tuple[str, str, int], tuple[float, float]]:
    figures: dict[tuple[str, str, int], tuple[float, float]] = {}
    rows: list[list[object]] = []
    for kind in _PATHS:
        for count in _CONNECTIONS:
            for target in targets:
                seen, cpu_ms = target.measure(kind, connections=count, requests=300 if count == 1 else 1500)
                figures[target.name, kind, count] = (seen["per_s"], cpu_ms)
                rows.append([kind, count, target.name, seen["per_s"], cpu_ms, seen["first_p50"], seen["first_p99"]])
                rows[-1].append(seen["failures"])
    columns = ["kind", "conn", "server", "per s", "cpu ms", "first p50 ms", "p99", "failed"]
    print_table("Turns: 64 tokens, no delay in the model", columns, rows)
    return figures


def _per_token(target: Target) -> float:
    """Return microseconds of processor time per token: the difference of long and short answers."""
    few, many = (min(_paced(target, tokens) for _ in range(_TOKEN_TRIES)) for tokens in (_FEW, _MANY))
    return (many - few) / (_MANY - _FEW) * 1000


def _paced(target: Target, tokens: int) -> float:
    text = f"?tokens={tokens}&delay_ms={_TOKEN_DELAY_MS}"
    return target.measure("stream", connections=32, requests=96, text=text, new_sessions=True)[1]


def _growth(target: Target) -> float:
    """Return the median of turns 481-500 of one conversation over that of turns 31-50."""
    path, port = _PATHS["chain"], target.process.port
    medians = []
    for before in (30, 430):
        load(port, path, target.key, session="long", requests=before)
        medians.append(load(port, path, target.key, session="long", requests=20)["whole_p50"])
    return float(medians[1] / medians[0])


if __name__ == "__main__":
    print_bars(compare())
