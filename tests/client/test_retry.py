"""When to try again, and how long to wait."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium_client import _retry
from trivium_client._retry import delay_s, is_worth_a_retry, retry_after_s


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_passing_trouble_is_tried_again(status: int) -> None:
    assert is_worth_a_retry(status)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 412, 413, 422])
def test_lasting_trouble_is_not(status: int) -> None:
    assert not is_worth_a_retry(status)


def test_conflict_of_an_apply_is_not_tried_again() -> None:
    assert not is_worth_a_retry(409, conflict_passes=False)


@given(st.integers(0, 1000))
def test_delay_grows_to_eight_seconds(retry: int) -> None:
    _retry.FIRST_DELAY_S = 0.5
    delay = delay_s(retry, None)
    assert delay is not None
    assert 0.375 <= delay <= 8


def test_delay_asked_for_is_kept_up_to_a_minute() -> None:
    assert delay_s(0, 7.5) == 7.5
    assert delay_s(0, 3600) is None


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    now = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
    assert retry_after_s({"retry-after": "2.5"}) == 2.5
    assert retry_after_s({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, now=now) == 30
    assert retry_after_s({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, now=now) == 0
    assert retry_after_s({"retry-after": "soon"}) is None
    assert retry_after_s({}) is None
