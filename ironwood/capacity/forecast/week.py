"""A typical local week ahead, as weighted scenarios of every period: what the same time of day held on past days.

1. The week is nominal: Monday 00:00 to Sunday 24:00 of local wall time. A change of clocks moves moments, not habits.
2. Every past day speaks for every day of the week: a recent one more, one of the other kind (working day, Sunday or holiday) and of another
   weekday less. With one day of history that day is the week.
3. A day speaks for a period with what it held within the period and one period on either side, so that few days still make a distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.demand import BINS_PER_DAY, GRID_MINUTES, Demand
from ironwood.errors import TraceError

FloatArray = NDArray[np.float64]

_DAY_MINUTES: Final = 24 * 60
_WEEKDAYS: Final = 7
_FIRST_WEEKEND_DAY: Final = 5


@dataclass(frozen=True, kw_only=True)
class WeekParameters:
    """`half_life_days`: a day this much older counts half. `other_kind`, `other_weekday`: weight of such a day.

    `most_days`: days looked back on.
    `scenarios`: each stands for that share of the distribution, with its mean.
    """

    half_life_days: float = 14.0
    other_kind: float = 0.15
    other_weekday: float = 0.6
    most_days: int = 35
    scenarios: int = 24


@dataclass(frozen=True, kw_only=True, eq=False)
class WeekForecast:
    """`units`, shape (periods, scenarios): demand of each period of the week in equally likely scenarios, rising along a row. `days`: of history."""

    period_minutes: int
    units: FloatArray
    days: int

    def quantile(self, level: float) -> FloatArray:
        """The quantile of every period, shape (periods,)."""
        return np.asarray(np.quantile(self.units, level, axis=1))

    def in_doubt(self, factors: FloatArray) -> WeekForecast:
        """The same forecast when demand may be `factors` (draws,) times as large, equally likely."""
        units = np.sort((self.units[:, :, None] * factors).reshape(len(self.units), -1), axis=1)
        return WeekForecast(period_minutes=self.period_minutes, units=units, days=self.days)


def week_ahead(demand: Demand, *, period_minutes: int = 15, parameters: WeekParameters | None = None) -> WeekForecast:
    """The week after the demand's last bin. Raises TraceError if a local time of day was never seen."""
    p = parameters or WeekParameters()
    if period_minutes % GRID_MINUTES or _DAY_MINUTES % period_minutes:
        raise TraceError(f"periods of {period_minutes} min: give a multiple of {GRID_MINUTES} that divides a day")
    seen, first_day, kinds = _by_local_day(demand)
    weekdays = (np.arange(len(seen)) + first_day) % _WEEKDAYS
    seen, kinds, weekdays = seen[-p.most_days :], kinds[-p.most_days :], weekdays[-p.most_days :]
    never = np.isnan(seen).all(axis=0)
    if never.any():
        minute = int(np.argmax(never)) * GRID_MINUTES
        raise TraceError(
            f"{demand.name}: no day of the history holds {minute // 60:02d}:{minute % 60:02d} local time; give at least one whole day"
        )
    last = len(seen) - 1
    age = last - np.arange(len(seen))
    width = period_minutes // GRID_MINUTES
    places = (np.arange(0, BINS_PER_DAY, width)[:, None] + np.arange(-width, 2 * width)) % BINS_PER_DAY  # (periods a day, bins)
    units, weights = [], []
    for day in range(_WEEKDAYS):
        trust = 0.5 ** (age / p.half_life_days)
        trust = (
            trust * np.where(kinds == int(day >= _FIRST_WEEKEND_DAY), 1.0, p.other_kind) * np.where(weekdays == day, 1.0, p.other_weekday)
        )
        values = seen[:, places].transpose(1, 0, 2)  # (periods a day, days, bins)
        known = ~np.isnan(values)
        weights.append((np.broadcast_to(trust[None, :, None], values.shape) * known).reshape(len(places), -1))
        units.append(np.where(known, values, 0.0).reshape(len(places), -1))
    return WeekForecast(
        period_minutes=period_minutes, units=_in_shares(np.concatenate(units), np.concatenate(weights), p.scenarios), days=len(seen)
    )


def _in_shares(units: FloatArray, weights: FloatArray, shares: int) -> FloatArray:
    """Weighted values (periods, n) as means of equal shares of their distribution, shape (periods, shares), rising."""
    order = np.argsort(units, axis=1)
    units = np.take_along_axis(units, order, axis=1)
    reached = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    reached /= reached[:, -1:]
    total = np.cumsum(units * np.diff(reached, axis=1, prepend=0.0), axis=1)
    edges = np.arange(shares + 1) / shares
    rows = [
        np.diff(np.interp(edges, np.concatenate([[0.0], at]), np.concatenate([[0.0], sums])))
        for at, sums in zip(reached, total, strict=True)
    ]
    return np.asarray(np.maximum(np.array(rows) * shares, 0.0))


def _by_local_day(demand: Demand) -> tuple[FloatArray, int, NDArray[np.int64]]:
    """Demand by local day and bin of the day, NaN where unknown; weekday of the first day; kind of each day (1: weekend or special)."""
    calendar = demand.calendar
    start = calendar.start
    minutes = start.weekday() * _DAY_MINUTES + start.hour * 60 + start.minute + GRID_MINUTES * np.arange(demand.bins)
    local = minutes + calendar.offset_minutes
    day = local // _DAY_MINUTES
    first = int(day[0])
    rows = day - first
    seen = np.full((int(rows[-1]) + 1, BINS_PER_DAY), np.nan)
    seen[rows, local % _DAY_MINUTES // GRID_MINUTES] = demand.units
    kinds = ((np.arange(len(seen)) + first) % _WEEKDAYS >= _FIRST_WEEKEND_DAY).astype(np.int64)
    kinds[rows[calendar.special]] = 1
    return seen, first % _WEEKDAYS, kinds
