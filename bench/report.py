"""What the benchmarks print: tables and bars, for people; the same as JSON for a file."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

_console = Console(file=sys.stdout, width=120, highlight=False)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A figure with what it is held against. A ratio within one run, or an amount that does not depend on speed."""

    name: str
    value: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_met(self) -> bool:
        """True when the figure is on the right side of its bar, or has none."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )


def show(text: str) -> None:
    """Print a line."""
    _console.print(text)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; floats with three significant digits."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column in {"kind", "server", "what"} else "right")
    for row in rows:
        table.add_row(*(_shown(value) for value in row))
    _console.print(table)


def print_bars(bars: Sequence[Bar]) -> None:
    """Print every bar with its verdict."""
    rows = []
    for bar in bars:
        held = f"≤ {_shown(bar.at_most)}" if bar.at_most is not None else ""
        held += f"≥ {_shown(bar.at_least)}" if bar.at_least is not None else ""
        rows.append([bar.name, bar.value, held, "" if not held else "met" if bar.is_met else "MISSED"])
    print_table("Bars", ["what", "figure", "bar", ""], rows)


def write(path: Path, bars: Sequence[Bar]) -> None:
    """Write the figures as JSON."""
    path.write_text(json.dumps([asdict(bar) for bar in bars], indent=2) + "\n")


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
