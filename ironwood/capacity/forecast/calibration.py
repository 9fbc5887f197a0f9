"""How honest a forecast was: coverage and pinball loss against what came, beside the seasonal naive's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.demand import BINS_PER_DAY, GRID_MINUTES

FloatArray = NDArray[np.float64]

LEADS_MINUTES: Final = (10, 30, 120)
LEVELS: Final = (0.1, 0.5, 0.9)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """One lead's score. `pinball` and `naive_pinball`: loss of the 0.9 quantile as a share of mean demand."""

    lead_minutes: int
    coverage: float
    pinball: float
    naive_pinball: float
    finite: bool


class Scoreboard:
    """Keeps the quantiles of every forecast made; `score` compares them with what came."""

    def __init__(self, bins: int) -> None:
        self.quantiles = np.full((bins, len(LEADS_MINUTES), len(LEVELS)), np.nan)

    def watch(self, index: int, paths: FloatArray) -> None:
        """Note the forecast made at the start of bin `index`; paths: (draws, bins ahead), column h is bin index + h."""
        steps = [lead // GRID_MINUTES for lead in LEADS_MINUTES]
        self.quantiles[index] = np.quantile(paths[:, steps], LEVELS, axis=0).T

    def score(self, units: FloatArray) -> list[Calibration]:
        """Score every forecast whose bin has come."""
        made = np.flatnonzero(~np.isnan(self.quantiles[:, 0, 0]))
        scores = []
        for place, lead in enumerate(LEADS_MINUTES):
            target = made + lead // GRID_MINUTES
            usable = target < units.shape[0]
            target, origin = target[usable], made[usable]
            high = self.quantiles[origin, place, LEVELS.index(0.9)]
            naive = units[np.maximum(target - BINS_PER_DAY, 0)]
            mean = max(float(units[target].mean()), 1e-12)
            scores.append(
                Calibration(
                    lead_minutes=lead,
                    coverage=float((units[target] <= high).mean()),
                    pinball=float(pinball(units[target], high, 0.9).mean()) / mean,
                    naive_pinball=float(pinball(units[target], naive, 0.9).mean()) / mean,
                    finite=bool(np.isfinite(self.quantiles[made]).all()),
                )
            )
        return scores


def pinball(came: FloatArray, quantile: FloatArray, level: float) -> FloatArray:
    """Loss of a quantile forecast, in the unit of demand."""
    return np.asarray(np.maximum(level * (came - quantile), (level - 1) * (came - quantile)))
