"""Server-sent events out of raw bytes, at a microsecond per event."""

from trivium.core.errors import UpstreamFailed

LINE_BYTES_MAX = 4 * 1024 * 1024


class EventReader:
    """Cuts a byte stream into the data of its events; comments, ids and event names are dropped.

    Lines end with LF or CRLF (a lone CR, which the standard also allows, no model server sends). A line or event above
    the limit raises UpstreamFailed.
    """

    __slots__ = ("_data", "_limit", "_parts", "_size")

    def __init__(self, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._data: bytes | None = None
        self._limit = line_bytes_max

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the data of every event that is complete with this piece; two line ends close the last one."""
        self._size += len(piece)
        if self._size > self._limit:
            self._refuse(piece)
        if b"\n" not in piece:
            self._parts.append(piece)
            return []
        if self._parts:
            self._parts.append(piece)
            piece = b"".join(self._parts)
            self._parts.clear()
        lines = piece.split(b"\n")
        rest = lines.pop()
        self._size = len(rest)
        if rest:
            self._parts.append(rest)
        events = []
        for line in lines:
            if line.startswith(b"data:"):
                value = line[6:] if line.startswith(b"data: ") else line[5:]
                self._data = value if self._data is None else self._join(self._data, value)
            elif self._data is not None and line in (b"", b"\r"):
                events.append(self._data)
                self._data = None
        return events

    def _join(self, data: bytes, value: bytes) -> bytes:
        if len(data) + len(value) > self._limit:
            raise _too_long()
        return data + b"\n" + value

    def _refuse(self, piece: bytes) -> None:
        """Raise when what waits for its line end, or a line inside the piece, is too long."""
        lines = piece.split(b"\n")
        lines[0] = b" " * min(self._size - len(piece), self._limit) + lines[0]
        if any(len(line) > self._limit for line in lines):
            raise _too_long()


def _too_long() -> UpstreamFailed:
    return UpstreamFailed("The model server sent a line that is too long.", code="model_malformed")
