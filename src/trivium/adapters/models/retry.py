"""How long to wait before a model is asked again."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRYABLE_STATUS = frozenset({408, 409, 425, 429, 529})


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """`tries_max` counts the first try; all waits of one call together stay within `wait_s_max`."""

    tries_max: int = 3
    first_wait_s: float = 0.5
    wait_s_max: float = 20.0

    def wait_s(self, tries: int, waited_s: float, retry_after_s: float | None) -> float | None:
        """Return the seconds to wait after `tries` failed ones, or None to give up."""
        if tries >= self.tries_max:
            return None
        backoff_s = self.first_wait_s * 2 ** (tries - 1) * random.uniform(0.5, 1.0)
        wait_s = backoff_s if retry_after_s is None else retry_after_s + random.uniform(0.0, 0.1) * self.first_wait_s
        return wait_s if waited_s + wait_s <= self.wait_s_max else None


def is_retryable(status: int) -> bool:
    """True for an HTTP status that may be another one next time."""
    return status in RETRYABLE_STATUS or 500 <= status <= 599


def read_retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds a server asks us to wait (Retry-After in seconds or as a date, retry-after-ms), or None."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or not value:
        return seconds
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None
