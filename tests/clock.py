"""A clock that tests move by hand."""

from datetime import UTC, datetime, timedelta


class HandClock:
    """Stands still until `advance` is called."""

    def __init__(self, at: datetime = datetime(2026, 1, 5, 9, tzinfo=UTC)) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the time it was last moved to."""
        return self.at

    def advance(self, **step: float) -> None:
        """Move by `timedelta(**step)`."""
        self.at += timedelta(**step)
