"""Passages encoded in a process of its own, so that an upload takes no time from the streams of the server."""

import asyncio
import contextlib
import struct
import sys
from collections.abc import Sequence

import msgspec

from trivium.core.errors import UpstreamFailed
from trivium.core.model.knowledge import Passage
from trivium.core.ports.knowledge import EncodedPassage

_TIMEOUT_S = 120.0
_IDLE_S = 60.0
_ANSWER_MAX_BYTES = 256 << 20
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[EncodedPassage]).decode


class ProcessEncoder:
    """One worker process, started at the first passages and ended when there were none for a minute.

    `embedder` names a class without arguments as "module:Class"; the worker makes one.
    """

    def __init__(self, embedder: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._embedder = embedder
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._worker: asyncio.subprocess.Process | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def encode(self, passages: Sequence[Passage]) -> Sequence[EncodedPassage]:
        """Return one code per passage; UpstreamFailed (to be tried again) when the worker died or took 120 s."""
        async with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            try:
                worker = await self._started()
                async with asyncio.timeout(self._timeout_s):
                    return _decode(await _ask(worker, _encode(list(passages))))
            except (TimeoutError, OSError, asyncio.IncompleteReadError, msgspec.DecodeError) as error:
                await self._end()
                raise UpstreamFailed("The encoder of passages stopped.", is_retryable=True) from error
            except BaseException:
                # Whoever left in the middle leaves the pipe half read.
                await self._end()
                raise
            finally:
                self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self._end_soon)

    async def close(self) -> None:
        """End the worker."""
        if self._idle is not None:
            self._idle.cancel()
        await self._end()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._worker is None or self._worker.returncode is not None:
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "trivium.adapters.index.encoder_worker",
                self._embedder,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        return self._worker

    def _end_soon(self) -> None:
        if not self._lock.locked() and self._worker is not None and self._worker.stdin is not None:
            # It ends by itself at the end of its input.
            self._worker.stdin.close()
            self._worker = None

    async def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()


async def _ask(worker: asyncio.subprocess.Process, question: bytes) -> bytes:
    stdin, stdout = worker.stdin, worker.stdout
    if stdin is None or stdout is None:
        raise BrokenPipeError
    stdin.write(struct.pack(">I", len(question)) + question)
    await stdin.drain()
    (size,) = struct.unpack(">I", await stdout.readexactly(4))
    if size > _ANSWER_MAX_BYTES:
        raise BrokenPipeError
    return await stdout.readexactly(size)
