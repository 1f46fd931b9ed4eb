"""Rate limits, as properties."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.core.errors import LimitExceeded
from trivium.core.services.limits import LoginThrottle, RateLimits

START = datetime(2026, 11, 1, tzinfo=UTC)


@given(limit=st.integers(1, 8), gaps=st.lists(st.floats(0, 30), max_size=60))
def test_no_minute_holds_more_calls_than_the_limit(limit: int, gaps: list[float]) -> None:
    limits = RateLimits()
    passed: list[datetime] = []
    now = START
    for gap in gaps:
        now += timedelta(seconds=gap)
        try:
            limits.spend("key", limit, now)
            passed.append(now)
        except LimitExceeded:
            assert limits.allowance("key", limit, now).remaining == 0
    for first, after in zip(passed, passed[limit:], strict=False):
        # Counted by the second: a window may be short of a minute by less than one.
        assert (after - first).total_seconds() > 59


@given(limit=st.integers(1, 5), gap=st.floats(0, 20))
def test_a_call_passes_when_the_wait_is_over(limit: int, gap: float) -> None:
    limits = RateLimits()
    now = START
    for _ in range(limit):
        limits.spend("key", limit, now)
    now += timedelta(seconds=gap)
    with pytest.raises(LimitExceeded) as caught:
        limits.spend("key", limit, now)
    limits.spend("key", limit, now + timedelta(seconds=caught.value.retry_after_s or 0))


def test_a_clock_set_back_does_not_lock_a_key() -> None:
    limits = RateLimits()
    limits.spend("key", 1, START)
    limits.spend("key", 1, START - timedelta(hours=1))
    assert limits.allowance("key", 1, START - timedelta(hours=1)).remaining == 0


def test_logins_wait_longer_each_time_but_never_for_ever() -> None:
    throttle = LoginThrottle()
    now = START
    waits = []
    for _ in range(20):
        try:
            throttle.attempt("ann", now)
        except LimitExceeded as error:
            waits.append(error.retry_after_s or 0)
            now += timedelta(seconds=waits[-1])
    assert waits == sorted(waits)
    assert max(waits) <= 300
    throttle.attempt("bob", now)
