"""Completion, in the shells themselves."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Command

TRY = """
source "$1"
COMP_WORDS=(trivium runs re); COMP_CWORD=2; _trivium; echo "${COMPREPLY[@]}"
COMP_WORDS=(trivium runs list --sta); COMP_CWORD=3; _trivium; echo "${COMPREPLY[@]}"
COMP_WORDS=(trivium conf); COMP_CWORD=1; _trivium; echo "${COMPREPLY[@]}"
"""


def test_bash_completes_commands_and_options(trivium: Command, tmp_path: Path) -> None:
    script = tmp_path / "trivium.bash"
    script.write_text(trivium("completion", "bash").out)
    line = ["bash", "--norc", "-c", TRY, "bash", str(script)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "rerun\n--status\nconfig\n"


@pytest.mark.parametrize(("shell", "check"), [("zsh", "-n"), ("fish", "--no-execute")])
def test_other_shells_can_read_theirs(trivium: Command, tmp_path: Path, shell: str, check: str) -> None:
    script = trivium("completion", shell).out
    assert "trivium" in script
    assert "listen" in script
    if shutil.which(shell):
        file = tmp_path / f"trivium.{shell}"
        file.write_text(script)
        assert subprocess.run([shell, check, str(file)], timeout=30, check=False).returncode == 0


def test_a_shell_without_completion_is_wrong_usage(trivium: Command) -> None:
    assert trivium("completion", "tcsh").status == 2
