"""Weekly windows: sizes by the clock on the wall, as a person would write them down.

1. A window is half-open, [begin, end), on the weekdays it names, in local wall time of a named zone. Its end may lie on the next day.
2. The windows of a week cover every minute of it exactly once: what holds at a moment is one window, found from the wall time alone.
3. A change of clocks needs no rule of its own: a skipped hour has no moments, a repeated one has twice as many, and each has one wall time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from ironwood.capacity.demand import parse_zone
from ironwood.errors import ProblemError

DAY_MINUTES: Final = 24 * 60
WEEK_MINUTES: Final = 7 * DAY_MINUTES
DAY_NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, kw_only=True)
class Window:
    """`sizes` (pods by tier) from `begin_minute` to `end_minute` of the local day, on each of `days` (0 is Monday).

    `end_minute` above 1,440 is on the next day; a window lasts at most a day, so that a week in one size is one window on seven days.
    `usd_per_week` is what it is expected to cost, shortage included; `reason` says why it has these sizes.
    """

    days: tuple[int, ...]
    begin_minute: int
    end_minute: int
    sizes: Mapping[str, int]
    reason: str = ""
    usd_per_week: float = 0.0

    def __post_init__(self) -> None:
        if not self.days or len(set(self.days)) != len(self.days) or any(not 0 <= day < len(DAY_NAMES) for day in self.days):
            raise ProblemError(f"window {self.days}: days are different numbers from 0 (Monday) to 6 (Sunday), at least one")
        if not 0 <= self.begin_minute < DAY_MINUTES or not self.begin_minute < self.end_minute <= self.begin_minute + DAY_MINUTES:
            raise ProblemError(
                f"window {self.begin_minute}..{self.end_minute}: begins at a minute of the day (0 to 1439) and ends 1 to 1,440 minutes later"
            )
        if any(pods < 0 for pods in self.sizes.values()):
            raise ProblemError(f"window {self.when}: sizes are {dict(self.sizes)}; give counts >= 0")
        object.__setattr__(self, "days", tuple(sorted(self.days)))

    @property
    def when(self) -> str:
        """`Mon-Fri 08:00-20:00`."""
        if self.end_minute - self.begin_minute == DAY_MINUTES and self.begin_minute == 0:
            return f"{day_names(self.days)} all day"
        return f"{day_names(self.days)} {_clock(self.begin_minute)}-{_clock(self.end_minute)}"

    @property
    def what(self) -> str:
        """`2 medium + 1 small`, `nothing` if no tier has a pod."""
        return " + ".join(f"{pods} {tier}" for tier, pods in reversed(list(self.sizes.items())) if pods) or "nothing"

    def spans(self) -> Iterator[tuple[int, int]]:
        """Half-open minutes of the week, counted from Monday 00:00, one pair a day; a span over Sunday night is cut in two."""
        for day in self.days:
            begin, end = day * DAY_MINUTES + self.begin_minute, day * DAY_MINUTES + self.end_minute
            yield begin, min(end, WEEK_MINUTES)
            if end > WEEK_MINUTES:
                yield 0, end - WEEK_MINUTES


@dataclass(frozen=True, kw_only=True)
class WeeklyWindows:
    """Windows that cover a week exactly once, in a named time zone. Raises ProblemError where they leave a minute out or hold it twice."""

    zone: str
    windows: tuple[Window, ...]

    def __post_init__(self) -> None:
        parse_zone(self.zone)
        owner = [-1] * WEEK_MINUTES
        for index, window in enumerate(self.windows):
            for begin, end in window.spans():
                for minute in range(begin, end):
                    if owner[minute] >= 0:
                        raise ProblemError(f"{_moment(minute)} is in two windows: {self.windows[owner[minute]].when} and {window.when}")
                    owner[minute] = index
        if -1 in owner:
            raise ProblemError(f"{_moment(owner.index(-1))} is in no window; the windows of a week must cover all of it")

    @property
    def tzinfo(self) -> tzinfo:
        """The zone the windows are written in."""
        return parse_zone(self.zone)

    def at(self, moment: datetime) -> Window:
        """The window that holds at a moment (with a zone)."""
        local = moment.astimezone(self.tzinfo)
        return self.at_wall(local.weekday(), local.hour * 60 + local.minute)

    def at_wall(self, day: int, minute: int) -> Window:
        """The window at a minute of a local day."""
        place = day * DAY_MINUTES + minute
        return next(window for window in self.windows if any(begin <= place < end for begin, end in window.spans()))

    def sizes_at(self, moment: datetime) -> dict[str, int]:
        """Pods by tier at a moment (with a zone)."""
        return dict(self.at(moment).sizes)

    @property
    def usd_per_week(self) -> float:
        """What all windows together are expected to cost, shortage included."""
        return sum(window.usd_per_week for window in self.windows)


def always(sizes: Mapping[str, int], zone: str) -> WeeklyWindows:
    """One window: the same sizes all week."""
    return WeeklyWindows(
        zone=zone, windows=(Window(days=tuple(range(len(DAY_NAMES))), begin_minute=0, end_minute=DAY_MINUTES, sizes=sizes),)
    )


def day_names(days: tuple[int, ...]) -> str:
    """`Mon-Fri`, `Mon+Wed`, `daily`."""
    if len(days) == len(DAY_NAMES):
        return "daily"
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return "+".join(DAY_NAMES[run[0]] if len(run) == 1 else f"{DAY_NAMES[run[0]]}-{DAY_NAMES[run[-1]]}" for run in runs)


def _clock(minute: int) -> str:
    if minute == DAY_MINUTES:
        return "24:00"
    return f"{minute % DAY_MINUTES // 60:02d}:{minute % 60:02d}{' next day' if minute > DAY_MINUTES else ''}"


def _moment(minute: int) -> str:
    return f"{DAY_NAMES[minute // DAY_MINUTES]} {_clock(minute % DAY_MINUTES)}"
