"""The code step: what code can do, and what the kernel keeps it from."""

import anyio
import pytest

from trivium.adapters.sandbox import SandboxRunner
from trivium.core.model.json import JSON
from trivium.core.ports.sandbox import CodeResult


@pytest.fixture
def runner() -> SandboxRunner:
    return SandboxRunner()


async def _run(runner: SandboxRunner, source: str, timeout_s: float = 5.0) -> CodeResult:
    return await runner.run(source, {"order": {"total": 20}}, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("return inputs['order']['total'] * 2", 40),
        ("inputs['order']['total'] + 1", 21),
        ("import json\nresult = json.loads('[1]')", [1]),
        ("def main(inputs):\n    return sorted(inputs)", ["order"]),
        ("import datetime\nreturn datetime.datetime.strptime('2026-01-02', '%Y-%m-%d').day", 2),
        ("x = 1", None),
        ("", None),
        ("return 'ünï ☃ \\ud83d'.encode('utf-8', 'replace').decode()", "ünï ☃ ?"),
    ],
)
async def test_code_returns_a_value(runner: SandboxRunner, source: str, value: JSON) -> None:
    assert await _run(runner, source) == CodeResult(value=value)


async def test_what_is_printed_comes_back(runner: SandboxRunner) -> None:
    assert await _run(runner, "print('one')\nreturn 2") == CodeResult(value=2, output="one\n")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("raise ValueError('no')", "ValueError: no (line 1)"),
        ("x = 1\nreturn x +", "SyntaxError"),
        ("return {1}", "not JSON serializable"),
        ("return float('nan')", "JSON"),
        ("raise SystemExit(0)", "SystemExit"),
        ("def f(): f()\nf()", "RecursionError"),
        ("return 'x' * 10**11", "MemoryError"),
        ("return 'x' * 2_000_000", "longer than"),
        ("while True: pass", "stopped after"),
        ("import time\ntime.sleep(60)", "stopped after"),
    ],
)
async def test_code_that_fails_says_why(runner: SandboxRunner, source: str, error: str) -> None:
    result = await _run(runner, source, timeout_s=0.5)
    assert error in (result.error or "")
    assert result.value is None


@pytest.mark.parametrize(
    "source",
    [
        "open('/etc/passwd').read()",
        "open('made', 'w')",
        "import socket\nsocket.create_connection(('127.0.0.1', 80))",
        "import os\nos.system('true')",
        "import subprocess",
        "import ctypes\nctypes.CDLL(None).system(b'true')",
        "import _posixsubprocess",
        "import _io\n_io.FileIO('/etc/passwd')",
    ],
)
async def test_nothing_outside_can_be_reached(runner: SandboxRunner, source: str) -> None:
    result = await _run(runner, source)
    assert (result.error or "").startswith(("PermissionError", "ModuleNotFoundError", "ImportError", "KeyError"))


@pytest.mark.parametrize(
    "call",
    [
        "open('/etc/passwd', 0)",
        "fork()",
        "execv('/bin/true', ['true'])",
        "listdir('/')",
        "stat('/etc')",
        "kill(1, 0)",
        "pipe()",
        "dup(1)",
        "chdir('/usr')",
    ],
)
async def test_kernel_refuses_the_calls_themselves(runner: SandboxRunner, call: str) -> None:
    # Round Python's import system: the functions of the operating system are still somewhere in memory.
    source = (
        "found = [c for c in object.__subclasses__() if c.__name__ == '_wrap_close'][0]\n"
        f"return str(eval({call!r}, dict(found.__init__.__globals__)))"
    )
    result = await _run(runner, source)
    assert (result.error or "").startswith(("PermissionError", "OSError")), result


async def test_many_at_once_wait_for_a_free_place() -> None:
    runner = SandboxRunner(processes_max=2)
    results: list[CodeResult] = []

    async def one(number: int) -> None:
        results.append(await runner.run(f"return {number}", {}, timeout_s=5))

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(one, number)
    assert sorted(str(result.value) for result in results) == ["0", "1", "2", "3", "4"]


async def test_cancelled_code_is_ended(runner: SandboxRunner) -> None:
    with anyio.move_on_after(0.3) as scope:
        await _run(runner, "while True: pass", timeout_s=30)
    assert scope.cancelled_caught
