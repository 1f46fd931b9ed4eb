"""Blobs as files below one folder."""

import os
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterable
from pathlib import Path

import anyio.to_thread

from trivium.core.errors import NotFound

_KEY = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)*")
_PIECE_BYTES = 1 << 20


class FileBlobs:
    """See `core.ports.BlobStore`. A blob appears under its key only when all of it is on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, data: AsyncIterable[bytes] | bytes) -> int:
        """Write beside the target, flush to the disk, rename; return the size in bytes."""
        target = self._path(key)
        draft = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            if isinstance(data, bytes):
                size = await anyio.to_thread.run_sync(_write_all, draft, data)
            else:
                size = await _write_pieces(draft, data)
            await anyio.to_thread.run_sync(os.replace, draft, target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        return size

    async def get(self, key: str) -> bytes:
        """Return all bytes; NotFound when there are none."""
        try:
            return await anyio.to_thread.run_sync(self._path(key).read_bytes)
        except FileNotFoundError as error:
            raise NotFound("blob", key) from error

    async def stream(self, key: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes in pieces of 1 MiB."""
        try:
            file = await anyio.open_file(self._path(key), "rb")
        except FileNotFoundError as error:
            raise NotFound("blob", key) from error
        async with file:
            while piece := await file.read(_PIECE_BYTES):
                yield piece

    async def delete(self, key: str) -> None:
        """Remove the file; silent when it is not there."""
        await anyio.to_thread.run_sync(lambda: self._path(key).unlink(missing_ok=True))

    def _path(self, key: str) -> Path:
        # Keys are ours; the check is a second lock on the door to the rest of the disk.
        if not _KEY.fullmatch(key):
            raise NotFound("blob", key)
        return self._folder / key


def _write_all(draft: Path, data: bytes) -> int:
    draft.parent.mkdir(parents=True, exist_ok=True)
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return len(data)


async def _write_pieces(draft: Path, pieces: AsyncIterable[bytes]) -> int:
    await anyio.to_thread.run_sync(lambda: draft.parent.mkdir(parents=True, exist_ok=True))
    size = 0
    async with await anyio.open_file(draft, "wb") as file:
        async for piece in pieces:
            size += await file.write(piece)
        await file.flush()
        await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())
    return size
