"""Cron expressions in time zones, by cronsim (its daylight-saving rules are those of Debian's cron)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from trivium.core.errors import InvalidRequest


class CronCalendar:
    """See `core.ports.sandbox.Calendar`."""

    def next_after(self, cron: str, time_zone: str, after: datetime) -> datetime:
        """Return the next moment in UTC; InvalidRequest for a text without meaning or a date that never comes."""
        try:
            zone = ZoneInfo(time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise InvalidRequest(f"There is no time zone {time_zone[:64]!r}.", code="invalid_schedule") from error
        try:
            return next(CronSim(cron, after.astimezone(zone))).astimezone(UTC)
        except CronSimError as error:
            raise InvalidRequest(f"{cron[:64]!r} is not a cron expression.", code="invalid_schedule") from error
        except StopIteration as error:
            raise InvalidRequest(f"{cron[:64]!r} never comes true.", code="invalid_schedule") from error
