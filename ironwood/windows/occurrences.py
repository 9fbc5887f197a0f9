"""When which sizes are wanted: every window, override and piece of the capacity plan as half-open intervals of time.

1. An interval is [begin, end) in UTC. Where its begin and end come from wall times, `wall.py` says when those are.
2. A window belongs to the day it begins on; a holiday is a day of the weekday it behaves like. A window in cron knows no holidays: its cron
   names the days itself.
3. The capacity plan is cut at midnight of its own zone, and on a holiday the day it behaves like holds from midnight to midnight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from cronsim import CronSim

from ironwood.capacity.windows import WeeklyWindows, day_names
from ironwood.profile import Profile
from ironwood.profile_windows import Override, OwnWindow
from ironwood.windows.calendar import holiday
from ironwood.windows.wall import DAY_MINUTES, instant

_NOTHING: Mapping[str, int] = MappingProxyType({})
_DAY = timedelta(days=1)


class Layer(IntEnum):
    """Whose word counts over whose: the higher one's."""

    PLAN = 1
    POLICY = 2
    WINDOW = 3
    OVERRIDE = 4


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """From `begin` until `end` tiers are wanted at `exact` sizes, `least` these, or with `more` pods (by tier). `zone` is where its wall
    times are read; `said` is how a person calls it.
    """

    begin: datetime
    end: datetime
    layer: Layer
    order: int
    zone: str
    said: str
    exact: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    least: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    more: Mapping[str, int] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, kw_only=True)
class InForce:
    """A capacity plan in force: its windows hold from `since` until `until` (None: until another takes its place)."""

    windows: WeeklyWindows
    digest: str
    since: datetime
    until: datetime | None = None

    @property
    def said(self) -> str:
        """How a person calls it."""
        return f"capacity plan {self.digest[:8]}"


def occurrences(profile: Profile, plan: InForce | None, begin: datetime, end: datetime) -> Iterator[Occurrence]:
    """Everything that wants sizes at some moment of [begin, end)."""
    wanted = [*_planned(profile, plan, begin, end)]
    for number, window in enumerate(profile.windows):
        wanted += _by_cron(profile, number, window, begin, end) if window.cron else _by_clock(profile, number, window, begin, end)
    wanted += (_once(profile, number, override) for number, override in enumerate(profile.overrides))
    return (each for each in wanted if each.begin < each.end and each.begin < end and each.end > begin)


def holiday_name(profile: Profile, day: date) -> str | None:
    """What `day` is called if it is a holiday of the profile's."""
    settings = profile.holidays
    return holiday(settings.country, settings.subdivision, dict.fromkeys(settings.dates, "own holiday"), day)


def weekday(profile: Profile, day: date) -> int:
    """The weekday `day` behaves like, 0 for Monday."""
    return profile.holidays.like if holiday_name(profile, day) is not None else day.weekday()


def zone_of(profile: Profile, each: OwnWindow | Override) -> ZoneInfo:
    """The zone its times are written in: its own, else the profile's."""
    return ZoneInfo(each.time_zone or profile.time_zone)


def _planned(profile: Profile, plan: InForce | None, begin: datetime, end: datetime) -> Iterator[Occurrence]:
    if plan is None:
        return
    first, last = max(begin, plan.since), min(end, plan.until or end)
    if first >= last:
        return
    zone = plan.windows.tzinfo
    for day in _days(first.astimezone(zone).date(), last.astimezone(zone).date()):
        like = weekday(profile, day)
        for window in plan.windows.windows:
            for start, stop in window.spans():
                low, high = max(start, like * DAY_MINUTES) - like * DAY_MINUTES, min(stop, (like + 1) * DAY_MINUTES) - like * DAY_MINUTES
                if low < high:
                    yield Occurrence(
                        begin=max(instant(day, low, zone), plan.since),
                        end=min(instant(day, high, zone), plan.until or datetime.max.replace(tzinfo=UTC)),
                        layer=Layer.PLAN,
                        order=0,
                        zone=plan.windows.zone,
                        said=f"{plan.said}, {window.when} {plan.windows.zone}",
                        exact=window.sizes,
                    )


def _by_clock(profile: Profile, number: int, window: OwnWindow, begin: datetime, end: datetime) -> Iterator[Occurrence]:
    if window.begin is None or window.until is None:
        return
    zone = zone_of(profile, window)
    until = window.until if window.until > window.begin else window.until + DAY_MINUTES
    for day in _days(begin.astimezone(zone).date() - 2 * _DAY, end.astimezone(zone).date()):
        if weekday(profile, day) in window.days:
            yield _held(profile, number, window, instant(day, window.begin, zone), instant(day, until, zone))


def _by_cron(profile: Profile, number: int, window: OwnWindow, begin: datetime, end: datetime) -> Iterator[Occurrence]:
    if window.cron is None or window.hours is None:
        return
    lasts = timedelta(hours=window.hours)
    zone = zone_of(profile, window)
    for start in CronSim(window.cron, (begin - lasts).astimezone(zone) - timedelta(minutes=1)):
        if start >= end:
            return
        yield _held(profile, number, window, start.astimezone(UTC), start.astimezone(UTC) + lasts)


def _held(profile: Profile, number: int, window: OwnWindow, begin: datetime, end: datetime) -> Occurrence:
    return Occurrence(
        begin=begin,
        end=end,
        layer=Layer.WINDOW,
        order=number,
        zone=window.time_zone or profile.time_zone,
        said=f"window {window.name}, {when(window)} {window.time_zone or profile.time_zone}",
        exact=window.sizes,
        least=window.at_least,
    )


def _once(profile: Profile, number: int, override: Override) -> Occurrence:
    zone = zone_of(profile, override)
    return Occurrence(
        begin=override.begin.begin(zone),
        end=min(override.until.end(zone), override.expires.end(zone)),
        layer=Layer.OVERRIDE,
        order=number,
        zone=override.time_zone or profile.time_zone,
        said=f"override {override.name} of {override.owner}: {override.reason}",
        exact=override.sizes,
        least=override.at_least,
        more=override.add,
    )


def when(window: OwnWindow) -> str:
    """`Mon-Fri 08:00-20:00`, or its cron time."""
    if window.begin is None or window.until is None:
        return f"cron {window.cron} for {window.hours:g} h"
    following = " next day" if window.until <= window.begin and window.until else ""
    return f"{day_names(window.days)} {_clock(window.begin)}-{_clock(window.until or DAY_MINUTES)}{following}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + number * _DAY
