"""The command line as tests call it: in this process, or as a program of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from trivium.cli.main import main

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one line of the output."""
        assert self.status == 0, self.err
        (line,) = self.out.splitlines()
        return line


Command = Callable[..., Outcome]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that does not exist yet, as the environment names it."""
    folder = tmp_path / "data"
    monkeypatch.setenv("TRIVIUM_DATA", str(folder))
    return folder


@pytest.fixture
def trivium(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process."""

    def command(*words: str, stdin: str = "") -> Outcome:
        monkeypatch.setattr(sys, "stdin", StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main(words)
        printed = capsys.readouterr()
        return Outcome(int(caught.value.code or 0), printed.out, printed.err)

    return command


@pytest.fixture
def program(data: Path) -> Command:
    """Run a command as a program of its own."""

    def command(*words: str, stdin: str = "") -> Outcome:
        line = [sys.executable, "-m", "trivium.cli.main", *words]
        done = subprocess.run(line, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return command
