"""The parent's side: one worker process, started at the first file, ended when idle, killed when it takes too long."""

import asyncio
import contextlib
import os
import signal
import struct
import sys

import msgspec

from trivium.adapters.extract.recordings import is_recording
from trivium.core.errors import InvalidRequest, UpstreamFailed
from trivium.core.ports.knowledge import Extracted

_TIMEOUT_S = 120.0
# Less than the job has.
_RECORDING_TIMEOUT_S = 3000.0
_IDLE_S = 60.0
_ANSWER_MAX_BYTES = 256 << 20
_FILES_MAX = 200
_decode = msgspec.json.Decoder(Extracted).decode
_encode = msgspec.json.encode


class Extractors:
    """See `core.ports.Extractor`. Recordings have a process of their own: they take minutes, other files wait for none.

    `transcriber` is the folder of the speech model; "" refuses recordings.
    """

    def __init__(self, *, transcriber: str = "") -> None:
        self._files = ProcessExtractor()
        self._recordings = self._files
        if transcriber:
            self._recordings = ProcessExtractor(
                timeout_s=_RECORDING_TIMEOUT_S, memory_max_bytes=6 << 30, transcriber=transcriber
            )

    async def extract(self, data: bytes, *, name: str, mime_type: str) -> Extracted:
        """Return the text; InvalidRequest with a reason a person understands when there is none to be had."""
        chosen = self._recordings if is_recording(data) else self._files
        return await chosen.extract(data, name=name, mime_type=mime_type)

    async def close(self) -> None:
        """End the processes."""
        await self._files.close()
        await self._recordings.close()


class ProcessExtractor:
    """See `core.ports.Extractor`. One file at a time; a file has 120 s and 2 GiB, after that it is refused."""

    def __init__(
        self,
        *,
        timeout_s: float = _TIMEOUT_S,
        memory_max_bytes: int = 2 << 30,
        pages_max: int = 5000,
        transcriber: str = "",
    ) -> None:
        self._timeout_s = timeout_s
        self._limits = {
            "memory_max_bytes": memory_max_bytes,
            "pages_max": pages_max,
            # A speech model computes on several cores at once.
            "cpu_s": (int(timeout_s) + 1) * (os.cpu_count() or 1 if transcriber else 1),
            "transcriber": transcriber,
        }
        self._lock = asyncio.Lock()
        self._worker: asyncio.subprocess.Process | None = None
        self._files = 0
        self._idle: asyncio.TimerHandle | None = None

    async def extract(self, data: bytes, *, name: str, mime_type: str) -> Extracted:
        """Return the text; InvalidRequest with a reason a person understands when there is none to be had."""
        async with self._lock:
            try:
                # Started before the clock runs: a start that is cancelled half-way would leave a process behind.
                worker = await self._started()
                async with asyncio.timeout(self._timeout_s):
                    status, answer = await self._ask(worker, data, name=name, mime_type=mime_type)
            except TimeoutError as error:
                await self._end()
                raise InvalidRequest(
                    f"Reading this file took longer than {self._timeout_s:.0f} seconds.", code="too_slow"
                ) from error
            except (OSError, EOFError, asyncio.IncompleteReadError) as error:
                code = await self._end()
                if code == -signal.SIGXCPU:
                    raise InvalidRequest("Reading this file took too much computing time.", code="too_slow") from error
                raise InvalidRequest(
                    "This file made its reader stop; it is damaged or needs too much memory.", code="unreadable"
                ) from error
            except BaseException:
                # A caller that left in the middle leaves the pipe half read.
                await self._end()
                raise
            finally:
                self._rest()
        if status == "ok":
            return _decode(answer)
        problem = msgspec.json.decode(answer)
        raise InvalidRequest(problem["message"], code=problem["code"])

    async def close(self) -> None:
        """End the worker."""
        if self._idle is not None:
            self._idle.cancel()
        await self._end()

    async def _ask(
        self, worker: asyncio.subprocess.Process, data: bytes, *, name: str, mime_type: str
    ) -> tuple[str, bytes]:
        if worker.stdin is None or worker.stdout is None:
            raise UpstreamFailed("The reader of files has no pipes.")
        header = _encode({"name": name, "mime_type": mime_type, "size_bytes": len(data)})
        worker.stdin.write(struct.pack(">I", len(header)) + header)
        worker.stdin.write(data)
        await worker.stdin.drain()
        size, is_ok = struct.unpack(">IB", await worker.stdout.readexactly(5))
        if size > _ANSWER_MAX_BYTES:
            raise EOFError
        return ("ok" if is_ok else "problem"), await worker.stdout.readexactly(size)

    async def _started(self) -> asyncio.subprocess.Process:
        if self._idle is not None:
            self._idle.cancel()
        if self._worker is not None and (self._worker.returncode is not None or self._files >= _FILES_MAX):
            await self._end()
        if self._worker is None:
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "trivium.adapters.extract.worker",
                _encode(self._limits).decode(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=1 << 20,
                start_new_session=True,
            )
            self._files = 0
        self._files += 1
        return self._worker

    def _rest(self) -> None:
        self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self._end_soon)

    def _end_soon(self) -> None:
        if not self._lock.locked() and self._worker is not None and self._worker.stdin is not None:
            # It ends by itself at the end of its input.
            self._worker.stdin.close()
            self._worker = None

    async def _end(self) -> int | None:
        worker, self._worker = self._worker, None
        if worker is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            worker.kill()
        # The pipes are closed by hand: an unread rest would keep the transport open.
        transport = getattr(worker, "_transport", None)
        code = await worker.wait()
        if transport is not None:
            transport.close()
        return code
