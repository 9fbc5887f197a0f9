"""What sizes would lead to in the hours to come, in expectation over the paths of a forecast, or in hindsight over the one that came.

A tier that grows serves what it held until its lead has passed; one that shrinks, what it keeps from now on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.demand import GRID_MINUTES
from ironwood.capacity.replay import Rules

FloatArray = NDArray[np.float64]

HOUR_BINS: Final = 60 // GRID_MINUTES


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """`units`: not served, on average over the time; `share`: of the demand; `usd`: at the shortfall's price."""

    units: float
    share: float
    usd: float


def shortage(rules: Rules, paths: FloatArray, held: Mapping[str, int], sizes: Mapping[str, int]) -> Shortage:
    """What goes unserved if `held` becomes `sizes` (pods by tier) now; paths: (draws, bins) of demand in units, each as likely."""
    capacity = np.zeros(paths.shape[1])
    for tier, lead in zip(rules.tiers, rules.lead_bins, strict=True):
        pods = np.full(paths.shape[1], sizes.get(tier.name, 0))
        pods[:lead] = np.minimum(pods[:lead], held.get(tier.name, 0))
        capacity += pods * tier.capacity_units
    short = np.maximum(paths - capacity, 0.0)
    asked = float(paths.sum())
    hours = paths.shape[1] * GRID_MINUTES / 60
    units = float(short.mean()) if short.size else 0.0
    return Shortage(units=units, share=float(short.sum()) / asked if asked else 0.0, usd=units * hours * rules.shortfall_usd_per_unit_hour)
