"""All benchmarks, or those named: `python -m bench [start turns streams …] [--json FILE]`.

Exit status 1 when a bar is missed. Figures of one run are comparable with each other, not with another machine's.
"""

import argparse
import importlib
import sys
from pathlib import Path

from bench.report import Bar, print_bars, show, write

_PARTS = ("start", "turns", "streams", "visitors", "events", "retrieval", "reconcile", "workflows", "budgets")


def main() -> int:
    """Run the parts and print every bar at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(_PARTS), help=f"of {', '.join(_PARTS)}")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    bars: list[Bar] = []
    for part in options.parts:
        show(f"\n[bold]{part}[/bold]")
        bars += importlib.import_module(f"bench.{part}").compare()
    print_bars(bars)
    if options.json is not None:
        write(options.json, bars)
    return 0 if all(bar.is_met for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
