"""Bars with rate and time left, on stderr and only on a terminal."""

import sys
import time
from types import TracebackType
from typing import Self

WIDTH = 24
INTERVAL_S = 0.1


class Bar:
    """Shows how far something has come. Call it with what is done and all there is, in any unit."""

    def __init__(self, title: str, *, unit: str = "", quiet: bool = False) -> None:
        self._title = title
        self._unit = unit
        self._is_shown = sys.stderr.isatty() and not quiet
        self._started = time.monotonic()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._is_shown and self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if not self._is_shown or (now - self._drawn < INTERVAL_S and done != total):
            return
        self._drawn = now
        text = line(self._title, done, total, seconds=now - self._started, unit=self._unit)
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def line(title: str, done: int, total: int | None, *, seconds: float, unit: str) -> str:
    """Return the bar as text: title, bar, share, rate, time left."""
    rate = done / seconds if seconds > 0 else 0.0
    speed = f"{_amount(rate, unit)}/s"
    if not total:
        return f"{title}  {_amount(done, unit)}  {speed}"
    share = min(1.0, done / total)
    bar = ("█" * round(share * WIDTH)).ljust(WIDTH, "░")
    left = f"{(total - done) / rate:.0f} s left" if rate else "…"
    return f"{title}  {bar} {share:4.0%}  {speed}  {left}"


def _amount(value: float, unit: str) -> str:
    if unit != "B":
        return f"{value:.0f}{' ' + unit if unit else ''}"
    for suffix in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {suffix}"
        value /= 1024
    return f"{value:.1f} GiB"
