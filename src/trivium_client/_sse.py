"""Server-sent events, decoded as the bytes arrive."""

import codecs
from dataclasses import dataclass

EVENT_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ServerSentEvent:
    """One event of the stream. `id` is the last id seen; `has_id` tells whether it is this event's own."""

    data: str
    event: str = "message"
    id: str | None = None
    has_id: bool = False


class SseDecoder:
    """Turns pieces of a stream, cut anywhere, into events.

    Lines end in LF, CR LF or CR; comments, unknown fields and events without data are skipped; an event that the
    stream does not finish is dropped (WHATWG HTML, 9.2.6). Raises ValueError for an event above 16 MiB.
    """

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._line: list[str] = []
        self._size = 0
        self._data: list[str] = []
        self._event = ""
        self._id: str | None = None
        self._has_id = False
        self._is_start = True
        self._skips_newline = False

    def feed(self, piece: bytes) -> list[ServerSentEvent]:
        """Return the events that this piece finishes."""
        text = self._text.decode(piece)
        if self._is_start and text:
            text, self._is_start = text.removeprefix("\ufeff"), False
        self._size += len(text)
        if self._size > EVENT_BYTES_MAX:
            raise ValueError("one event of the stream is too large")
        return [event for line in self._lines(text) if (event := self._take(line)) is not None]

    def _lines(self, text: str) -> list[str]:
        if self._skips_newline and text:
            text, self._skips_newline = text.removeprefix("\n"), False
        # A CR at the very end may be the first half of a CR LF whose second half has not arrived.
        self._skips_newline = self._skips_newline or text.endswith("\r")
        *finished, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if finished:
            finished[0] = "".join(self._line) + finished[0]
            self._line = []
        if rest:
            self._line.append(rest)
        return finished

    def _take(self, line: str) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id" if "\0" not in value:
                self._id, self._has_id = value, True
            case _:
                pass
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        data, event, has_id = self._data, self._event, self._has_id
        self._data, self._event, self._has_id, self._size = [], "", False, 0
        if not data:
            return None
        return ServerSentEvent(data="\n".join(data), event=event or "message", id=self._id, has_id=has_id)
