"""`trivium serve` and `trivium demo` as programs."""

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from trivium.cli._sample import read_env

pytestmark = pytest.mark.server
VARIABLES = {
    "WISEBOTAI_BASE_URL",
    "WISEBOT_ACCESS_TOKEN",
    "WISEBOT_WORKFLOW_TRIGGER_ORIGIN",
    "WISE_KEY",
    "WIZCHAT_API_KEY",
    "WIZCHAT_BASE_URL",
    "WABEE_API_KEY",
    "WABEE_ENDPOINT",
}


@contextmanager
def running(*words: str) -> Generator[tuple[subprocess.Popen[str], list[str]], None, None]:
    """A server as a program, and what it printed until it was ready."""
    line = [sys.executable, "-m", "trivium.cli.main", *words]
    server = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout is not None
    printed: list[str] = []
    try:
        for text in server.stdout:
            printed.append(text)
            if "is ready on" in text:
                break
        yield server, printed
    finally:
        server.send_signal(signal.SIGTERM)
        printed += server.communicate(timeout=30)[0].splitlines()


def test_a_server_says_where_it_is_and_stops_when_told(data: Path) -> None:
    with running("serve", "--port", "0") as (server, printed):
        url = printed[-1].split()[-1]
        assert printed == [f"Trivium is ready on {url}\n"]
        with urlopen(f"{url}/core/v1/health", timeout=10) as answer:
            assert answer.status == 200
    assert server.returncode in (0, -signal.SIGTERM)


def test_one_server_per_data_folder(data: Path) -> None:
    with running("serve", "--port", "0"), running("serve", "--port", "0") as (second, printed):
        assert second.wait(timeout=30) == 1
        assert "Another server uses" in printed[0]


def test_a_taken_port_is_told_with_a_way_out(data: Path, tmp_path: Path) -> None:
    with running("serve", "--port", "0") as (_, first):
        port = first[-1].strip().rpartition(":")[2]
        with running("serve", "--port", port, "--data", str(tmp_path / "other")) as (second, printed):
            assert second.wait(timeout=30) == 1
            assert "--port" in printed[0]


def test_the_demo_keeps_its_keys_and_follows_its_port(data: Path) -> None:
    with running("demo", "--port", "0"):
        first = read_env(data / "demo.env")
    with running("demo", "--port", "0") as (_, printed):
        second = read_env(data / "demo.env")
        assert second["WABEE_ENDPOINT"] == printed[-1].split()[-1]
    assert set(first) == VARIABLES
    assert (data / "demo.env").stat().st_mode & 0o777 == 0o600
    for name in ("WISEBOT_ACCESS_TOKEN", "WISE_KEY", "WIZCHAT_API_KEY", "WABEE_API_KEY"):
        assert first[name] == second[name]
