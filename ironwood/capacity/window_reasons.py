"""A fit as weekly windows that say what they cost and why they have their sizes.

1. Dollars are shared out by the clock: a window pays for what it holds, for the shortage while it holds, and for the pods it starts. Together
   they are the week's bill.
2. A reason is the demand expected and the margin: what one pod less would save, and what it would leave unserved.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.pieces import Piece
from ironwood.capacity.problem import CapacityProblem
from ironwood.capacity.week_costs import WeekCosts, owners
from ironwood.capacity.windowing import Fit
from ironwood.capacity.windows import DAY_MINUTES, WeeklyWindows, Window

FloatArray = NDArray[np.float64]

_BAND: Final = (0.1, 0.9)


def as_windows(problem: CapacityProblem, fit: Fit, *, grain_minutes: int, zone: str) -> WeeklyWindows:
    """The windows of a fit of `problem`, ordered by day and time."""
    week = WeekCosts(problem, grain_minutes)
    owner = owners(week, fit.pieces)
    states = np.array([piece.state for piece in fit.pieces])[owner]
    started = np.append(week.entry(states[:1]), week.starts(states[:-1], states[1:]))
    held = week.cost[np.arange(len(states)), states] + started
    usd = np.bincount(owner, weights=held, minlength=len(fit.pieces))
    windows = [
        _window(week, piece, np.flatnonzero(owner == index), float(dollars))
        for index, (piece, dollars) in enumerate(zip(fit.pieces, usd, strict=True))
    ]
    return WeeklyWindows(zone=zone, windows=tuple(sorted(windows, key=lambda window: (window.days, window.begin_minute))))


def _window(week: WeekCosts, piece: Piece, blocks: NDArray[np.int64], usd: float) -> Window:
    day_late, begin = divmod(piece.begin, week.blocks_a_day)
    if piece.end - piece.begin == week.blocks_a_day and len(piece.days) == 7:
        begin = 0  # the same all week: it begins at midnight as well as at any other time
    begin *= week.grain
    pods = week.lattice.pods[:, piece.state]
    columns = week.lattice.columns.tolist()
    by_tier = {week.problem.tiers[k].name: int(pods[columns.index(k)]) for k in range(len(columns))}
    return Window(
        days=tuple((day + day_late) % 7 for day in piece.days),
        begin_minute=begin,
        end_minute=begin + min(DAY_MINUTES, (piece.end - piece.begin) * week.grain),
        sizes=by_tier,
        reason=_reason(week, piece.state, blocks),
        usd_per_week=usd,
    )


def _reason(week: WeekCosts, state: int, blocks: NDArray[np.int64]) -> str:
    low, high = _expected(week, blocks)
    expects = f"expects {low:,.0f}-{high:,.0f} units"
    lattice = week.lattice
    strides = np.append(np.cumprod(lattice.shape[::-1])[::-1][1:], 1)
    choices = []
    for axis, column in enumerate(lattice.columns.tolist()):
        if lattice.pods[axis, state] <= lattice.low[axis]:
            continue
        less = state - int(strides[axis])
        more_usd = float((week.cost[blocks, less] - week.cost[blocks, state]).sum())
        saved = float(lattice.hold_usd[axis]) * week.periods_a_block * len(blocks)
        choices.append((more_usd, saved, week.problem.tiers[column].name))
    if not choices:
        return f"{expects}; the least the profile allows" if lattice.pods[:, state].any() else f"{expects}; no pod earns its price"
    more_usd, saved, tier = min(choices)
    if more_usd < 0:
        return f"{expects}; {tier} stays on between its neighbours: a stop and a start would cost more than the ${-more_usd:,.0f} it saves"
    return f"{expects}; one {tier} less saves ${saved:,.0f} and leaves ${saved + more_usd:,.0f} of demand unserved"


def _expected(week: WeekCosts, blocks: NDArray[np.int64]) -> tuple[float, float]:
    """The 0.1 and 0.9 quantile of demand while these blocks last, in units."""
    periods = (blocks[:, None] * week.periods_a_block + np.arange(week.periods_a_block)).ravel()
    units = week.problem.demand_units[periods, :, 0].ravel()
    order = np.argsort(units)
    reached = np.cumsum(week.problem.weights[periods].ravel()[order])
    return tuple(float(units[order][np.searchsorted(reached, level * reached[-1])]) for level in _BAND)  # type: ignore[return-value]  # two levels
