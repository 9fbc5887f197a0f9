"""Over random windows: what changes say is what each minute says, and both are what the wall says."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import a_profile
from ironwood.capacity.windows import DAY_MINUTES, WeeklyWindows, Window
from ironwood.profile import Profile
from ironwood.windows.occurrences import InForce
from ironwood.windows.timeline import changes_between, held, sizes_at, wanted
from window_strategies import TURNS, plans, profiles

MINUTE = timedelta(minutes=1)
SLOW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def turn(profile: Profile, number: int) -> tuple[datetime, int]:
    """The begin of two days around a clock change, and how many minutes they are looked at."""
    day = TURNS[profile.time_zone][number]
    return datetime(day.year, day.month, day.day, 20, tzinfo=UTC) - timedelta(days=1), 36 * 60


@SLOW
@given(profile=profiles(), plan=st.none() | plans(), number=st.integers(0, 1))
def test_the_changes_and_the_stretches_say_what_each_minute_says(profile: Profile, plan: InForce | None, number: int):
    begin, count = turn(profile, number)
    each_minute = [sizes_at(profile, plan, begin + minute * MINUTE).sizes for minute in range(0, count, 7)]
    stretches = wanted(profile, plan, begin, begin + count * MINUTE)
    assert [stretches[0].begin, stretches[-1].end] == [begin, begin + count * MINUTE]
    assert all(before.end == after.begin for before, after in pairwise(stretches))
    covering = [each.begin for each in stretches]
    for number_, said in enumerate(each_minute):
        at = begin + number_ * 7 * MINUTE
        assert stretches[bisect_left(covering, at + timedelta(microseconds=1)) - 1].decision.sizes == said
    changes = changes_between(profile, plan, begin, begin + count * MINUTE)
    for change in changes:
        assert sizes_at(profile, plan, change.at - MINUTE / 60).sizes == change.before
        assert sizes_at(profile, plan, change.at).sizes == change.after != change.before
    assert len(changes) == sum(before.decision.sizes != after.decision.sizes for before, after in pairwise(stretches))


def midnight(day: date) -> datetime:
    """On the wall, whichever zone that is."""
    return datetime.combine(day, time.min)


@cache
def walls(zone: str, number: int) -> tuple[list[datetime], list[datetime]]:
    """Minutes around a clock change, and the latest the wall has shown by each of them."""
    day = TURNS[zone][number]
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=4)
    instants = [begin + minute * MINUTE for minute in range(9 * DAY_MINUTES)]
    latest, shown = [], midnight(day) - timedelta(days=9)
    for each in instants:
        shown = max(shown, each.astimezone(ZoneInfo(zone)).replace(tzinfo=None))
        latest.append(shown)
    return instants, latest


@SLOW
@given(profile=profiles(), number=st.integers(0, 1))
def test_sizes_are_what_somebody_who_watches_the_wall_would_say(profile: Profile, number: int):
    instants, latest = walls(profile.time_zone, number)

    def first(day: date, minute: int) -> datetime:
        return instants[bisect_left(latest, midnight(day) + minute * MINUTE)]

    begin, count = turn(profile, number)
    holidays = set(profile.holidays.dates)
    expected = [(-1, 0)] * count  # the largest exact size and the largest at_least of each minute
    for back in range(-3, 3):
        day = TURNS[profile.time_zone][number] + timedelta(days=back)
        for window in profile.windows:
            assert window.begin is not None
            assert window.until is not None
            if (6 if day in holidays else day.weekday()) not in window.days:
                continue
            until = window.until + (DAY_MINUTES if window.until <= window.begin else 0)
            low, high = ((first(day, minute) - begin) // MINUTE for minute in (window.begin, until))
            for minute in range(max(0, low), min(count, high)):
                exact, least = expected[minute]
                expected[minute] = (max(exact, window.sizes.get("small", -1)), max(least, window.at_least.get("small", 0)))
    stretches = wanted(profile, None, begin, begin + count * MINUTE)
    for each in stretches:
        for minute in range((each.begin - begin) // MINUTE, (each.end - begin) // MINUTE):
            exact, least = expected[minute]
            assert each.decision.sizes["small"] == max(1 if exact < 0 else exact, least), begin + minute * MINUTE


@SLOW
@given(profile=profiles(), plan=st.none() | plans(), number=st.integers(0, 1), lead=st.integers(0, 90))
def test_held_is_the_most_that_is_wanted_from_now_until_a_lead_from_now(profile: Profile, plan: InForce | None, number: int, lead: int):
    begin, count = turn(profile, number)
    leads = {"small": timedelta(minutes=lead), "medium": timedelta(minutes=5)}
    wanting = wanted(profile, plan, begin, begin + (count + 91) * MINUTE)
    by_minute: dict[str, list[int]] = {tier: [] for tier in leads}
    for each in wanting:
        for tier in leads:
            by_minute[tier] += [each.decision.sizes[tier]] * ((each.end - each.begin) // MINUTE)
    for each in held(profile, plan, begin, begin + count * MINUTE, leads):
        for minute in range((each.begin - begin) // MINUTE, (each.end - begin) // MINUTE):
            for tier, ahead in leads.items():
                assert each.decision.sizes[tier] == max(by_minute[tier][minute : minute + ahead // MINUTE + 1])


@pytest.mark.parametrize("zone", list(TURNS))
def test_a_year_of_a_plan_is_the_plan_on_the_wall_but_for_the_hours_that_come_twice(zone: str):
    windows = tuple(Window(days=(day,), begin_minute=0, end_minute=DAY_MINUTES, sizes={"small": day % 3}) for day in range(7))
    plan = InForce(windows=WeeklyWindows(zone=zone, windows=windows), digest="f" * 16, since=datetime(2025, 1, 1, tzinfo=UTC))
    for each in wanted(a_profile(), plan, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)):
        for moment in (each.begin, each.end - MINUTE):
            assert each.decision.sizes["small"] == plan.windows.sizes_at(moment)["small"]
