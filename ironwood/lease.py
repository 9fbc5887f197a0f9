"""The dead-man lease: until when a group may go on billing though nobody of ours lives.

1. A lease ends on a full hour, UTC, and its job fires every five minutes of the hour that begins there; cron knows no year, so an end is the one
nearest to now. 2. It is renewed when less than three quarters of its length are left, to at least its whole length: a job is written about once an
hour, and a lease that is shorter than that says that nobody renews it. 3. It holds at most 30 days, so that the nearest year is never in doubt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

HOUR = timedelta(hours=1)
LONGEST = timedelta(days=30)
KEPT = 0.75
_CRON = re.compile(r"\*/5 (\d{1,2}) (\d{1,2}) (\d{1,2}) \*")


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A lease that ends at `end`, a full hour in UTC."""

    UNKNOWN: ClassVar[str] = "*/5 0 1 1 *"
    """The schedule of a lease that was never taken, where no clock is at hand."""

    end: datetime

    @property
    def cron(self) -> str:
        """`*/5 15 23 11 *`: when its job fires, in UTC."""
        return f"*/5 {self.end.hour} {self.end.day} {self.end.month} *"


def lease_of(cron: str, *, now: datetime, length: timedelta) -> Lease:
    """The lease whose job has the schedule `cron`, or, where little of it is left or it is no lease, a new one of `length` from `now`."""
    held = read(cron, now=now)
    if held is not None and held.end - now >= KEPT * length:
        return held
    end = now.astimezone(UTC) + length
    whole = end.replace(minute=0, second=0, microsecond=0)
    return Lease(end=whole if whole == end else whole + HOUR)


def read(cron: str, *, now: datetime) -> Lease | None:
    """The lease whose job has the schedule `cron`, None where that is none."""
    match = _CRON.fullmatch(cron)
    if match is None:
        return None
    hour, day, month = map(int, match.groups())
    ends = []
    for year in (now.year - 1, now.year, now.year + 1):
        try:
            ends.append(datetime(year, month, day, hour, tzinfo=UTC))
        except ValueError:  # 29 February of another year
            continue
    if not ends:
        return None
    return Lease(end=min(ends, key=lambda end: abs(end - now)))
