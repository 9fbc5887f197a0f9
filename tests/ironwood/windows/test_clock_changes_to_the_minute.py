"""Windows where clocks are moved: to the minute, in Europe/Paris and America/New_York."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from builders import a_profile
from ironwood.windows.occurrences import occurrences
from ironwood.windows.timeline import sizes_at
from ironwood.windows.wall import clock_changes, instant

MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "wall", "when"),
    [
        ("Europe/Paris", "2026-03-29T01:59", "2026-03-29T00:59"),
        ("Europe/Paris", "2026-03-29T02:00", "2026-03-29T01:00"),  # skipped, as is all of this hour: the moment of the change
        ("Europe/Paris", "2026-03-29T02:30", "2026-03-29T01:00"),
        ("Europe/Paris", "2026-03-29T02:59", "2026-03-29T01:00"),
        ("Europe/Paris", "2026-03-29T03:00", "2026-03-29T01:00"),
        ("Europe/Paris", "2026-03-29T03:01", "2026-03-29T01:01"),
        ("Europe/Paris", "2026-10-25T01:59", "2026-10-24T23:59"),
        ("Europe/Paris", "2026-10-25T02:00", "2026-10-25T00:00"),  # comes twice: the first time counts
        ("Europe/Paris", "2026-10-25T02:59", "2026-10-25T00:59"),
        ("Europe/Paris", "2026-10-25T03:00", "2026-10-25T02:00"),
        ("America/New_York", "2026-03-08T01:59", "2026-03-08T06:59"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00"),
        ("America/New_York", "2026-03-08T03:00", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T01:00", "2026-11-01T05:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
        ("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00"),
    ],
)
def test_a_wall_time_is_the_first_instant_the_wall_shows_it_or_a_later_one(zone: str, wall: str, when: str):
    at = datetime.fromisoformat(wall)
    assert instant(at.date(), at.hour * 60 + at.minute, ZoneInfo(zone)) == utc(when)


@pytest.mark.parametrize(
    ("zone", "day", "moved", "forward"),
    [
        ("Europe/Paris", "2026-03-29", "2026-03-29T01:00", 1),
        ("Europe/Paris", "2026-10-25", "2026-10-25T01:00", -1),
        ("America/New_York", "2026-03-08", "2026-03-08T07:00", 1),
        ("America/New_York", "2026-11-01", "2026-11-01T06:00", -1),
    ],
)
def test_clock_changes_are_found_to_the_minute(zone: str, day: str, moved: str, forward: int):
    middle = utc(f"{day}T12:00")
    found = list(clock_changes(middle - timedelta(days=20), middle + timedelta(days=20), ZoneInfo(zone)))
    assert found == [(utc(moved), timedelta(hours=forward))]


@pytest.mark.parametrize(
    ("zone", "begin", "until", "day", "first", "hours"),
    [
        # The night in which an hour is skipped is an hour shorter, the one in which an hour comes twice an hour longer.
        ("Europe/Paris", "22:00", "06:00", "2026-03-28", "2026-03-28T21:00", 7),
        ("Europe/Paris", "22:00", "06:00", "2026-10-24", "2026-10-24T20:00", 9),
        ("America/New_York", "22:00", "06:00", "2026-03-07", "2026-03-08T03:00", 7),
        ("America/New_York", "22:00", "06:00", "2026-10-31", "2026-11-01T02:00", 9),
        # Beginning or ending inside the hour itself.
        ("Europe/Paris", "02:30", "08:00", "2026-03-29", "2026-03-29T01:00", 5),
        ("Europe/Paris", "02:30", "08:00", "2026-10-25", "2026-10-25T00:30", 6.5),
        ("Europe/Paris", "00:00", "02:30", "2026-03-29", "2026-03-28T23:00", 2),
        ("Europe/Paris", "00:00", "02:30", "2026-10-25", "2026-10-24T22:00", 2.5),
        ("America/New_York", "01:30", "08:00", "2026-11-01", "2026-11-01T05:30", 7.5),
        ("America/New_York", "00:00", "02:30", "2026-03-08", "2026-03-08T05:00", 2),
    ],
)
def test_a_window_over_a_clock_change_holds_to_the_minute(zone: str, begin: str, until: str, day: str, first: str, hours: float):
    name = date.fromisoformat(day).strftime("%a")
    profile = a_profile(
        f"time_zone: {zone}\nwindows:\n  - {{name: w, days: {name}, from: '{begin}', until: '{until}', sizes: {{small: 3}}}}\n"
    )
    start, end = utc(first), utc(first) + timedelta(hours=hours)
    for moment, pods in ((start - MINUTE, 1), (start, 3), (end - MINUTE, 3), (end, 1)):
        assert sizes_at(profile, None, moment).sizes["small"] == pods, moment


def test_a_window_inside_the_skipped_hour_has_no_moment_that_day_and_one_inside_the_repeated_hour_holds_once():
    profile = a_profile("time_zone: Europe/Paris\nwindows:\n  - {name: w, days: Sun, from: '02:10', until: '02:50', sizes: {small: 3}}\n")

    def minutes(day: str) -> int:
        noon = utc(f"{day}T12:00")
        found = occurrences(profile, None, noon - timedelta(days=1), noon)
        return sum(int((each.end - each.begin) / MINUTE) for each in found)

    assert minutes("2026-03-22") == 40
    assert minutes("2026-03-29") == 0
    assert minutes("2026-10-25") == 40


def test_windows_that_touch_on_the_wall_touch_in_time_when_clocks_go_back():
    profile = a_profile(
        "time_zone: Europe/Paris\nwindows:\n  - {name: a, from: '20:00', until: '02:30', sizes: {small: 2}}\n"
        "  - {name: b, from: '02:30', until: '20:00', sizes: {small: 3}}\n"
    )
    at = utc("2026-10-24T18:00")
    sizes = [sizes_at(profile, None, at + number * MINUTE).sizes["small"] for number in range(25 * 60)]
    assert sizes == [2] * 390 + [3] * 1110
