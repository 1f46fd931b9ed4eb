"""Hours: which times there are, over changes of the clock too."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSONObject
from trivium.core.services.appointments.hours import is_bookable, read_hours, slots

MONDAY = date(2026, 3, 2)


def test_office_hours_without_settings() -> None:
    found = list(slots(read_hours({}), MONDAY))
    assert (found[0][0], found[-1][1]) == (
        datetime(2026, 3, 2, 9, tzinfo=UTC),
        datetime(2026, 3, 2, 17, tzinfo=UTC),
    )
    assert len(found) == 16
    assert not list(slots(read_hours({}), MONDAY + timedelta(days=5)))


def test_spans_pauses_and_closed_days() -> None:
    hours = read_hours(
        {
            "time_zone": "Europe/Berlin",
            "hours": {"mon": ["13:00-14:00", "09:00-10:30"]},
            "duration_minutes": 20,
            "pause_minutes": 10,
            "closed_dates": ["2026-03-09"],
        }
    )
    begins = [at.astimezone(hours.zone).strftime("%H:%M") for at, _ in slots(hours, MONDAY)]
    assert begins == ["09:00", "09:30", "10:00", "13:00", "13:30"]
    assert not list(slots(hours, date(2026, 3, 9)))


def test_times_that_the_clock_skips_are_none() -> None:
    hours = read_hours({"time_zone": "Europe/Berlin", "hours": {"sun": ["01:00-04:00"]}})
    local = [at.astimezone(hours.zone).strftime("%H:%M") for at, _ in slots(hours, date(2026, 3, 29))]
    assert local == ["01:00", "01:30", "03:00", "03:30"]


def test_too_soon_and_too_late_cannot_be_booked() -> None:
    hours = read_hours({"notice_minutes": 60, "days_ahead": 2})
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    waits = [timedelta(minutes=59), timedelta(minutes=60), timedelta(days=2), timedelta(days=2, minutes=1)]
    assert [is_bookable(hours, now + wait, now) for wait in waits] == [False, True, True, False]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"hours": ["09:00-17:00"]}, "hours"),
        ({"hours": {"monday": ["09:00-17:00"]}}, "hours"),
        ({"hours": {"mon": ["17:00-09:00"]}}, "hours"),
        ({"hours": {"mon": ["09:00-12:00", "11:00-13:00"]}}, "hours.mon"),
        ({"hours": {"mon": ["9-12"]}}, "hours"),
        ({"duration_minutes": 1}, "duration_minutes"),
        ({"duration_minutes": "30"}, "duration_minutes"),
        ({"closed_dates": ["24.12.2026"]}, "closed_dates"),
        ({"opening": {}}, "opening"),
    ],
)
def test_hours_that_mean_nothing_are_refused(config: JSONObject, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_hours(config)
    assert caught.value.details["field"] == field


@given(
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    length=st.integers(5, 120),
    pause=st.integers(0, 60),
)
@example(day=date(2026, 10, 4), zone="Australia/Lord_Howe", length=6, pause=1)
def test_times_of_a_day_never_overlap(day: date, zone: str, length: int, pause: int) -> None:
    every = {name: ["00:00-24:00"] for name in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    config: JSONObject = {"time_zone": zone, "hours": every, "duration_minutes": length, "pause_minutes": pause}  # type: ignore[dict-item]
    found = list(slots(read_hours(config), day))
    assert found
    assert all(one[1] <= other[0] for one, other in pairwise(found))
