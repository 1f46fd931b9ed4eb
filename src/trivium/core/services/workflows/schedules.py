"""When a workflow starts by itself. Pure, but for the calendar it is handed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trivium.core.errors import InvalidRequest
from trivium.core.model.workflows import Schedule
from trivium.core.ports.sandbox import Calendar

INTERVAL_MIN_MAX = 366 * 24 * 60
# Later than this, a start counts as missed: the server was down or asleep.
_GRACE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Due:
    """What to do with a start whose time has come, and when the next one is."""

    starts: bool
    next_run_at: datetime


def check_schedule(schedule: Schedule, calendar: Calendar, now: datetime) -> None:
    """Raise InvalidRequest when the schedule has no single meaning or its cron expression never comes true."""
    if (schedule.interval_min is None) == (schedule.cron is None):
        raise _bad("schedule", "needs either an interval or a cron expression")
    if schedule.interval_min is not None and not 1 <= schedule.interval_min <= INTERVAL_MIN_MAX:
        raise _bad("schedule.interval_minutes", f"must be 1 to {INTERVAL_MIN_MAX}")
    try:
        calendar.next_after("* * * * *", schedule.time_zone, now)
    except InvalidRequest as error:
        raise _bad("schedule.time_zone", f"there is no time zone {schedule.time_zone[:64]!r}") from error
    try:
        first_after(schedule, calendar, now)
    except InvalidRequest as error:
        raise _bad("schedule.cron", error.message.rstrip(".")) from error


def _bad(place: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"{place}: {reason}.", code="invalid_schedule", details={"place": place, "reason": reason})


def first_after(schedule: Schedule, calendar: Calendar, now: datetime) -> datetime:
    """Return the first start after `now` of a schedule that begins now."""
    if schedule.interval_min is not None:
        return now + timedelta(minutes=schedule.interval_min)
    return calendar.next_after(schedule.cron or "", schedule.time_zone, now)


def judge(schedule: Schedule, calendar: Calendar, *, due_at: datetime, now: datetime, is_busy: bool) -> Due:
    """Decide about the start that was due at `due_at`; however many were missed, at most one is made up for.

    An interval keeps its beat: the next start is the old one plus a whole number of intervals.
    """
    if schedule.interval_min is not None:
        interval = timedelta(minutes=schedule.interval_min)
        next_run_at = due_at + interval * ((now - due_at) // interval + 1)
    else:
        next_run_at = calendar.next_after(schedule.cron or "", schedule.time_zone, now)
    is_missed = now - due_at > _GRACE
    starts = not (is_missed and schedule.missed == "skip") and (schedule.allows_overlap or not is_busy)
    return Due(starts=starts, next_run_at=next_run_at)
