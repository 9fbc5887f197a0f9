"""What happened, minute by minute: counters and histograms of things nobody writes as time series, kept for a day.

1. A row holds every series of one metric type in one whole minute, so what a query costs depends on the minutes it asks for.
2. A histogram's bucket ``i`` holds values from ``GROWTH ** (i - 1)`` to ``GROWTH ** i``; bucket 0 those below 1. Five per cent wide, so a percentile is
   at most that far off.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.store import Store
from emulator.times import SECOND

Json = dict[str, Any]
MINUTE = 60 * SECOND
KEPT = 24 * 60
GROWTH = 1.05
FINITE = 330
"""Buckets between 1 and the last bound, about 9.8 million."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One series in one minute. ``minute`` is its first instant; ``value`` {count, sum, squares, buckets}."""

    minute: int
    labels: Json
    resource: Json
    value: Json


def bucket_of(value: float) -> int:
    """The index of the histogram bucket of a value."""
    if value < 1:
        return 0
    return min(FINITE + 1, 1 + math.floor(math.log(value) / math.log(GROWTH) + 1e-9))


class Minutes:
    """Counts by metric type and minute."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, metric: str, labels: Json, resource: Json, at: int, *, amount: int = 1, value: float | None = None) -> None:
        """Count ``amount``; ``value`` goes into the histogram."""
        tab, minute = f"minutes {metric}", at - at % MINUTE
        row = self._store.get(tab, str(minute))
        if row is None:
            self._trim(tab, minute)
        series = json.dumps([labels, resource], sort_keys=True)
        old = (row or {}).get(series) or {"count": 0, "sum": 0.0, "squares": 0.0, "buckets": {}}
        new = {**old, "count": old["count"] + amount}
        if value is not None:
            index = str(bucket_of(value))
            new |= {"sum": old["sum"] + value * amount, "squares": old["squares"] + value * value * amount}
            new["buckets"] = {**old["buckets"], index: old["buckets"].get(index, 0) + amount}
        self._store.put(tab, str(minute), {**(row or {}), series: new})

    def cells(self, metric: str, start: int, end: int) -> Iterator[Cell]:
        """Every series in every whole minute that begins in [start, end)."""
        tab = f"minutes {metric}"
        for minute in range(start + -start % MINUTE, end, MINUTE):
            for series, value in (self._store.get(tab, str(minute)) or {}).items():
                labels, resource = json.loads(series)
                yield Cell(minute=minute, labels=labels, resource=resource, value=value)

    def spend(self, what: str, key: str, start: int, end: int) -> None:
        """Add the time from start to end to ``key``, minute by minute, in microseconds."""
        tab = f"spent {what}"
        while start < end:
            minute = start - start % MINUTE
            until = min(end, minute + MINUTE)
            row = self._store.get(tab, str(minute))
            if row is None:
                self._trim(tab, minute)
            self._store.put(tab, str(minute), {**(row or {}), key: (row or {}).get(key, 0) + until - start})
            start = until

    def spent(self, what: str, minute: int) -> dict[str, int]:
        """The time spent in the whole minute that begins then, by key."""
        return self._store.get(f"spent {what}", str(minute)) or {}

    def _trim(self, tab: str, now: int) -> None:
        if self._store.count(tab) > KEPT:
            for key, _ in self._store.items(tab):
                if int(key) < now - KEPT * MINUTE:
                    self._store.delete(tab, key)
