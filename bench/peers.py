"""Beside other frameworks: the same requests, the same model server; each peer in an environment of its own.

python -m bench.peers [agno …]

The environments are made once, in the user's cache folder, from the packages pip finds; never in the project's own.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import free_port, python, running
from bench.report import Bar, print_bars, print_table, show
from bench.served import fake_model, served
from bench.turns import Target

_PACKAGES: Mapping[str, Sequence[str]] = {
    "agno": ("agno>=3,<4", "openai", "sqlalchemy[asyncio]>=2", "starlette", "uvicorn", "uvloop", "httptools"),
}
_CONNECTIONS = 16
_INSTALL_S_MAX = 900


@dataclass(frozen=True)
class Figures:
    """One server under one kind of request."""

    per_s: float
    cpu_ms: float
    first_ms: float


def compare(names: Sequence[str] = ()) -> list[Bar]:
    """Print a table and return the bars, which are ratios within this run."""
    bars: list[Bar] = []
    port = free_port()
    with fake_model(tokens=64) as model, served(model) as ours:
        with running(python("bench.floor", "--port", str(port), "--model", model), port) as bare:
            floor = _figures(Target("floor", bare))
            mine = _figures(Target("trivium", ours.process, ours.key))
        for name in names or tuple(_PACKAGES):
            with _peer(name, model) as peer:
                theirs = _figures(peer)
            _show(name, floor, mine, theirs)
            bars += _bars(name, floor, mine, theirs)
    return bars


def _figures(target: Target) -> dict[str, Figures]:
    found = {}
    for kind in ("chain", "stream"):
        seen, cpu_ms = target.measure(kind, connections=_CONNECTIONS, requests=400)
        if seen["failures"]:
            show(f"{target.name}, {kind}: {seen['failures']} requests failed")
        alone, _ = target.measure(kind, connections=1, requests=60)
        found[kind] = Figures(seen["per_s"], cpu_ms, alone["first_p50"])
    return found


def _show(name: str, floor: dict[str, Figures], mine: dict[str, Figures], theirs: dict[str, Figures]) -> None:
    rows: list[list[object]] = []
    for kind in mine:
        for server, figures in (("floor", floor), ("trivium", mine), (name, theirs)):
            rows.append([kind, server, figures[kind].per_s, figures[kind].cpu_ms, figures[kind].first_ms])
    columns = ["kind", "server", "per s", "cpu ms", "first p50 ms alone"]
    print_table(f"Beside {name}: 64 tokens, {_CONNECTIONS} connections", columns, rows)


def _bars(name: str, floor: dict[str, Figures], mine: dict[str, Figures], theirs: dict[str, Figures]) -> list[Bar]:
    added = mine["stream"].first_ms - floor["stream"].first_ms
    their_added = theirs["stream"].first_ms - floor["stream"].first_ms
    return [
        Bar(name=f"chain: rate over that of {name}", value=mine["chain"].per_s / theirs["chain"].per_s, at_least=10),
        Bar(name=f"chain: CPU over that of {name}", value=mine["chain"].cpu_ms / theirs["chain"].cpu_ms, at_most=0.1),
        Bar(name=f"time added to the first token over that of {name}", value=added / their_added, at_most=0.25),
    ]


@contextlib.contextmanager
def _peer(name: str, model: str) -> Generator[Target, None, None]:
    program = Path(__file__).with_name("peer_servers") / f"{name}_server.py"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix=f"{name}-bench-") as folder:
        options = ["--port", str(port), "--model", model, "--database", str(Path(folder) / "peer.db")]
        with running([str(_environment(name)), str(program), *options], port, wait_s=120) as process:
            yield Target(name, process)


def _environment(name: str) -> Path:
    """Return the interpreter of the peer's own environment, made when it is not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "trivium-bench" / name
    interpreter = folder / "bin" / "python"
    if not (folder / "ready").exists():
        show(f"Installing {name} in an environment of its own …")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, timeout=_INSTALL_S_MAX)
        command = [str(interpreter), "-m", "pip", "install", "--quiet", *_PACKAGES[name]]
        subprocess.run(command, check=True, timeout=_INSTALL_S_MAX)
        (folder / "ready").touch()
    return interpreter


def main() -> int:
    """Measure and print; exit status 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(_PACKAGES)}")
    bars = compare(parser.parse_args().names)
    print_bars(bars)
    return 0 if all(bar.is_met for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
