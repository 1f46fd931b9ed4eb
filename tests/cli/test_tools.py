"""Tools of one's own on the command line."""

import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from tests.cli.conftest import Command
from trivium.adapters.tools.wabee.answers import Answer
from trivium.adapters.tools.wabee.remote import RemoteTool


def test_a_new_tool_runs_at_once(trivium: Command, tmp_path: Path) -> None:
    made = trivium("tools", "new", "plant report", "--folder", str(tmp_path))
    assert (made.status, made.out) == (0, f"{tmp_path}/plant_report\n")
    ran = trivium("tools", "run", made.out.strip(), '{"text": "hello"}')
    assert (ran.status, ran.out) == (0, "HELLO\n")
    assert '"variable_name": "result"' in trivium("tools", "run", made.out.strip(), '{"text": "a"}', "--json").out


@pytest.mark.parametrize(("given", "status"), [("{", 2), ("[]", 2), ("{}", 1)])
def test_bad_input_is_said_in_one_line(trivium: Command, tmp_path: Path, given: str, status: int) -> None:
    made = trivium("tools", "new", "report", "--folder", str(tmp_path)).out.strip()
    assert trivium("tools", "run", made, given).status == status
    assert trivium("tools", "run", str(tmp_path), "{}").status == 1


@pytest.mark.server
def test_served_tools_answer_over_grpc_until_stopped(trivium: Command, tmp_path: Path) -> None:
    made = trivium("tools", "new", "report", "--folder", str(tmp_path), "--complete").out.strip()
    command = [sys.executable, "-m", "trivium.cli.main", "tools", "serve", made, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        tool = RemoteTool("Report", line.rsplit(" ", 1)[-1].strip())

        async def ask() -> Answer:
            answer = await tool.execute({"text": "abc"}, {})
            await tool.close()
            return answer

        assert anyio.run(ask).content == "ABC"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
