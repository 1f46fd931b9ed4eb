"""The time of this machine."""

from datetime import UTC, datetime


class SystemClock:
    """See `core.ports.Clock`."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)
