"""Random profiles with windows, and random capacity plans, around the days on which clocks are moved."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

from hypothesis import strategies as st

from builders import a_profile
from ironwood.capacity.windows import DAY_MINUTES, WeeklyWindows, Window
from ironwood.profile import Profile
from ironwood.windows.occurrences import InForce

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TURNS = {"Europe/Paris": (date(2026, 3, 29), date(2026, 10, 25)), "America/New_York": (date(2026, 3, 8), date(2026, 11, 1))}
"""When clocks go forward and back."""

sizes = st.integers(0, 3)
minutes = st.integers(0, DAY_MINUTES // 30 - 1).map(lambda half: half * 30) | st.integers(0, DAY_MINUTES - 1)
days = st.sets(st.sampled_from(DAYS), min_size=1)


def clock(minute: int) -> str:
    return f"'{minute // 60:02d}:{minute % 60:02d}'"


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """One to four windows by the clock, sizes or at_least of small; a holiday near each clock change."""
    zone = draw(st.sampled_from(list(TURNS)))
    lines = [f"time_zone: {zone}", "holidays: {dates: [2026-03-10, 2026-03-30, 2026-10-26, 2026-11-02]}", "windows:"]
    for number in range(draw(st.integers(1, 4))):
        how = draw(st.sampled_from(["sizes", "at_least"]))
        when = f"days: [{', '.join(sorted(draw(days)))}], from: {clock(draw(minutes))}, until: {clock(draw(minutes))}"
        lines.append(f"  - {{name: w{number}, {when}, {how}: {{small: {draw(sizes)}}}}}")
    return a_profile("\n".join(lines) + "\n")


@st.composite
def plans(draw: st.DrawFn) -> InForce:
    """Working days and weekends, each in one to four windows."""
    cuts = [0, *sorted(draw(st.sets(minutes.filter(bool), max_size=3))), DAY_MINUTES]
    windows = [
        Window(days=group, begin_minute=begin, end_minute=end, sizes={"small": draw(sizes), "medium": draw(sizes)})
        for group in ((0, 1, 2, 3, 4), (5, 6))
        for begin, end in pairwise(cuts)
    ]
    weekly = WeeklyWindows(zone=draw(st.sampled_from([*TURNS, "UTC-4"])), windows=tuple(windows))
    return InForce(windows=weekly, digest="f" * 16, since=datetime(2026, 1, 1, tzinfo=UTC))
