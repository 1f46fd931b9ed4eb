"""Waits grow, stay within bounds and do what the server asks."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.adapters.models.retry import RetryPolicy, is_retryable, read_retry_after

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@given(st.integers(1, 10), st.floats(0, 100), st.none() | st.floats(0, 100))
def test_all_waits_together_stay_within_the_bound(tries: int, waited_s: float, asked_s: float | None) -> None:
    policy = RetryPolicy(tries_max=3, first_wait_s=0.5, wait_s_max=20.0)
    wait_s = policy.wait_s(tries, waited_s, asked_s)
    if wait_s is None:
        assert tries >= 3 or waited_s + (asked_s or 0.5 * 2 ** (tries - 1)) > 19.9
    else:
        assert tries < 3
        assert (asked_s or 0.0) <= wait_s
        assert waited_s + wait_s <= 20.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_what_a_server_asks_for_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert read_retry_after(headers, NOW) == seconds


def test_only_what_may_pass_is_tried_again() -> None:
    assert all(is_retryable(status) for status in (408, 409, 425, 429, 500, 502, 503, 504, 529))
    assert not any(is_retryable(status) for status in (200, 301, 400, 401, 403, 404, 413, 422))
