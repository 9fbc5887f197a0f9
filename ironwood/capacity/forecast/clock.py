"""Native bins and the calendar: which bin is one day, one week or more before another, by the local clock."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.demand import GRID_MINUTES, Calendar

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_DAY_MINUTES: Final = 1440
LAG_DAYS: Final = (1, 2, 3, 4, 5, 6, 7, 14, 21, 28)
_WORKING_DAYS: Final = 5


class Clock:
    """Arrays over native bins, `ahead` of them beyond the calendar's end.

    `hour`: local time of day in hours. `kind`: 0 on working days, 1 on weekends and special days. `day_before[u]`, `week_before[u]`: native bin at
    the same local time, -1 if before the first.
    """

    def __init__(self, calendar: Calendar, ahead: int) -> None:
        native = calendar.native_bins
        self.minutes = native * GRID_MINUTES
        self.per_day = max(1, round(_DAY_MINUTES / self.minutes))
        self.bins = -(-calendar.bins // native)
        places = np.minimum(np.arange(self.bins) * native, calendar.bins - 1)
        offsets = calendar.offset_minutes[places]
        self._offsets = np.concatenate([offsets, np.full(ahead, offsets[-1])])
        count = self.bins + ahead
        start = calendar.start
        origin = start.hour * 60 + start.minute + start.weekday() * _DAY_MINUTES
        local = origin + np.arange(count) * self.minutes + self._offsets
        self.hour: FloatArray = (local % _DAY_MINUTES) / 60.0
        weekend = local // _DAY_MINUTES % 7 >= _WORKING_DAYS
        special = np.concatenate([calendar.special[places], np.zeros(ahead, dtype=np.bool_)])
        self.kind: IntArray = (weekend | special).astype(np.int64)
        self.day_before = self._before(1)
        self.week_before = self._before(7)
        self._before_days = [(days, self._before(days)) for days in LAG_DAYS]

    def lags(self, u: int) -> list[tuple[int, int]]:
        """(days, native bin) of the days before bin u that exist."""
        u = min(u, self.hour.size - 1)
        return [(days, int(before[u])) for days, before in self._before_days if before[u] >= 0]

    def _before(self, days: int) -> IntArray:
        index = np.arange(self.hour.size)
        raw = index - days * self.per_day
        safe = np.clip(raw, 0, None)
        shifted = raw + np.rint((self._offsets - self._offsets[safe]) / self.minutes).astype(np.int64)
        return np.where((raw >= 0) & (shifted >= 0), np.minimum(shifted, index - 1), -1)
