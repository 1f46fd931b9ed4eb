"""The start: time to the first answer, memory when idle, packages, size of the installation.

python -m bench.start
"""

import importlib.metadata
import sysconfig
import time
from pathlib import Path

from bench.report import Bar, print_bars, print_table
from bench.served import served

_ROOT = Path(__file__).parent.parent


def compare() -> list[Bar]:
    """Print the table and return the bars."""
    ready, idle = [], []
    for _ in range(3):
        with served("http://127.0.0.1:9/v1") as ours:
            ready.append(ours.process.ready_s)
            time.sleep(1.0)
            idle.append(ours.process.memory_mb())
    packages = sum(line.startswith(tuple("abcdefghijklmnopqrstuvwxyz")) for line in _lock())
    size = sum(file.stat().st_size for name in _names() for file in _files(name)) / 1e6
    print_table("Start", ["ready s", "idle MB", "packages", "MB installed"], [[min(ready), min(idle), packages, size]])
    return [
        Bar(name="ready after, s (best of 3)", value=min(ready), at_most=2.0),
        Bar(name="idle memory, MB", value=min(idle), at_most=70),
        Bar(name="packages installed", value=float(packages), at_most=59),
        Bar(name="size of the installation, MB", value=size),
    ]


def _lock() -> list[str]:
    return (_ROOT / "requirements" / "runtime.lock").read_text().splitlines()


def _names() -> set[str]:
    return {line.partition("==")[0].partition("[")[0] for line in _lock() if "==" in line and line[0].isalpha()}


def _files(name: str) -> list[Path]:
    try:
        listed = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []  # for another platform
    folder = Path(sysconfig.get_paths()["purelib"])
    return [folder / file for file in listed if (folder / file).is_file()]


if __name__ == "__main__":
    print_bars(compare())
