"""Probabilistic forecasts as scenario paths, learnt and calibrated online.

1. `observe` takes the demand known so far and folds in the native bins that are new; what it has seen never changes.
2. Experts that differ in the offset c of log(demand + c) are averaged rank by rank, weighted by their recent pinball loss.
3. Each horizon's paths are stretched around their median until the 0.9 and 0.1 quantiles cover what they say (adaptive conformal inference,
   Gibbs & Candès 2021, with the factor in place of the level).
4. An abrupt fall is an outage for `outage_minutes`: the level is carried through it, because demand that breaks off comes back.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.demand import Calendar
from ironwood.capacity.forecast.clock import Clock
from ironwood.capacity.forecast.expert import Expert
from ironwood.capacity.forecast.parameters import Parameters

FloatArray = NDArray[np.float64]

_CHECKED_MINUTES: Final = (5, 10, 15, 30, 60, 120, 240)
_LEVELS: Final = (0.5, 0.8, 0.9, 0.95)
_FACTOR_LIMITS: Final = (0.3, 3.0)
_LONGEST_STEP: Final = 3
_RECENT_MINUTES: Final = 60
# Falls from a number on are the trace's nature and no outages. They are counted and not low bins, because one outage is many bins.
_USUAL_FALLS_SHARE: Final = 0.05  # of the bins: the limit for coarse traces
_RANKED_MINUTES: Final = 60  # paths are ranked by their mean over so long


class Forecaster:
    """Learns from demand on the grid; answers with scenario paths of `horizon` grid bins."""

    def __init__(self, *, calendar: Calendar, horizon: int, parameters: Parameters | None = None) -> None:
        self._p = parameters or Parameters()
        self._native = calendar.native_bins
        self._horizon = horizon
        self._leads = -(-horizon // self._native) + 1
        self._clock = Clock(calendar, self._leads + 1)
        minutes = self._clock.minutes
        self._experts: list[Expert] = []
        self._seen = 0
        self._recent: list[float] = []
        self._run = 0
        self._low = False
        self._falls = 0.0  # a bin
        self._usual_falls = min(self._p.usual_falls_a_day / self._clock.per_day, _USUAL_FALLS_SHARE)
        checked = sorted({max(1, round(m / minutes)) for m in _CHECKED_MINUTES})
        self._checked = np.array([j for j in checked if j <= self._leads], dtype=np.int64)
        self._quantiles = np.zeros((self._clock.bins, len(self._checked), 2))
        self._up = np.zeros(len(self._checked))  # logs of the stretch factors
        self._down = np.zeros(len(self._checked))
        self._expert_quantiles = np.zeros((0, 0, 0, 0))
        self._losses = np.zeros(0)
        self._forget = 0.5 ** (1 / (self._p.mix_days * self._clock.per_day))
        self._paths = np.zeros((self._p.draws, self._leads))
        self._ranked = max(1, round(_RANKED_MINUTES / minutes))

    def observe(self, units: FloatArray) -> None:
        """Take in all demand known, shape (known grid bins,): a prefix of it was given before."""
        count = -(-units.shape[0] // self._native)
        if not self._experts and count:
            mean = float(units.mean()) or 1.0
            self._experts = [
                Expert(clock=self._clock, offset=share * mean, mismatch=mismatch, leads=self._leads, parameters=self._p)
                for share, mismatch in self._p.experts
            ]
            self._losses = np.zeros(len(self._experts))
            self._expert_quantiles = np.zeros((len(self._experts), self._clock.bins, len(self._checked), len(_LEVELS)))
        for t in range(self._seen, count):
            self._see(t, float(units[t * self._native]))
        self._seen = count

    def paths(self, index: int) -> FloatArray:
        """Scenario paths of demand in grid bins `index` … `index` + horizon - 1, shape (draws, horizon), equally likely."""
        first_native = self._seen  # paths[:, 0] is this bin
        places = (index + np.arange(self._horizon)) // self._native - first_native
        return np.ascontiguousarray(self._paths[:, np.clip(places, 0, self._leads - 1)])

    def _see(self, t: int, value: float) -> None:
        valid = self._is_valid(t, value)
        if t > 0:
            self._score(t, value, valid=valid)
        for expert in self._experts:
            expert.see(t, value, valid=valid)
        each = np.stack([expert.paths(t) for expert in self._experts])
        levels = np.quantile(each[:, :, self._checked - 1], _LEVELS, axis=1)
        self._expert_quantiles[:, t] = levels.transpose(1, 2, 0)
        self._paths = self._stretch(self._mix(each))
        self._quantiles[t] = np.quantile(self._paths[:, self._checked - 1], (0.1, 0.9), axis=0).T

    def _is_valid(self, t: int, value: float) -> bool:
        recent = self._recent
        keep = max(2, round(_RECENT_MINUTES / self._clock.minutes))
        usual = float(np.median(recent)) if len(recent) >= keep else 0.0
        share = self._p.outage_share if self._run == 0 else self._p.resume_share  # the bin in which demand returns is only partly served
        low = value < share * usual
        fell = low and not self._low
        self._low = low
        self._falls += (float(fell) - self._falls) / min(max(t + 1, self._clock.per_day), 2 * self._clock.per_day)
        if low and self._falls < self._usual_falls and self._run * self._clock.minutes < self._p.outage_minutes:
            self._run += 1
            return False
        self._run = 0 if not low else self._run
        recent.append(value)
        del recent[:-keep]
        return True

    def _score(self, t: int, value: float, *, valid: bool) -> None:
        """Update the stretch factors and the experts' losses with what bin t turned out to be."""
        if not valid:
            return  # an outage says nothing about the demand that comes back
        self._losses *= self._forget
        for place, j in enumerate(self._checked):
            origin = t - int(j)
            if origin < 0:
                continue
            low, high = self._quantiles[origin, place]
            step = self._p.conform_step * min(self._native, _LONGEST_STEP)  # a coarse trace learns as fast by the clock
            self._up[place] += step * (float(value > high) - 0.1)
            self._down[place] += step * (float(value < low) - 0.1)
            for e in range(len(self._experts)):
                for q, level in zip(self._expert_quantiles[e, origin, place], _LEVELS, strict=True):
                    self._losses[e] += max(level * (value - q), (level - 1) * (value - q))
        limits = np.log(_FACTOR_LIMITS)
        np.clip(self._up, *limits, out=self._up)
        np.clip(self._down, *limits, out=self._down)

    def _mix(self, each: FloatArray) -> FloatArray:
        """The experts' paths averaged rank by rank, so that the mixture is as sharp as its parts (Vincent 1912), shape (draws, leads)."""
        mean = self._losses.mean()
        relative = self._losses / mean - 1 if mean > 0 else np.zeros(len(self._experts))
        weights = np.exp(-self._p.mix_sharpness * relative)
        weights /= weights.sum()
        ranks = np.argsort(each[:, :, : self._ranked].mean(axis=2), axis=1, kind="stable")
        ordered = np.take_along_axis(each, ranks[:, :, None], axis=1)
        return np.asarray(np.tensordot(weights, ordered, axes=1))

    def _stretch(self, paths: FloatArray) -> FloatArray:
        middle = np.median(paths, axis=0)
        leads = np.arange(1, self._leads + 1)
        up = np.exp(np.interp(leads, self._checked, self._up))
        down = np.exp(np.interp(leads, self._checked, self._down))
        gap = paths - middle
        return np.asarray(np.maximum(middle + gap * np.where(gap > 0, up, down), 0.0))
