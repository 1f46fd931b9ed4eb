"""Remote commands, run as programs through pipes or on a terminal of their own, against a server in this process."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome
from tests.client.misbehaving import Server, misbehaving

Environment = dict[str, str]
Run = Callable[..., Outcome]
WAIT_S = 30


@pytest.fixture
def server() -> Iterator[Server]:
    with misbehaving() as running:
        yield running


@pytest.fixture
def environment(server: Server, tmp_path: Path) -> Environment:
    """What the programs see: the server, a token, no context of the person who runs the tests."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("WI", "WABEE", "TRIVIUM"))}
    return {
        **ours,
        "WISEBOTAI_BASE_URL": server.url,
        "WISEBOT_ACCESS_TOKEN": "eyJ.dashboard.token",
        "WIZCHAT_API_KEY": "wpk_live_1",
        "WABEE_API_KEY": "wabee_1",
        "TRIVIUM_CONTEXTS": str(tmp_path / "contexts.toml"),
        "COLUMNS": "80",
    }


@pytest.fixture
def run(environment: Environment, tmp_path: Path) -> Run:
    """Run a program through pipes; `module` is trivium's unless told otherwise."""

    def command(*words: str, stdin: str = "", module: str = "main", **variables: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", f"trivium.cli.{module}", *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
            env={**environment, **variables},
            cwd=tmp_path,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return command


class Terminal:
    """A program on a terminal of its own: type into it, wait for what it shows."""

    def __init__(self, words: list[str], environment: Environment, *, columns: int = 80) -> None:
        import fcntl
        import struct
        import termios

        self.shown = ""
        self._seen = 0
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        del environment["COLUMNS"]
        self.program = subprocess.Popen(
            [sys.executable, "-m", "trivium.cli.main", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**environment, "TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def until(self, text: str) -> str:
        """Return everything shown once this text has appeared after what was seen before."""
        end = time.monotonic() + WAIT_S
        while text not in self.shown[self._seen :]:
            assert time.monotonic() < end, f"never saw {text!r} in:\n{self.shown}"
            if not self._read():
                assert text in self.shown[self._seen :], f"ended without {text!r}:\n{self.shown}"
                break
        self._seen = self.shown.index(text, self._seen) + len(text)
        return self.shown

    def ended(self) -> int:
        """Return the exit code, after reading what is left."""
        while self._read():
            pass
        return self.program.wait(WAIT_S)

    def close(self) -> None:
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait(WAIT_S)
        os.close(self._ours)

    def _read(self) -> bool:
        if not select.select([self._ours], [], [], 0.2)[0]:
            return self.program.poll() is None
        try:
            piece = os.read(self._ours, 65536)
        except OSError:
            return False
        self.shown += piece.decode("utf-8", "replace")
        return bool(piece)


@pytest.fixture
def terminal(environment: Environment) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*words: str, columns: int = 80, **variables: str) -> Terminal:
        opened.append(Terminal([*words], {**environment, **variables}, columns=columns))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
