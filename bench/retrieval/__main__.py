"""`python -m bench.retrieval [quality] [speed]`; exit status 1 when a bar is missed."""

import sys

from bench.report import print_bars
from bench.retrieval import quality, speed

_PARTS = {"quality": quality.compare, "speed": speed.compare}

if __name__ == "__main__":
    bars = [bar for name in sys.argv[1:] or _PARTS for bar in _PARTS[name]()]
    print_bars(bars)
    sys.exit(0 if all(bar.is_met for bar in bars) else 1)
