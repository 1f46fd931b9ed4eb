"""An agent's hours and the times in them. Pure."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON, JSONObject

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)")
_NUMBERS = {
    "duration_minutes": (5, 480),
    "pause_minutes": (0, 240),
    "notice_minutes": (0, 43_200),
    "days_ahead": (1, 366),
}
_KNOWN = frozenset({"time_zone", "hours", "closed_dates", "calendar", *_NUMBERS})
_CLOSED_MAX = 1_000
_OFFICE: Mapping[int, tuple[tuple[int, int], ...]] = dict.fromkeys(range(5), ((9 * 60, 17 * 60),))


@dataclass(frozen=True, kw_only=True)
class Hours:
    """When appointments may begin: `weekly` holds spans of minutes of a day by weekday, Monday is 0."""

    time_zone: str = "UTC"
    weekly: Mapping[int, tuple[tuple[int, int], ...]] = field(default_factory=lambda: _OFFICE)
    closed_dates: frozenset[date] = frozenset()
    calendar: str = ""
    duration_minutes: int = 30
    pause_minutes: int = 0
    notice_minutes: int = 60
    days_ahead: int = 30

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)


def read_hours(config: JSONObject) -> Hours:
    """Return the hours that a tool's configuration describes; InvalidRequest names the field that cannot be used.

    Nothing set means Monday to Friday, 9 to 17 o'clock UTC, half an hour each.
    """
    for name in config:
        if name not in _KNOWN:
            raise _bad(name, "is not known")
    values: dict[str, int] = {}
    for name, (least, most) in _NUMBERS.items():
        value = config.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _bad(name, f"must be a whole number from {least} to {most}")
        values[name] = value
    hours, calendar = config.get("hours"), config.get("calendar") or ""
    if not isinstance(calendar, str) or len(calendar) > 64:
        raise _bad("calendar", "must be a text of at most 64 characters")
    return Hours(
        time_zone=_zone(config.get("time_zone") or "UTC"),
        weekly=_OFFICE if hours is None else _weekly(hours),
        closed_dates=_dates(config.get("closed_dates") or []),
        calendar=calendar,
        **values,
    )


def slots(hours: Hours, day: date) -> Iterator[tuple[datetime, datetime]]:
    """Yield begin and end (UTC) of every appointment of a day, booked or not; a time that the clock skips is none."""
    if day in hours.closed_dates:
        return
    length = timedelta(minutes=hours.duration_minutes)
    free_from = datetime.min.replace(tzinfo=UTC)
    for first, last in hours.weekly.get(day.weekday(), ()):
        for minute in range(first, last - hours.duration_minutes + 1, hours.duration_minutes + hours.pause_minutes):
            local = datetime.combine(day, time(minute // 60, minute % 60), hours.zone)
            begins_at = local.astimezone(UTC)
            is_real = begins_at.astimezone(hours.zone).replace(tzinfo=None) == local.replace(tzinfo=None)
            # An appointment in which the clock is put forward ends after what the clock then shows.
            if is_real and begins_at >= free_from:
                free_from = begins_at + length
                yield begins_at, free_from


def is_bookable(hours: Hours, begins_at: datetime, now: datetime) -> bool:
    """True for a time that is neither too soon nor too far away."""
    soonest = now + timedelta(minutes=hours.notice_minutes)
    return soonest <= begins_at <= now + timedelta(days=hours.days_ahead)


def _zone(value: JSON) -> str:
    try:
        ZoneInfo(str(value))
    except (KeyError, ValueError, OSError) as error:
        raise _bad("time_zone", "is not a time zone") from error
    return str(value)


def _weekly(value: JSON) -> Mapping[int, tuple[tuple[int, int], ...]]:
    if not isinstance(value, dict):
        raise _bad("hours", 'must be an object such as {"mon": ["09:00-12:00"]}')
    weekly: dict[int, tuple[tuple[int, int], ...]] = {}
    for name, spans in value.items():
        if name not in _DAYS:
            raise _bad("hours", "has days other than " + ", ".join(_DAYS))
        found = sorted(_span(text) for text in (spans if isinstance(spans, list) else [spans]))
        if any(one[1] > other[0] for one, other in itertools.pairwise(found)):
            raise _bad(f"hours.{name}", "has times that overlap")
        weekly[_DAYS.index(name)] = tuple(found)
    return weekly


def _span(text: JSON) -> tuple[int, int]:
    match = _SPAN.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise _bad("hours", "has times other than 09:00-12:00")
    first, last = (int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4]))
    if not first < last <= 24 * 60:
        raise _bad("hours", "has a time that ends before it begins")
    return first, last


def _dates(value: JSON) -> frozenset[date]:
    if not isinstance(value, list) or len(value) > _CLOSED_MAX:
        raise _bad("closed_dates", "must be a list of dates")
    try:
        return frozenset(date.fromisoformat(str(one)) for one in value)
    except ValueError as error:
        raise _bad("closed_dates", "must be dates such as 2026-12-24") from error


def _bad(name: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"{name} {reason}.", code="invalid_tool", details={"field": name, "reason": reason})
