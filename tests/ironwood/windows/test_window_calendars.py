"""Holidays, overrides and windows in cron: to the minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from builders import a_profile
from ironwood.capacity.windows import WeeklyWindows, Window
from ironwood.windows.occurrences import InForce
from ironwood.windows.timeline import changes_between, sizes_at, sizes_of_now, without_effect

MINUTE = timedelta(minutes=1)
OFFICE = "time_zone: Europe/Paris\nwindows:\n  - {name: office, days: Mon-Fri, from: '08:00', until: '20:00', sizes: {medium: 2}}\n"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NEW_YEAR = utc("2026-01-01T00:00")


def around(profile, moment: str, before: int, after: int, tier: str = "medium", plan: InForce | None = None) -> None:
    at = utc(moment)
    assert [sizes_at(profile, plan, each).sizes[tier] for each in (at - MINUTE, at)] == [before, after]


def test_office_hours_begin_and_end_to_the_minute():
    profile = a_profile(OFFICE)
    around(profile, "2026-11-23T07:00", 1, 2)
    around(profile, "2026-11-23T19:00", 2, 1)
    assert not changes_between(profile, None, utc("2026-11-27T19:00"), utc("2026-11-30T07:00"))


def test_a_holiday_is_the_weekday_it_behaves_like():
    armistice = "2026-11-11T12:00"  # a Wednesday
    assert sizes_at(a_profile(OFFICE), None, utc(armistice)).sizes["medium"] == 2
    assert sizes_at(a_profile(OFFICE + "holidays: {country: FR}\n"), None, utc(armistice)).sizes["medium"] == 1
    assert sizes_at(a_profile(OFFICE + "holidays: {country: US}\n"), None, utc("2026-11-26T12:00")).sizes["medium"] == 1
    assert sizes_at(a_profile(OFFICE + "holidays: {country: FR, like: Mon}\n"), None, utc(armistice)).sizes["medium"] == 2
    own = a_profile(OFFICE + "holidays: {dates: [2026-11-24]}\n")
    assert not changes_between(own, None, utc("2026-11-23T19:00"), utc("2026-11-25T07:00"))
    assert changes_between(own, None, utc("2026-11-23T19:00"), utc("2026-11-25T07:01"))


def test_a_region_has_holidays_of_its_own():
    boxing_day = utc("2025-12-26T12:00")  # a Friday; a holiday in Alsace and not in the rest of France
    assert sizes_at(a_profile(OFFICE + "holidays: {country: FR}\n"), None, boxing_day).sizes["medium"] == 2
    assert sizes_at(a_profile(OFFICE + "holidays: {country: FR, subdivision: '6AE'}\n"), None, boxing_day).sizes["medium"] == 1


def test_a_window_over_midnight_belongs_to_the_day_it_begins_on():
    night = "windows:\n  - {name: night, days: Fri, from: '22:00', until: '06:00', sizes: {small: 0}}\n"
    around(a_profile(night), "2026-11-27T22:00", 1, 0, "small")
    around(a_profile(night), "2026-11-28T06:00", 0, 1, "small")
    holiday = a_profile(night + "holidays: {dates: [2026-11-28]}\n")
    around(holiday, "2026-11-28T06:00", 0, 1, "small")
    assert not changes_between(
        a_profile(night + "holidays: {dates: [2026-11-27]}\n"), None, utc("2026-11-27T00:00"), utc("2026-11-29T00:00")
    )


def test_a_whole_day_begins_and_ends_at_midnight():
    profile = a_profile("windows:\n  - {name: day, days: Sat, from: '00:00', until: '24:00', sizes: {small: 0}}\n")
    around(profile, "2026-11-28T00:00", 1, 0, "small")
    around(profile, "2026-11-29T00:00", 0, 1, "small")
    assert profile == a_profile("windows:\n  - {name: day, days: Sat, from: '00:00', until: '24:00', sizes: {small: 0}}\n")


def test_the_capacity_plan_takes_the_sunday_on_a_holiday_from_midnight_to_midnight():
    plan = a_plan("Europe/Paris")
    profile = a_profile("time_zone: Europe/Paris\nholidays: {country: FR}\n")
    around(profile, "2026-11-10T23:00", 1, 0, plan=plan)  # midnight in Paris
    around(profile, "2026-11-11T23:00", 0, 1, plan=plan)
    assert sizes_at(profile, plan, utc("2026-11-12T12:00")).sizes == {"small": 2, "medium": 3}


def test_a_cron_window_lasts_its_hours():
    profile = a_profile("windows:\n  - {name: batch, cron: '30 1 1 * *', hours: 2.5, time_zone: America/New_York, at_least: {small: 3}}\n")
    around(profile, "2026-12-01T06:30", 1, 3, "small")
    around(profile, "2026-12-01T09:00", 3, 1, "small")
    around(profile, "2026-11-01T05:30", 1, 3, "small")  # 01:30 comes twice that night; the window begins once
    assert len(changes_between(profile, None, utc("2026-11-01T00:00"), utc("2026-11-02T00:00"))) == 2


LAUNCH = (
    "time_zone: Europe/Paris\noverrides:\n  - {name: launch, from: 2026-12-04T18:00, until: 2026-12-05T00:00, expires: EXPIRES, "
    "owner: kim, reason: launch night, add: {medium: 2}}\n"
)


def test_an_override_holds_in_its_time_and_says_whose_it_is():
    profile = a_profile(LAUNCH.replace("EXPIRES", "2026-12-07"))
    around(profile, "2026-12-04T17:00", 1, 3)
    around(profile, "2026-12-04T23:00", 3, 1)
    reason = sizes_at(profile, None, utc("2026-12-04T18:00")).reasons["medium"]
    assert "override launch of kim: launch night" in reason


def test_an_offset_and_a_date_alone_are_understood():
    text = "overrides:\n  - {name: o, from: %s, until: %s, expires: 2027-01-01, owner: k, reason: r, sizes: {small: 0}}\n"
    around(a_profile(text % ("2026-12-04T18:00-05:00", "2026-12-05")), "2026-12-04T23:00", 1, 0, "small")
    around(a_profile(text % ("2026-12-04", "2026-12-05")), "2026-12-04T00:00", 1, 0, "small")
    around(a_profile(text % ("2026-12-04", "2026-12-05")), "2026-12-06T00:00", 0, 1, "small")


def test_an_expired_override_has_no_effect_from_that_minute_and_is_told():
    profile = a_profile(LAUNCH.replace("EXPIRES", "2026-12-04T20:00"))
    around(profile, "2026-12-04T19:00", 3, 1)
    assert not without_effect(profile, None, utc("2026-12-04T18:59"))
    (told,) = without_effect(profile, None, utc("2026-12-04T19:00"))
    assert told == "override launch of kim has expired on Fri 04 Dec 2026 20:00 CET and has no effect; remove it"
    assert told in sizes_of_now(profile, None, utc("2026-12-08T12:00"), {}).told


def test_a_plan_that_ran_out_falls_back_to_the_baseline_and_is_told():
    plan = a_plan("Etc/UTC", until=utc("2026-11-29T12:07"))
    profile = a_profile()
    around(profile, "2026-11-29T12:07", 0, 1, plan=plan)
    assert not without_effect(profile, plan, utc("2026-11-29T12:06"))
    (told,) = without_effect(profile, plan, utc("2026-11-29T12:07"))
    assert told.startswith("capacity plan 0123abcd ran out on Sun 29 Nov 2026 12:07 UTC: the baseline holds")


def test_a_plan_holds_from_the_moment_it_was_put_in_force():
    since, until = utc("2026-11-01T09:31"), utc("2026-11-01T15:02")
    plan = a_plan("Etc/UTC", since=since, until=until)
    around(a_profile(), "2026-11-01T09:31", 1, 0, plan=plan)
    assert [each.at for each in changes_between(a_profile(), plan, utc("2026-11-01T00:00"), utc("2026-11-02T00:00"))] == [since, until]


@pytest.mark.parametrize("zone", ["UTC-4", "UTC+05:30"])
def test_a_plan_may_be_written_in_a_fixed_offset(zone: str):
    hours = Decimal("-4") if zone == "UTC-4" else Decimal("5.5")
    midnight = utc("2026-11-22T00:00") - timedelta(hours=float(hours))
    profile, plan = a_profile(), a_plan(zone)
    assert [sizes_at(profile, plan, each).sizes["medium"] for each in (midnight - MINUTE, midnight)] == [1, 0]


def a_plan(zone: str, *, since: datetime = NEW_YEAR, until: datetime | None = None) -> InForce:
    """Working days 08:00-20:00 two small and three medium, else one medium; on Sundays nothing."""
    days, daily = (0, 1, 2, 3, 4), 24 * 60
    windows = (
        Window(days=days, begin_minute=0, end_minute=480, sizes={"small": 0, "medium": 1}),
        Window(days=days, begin_minute=480, end_minute=1200, sizes={"small": 2, "medium": 3}),
        Window(days=days, begin_minute=1200, end_minute=daily, sizes={"small": 0, "medium": 1}),
        Window(days=(5,), begin_minute=0, end_minute=daily, sizes={"small": 0, "medium": 1}),
        Window(days=(6,), begin_minute=0, end_minute=daily, sizes={"small": 0, "medium": 0}),
    )
    return InForce(windows=WeeklyWindows(zone=zone, windows=windows), digest="0123abcdef", since=since, until=until)
