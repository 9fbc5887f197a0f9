"""When scale looks: a lead before what grows, at the moment of what goes, and at nothing that is not needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import a_profile
from ironwood.capacity.windows import WeeklyWindows, Window
from ironwood.profile import Profile
from ironwood.windows.looks import MOST, TICK, Look, looks
from ironwood.windows.occurrences import InForce
from ironwood.windows.timeline import Change, changes_of, held, leads_of
from window_strategies import plans, profiles

MONDAY = datetime(2026, 11, 16, 12, tzinfo=UTC)
OFFICE = "time_zone: Europe/Paris\nwindows:\n  - {name: office, days: Mon-Fri, from: '08:00', until: '20:00', sizes: {medium: 2}}\n"


def of(text: str, plan: InForce | None = None, moment: datetime = MONDAY) -> dict[str, tuple[str, str]]:
    profile = a_profile(text)
    tick, *rest = looks(profile, plan, moment, leads_of(profile))
    assert tick == TICK == Look(slug="ironwood-every-15-min", cron="*/15 * * * *", zone="Etc/UTC")
    return {each.slug: (each.cron, each.zone) for each in rest}


def test_without_windows_only_the_tick_looks():
    assert of("") == {}


def test_a_weekly_window_is_looked_for_a_lead_before_it_and_at_its_end():
    assert of(OFFICE) == {
        "ironwood-mon-fri-0744-europe-paris": ("44 7 * * 1,2,3,4,5", "Europe/Paris"),
        "ironwood-mon-fri-2000-europe-paris": ("0 20 * * 1,2,3,4,5", "Europe/Paris"),
    }
    shrinking = of(OFFICE.replace("medium: 2", "medium: 0"))
    assert {cron for cron, _ in shrinking.values()} == {"0 8 * * 1,2,3,4,5", "44 19 * * 1,2,3,4,5"}


def test_a_lead_may_reach_into_the_day_before():
    early = of("windows: [{name: w, days: Mon, from: '00:10', until: '01:00', sizes: {small: 2}}]\n")
    assert {cron for cron, _ in early.values()} == {"54 23 * * 0", "0 1 * * 1"}


def test_an_override_is_looked_for_on_its_date_and_a_holiday_needs_nothing_of_its_own():
    launch = (
        "overrides: [{name: o, from: 2026-12-04T21:00, until: 2026-12-05, expires: 2027-01-01, owner: k, reason: r, add: {medium: 1}}]\n"
    )
    found = of(OFFICE + launch + "holidays: {dates: [2026-12-08]}\n")
    assert found.keys() - of(OFFICE).keys() == {"ironwood-2026-12-04-2044", "ironwood-2026-12-06-0000"}
    assert found["ironwood-2026-12-04-2044"] == ("44 20 4 12 *", "Europe/Paris")
    assert not of(launch, moment=MONDAY - timedelta(days=40)), "further away than forty days"


def test_each_zone_keeps_its_own_time_over_the_weeks_in_which_only_one_has_moved_its_clocks():
    text = OFFICE + "  - {name: us, days: Mon-Fri, from: '09:00', until: '17:00', time_zone: America/New_York, sizes: {small: 2}}\n"
    found = of(text, moment=datetime(2026, 10, 19, tzinfo=UTC))
    assert found == of(OFFICE) | {
        "ironwood-mon-fri-0844-america-new_york": ("44 8 * * 1,2,3,4,5", "America/New_York"),
        "ironwood-mon-fri-1700-america-new_york": ("0 17 * * 1,2,3,4,5", "America/New_York"),
    }


def test_a_plan_in_a_fixed_offset_is_looked_for_in_utc():
    windows = (
        Window(days=tuple(range(7)), begin_minute=8 * 60, end_minute=20 * 60, sizes={"small": 1, "medium": 3}),
        Window(days=tuple(range(7)), begin_minute=20 * 60, end_minute=32 * 60, sizes={"small": 1, "medium": 1}),
    )
    plan = InForce(windows=WeeklyWindows(zone="UTC-4", windows=windows), digest="f" * 16, since=MONDAY - timedelta(days=1))
    assert of("", plan) == {
        "ironwood-daily-1144-etc-utc": ("44 11 * * *", "Etc/UTC"),
        "ironwood-daily-0000-etc-utc": ("0 0 * * *", "Etc/UTC"),
    }


def test_a_monthly_cron_is_looked_for_on_its_dates():
    found = of("windows: [{name: w, cron: '0 6 1 * *', hours: 2, sizes: {small: 3}}]\n")
    assert set(found) == {"ironwood-2026-12-01-0544", "ironwood-2026-12-01-0800"}


def test_however_often_sizes_change_there_are_at_most_a_hundred_looks():
    profile = a_profile(
        "windows: [{name: w, cron: '*/20 * 1,3,8,14 * *', hours: 0.1, sizes: {small: 3}}]\ntiers: {small: {lead_minutes: 0}}\n"
    )
    assert len(looks(profile, None, MONDAY, leads_of(profile))) == MOST


def test_an_instant_between_two_minutes_is_looked_for_after_it():
    text = "overrides: [{name: o, from: 2026-11-20T21:00:30, until: 2026-11-20T22:00:30, expires: 2027-01-01, owner: k, reason: r, sizes: {small: 0}}]\n"
    assert set(of(text)) == {"ironwood-2026-11-20-2101", "ironwood-2026-11-20-2145"}


def matches(look: Look, at: datetime) -> bool:
    """Whether the cron time comes at a moment: minute, hour, day, month, weekdays; each a number, numbers, or a star."""
    wall = at.astimezone(ZoneInfo(look.zone))
    said = (wall.minute, wall.hour, wall.day, wall.month, wall.isoweekday() % 7)
    return all(field == "*" or str(value) in field.split(",") for field, value in zip(look.cron.split(), said, strict=True))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(profile=profiles(), plan=st.none() | plans(), month=st.sampled_from([3, 6, 10]), lead=st.sampled_from([0, 16, 75]))
def test_whatever_changes_is_looked_at(profile: Profile, plan: InForce | None, month: int, lead: int):
    moment = datetime(2026, month, 1, tzinfo=UTC)
    leads = {"small": timedelta(minutes=lead), "medium": timedelta(minutes=16)}
    found = looks(profile, plan, moment, leads)[1:]
    changes: list[Change] = list(changes_of(held(profile, plan, moment, moment + timedelta(days=39), leads)))
    if len(found) < MOST - 1:
        for change in changes:
            assert any(matches(look, change.at) for look in found), change.at


@pytest.mark.parametrize("hour", [0, 6, 12, 18])
def test_whenever_they_are_looked_up_the_weekly_looks_are_the_same(hour: int):
    assert of(OFFICE, moment=MONDAY.replace(hour=hour)) == of(OFFICE)
