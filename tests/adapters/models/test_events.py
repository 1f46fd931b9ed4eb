"""Events come out of the bytes the same, wherever the network cuts them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.adapters.models.continuation import EchoFilter
from trivium.adapters.models.events import EventReader
from trivium.core.errors import UpstreamFailed

data_lines = st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), min_size=1)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(edges)]


@given(st.lists(data_lines, max_size=8), st.sampled_from(["\n", "\r\n"]), st.lists(st.integers(0, 10_000)))
def test_events_survive_any_cut(events: list[list[str]], end: str, cuts: list[int]) -> None:
    text = "".join(f": ping{end}event: x{end}" + "".join(f"data: {line}{end}" for line in e) + end for e in events)
    reader = EventReader()
    read = [event for piece in cut(text.encode(), cuts) for event in reader.feed(piece)]
    # A closing carriage return belongs to the line end; the data is JSON and does not care.
    assert [event.replace(b"\r", b"") for event in read] == ["\n".join(lines).encode() for lines in events]
    assert reader.feed(b"\n\n") == []


def test_an_event_without_its_empty_line_is_read_at_the_end() -> None:
    reader = EventReader()
    assert reader.feed(b"data:1\n\ndata:2") == [b"1"]
    assert reader.feed(b"\n\n") == [b"2"]


@pytest.mark.parametrize("piece", [b"x" * 101, b"data: " + b"x" * 95 + b"\n\n", b"\n" + b"x" * 101])
def test_a_line_beyond_the_limit_is_refused(piece: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        EventReader(line_bytes_max=100).feed(piece)


def test_the_limit_is_for_a_line_and_not_for_a_piece() -> None:
    reader = EventReader(line_bytes_max=100)
    for _ in range(10):
        assert len(reader.feed(b"data: 1\n\n" * 50)) == 50
    with pytest.raises(UpstreamFailed):
        reader.feed(b"data: 1234567\n" * 20)


@given(st.text(min_size=1, max_size=40), st.text(max_size=40), st.lists(st.integers(0, 100), max_size=5))
def test_a_repeated_prefix_is_dropped_wherever_it_is_cut(prefix: str, rest: str, cuts: list[int]) -> None:
    echo = EchoFilter(prefix)
    said = prefix + rest
    edges = sorted({0, len(said), *(cut % (len(said) + 1) for cut in cuts)})
    pieces = [said[start:end] for start, end in pairwise(edges)]
    assert "".join(echo.feed(piece) for piece in pieces) + echo.end() == rest


@pytest.mark.parametrize(
    ("prefix", "said", "shown"),
    [
        ("The answer is ", "42.", "42."),
        ("The answer is ", "Then", "Then"),
        ("The answer is ", "Th", "Th"),
        ("  The answer is", "The answer is 42", " 42"),
        ("The answer to everything is", "The answer to everything", ""),
        ("", "Anything", "Anything"),
    ],
)
def test_what_is_no_repetition_is_shown(prefix: str, said: str, shown: str) -> None:
    echo = EchoFilter(prefix)
    assert "".join(echo.feed(letter) for letter in said) + echo.end() == shown
