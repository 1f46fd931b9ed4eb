"""When a workflow starts by itself, under a moved clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.adapters.calendar import CronCalendar
from trivium.core.errors import InvalidRequest
from trivium.core.model.workflows import Schedule
from trivium.core.services.workflows.schedules import check_schedule, first_after, judge

CALENDAR = CronCalendar()
NOON = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)


def test_cron_follows_its_time_zone_over_a_change_to_summer_time() -> None:
    schedule = Schedule(cron="30 8 * * *", time_zone="Europe/Berlin")
    first = first_after(schedule, CALENDAR, NOON)
    assert first == datetime(2026, 3, 29, 6, 30, tzinfo=UTC)
    assert first_after(schedule, CALENDAR, NOON - timedelta(days=1)) == datetime(2026, 3, 28, 7, 30, tzinfo=UTC)


def test_cron_starts_once_in_the_hour_that_comes_twice_and_in_the_one_that_is_skipped() -> None:
    schedule = Schedule(cron="30 2 * * *", time_zone="Europe/Berlin")
    autumn = first_after(schedule, CALENDAR, datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert autumn == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert first_after(schedule, CALENDAR, autumn) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    # There is no half past two on that Sunday: it starts when the clock has jumped.
    spring = first_after(schedule, CALENDAR, NOON)
    assert spring == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert first_after(schedule, CALENDAR, spring) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(),
        Schedule(interval_min=5, cron="* * * * *"),
        Schedule(interval_min=0),
        Schedule(cron="every day"),
        Schedule(cron="0 0 30 2 *"),
        Schedule(cron="* * * * *", time_zone="Mars/Base"),
        Schedule(cron="* * * * *", time_zone="../etc/passwd"),
    ],
)
def test_schedule_without_a_meaning_is_refused(schedule: Schedule) -> None:
    with pytest.raises(InvalidRequest):
        check_schedule(schedule, CALENDAR, NOON)


def test_missed_starts_are_made_up_for_once_or_never() -> None:
    late = NOON + timedelta(hours=5, minutes=7)
    once = judge(Schedule(interval_min=60), CALENDAR, due_at=NOON, now=late, is_busy=False)
    never = judge(Schedule(interval_min=60, missed="skip"), CALENDAR, due_at=NOON, now=late, is_busy=False)
    assert (once.starts, never.starts) == (True, False)
    assert once.next_run_at == never.next_run_at == NOON + timedelta(hours=6)


def test_overlap_is_refused_unless_allowed() -> None:
    assert not judge(Schedule(interval_min=1), CALENDAR, due_at=NOON, now=NOON, is_busy=True).starts
    allowed = Schedule(interval_min=1, allows_overlap=True)
    assert judge(allowed, CALENDAR, due_at=NOON, now=NOON, is_busy=True).starts


@given(interval=st.integers(1, 10_000), late_s=st.integers(0, 10_000_000))
def test_interval_keeps_its_beat(interval: int, late_s: int) -> None:
    now = NOON + timedelta(seconds=late_s)
    due = judge(Schedule(interval_min=interval), CALENDAR, due_at=NOON, now=now, is_busy=False)
    assert now < due.next_run_at <= now + timedelta(minutes=interval)
    assert (due.next_run_at - NOON) % timedelta(minutes=interval) == timedelta(0)
