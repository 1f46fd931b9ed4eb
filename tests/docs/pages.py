r"""Reads the blocks of a manual page that are to be executed, and runs them.

A comment on the line before a fence marks it; readers of the page do not see it:

    <!-- run -->            the next block is executed: `python` or `console`
    <!-- run: server -->    the same, beside a running demo server; 127.0.0.1:8080 means its address
    <!-- output -->         the next block is what the Python block before it prints

In a `console` block the lines after `$ ` are a command of bash (a line that ends in `\` goes on in the
next), the others are what it prints. `...` in an output stands for anything. The blocks of one page run in
order: Python blocks share their names, console blocks a folder.

A page with a server block asks for the fixture `demo_server`: an object with `address` (host:port) and
`environment` (what its `demo.env` holds).
"""

import contextlib
import io
import os
import re
import subprocess
import unittest.mock
from dataclasses import dataclass, field
from pathlib import Path

from tests.repository import ROOT

COMMAND_TIMEOUT_S = 60
DEFAULT_ADDRESS = "127.0.0.1:8080"
BLOCK = re.compile(
    r"^<!-- (?P<mark>run|run: server|output) -->\n```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
MARK = re.compile(r"^<!-- (run|output)\b.*-->$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A marked block, with the line it starts at."""

    mark: str
    language: str
    text: str
    line: int

    @property
    def needs_server(self) -> bool:
        return self.mark == "run: server"


@dataclass(kw_only=True)
class Page:
    """What the blocks of one page share while they run."""

    folder: Path
    address: str = DEFAULT_ADDRESS
    environment: dict[str, str] = field(default_factory=dict)
    names: dict[str, object] = field(default_factory=dict)
    printed: str = ""

    def run(self, block: Block) -> None:
        """Execute one block; raises AssertionError when it prints something else than the page says."""
        text = block.text.replace(DEFAULT_ADDRESS, self.address)
        match block.mark, block.language:
            case "output", _:
                assert_printed(self.printed, text)
            case _, "python":
                self._run_python(text)
            case _, "console":
                for command, output in commands(text):
                    assert_printed(self._run_command(command), output)
            case _, language:
                raise ValueError(f"line {block.line}: cannot execute {language!r}")

    def _run_python(self, text: str) -> None:
        with (
            contextlib.redirect_stdout(io.StringIO()) as printed,
            unittest.mock.patch.dict(os.environ, self.environment),
        ):
            exec(compile(text, "<manual>", "exec"), self.names)
        self.printed = printed.getvalue()

    def _run_command(self, command: str) -> str:
        path = f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env={**os.environ, **self.environment, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout


def blocks(text: str) -> list[Block]:
    """Return the marked blocks of a page; raises ValueError for a mark that no block follows."""
    found = [
        Block(
            mark=match["mark"],
            language=match["language"],
            text=match["text"],
            line=text.count("\n", 0, match.start()) + 1,
        )
        for match in BLOCK.finditer(text)
    ]
    if len(found) != len(MARK.findall(text)):
        raise ValueError("a run or output mark without a fenced block on the next line")
    return found


def commands(text: str) -> list[tuple[str, str]]:
    """Split a console block into commands and what each of them prints."""
    pairs: list[tuple[str, str]] = []
    open_command = False
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            pairs.append((line[2:], ""))
        elif open_command:
            pairs[-1] = (pairs[-1][0] + line, "")
        elif pairs:
            pairs[-1] = (pairs[-1][0], pairs[-1][1] + line)
        else:
            raise ValueError("a console block begins with a command: $ ...")
        command, output = pairs[-1]
        open_command = not output and command.endswith("\\\n")
    return pairs


def assert_printed(printed: str, expected: str) -> None:
    """Compare outputs line by line, without trailing blanks; `...` matches anything, also many lines."""
    pattern = re.escape(_stripped(expected)).replace(re.escape("..."), ".*?")
    if re.fullmatch(pattern, _stripped(printed), re.DOTALL) is None:
        raise AssertionError(f"the page says:\n{expected}\nprinted was:\n{printed}")


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
