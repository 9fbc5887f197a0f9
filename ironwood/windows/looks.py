"""When to look: cron times at which what is held changes, so that a look at each of them, and none beside, would do.

1. A look only says when; what to do is found from the windows in force at that moment. A missed, late or superfluous one does no harm.
2. A pod that is to grow is looked for its lead early, one that is to go at the moment itself.
3. What comes again a week later at the same time of its zone's wall is one weekly look for all of its weekdays; what does not (overrides,
   holidays, monthly cron, the days around a clock change) is a dated one, for the next forty days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from ironwood.capacity.windows import day_names
from ironwood.profile import Profile
from ironwood.profile_windows import HolidaySettings
from ironwood.sizes import told_most
from ironwood.windows.occurrences import InForce, occurrences
from ironwood.windows.timeline import AHEAD, Leads, wanted
from ironwood.windows.wall import is_zone

PREFIX = "ironwood-"
"""What the slug of every schedule of ours begins with."""
TICK_MINUTES = 15
MOST = 100
FIXED = "Etc/UTC"
"""The zone of a plan that is written in an offset from UTC, which has no name that Prefect knows."""
_WEEK = timedelta(days=7)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Look:
    """A cron time in a named time zone; `slug` tells it from every other."""

    slug: str
    cron: str
    zone: str


def tick(minutes: int) -> Look:
    """A look every so many minutes, of which an hour has a whole number."""
    return Look(slug=f"{PREFIX}every-{minutes}-min", cron=f"*/{minutes} * * * *", zone="Etc/UTC")


TICK = tick(TICK_MINUTES)


def looks(profile: Profile, plan: InForce | None, moment: datetime, leads: Leads) -> tuple[Look, ...]:
    """The tick, the weekly looks, and the dated ones of the forty days from `moment`; at most a hundred: the later dates are left to the tick."""
    usual = profile.model_copy(update={"holidays": HolidaySettings(), "overrides": ()})
    weekly: dict[tuple[str, int], set[int]] = {}
    zones = _zones(usual, plan, moment)
    by_zone: dict[str, set[datetime]] = {}
    for at, cause in _instants(usual, plan, moment, leads):
        zone = zones.get(cause, profile.time_zone)
        by_zone.setdefault(zone, set()).add(_wall(at, zone))
    for zone, walls in by_zone.items():
        for wall in walls:
            if wall + _WEEK in walls or wall - _WEEK in walls:
                weekly.setdefault((zone, wall.hour * 60 + wall.minute), set()).add(wall.weekday())
    kept = {zone for zone, _ in weekly}
    dated = {_wall(at, profile.time_zone) for at, _ in _instants(profile, plan, moment, leads) if not _covered(at, kept, weekly)}
    found = [_weekly(zone, minute, tuple(sorted(days))) for (zone, minute), days in sorted(weekly.items())]
    found += [_dated(wall, profile.time_zone) for wall in sorted(dated)]
    policy = profile.policy
    often = min(TICK_MINUTES, policy.decide_every_minutes) if policy.between_plans == "optimized" else TICK_MINUTES
    return (tick(often), *found[: MOST - 1])


def _instants(profile: Profile, plan: InForce | None, moment: datetime, leads: Leads) -> Iterator[tuple[datetime, datetime]]:
    """Each moment to look at, on a whole minute, and the change it is for."""
    for before, after in pairwise(wanted(profile, plan, moment, moment + AHEAD)):
        for tier, lead in leads.items():
            was, becomes = before.decision.sizes[tier], after.decision.sizes[tier]
            at = _up(after.begin - lead if becomes > was else after.begin)
            bounded = told_most(before.decision.sizes).get(tier) != told_most(after.decision.sizes).get(tier)
            if (becomes != was or bounded) and at > moment:
                yield at, after.begin


def _zones(profile: Profile, plan: InForce | None, moment: datetime) -> Mapping[datetime, str]:
    """The time zone in which each change comes at the same time every week."""
    zones: dict[datetime, str] = {}
    for each in occurrences(profile, plan, moment, moment + AHEAD):
        zone = each.zone if is_zone(each.zone) else FIXED
        zones.setdefault(each.begin, zone)
        zones.setdefault(each.end, zone)
    return zones


def _up(at: datetime) -> datetime:
    floor = at.replace(second=0, microsecond=0)
    return floor if floor == at else floor + _MINUTE


def _wall(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def _covered(at: datetime, zones: set[str], weekly: Mapping[tuple[str, int], set[int]]) -> bool:
    walls = [(zone, _wall(at, zone)) for zone in zones]
    return any(wall.weekday() in weekly.get((zone, wall.hour * 60 + wall.minute), ()) for zone, wall in walls)


def _weekly(zone: str, minute: int, days: tuple[int, ...]) -> Look:
    numbers = "*" if len(days) == 7 else ",".join(str((day + 1) % 7) for day in days)
    when = f"{day_names(days)}-{minute // 60:02d}{minute % 60:02d}-{zone}".lower().replace("/", "-").replace("+", "-plus-")
    return Look(slug=PREFIX + when, cron=f"{minute % 60} {minute // 60} * * {numbers}", zone=zone)


def _dated(wall: datetime, zone: str) -> Look:
    return Look(slug=f"{PREFIX}{wall:%Y-%m-%d-%H%M}", cron=f"{wall.minute} {wall.hour} {wall.day} {wall.month} *", zone=zone)
