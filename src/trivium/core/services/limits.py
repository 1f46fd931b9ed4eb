"""Counting calls and failed logins, in memory and within fixed bounds."""

from collections import OrderedDict, deque
from datetime import datetime

from trivium.core.errors import LimitExceeded
from trivium.core.model.access import Allowance

_WINDOW_S = 60
_COUNTED_MAX = 10_000

_FREE_ATTEMPTS = 5
_DELAY_S_MAX = 300.0
_FORGET_S = 900.0


class RateLimits:
    """Calls per key in any 60 seconds, counted by the second: at most 61 counts a key, whatever the limit is.

    A call counts until the second it came in lies 60 seconds back, so a window is exact to the second. Counts live in
    this process; the 10,000 keys used last are remembered.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[str, deque[tuple[int, int]]] = OrderedDict()

    def spend(self, key_id: str, limit: int, now: datetime) -> None:
        """Count one call; LimitExceeded (which is not counted) when there is none left."""
        second = int(now.timestamp())
        counts = self._counts.setdefault(key_id, deque())
        self._counts.move_to_end(key_id)
        if len(self._counts) > _COUNTED_MAX:
            self._counts.popitem(last=False)
        _forget(counts, second)
        if sum(count for _, count in counts) >= limit:
            wait_s = max(1, counts[0][0] + _WINDOW_S - second)
            raise LimitExceeded(
                f"This key may make {limit} calls a minute.",
                code="rate_limited",
                details={"limit": limit, "remaining": 0, "reset_s": wait_s},
                retry_after_s=float(wait_s),
            )
        if counts and counts[-1][0] == second:
            counts[-1] = (second, counts[-1][1] + 1)
        else:
            counts.append((second, 1))

    def allowance(self, key_id: str, limit: int, now: datetime) -> Allowance:
        """Return what is left, without counting anything."""
        second = int(now.timestamp())
        counts = self._counts.get(key_id, deque())
        _forget(counts, second)
        used = sum(count for _, count in counts)
        reset_s = max(0, counts[-1][0] + _WINDOW_S - second) if counts else 0
        return Allowance(limit=limit, remaining=max(0, limit - used), reset_s=reset_s)


def _forget(counts: deque[tuple[int, int]], second: int) -> None:
    # A clock that was set back would keep counts alive for ever; what lies in the future is dropped as well.
    while counts and not second - _WINDOW_S < counts[0][0] <= second:
        counts.popleft()


class LoginThrottle:
    """Slows down guessing: five attempts are free, then each waits twice as long as the one before, up to 5 minutes.

    An attempt counts before its password is checked, so that guesses made at the same moment count too; a success
    clears the count. Quiet for 15 minutes clears it as well.
    """

    def __init__(self) -> None:
        self._attempts: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def attempt(self, name: str, now: datetime) -> None:
        """Count an attempt for a name (an e-mail or an address); LimitExceeded when it comes too early."""
        count, last = self._attempts.get(name, (0, now))
        passed_s = (now - last).total_seconds()
        if passed_s >= _FORGET_S:
            count = 0
        wait_s = min(2.0 ** (count - _FREE_ATTEMPTS), _DELAY_S_MAX) if count >= _FREE_ATTEMPTS else 0.0
        if passed_s < wait_s:
            raise LimitExceeded("Too many failed logins.", code="too_many_logins", retry_after_s=wait_s - passed_s)
        self._attempts[name] = (min(count + 1, 64), now)
        self._attempts.move_to_end(name)
        if len(self._attempts) > _COUNTED_MAX:
            self._attempts.popitem(last=False)

    def was_right(self, name: str) -> None:
        """Take back the last attempt alone: what can be right by the caller's own doing must not clear the others."""
        if name in self._attempts:
            count, last = self._attempts[name]
            self._attempts[name] = (count - 1, last)

    def succeeded(self, name: str) -> None:
        """Forget the attempts of a name."""
        self._attempts.pop(name, None)
