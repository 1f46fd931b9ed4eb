"""The decoder sees the same events however the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium_client import _sse
from trivium_client._sse import ServerSentEvent, SseDecoder

LINE = st.text(st.characters(blacklist_characters="\r\n\0", codec="utf-8"), max_size=20)
NEWLINE = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def streams(draw) -> tuple[bytes, list[ServerSentEvent]]:
    """Return the bytes of a stream and the events that are in it."""
    written, expected, last_id = "", [], None
    for data in draw(st.lists(st.lists(LINE, min_size=1, max_size=3), max_size=5)):
        newline = draw(NEWLINE)
        if draw(st.booleans()):
            written += f": a comment{newline}"
        has_id = draw(st.booleans())
        if has_id:
            last_id = draw(LINE)
            written += f"id: {last_id}{newline}"
        written += "".join(f"data: {line}{newline}" for line in data) + newline
        expected.append(ServerSentEvent(data="\n".join(data), id=last_id, has_id=has_id))
    return written.encode(), expected


@given(streams(), st.data())
def test_any_split_gives_the_same_events(stream, data) -> None:
    written, expected = stream
    cuts = sorted(data.draw(st.lists(st.integers(0, len(written)), max_size=8)))
    decoder, found = SseDecoder(), []
    for start, end in zip([0, *cuts], [*cuts, len(written)], strict=True):
        found += decoder.feed(written[start:end])
    assert found == expected


@given(st.binary(max_size=200))
def test_any_bytes_are_taken(junk: bytes) -> None:
    whole, single = SseDecoder().feed(junk), []
    decoder = SseDecoder()
    for byte in junk:
        single += decoder.feed(bytes([byte]))
    assert single == whole


def test_event_name_and_mark_at_the_start_are_read() -> None:
    (event,) = SseDecoder().feed(b"\xef\xbb\xbfevent: note\ndata:no space\n\n")
    assert (event.event, event.data) == ("note", "no space")


def test_unfinished_event_is_dropped() -> None:
    assert SseDecoder().feed(b"data: cut") == []


def test_endless_event_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sse, "EVENT_BYTES_MAX", 100)
    with pytest.raises(ValueError, match="too large"):
        SseDecoder().feed(b"data: " + b"x" * 200)


def test_heartbeats_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sse, "EVENT_BYTES_MAX", 100)
    decoder = SseDecoder()
    assert all(decoder.feed(b": ping\n\n") == [] for _ in range(100))
