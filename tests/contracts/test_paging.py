"""Page limits and cursors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.contracts.paging import clamp_limit, decode_cursor, encode_cursor
from trivium.core.errors import InvalidRequest

parts = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(parts, min_size=1, max_size=3))
def test_a_cursor_comes_back_as_it_was_given(values: list[str]) -> None:
    assert decode_cursor(encode_cursor(*values), len(values)) == tuple(values)


@pytest.mark.parametrize("cursor", ["", "???", "é", "Zm9v\n", encode_cursor("a", "b")])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        decode_cursor(cursor)


@pytest.mark.parametrize(("given_limit", "page"), [(None, 10), (0, 1), (-5, 1), (7, 7), (99, 50)])
def test_a_limit_is_moved_into_its_range(given_limit: int | None, page: int) -> None:
    assert clamp_limit(given_limit, default=10, maximum=50) == page
