"""Wall times and instants: what a clock on the wall says, and when that is.

1. A wall time of a zone is one instant: the first at which the wall shows it or a later one. So a time that comes twice, where clocks go
   back, is its first; one that is skipped, where they go forward, is the moment of the change; and windows that touch on the wall touch in
   time, whatever the clocks do.
2. What a person writes is read here; what cannot be read is a ValueError that says what would do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Final
from zoneinfo import available_timezones

DAY_MINUTES: Final = 24 * 60
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FULL: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class LocalMoment:
    """A date, with or without a time, with or without an offset from UTC, as it was written."""

    day: date
    time: time | None
    offset: tzinfo | None = None

    def begin(self, zone: tzinfo) -> datetime:
        """The instant: of a date alone, its first."""
        if self.offset is not None and self.time is not None:
            return datetime.combine(self.day, self.time, self.offset).astimezone(UTC)
        at = self.time or time.min
        return instant(self.day, at.hour * 60 + at.minute, zone) + timedelta(seconds=at.second)

    def end(self, zone: tzinfo) -> datetime:
        """The instant: of a date alone, the end of the day."""
        return self.begin(zone) if self.time is not None else instant(self.day + timedelta(days=1), 0, zone)


@lru_cache(maxsize=16_384)
def instant(day: date, minute: int, zone: tzinfo) -> datetime:
    """When it is `minute` minutes after midnight of `day` on the wall of `zone`, in UTC; 1,440 and more is the next day."""
    wall = datetime.combine(day, time.min) + timedelta(minutes=minute)
    found = wall.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), found
    return _change(before, after, zone)


def clock_changes(begin: datetime, end: datetime, zone: tzinfo) -> Iterator[tuple[datetime, timedelta]]:
    """The moments in [begin, end) at which the clocks of `zone` are moved, each with how far forward."""
    at, step = begin, timedelta(hours=6)
    while at < end:
        following = min(end, at + step)
        moved = _offset(following, zone) - _offset(at, zone)
        if moved:
            yield _change(at, following, zone), moved
        at = following


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The first instant in (before, after] with the offset of `after`."""
    wanted = _offset(after, zone)
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        before, after = (before, middle) if _offset(middle, zone) == wanted else (middle, after)
    return after


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def minute_of_day(value: object) -> int:
    """`08:00` as minutes from midnight; up to `24:00`. Raises ValueError."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    minutes = int(match[1]) * 60 + int(match[2]) if match else -1
    if match is None or int(match[2]) > 59 or minutes > DAY_MINUTES:
        raise ValueError("is not a time of day; write it in quotes, such as '08:00', at most '24:00'")
    return minutes


def days_of(value: object) -> tuple[int, ...]:
    """`Mon-Fri`, `Sat, Sun`, `daily` or a list of such, as numbers (0 is Monday). Raises ValueError."""
    parts = [each for part in value for each in str(part).split(",")] if isinstance(value, list | tuple) else str(value).split(",")
    found: set[int] = set()
    for part in (each.strip() for each in parts):
        if part.lower() == "daily":
            found |= set(range(len(DAYS)))
            continue
        first, _, last = part.partition("-")
        begin = _day_in(first.strip())
        found |= {(begin + further) % 7 for further in range((_day_in(last.strip() or first.strip()) - begin) % 7 + 1)}
    return tuple(sorted(found))


def _day_in(name: str) -> int:
    try:
        return day_of(name)
    except ValueError as error:
        raise ValueError(f"has '{name}', which {str(error).replace('one such as Mon', 'Mon-Fri, Sat or daily')}") from error


def day_of(value: object) -> int:
    """The number of a weekday, 0 for Monday, from its name or the first three letters of it. Raises ValueError."""
    name = str(value).lower()
    for number, full in enumerate(_FULL):
        if name in {full, full[:3]}:
            return number
    near = difflib.get_close_matches(name, [*_FULL, *(full[:3] for full in _FULL)], n=1)
    meant = f"; did you mean {near[0][:3].capitalize()}?" if near else ""
    raise ValueError(f"is no weekday{meant or '; write one such as Mon'}")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


WITHOUT_SUMMER = {
    "EST": ("America/New_York", "America/Panama"),
    "MST": ("America/Denver", "America/Phoenix"),
    "HST": ("America/Adak", "Pacific/Honolulu"),
}
"""Abbreviations that name a zone without summer time, where the clocks people mean by them have one; for each the zone meant and the one it is."""


def is_zone(name: str) -> bool:
    """Whether a time zone has this name."""
    return name in _zones()


def zone_name(value: object) -> str:
    """The name of a time zone that exists. Raises ValueError."""
    name = str(value)
    if name in WITHOUT_SUMMER:
        wall, fixed = WITHOUT_SUMMER[name]
        raise ValueError(
            f"keeps the same time all year: write {wall} for the time on that region's walls, or {fixed} where there is no summer time"
        )
    if name in _zones():
        return name
    places = {each.rpartition("/")[2].lower(): each for each in sorted(_zones()) if "/" in each and not each.startswith(("posix", "right"))}
    near = difflib.get_close_matches(name.rpartition("/")[2].lower(), places, n=1)
    raise ValueError(f"is no time zone; {f'did you mean {places[near[0]]}?' if near else 'write a name such as Europe/Paris'}")


def moment_of(value: object) -> LocalMoment:
    """`2026-12-04T18:00`, `2026-12-04 18:00+01:00` or `2026-12-04`. Raises ValueError."""
    if isinstance(value, datetime):
        return LocalMoment(day=value.date(), time=value.time(), offset=value.tzinfo)
    if isinstance(value, date):
        return LocalMoment(day=value, time=None)
    try:
        if isinstance(value, str) and len(value) == len("2026-12-04"):
            return LocalMoment(day=date.fromisoformat(value), time=None)
        return moment_of(datetime.fromisoformat(str(value)))
    except ValueError as error:
        raise ValueError("is no date or time; write 2026-12-04T18:00, with +01:00 behind it for an offset, or 2026-12-04") from error


def date_of(value: object) -> date:
    """`2026-12-24`. Raises ValueError."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError("is no date; write 2026-12-24") from error
