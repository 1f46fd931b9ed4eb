"""Held streams: many answers at 20 tokens a second at once; whole time, age of tokens, processor, memory.

The floor holds 200, too: how old its tokens get is what the machine and the two ends of the measurement add.

python -m bench.streams
"""

import threading
import time

from bench.processes import Process, free_port, python, running
from bench.report import Bar, print_bars, print_table
from bench.served import Served, fake_model, load, served

_TOKENS, _DELAY_MS = 100, 50
_OWN_S = _TOKENS * _DELAY_MS / 1000
_TEXT = f"?tokens={_TOKENS}&delay_ms={_DELAY_MS}&stamp=1"


def held(ours: Served, count: int, *, ramp_s: float) -> dict[str, float]:
    """Open `count` streams within `ramp_s` and return what was seen, with the server's processor share and memory."""
    return _held(ours.process, count, ramp_s=ramp_s, key=ours.key, mark="TYPING_TEXT")


def _held(process: Process, count: int, *, ramp_s: float, key: str, mark: str) -> dict[str, float]:
    before_mb = process.memory_mb()
    peak = _Peak(process)
    before_s, began = process.cpu_s(), time.perf_counter()
    options: dict[str, object] = {"connections": count, "requests": count, "ramp_s": ramp_s, "stamps": True}
    with peak:
        seen = load(process.port, "/core/v1/chain_streaming", key, mark=mark, text=_TEXT, new_sessions=True, **options)
    share = (process.cpu_s() - before_s) / (time.perf_counter() - began)
    return {**seen, "core_share": share, "kb_each": max(0.0, peak.mb - before_mb) * 1024 / count}


class _Peak:
    """Watches a process's memory while a load runs."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._is_over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self.mb = 0.0

    def __enter__(self) -> None:
        self._watch.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._is_over.wait(0.1):
            self.mb = max(self.mb, self._process.memory_mb())


def compare() -> list[Bar]:
    """Print the table and return the bars."""
    rows: list[list[object]] = []
    results: dict[int, dict[str, float]] = {}
    with fake_model() as model, served(model) as ours:
        port = free_port()
        with running(python("bench.floor", "--port", str(port), "--model", model), port) as bare:
            floor = _held(bare, 200, ramp_s=2.0, key="", mark="data:")
        rows.append(_row("floor: 200", floor))
        held(ours, 20, ramp_s=0.2)
        for count, ramp_s in ((200, 2.0), (500, 1.0), (1000, 2.0)):
            seen = results[count] = held(ours, count, ramp_s=ramp_s)
            rows.append(_row(count, seen))
            if seen["whole_p99"] / 1000 / _OWN_S > 1.5:
                break
    columns = ["streams", "ended", "time ratio", "first p50 ms", "p99", "age p50 ms", "p99", "cores", "KiB each"]
    print_table("Streams of 100 tokens, 20 a second", columns, rows)
    two, five = results[200], results.get(500, {})
    bars = [
        Bar(name="200 streams: whole time over the model's own", value=two["whole_p50"] / 1000 / _OWN_S, at_most=1.05),
        Bar(name="200 streams: age of a token, p99, ms", value=two["age_p99"], at_most=60),
        Bar(name="200 streams: age of a token, p99, over the floor's", value=two["age_p99"] / floor["age_p99"]),
        Bar(name="200 streams: share of a core", value=two["core_share"], at_most=0.6),
    ]
    if five:
        bars += [
            Bar(name="500 streams within a second: dropped", value=five["failures"], at_most=0),
            Bar(
                name="500 streams: whole time over the model's own",
                value=five["whole_p50"] / 1000 / _OWN_S,
                at_most=1.15,
            ),
            Bar(name="500 streams: first token, p99, ms", value=five["first_p99"], at_most=1000),
            Bar(name="500 streams: memory each, KiB", value=five["kb_each"], at_most=100),
        ]
    most = max((count for count, seen in results.items() if seen["whole_p50"] / 1000 / _OWN_S <= 1.15), default=0)
    return [*bars, Bar(name="streams held within 1.15 of the model's own time", value=float(most))]


def _row(name: object, seen: dict[str, float]) -> list[object]:
    row = [name, seen["turns"], seen["whole_p50"] / 1000 / _OWN_S, seen["first_p50"], seen["first_p99"]]
    return [*row, seen["age_p50"], seen["age_p99"], seen["core_share"], seen["kb_each"]]


if __name__ == "__main__":
    print_bars(compare())
