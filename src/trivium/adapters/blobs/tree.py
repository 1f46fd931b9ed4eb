"""Files of agents in folders of their own: the one place that opens a path a caller named."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import AsyncIterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import anyio.to_thread

from trivium.core.errors import InvalidRequest, LimitExceeded, NotFound
from trivium.core.ports import TreeFile

_PATH_LENGTH_MAX = 1024
_DEPTH_MAX = 32
_NAME_BYTES_MAX = 255
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK opening a named pipe would wait for its other end.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DRAFT = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DRAFT_PREFIX = ".draft-"


class FolderTree:
    """See `core.ports.FileTree`. Every folder on the way is opened by itself and never through a link, so that a link
    put there in the meantime leads nowhere either.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def size(self, root: str, path: str) -> int:
        """Return a file's size; see the port."""
        return await anyio.to_thread.run_sync(self._size, root, path)

    async def read(self, root: str, path: str, *, size_max: int) -> bytes:
        """Return a file's bytes; see the port."""
        return await anyio.to_thread.run_sync(self._read, root, path, size_max)

    async def write(self, root: str, path: str, data: AsyncIterable[bytes], *, size_max: int) -> int:
        """Write beside the target, flush to the disk, rename; see the port."""
        parts = _parts(path)
        draft = _DRAFT_PREFIX + secrets.token_hex(8)
        with contextlib.ExitStack() as held:
            folder = await anyio.to_thread.run_sync(self._make_folder, root, parts[:-1], path)
            held.callback(os.close, folder)
            file = os.open(draft, _DRAFT, 0o600, dir_fd=folder)
            held.callback(os.close, file)
            try:
                size = 0
                async for piece in data:
                    size += len(piece)
                    if size > size_max:
                        raise _too_large(path, size_max)
                    await anyio.to_thread.run_sync(_write_all, file, piece)
                await anyio.to_thread.run_sync(_publish, file, folder, draft, parts[-1])
            except IsADirectoryError as error:
                raise _invalid(path, "is a folder") from error
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=folder)
                raise
        return size

    async def find(self, root: str, *, limit: int) -> Sequence[TreeFile]:
        """Return the files of a root in order of their paths."""
        return await anyio.to_thread.run_sync(self._find, root, limit)

    async def remove(self, root: str, path: str) -> bool:
        """Delete a file; False when it was not there."""
        return await anyio.to_thread.run_sync(self._remove, root, path)

    def _size(self, root: str, path: str) -> int:
        with self._file(root, path) as source:
            return os.fstat(source.fileno()).st_size

    def _read(self, root: str, path: str, size_max: int) -> bytes:
        with self._file(root, path) as source:
            data = source.read(size_max + 1)
        if len(data) > size_max:
            raise _too_large(path, size_max)
        return data

    @contextlib.contextmanager
    def _file(self, root: str, path: str) -> Iterator[BinaryIO]:
        parts = _parts(path)
        with self._opened(root, parts[:-1], path) as folder, _explained(path):
            file = os.open(parts[-1], _FILE, dir_fd=folder)
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise _invalid(path, "is not a file")
            if status.st_nlink > 1:
                raise _invalid(path, "is a link")
        except BaseException:
            os.close(file)
            raise
        with os.fdopen(file, "rb") as source:
            yield source

    def _remove(self, root: str, path: str) -> bool:
        parts = _parts(path)
        try:
            with self._opened(root, parts[:-1], path) as folder, _explained(path):
                os.unlink(parts[-1], dir_fd=folder)
        except NotFound:
            return False
        return True

    def _find(self, root: str, limit: int) -> list[TreeFile]:
        base = self._folder / root
        found: list[TreeFile] = []
        for folder, names, files in os.walk(base, followlinks=False):
            names.sort()
            for name in sorted(files):
                status = (Path(folder) / name).lstat()
                if stat.S_ISREG(status.st_mode) and not name.startswith(_DRAFT_PREFIX):
                    relative = (Path(folder) / name).relative_to(base).as_posix()
                    found.append(TreeFile(path=relative, size_bytes=status.st_size))
            if len(found) >= limit:
                break
        return sorted(found, key=lambda file: file.path)[:limit]

    @contextlib.contextmanager
    def _opened(self, root: str, parts: Sequence[str], path: str) -> Iterator[int]:
        with _explained(path):
            folder = os.open(self._folder / root, _FOLDER)
        try:
            for part in parts:
                with _explained(path):
                    inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)

    def _make_folder(self, root: str, parts: Sequence[str], path: str) -> int:
        (self._folder / root).mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = os.open(self._folder / root, _FOLDER)
        try:
            for part in parts:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=folder)
                with _explained(path):
                    inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
        except BaseException:
            os.close(folder)
            raise
        return folder


def _parts(path: str) -> list[str]:
    if not path or len(path) > _PATH_LENGTH_MAX or not path.isprintable() or "\\" in path:
        raise _invalid(path, "is not a path")
    if path.startswith(("/", "~")):
        raise _invalid(path, "does not begin in the agent's folder")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise _invalid(path, "leads out of the agent's folder")
    try:
        too_long = any(len(part.encode()) > _NAME_BYTES_MAX for part in parts)
    except UnicodeEncodeError:
        too_long = True
    if not parts or too_long or len(parts) > _DEPTH_MAX or path.endswith("/"):
        raise _invalid(path, "is not a path of a file")
    return parts


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("file", path[:200]) from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
            raise _invalid(path, "leads over a link or a file") from error
        if error.errno in (errno.ENXIO, errno.ENODEV, errno.EISDIR, errno.EPERM):
            raise _invalid(path, "is not a file") from error
        raise


def _write_all(file: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(file, view) :]


def _publish(file: int, folder: int, draft: str, name: str) -> None:
    os.fsync(file)
    os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def _invalid(path: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"{path[:200]!r} {reason}.", code="invalid_path", details={"path": path[:200]})


def _too_large(path: str, size_max: int) -> LimitExceeded:
    return LimitExceeded(f"{path[:200]!r} is larger than {size_max} bytes.", code="too_large", is_size=True)
