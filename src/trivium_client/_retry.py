"""Which failures are worth another try, and how long to wait before it."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_DELAY_S = 0.5
DELAY_S_MAX = 8.0
RETRY_AFTER_S_MAX = 60.0


def is_worth_a_retry(status: int, *, conflict_passes: bool = True) -> bool:
    """Return whether the same request may succeed a moment later.

    A conflict may pass (two calls at once on one thing), but not where the caller set a condition that failed.
    """
    return status in {408, 429} or status >= 500 or (status == 409 and conflict_passes)


def retry_after_s(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for, given in seconds or as a date; None without one."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds())


def delay_s(retry: int, asked_s: float | None) -> float | None:
    """Return how long to wait before this retry (0 is the first), or None where waiting is not worth it.

    What the server asks for is honoured up to a minute; a longer wait is the caller's to decide. Otherwise the
    delay doubles from half a second to eight, less up to a quarter, so that clients do not return together.
    """
    if asked_s is not None:
        return asked_s if asked_s <= RETRY_AFTER_S_MAX else None
    return float(min(DELAY_S_MAX, FIRST_DELAY_S * 2 ** min(retry, 16)) * (1 - 0.25 * random.random()))
