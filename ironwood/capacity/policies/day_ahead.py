"""Plan a whole day at local midnight from a quantile of past days, then follow the plan whatever happens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.demand import BINS_PER_DAY, GRID_MINUTES
from ironwood.capacity.policies.interface import Controller, World
from ironwood.capacity.policies.steer import toward
from ironwood.capacity.problem import CapacityProblem
from ironwood.capacity.replay import Decision, Moment, Rules

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_PERIOD_BINS: Final = 3
_MARGIN_BINS: Final = 12  # the plan reaches past the next midnight, so orders have their lead
_SMOOTH_BINS: Final = 6


@dataclass(frozen=True, kw_only=True)
class DayAhead:
    """Each time of day is expected at the quantile of what the last `days` days held within half an hour of it."""

    quantile: float = 0.9
    days: int = 7
    name: str = "day_ahead"

    def rules(self, rules: Rules) -> Rules:
        """Every tier, as it is."""
        return rules

    def controller(self, world: World) -> Controller:
        """A controller that has seen nothing yet."""
        leads, calendar = world.rules.lead_bins, world.calendar
        margin = -(-max(_MARGIN_BINS, *leads) // _PERIOD_BINS) * _PERIOD_BINS
        planned: list[tuple[int, IntArray]] = []

        def decide(moment: Moment) -> Decision:
            new_day = moment.bin == 0 or calendar.local(moment.bin).date() != calendar.local(moment.bin - 1).date()
            if not planned or new_day or moment.bin - planned[-1][0] >= BINS_PER_DAY:
                sizes = self._plan(world.rules, moment, BINS_PER_DAY + margin)
                planned[:] = [(moment.bin, sizes)]
            begun, sizes = planned[-1]
            at = moment.bin - begun
            later = [int(sizes[min(at + lead, len(sizes) - 1), k]) for k, lead in enumerate(leads)]
            return toward(later, [int(n) for n in sizes[at]], moment)

        return decide

    def _plan(self, rules: Rules, moment: Moment, bins: int) -> IntArray:
        """Sizes for the next bins, shape (bins, tiers)."""
        from ironwood.capacity.solver import QUICK, solve  # compiled on first use

        expected = self._expected(moment, bins)
        tiers = tuple(replace(tier, initial_pods=min(tier.max_pods, int(n))) for tier, n in zip(rules.tiers, moment.committed, strict=True))
        problem = CapacityProblem(
            tiers=tiers,
            period_minutes=_PERIOD_BINS * GRID_MINUTES,
            demand_units=expected.reshape(-1, _PERIOD_BINS).max(axis=1),
            shortfall_usd_per_unit_hour=rules.shortfall_usd_per_unit_hour,
            name="day ahead",
        )
        return np.repeat(solve(problem, effort=QUICK).sizes, _PERIOD_BINS, axis=0)

    def _expected(self, moment: Moment, bins: int) -> FloatArray:
        seen = moment.observed
        offsets = np.arange(-_SMOOTH_BINS, _SMOOTH_BINS + 1)
        places = moment.bin + np.arange(bins)[:, None, None] - BINS_PER_DAY * np.arange(1, self.days + 2)[None, :, None] + offsets
        usable = (places >= 0) & (places < len(seen))
        values = np.where(usable, seen[np.clip(places, 0, len(seen) - 1)], np.nan).reshape(bins, -1)
        values[np.isnan(values).all(axis=1)] = seen[-1]
        return np.asarray(np.nanquantile(values, self.quantile, axis=1))
