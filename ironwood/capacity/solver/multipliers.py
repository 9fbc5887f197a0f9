"""Prices on the minimum-up rows: a lower bound, and the cost-to-go that guides the searches.

1. Relaxing "starts of the last U periods <= pods" with a price m[t] >= 0 only changes costs: a pod held in t is m[t] cheaper, a start in t is
   dearer by the prices of the rows it enters. The dynamic program stays as it is, and its value is a lower bound (Lagrange; Geoffrion 1974).
2. Ascent is a deflected subgradient (Camerini, Fratta & Maffioli 1975) with Polyak's step towards the incumbent, each axis scaled by its
   price squared: the prices of a large and a small tier differ by orders of magnitude.
3. Minimum-down rows are left out: they hardly move the bound. The searches enforce them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.solver import sweeps
from ironwood.capacity.solver.lattice import Lattice

_DEFLECTION: Final = 0.8
_PATIENCE: Final = 8  # steps without a better bound before they are shortened
_SHORTER: Final = 0.7
_GUESS: Final = 0.004  # of the bound: the usual distance of the optimum early on

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Relaxation:
    """A Lagrangian relaxation solved: prices (t, a), costs under them, cost-to-go (t + 1, s), the best path (t,) and its bound in USD."""

    prices: FloatArray
    hold: FloatArray
    start: FloatArray
    entry: FloatArray
    to_go: FloatArray
    path: IntArray
    bound_usd: float


def relax(lattice: Lattice, prices: FloatArray, to_go: FloatArray | None = None) -> Relaxation:
    """Solve the relaxation under `prices` (t, a). `to_go` is scratch space to reuse; its content is replaced."""
    pods = lattice.pods.astype(np.float64)
    hold = lattice.hold_usd - prices
    start = lattice.start_usd + window_prices(prices, lattice.up)
    entry = np.maximum(pods - lattice.initial[:, None], 0.0).T @ start[0]
    table = np.empty((lattice.periods + 1, lattice.states)) if to_go is None else to_go
    path = np.empty(lattice.periods, dtype=np.int64)
    sweeps.backward(lattice.stage_usd, pods, lattice.shape, hold, start, table)
    cost = sweeps.trace(lattice.stage_usd, pods, hold, start, entry, table, path)
    bound = cost + float((prices * lattice.up_locked.T).sum())
    return Relaxation(prices=prices, hold=hold, start=start, entry=entry, to_go=table, path=path, bound_usd=bound)


def ascend(
    lattice: Lattice, *, prices: FloatArray, target_usd: float, iterations: int, close_gap: float, stop: Callable[[], bool]
) -> Relaxation:
    """The best relaxation found from `prices` in `iterations` steps towards `target_usd`, the cost of a plan; infinite if none is known, then the
    target keeps a little above the best bound.

    Ends early once the bound is within `close_gap` of the target or the path breaks no row and owes none.
    """
    rows = lattice.up > 1
    scale = np.where(rows, np.maximum(lattice.hold_usd, 1e-9) ** 2, 0.0)
    best = relax(lattice, prices)
    direction = np.zeros_like(prices)
    table: FloatArray | None = None
    current, agility, stalled = best, 1.0, 0
    for _ in range(iterations):
        excess = _excess(lattice, current.path) * rows
        aim = min(target_usd, best.bound_usd + _GUESS * abs(best.bound_usd) + 1e-9)
        if (
            target_usd - best.bound_usd <= close_gap * abs(target_usd)
            or not (np.maximum(excess, 0.0).any() or (current.prices * excess).any())
            or stop()
        ):
            break
        direction = excess + _DEFLECTION * direction
        direction[(current.prices <= 0) & (direction < 0)] = 0.0
        size = float((direction**2 * scale).sum())
        if size <= 0:
            break
        step = agility * (aim - current.bound_usd) / size
        next_prices = np.maximum(current.prices + step * scale * direction, 0.0)
        if current is not best:
            table = current.to_go
        current = relax(lattice, next_prices, table)
        table = None
        if current.bound_usd > best.bound_usd + 1e-12 * abs(best.bound_usd):
            best, stalled = current, 0
        else:
            stalled += 1
            if stalled >= _PATIENCE:
                agility, stalled = agility * _SHORTER, 0
    return best


def window_prices(prices: FloatArray, up: IntArray) -> FloatArray:
    """(t, a): sum of the prices of rows t .. t + U - 1, those a start in t enters."""
    sums = np.concatenate([np.zeros((1, prices.shape[1])), np.cumsum(prices, axis=0)])
    ends = np.minimum(np.arange(len(prices))[:, None] + up[None, :], len(prices))
    out = np.take_along_axis(sums, ends, axis=0) - sums[:-1]
    return np.asarray(np.maximum(out, prices))  # cancellation must not make a start cheaper than its first row


def _excess(lattice: Lattice, path: IntArray) -> FloatArray:
    """(t, a): starts within the last U periods minus pods; positive where a row is broken."""
    pods = lattice.pods[:, path].T
    starts = np.maximum(np.diff(pods, axis=0, prepend=lattice.initial[None, :]), 0)
    sums = np.concatenate([np.zeros((1, starts.shape[1]), dtype=np.int64), np.cumsum(starts, axis=0)])
    begins = np.maximum(np.arange(1, len(path) + 1)[:, None] - lattice.up[None, :], 0)
    return np.asarray(sums[1:] - np.take_along_axis(sums, begins, axis=0) + lattice.up_locked.T - pods, dtype=np.float64)
