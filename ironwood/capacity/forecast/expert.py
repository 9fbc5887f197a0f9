"""One expert: the regression, its errors and its scenarios for one offset c of log(demand + c)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.forecast import kernels
from ironwood.capacity.forecast.clock import Clock
from ironwood.capacity.forecast.parameters import Parameters

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SPAN_MINUTES: Final = (30, 60, 120, 360, 1440)
_LIMIT: Final = 4.0
_CARRIED_BINS: Final = 3  # their median is the level before an outage: the last of them may be cut short by it


class Expert:
    """Learns bin by bin; `see` must be called for every native bin in order."""

    def __init__(self, *, clock: Clock, offset: float, mismatch: float, leads: int, parameters: Parameters) -> None:
        bins = clock.bins
        p = parameters
        self.offset = offset
        self._clock = clock
        self._mismatch = mismatch
        self._p = p
        self._leads = leads
        self.z = np.zeros(bins)
        self.season = np.zeros(bins + leads + 1)
        self.r = np.zeros(bins)
        self._total = np.zeros(bins + 1)
        self._smooth_total = np.zeros(bins + 1)
        self.predicted = np.zeros((bins, leads))
        self.scale = np.ones(bins)
        self.surprise = np.zeros(bins)
        self.level = np.zeros(bins)
        members = len(p.members)
        self._gram = np.zeros((members, leads, kernels.FEATURES, kernels.FEATURES))
        self._moment = np.zeros((members, leads, kernels.FEATURES))
        self._guesses = np.zeros((members, bins, leads))
        self._losses = np.zeros((members, leads))
        self._forget = 0.5 ** (1 / (p.member_days * clock.per_day))
        self._spans = np.array([max(1, round(m / clock.minutes)) for m in _SPAN_MINUTES], dtype=np.int64)
        self._keep = 0.5 ** (1 / (p.memory_days * clock.per_day))
        self._slow = 0.5 ** (clock.minutes / p.scale_minutes)
        self._half = max(0, round(p.smooth_minutes / clock.minutes))
        self._widths = np.array([p.hour_width, p.level_width, p.scale_width, p.surprise_width])
        self._chosen = np.zeros(p.draws, dtype=np.int64)
        self._spread = 0.0
        self._seasoned = 0  # bins of `season` made so far
        self._variance = 0.0
        self._level = 0.0
        self._valid = 0  # the last bin that was not an outage

    def expected(self, t: int) -> float:
        """Z of bin t as foreseen one bin before."""
        return float(self.predicted[t - 1, 0]) if t > 0 else 0.0

    def see(self, t: int, value: float, *, valid: bool) -> None:
        """Take in native bin t; a bin that is not valid is replaced by the level carried through the outage."""
        clock, p = self._clock, self._p
        z = math.log(value + self.offset) if valid or t == 0 else self._carried(t)
        self._valid = t if valid else self._valid
        self.z[t] = z
        self._smooth_total[t + 1] = self._smooth_total[t] + z
        if t == 0:
            self._level = z
            self.season[: self._leads + 1] = z
            self._seasoned = self._leads + 1
        self._level += (z - self._level) * max(1 / (t + 1), 1 - 0.5 ** (1 / clock.per_day))
        if t == clock.per_day:  # residuals change their meaning once there is a season
            self._gram *= 0.1
            self._moment *= 0.1
        self.r[t] = z - self.season[t]
        self._total[t + 1] = self._total[t] + self.r[t]
        self._spread += (self.r[t] ** 2 - self._spread) * max(1 / (t + 1), 1 - self._keep)
        surprise = z - self.expected(t) if t > 0 else 0.0
        self.surprise[t] = surprise
        pace = max(1 / (t + 1), 1 - self._slow) if valid else 0.0
        self._variance += (surprise**2 - self._variance) * pace
        self.scale[t] = math.sqrt(self._variance + 1e-6)
        span = int(self._spans[0])
        begin = max(0, t + 1 - span)
        self.level[t] = (self._total[t + 1] - self._total[begin]) / (t + 1 - begin)
        self._extend_season(t)
        self._weigh(t, valid=valid)
        limit = _LIMIT * max(float(self.scale[t]), math.sqrt(self._spread))
        for m, (weight, fade_minutes, memory_days, newest, flat) in enumerate(p.members):
            keep = 0.5 ** (1 / (memory_days * clock.per_day))
            kernels.learn(
                t,
                keep,
                valid,
                self.z,
                self.season,
                self.r,
                self._total,
                clock.day_before,
                clock.week_before,
                self._spans,
                self._gram[m],
                self._moment[m],
                self.predicted,
                limit,
            )
            kernels.predict(
                t,
                weight,
                self._spread,
                math.exp(-clock.minutes / fade_minutes),
                newest,
                flat,
                self.z,
                self.season,
                self.r,
                self._total,
                clock.day_before,
                clock.week_before,
                self._spans,
                self._gram[m],
                self._moment[m],
                self._guesses[m],
            )
        shares = (self._losses + 1e-6) ** -p.member_sharpness
        self.predicted[t] = (shares * self._guesses[:, t]).sum(axis=0) / shares.sum(axis=0)

    def _carried(self, t: int) -> float:
        """Z of a bin in an outage: the level from before it, moved by a share of what the season moved since."""
        last = self._valid
        level = float(np.median(self.z[max(0, last - _CARRIED_BINS + 1) : last + 1]))
        return level + self._p.carried_season * float(self.season[t] - self.season[last])

    def _weigh(self, t: int, *, valid: bool) -> None:
        """Remember how far each member's guess of bin t was, at every lead."""
        if not valid or t == 0:
            return
        leads = np.arange(1, min(self._leads, t) + 1)
        far = np.abs(self.z[t] - self._guesses[:, t - leads, leads - 1])
        held = self._losses[:, : len(leads)]
        held += (far - held) * max(1 / (t + 1), 1 - self._forget)

    def paths(self, t: int) -> FloatArray:
        """Scenario paths of demand for bins t + 1 … t + leads, shape (draws, leads)."""
        clock, p = self._clock, self._p
        first = clock.per_day // 2 if t < 2 * clock.per_day else clock.per_day
        first = max(0, min(first, t - self._leads))
        paths = np.empty((p.draws, self._leads))
        kernels.analogs(
            t,
            first,
            self._leads,
            clock.hour,
            self.level,
            self.scale,
            self.surprise,
            self._widths,
            p.analog_days * clock.per_day,
            self._chosen,
        )
        kernels.scenarios(t, self.z, self.predicted, self.scale, self._chosen, p.scale_share, self.offset, paths)
        return paths

    def _extend_season(self, t: int) -> None:
        """Set the season of the bins that can now be reached; once set it stays."""
        clock, p = self._clock, self._p
        last = min(t + self._leads, clock.bins + self._leads)
        while self._seasoned <= last:
            u = self._seasoned
            total = 0.0
            weights = 0.0
            for days, lag in clock.lags(u):
                if lag + 0 > t:
                    continue
                weight = p.lag_decay ** (days - 1) if days <= 7 else p.lag_decay ** (6 + days // 7)
                if clock.kind[min(u, clock.kind.size - 1)] != clock.kind[lag]:
                    weight *= self._mismatch
                begin, end = max(0, lag - self._half), min(t, lag + self._half)
                total += weight * (self._smooth_total[end + 1] - self._smooth_total[begin]) / (end + 1 - begin)
                weights += weight
            self.season[u] = total / weights if weights > 0 else self._level
            self._seasoned += 1
