"""Files on their way to the server, with progress."""

import mimetypes
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias

# A path, the bytes themselves (then with a name), or an open binary file.
FileInput: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO"
Progress: TypeAlias = Callable[[int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One file of a multipart request. `progress` is told the bytes sent so far, and all of them where known."""

    source: FileInput
    name: str
    content_type: str
    fields: Mapping[str, str] = field(default_factory=dict)
    progress: Progress | None = None

    @property
    def is_repeatable(self) -> bool:
        return not hasattr(self.source, "read") or bool(getattr(self.source, "seekable", bool)())

    def open(self) -> "Reader":
        """Return the file from its start. Close it; a file that the caller opened stays open."""
        return Reader(self)


class Reader:
    """Counts what is read of a file. httpx2 reads it while the request goes out."""

    def __init__(self, upload: Upload) -> None:
        source = upload.source
        self._owns = not hasattr(source, "read")
        self._file = _opened(source)
        if not self._owns and upload.is_repeatable:
            self._file.seek(0)
        self._total = _size(self._file)
        self._progress = upload.progress
        self._sent = 0

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._sent += len(piece)
        if self._progress is not None and piece:
            self._progress(self._sent, self._total)
        return piece

    def seek(self, offset: int, whence: int = 0) -> int:
        position = self._file.seek(offset, whence)
        self._sent = position
        return position

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return self._file.seekable()

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        if self._owns:
            self._file.close()


def upload_of(
    source: FileInput,
    *,
    name: str | None = None,
    content_type: str | None = None,
    fields: Mapping[str, str | None] | None = None,
    progress: Progress | None = None,
) -> Upload:
    """Return an upload; its name and type are guessed from the path where they are not given."""
    found = name or _name(source)
    return Upload(
        source=source,
        name=found,
        content_type=content_type or mimetypes.guess_type(found)[0] or "application/octet-stream",
        fields={key: value for key, value in (fields or {}).items() if value is not None},
        progress=progress,
    )


def _name(source: FileInput) -> str:
    if isinstance(source, bytes):
        return "upload"
    if isinstance(source, str | os.PathLike):
        return Path(source).name
    return Path(str(getattr(source, "name", "upload"))).name


def _opened(source: FileInput) -> BinaryIO:
    import io

    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, str | os.PathLike):
        return Path(source).open("rb")
    return source


def _size(file: BinaryIO) -> int | None:
    if not file.seekable():
        return None
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(here)
    return end
