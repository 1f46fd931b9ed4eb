"""Our side of the sandbox: starts the child, bounds its time and output, and reads its answer."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream, Process

from trivium.core.errors import UpstreamFailed
from trivium.core.model.json import JSONObject
from trivium.core.ports.sandbox import CodeResult

_CHILD = Path(__file__).with_name("child.py")
_ANSWER_BYTES_MAX = 6_500_000  # 1,064,000 characters, each of which JSON may write as \uXXXX
# Starting Python and importing is ours to pay, not the customer's.
_START_S = 5.0


class SandboxRunner:
    """Python code in child processes, at most `processes_max` at a time; see `core.ports.sandbox.CodeRunner`.

    Promised, by the kernel (seccomp, rlimits): no file is opened, no socket made, no process started, no other process
    seen; memory and processor time have an upper limit; the child ends when its time is over or we do. Not promised:
    protection from a bug in the kernel's own memory management or from timing side channels. Works on Linux on x86-64
    and arm64; elsewhere the step fails without running anything.
    """

    def __init__(self, *, processes_max: int = 4, memory_bytes: int = 256 * 1024 * 1024) -> None:
        self._memory_bytes = memory_bytes
        self._processes_max = processes_max
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, source: str, inputs: JSONObject, *, timeout_s: float) -> CodeResult:
        """Return what the code did, or that it was stopped after `timeout_s`; see the port."""
        request = {
            "source": source,
            "inputs": inputs,
            "memory_bytes": self._memory_bytes,
            "timeout_s": timeout_s,
        }
        # Made here, because a limiter belongs to the event loop it is made in.
        self._limiter = self._limiter or anyio.CapacityLimiter(self._processes_max)
        async with self._limiter:
            with anyio.move_on_after(_START_S + timeout_s):
                answer, exit_code = await _ask(json.dumps(request).encode())
                if exit_code != -signal.SIGALRM:
                    return _result(answer)
        return CodeResult(error=f"The code was stopped after {timeout_s:g} seconds.")


async def _ask(request: bytes) -> tuple[bytes, int]:
    process = await anyio.open_process(
        [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(_CHILD)],
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    )
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_send, process, request)
            answer = await _receive(process.stdout)  # type: ignore[arg-type]  # both ends are pipes
            if len(answer) > _ANSWER_BYTES_MAX:
                process.kill()
            exit_code = await process.wait()
            tasks.cancel_scope.cancel()
        return answer, exit_code
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.aclose()


async def _send(process: Process, request: bytes) -> None:
    try:
        await process.stdin.send(request)  # type: ignore[union-attr]
        await process.stdin.aclose()  # type: ignore[union-attr]
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return  # it ended early; its answer, or the lack of one, says why


async def _receive(stream: ByteReceiveStream) -> bytes:
    answer = bytearray()
    async for piece in stream:
        answer += piece
        if len(answer) > _ANSWER_BYTES_MAX:
            break
    return bytes(answer)


def _result(answer: bytes) -> CodeResult:
    try:
        parsed = json.loads(answer)
        refused = parsed["refused"]
        result = CodeResult(value=parsed["value"], output=parsed["output"], error=parsed["error"])
    except (ValueError, KeyError, TypeError):
        return CodeResult(error="The code ended without an answer: it used too much memory or processor time.")
    if refused:
        raise UpstreamFailed(f"Code cannot be run safely on this machine: {refused}.", code="sandbox_unavailable")
    return result
