# Written by `make generate` from ../_async/stream.py; edits here are lost.
"""A run as it is told: typed events that go on where a broken connection stopped."""

from collections import deque
from collections.abc import Iterator
from typing import Generic, Self, TypeVar

import httpx2

from trivium_client._generated.transport import Transport, discard, failure
from trivium_client._call import Call
from trivium_client._clock import pause_sync
from trivium_client._errors import ApiError, ConnectionFailed, InvalidAnswer, RunFailed, StreamBroken
from trivium_client._reading import Reading
from trivium_client._retry import delay_s, is_worth_a_retry
from trivium_client._sse import ServerSentEvent, SseDecoder

RESUMES_WITHOUT_PROGRESS_MAX = 8
E = TypeVar("E")


class EventStream(Generic[E]):
    """Iterate over it for events, or over `text_deltas()` for the answer's text alone.

    The request goes out with the first event that is asked for, or on entering the context; only then are refusals
    raised. A connection that breaks is opened again with the last event's id, so no event is lost or repeated; after
    eight tries without a new event (half a minute) StreamBroken is raised. Leaving early does not cancel the run, but
    leave by the context or by close(), so that the connection is free again.
    """

    def __init__(self, transport: Transport, call: Call, reading: Reading[E]) -> None:
        self._transport = transport
        self._call = call
        self._reading = reading
        self._headers = {**transport.headers(call), "accept": "text/event-stream", "cache-control": "no-store"}
        self._response: httpx2.Response | None = None
        self._pieces: Iterator[bytes] | None = None
        self._decoder = SseDecoder()
        self._pending: deque[E] = deque()
        self._fruitless = 0
        self._is_done = False
        self._told: dict[str, str] = {}
        self.run_id: str | None = None
        self.last_event_id: str | None = None
        self.resumes = 0

    @property
    def request_id(self) -> str:
        """Return the id to name when you report a problem with this stream."""
        return self._headers["request-id"]

    @property
    def response_headers(self) -> dict[str, str]:
        """Return the headers of the newest response; empty before the first."""
        return dict(self._response.headers) if self._response is not None else {}

    def __enter__(self) -> Self:
        while self._response is None:
            self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading. The run goes on at the server."""
        self._is_done = True
        self._pending.clear()
        response, self._response, self._pieces = self._response, None, None
        discard(response)

    def go_on(self) -> Self:
        """Return this stream, ready to be read on: for one that ended because the run waits for a person's decision."""
        self._is_done = False
        return self

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
        while not self._pending:
            if self._is_done:
                self.close()
                raise StopIteration
            if self._response is None:
                self._connect()
            else:
                self._receive()
        return self._pending.popleft()

    def text_deltas(self) -> Iterator[str]:
        """Yield the pieces of the answer as they come; raises RunFailed when the run fails."""
        for event in self:
            if (message := self._reading.failure(event)) is not None:
                raise RunFailed(message, request_id=self.request_id)
            if text := self._reading.text(event):
                yield text

    def text(self) -> str:
        """Read to the end and return the whole answer; raises RunFailed when the run fails."""
        return "".join([piece for piece in self.text_deltas()])

    def _connect(self) -> None:
        """Open the stream, or open it again; waits before the next try when it fails."""
        headers = dict(self._headers)
        if self._has_begun:
            self.resumes += 1
            headers |= {"last-event-id": self.last_event_id or "0"}
            headers |= {"run-id": self.run_id} if self.run_id else {}
        try:
            response = self._transport.open(self._call, headers)
        except httpx2.TransportError as error:
            self._pause(failure(error, headers))
            return
        except ApiError as error:
            if not is_worth_a_retry(error.status):
                raise
            self._pause(error)
            return
        kind = response.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            discard(response)
            raise InvalidAnswer(f"the answer is no event stream but {kind!r}", request_id=self.request_id)
        self.run_id = response.headers.get("run-id") or self.run_id
        self._response, self._pieces, self._decoder = response, response.iter_bytes(), SseDecoder()

    def _receive(self) -> None:
        """Read the next piece of the body and keep the events in it."""
        if self._pieces is None:
            return
        try:
            piece = next(self._pieces, None)
            messages = self._decoder.feed(piece) if piece is not None else []
        except httpx2.TransportError as error:
            self._lose(failure(error, self._headers))
            return
        except ValueError as error:
            raise InvalidAnswer(str(error), request_id=self.request_id) from error
        if piece is None:
            self._lose(ConnectionFailed("the stream ended before its last event"))
            return
        for message in messages:
            self._take(message)

    def _take(self, message: ServerSentEvent) -> None:
        if self._is_done or (message.has_id and not self._is_new(message.id)):
            return
        self.last_event_id = message.id or self.last_event_id
        event = self._reading.parse(message.data)
        self._fruitless = 0
        if event is not None and not self._is_told(event):
            self._pending.append(event)
        self._is_done = self._reading.is_end(message.data, event)

    def _is_told(self, event: E) -> bool:
        """Return whether an event tells what the reader knows; otherwise remember it."""
        state = self._reading.state(event)
        if state is None:
            return False
        what, value = state
        is_told = self._told.get(what) == value
        self._told[what] = value
        return is_told

    def _is_new(self, event_id: str | None) -> bool:
        """Return whether an event was not read before; ids are sequence numbers, so a lower one is a repeat."""
        if event_id is None or self.last_event_id is None:
            return True
        number, last = event_id.rpartition(":")[2], self.last_event_id.rpartition(":")[2]
        if number.isdecimal() and last.isdecimal():
            return int(number) > int(last) or (self._reading.is_endless and int(number) == int(last))
        return self._reading.is_endless or event_id != self.last_event_id

    @property
    def _has_begun(self) -> bool:
        return self.run_id is not None or self.last_event_id is not None

    def _lose(self, error: ConnectionFailed) -> None:
        """Give up the connection; raises StreamBroken where the server gave nothing to resume by."""
        response, self._response, self._pieces = self._response, None, None
        discard(response)
        if not self._has_begun and not self._reading.is_endless:
            raise StreamBroken(str(error), request_id=self.request_id) from error
        self._pause(error)

    def _pause(self, error: ConnectionFailed | ApiError) -> None:
        """Wait before another try, or raise when there were enough of them."""
        tries = RESUMES_WITHOUT_PROGRESS_MAX if self._has_begun else self._transport.options.max_retries
        delay = delay_s(self._fruitless, error.retry_after_s if isinstance(error, ApiError) else None)
        if self._fruitless >= tries or delay is None:
            if self._has_begun and isinstance(error, ConnectionFailed):
                raise StreamBroken(str(error), request_id=self.request_id, last_event_id=self.last_event_id) from error
            raise error
        self._fruitless += 1
        pause_sync(delay)
