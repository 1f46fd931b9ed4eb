"""The server that pages of the manual talk to."""

import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from trivium.cli._sample import read_env


@dataclass(frozen=True)
class DemoServer:
    """Where the sample listens, and what its `demo.env` holds."""

    address: str
    environment: dict[str, str]


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[DemoServer, None, None]:
    """Start the sample as a program of its own; its files are indexed before a page runs."""
    data: Path = tmp_path_factory.mktemp("demo") / "data"
    line = [sys.executable, "-m", "trivium.cli.main", "demo", "--port", "0", "--data", str(data)]
    server = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout is not None
    try:
        printed = []
        for text in server.stdout:
            printed.append(text)
            if "is ready on http://" in text:
                break
        assert printed, "the server printed nothing"
        assert "is ready on" in printed[-1], "".join(printed)
        yield DemoServer(address=printed[-1].split("//")[1].strip(), environment=read_env(data / "demo.env"))
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)
