"""Dynamic programming on the lattice, compiled.

1. A move between states costs the sum of its starts, so the best move is one min-plus sweep an axis, in place: O(states) a period.
2. `to_go[t, s]` is the least cost of periods t.. when s is held before t (row 0: when s is held in period 0); `so_far[t, s]` that of 0..t ending in s.
3. Prices come a period and an axis: multipliers change them, never the structure.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_compiled = numba.njit(cache=True, nogil=True)


@_compiled
def _rise(x: FloatArray, at: int, step: int, count: int, price: float) -> None:
    """x[at + i] <- min(x[at + i], x[at + step + i] + price) for i in 0..count - 1; a loop of its own so that it vectorises."""
    for i in range(count):
        other = x[at + step + i] + price
        x[at + i] = min(other, x[at + i])


@_compiled
def _walk(x: FloatArray, at: int, size: int, price_up: float, price_down: float) -> None:
    """Both passes along the last axis, whose states are neighbours: twice as fast as calls of `_rise` with a count of 1."""
    least = np.inf
    for i in range(at + size - 1, at - 1, -1):
        least = min(x[i], least + price_up)
        x[i] = least
    for i in range(at, at + size):
        least = min(x[i], least + price_down)
        x[i] = least


@_compiled
def _sweep(x: FloatArray, shape: IntArray, price_up: FloatArray, price_down: FloatArray) -> None:
    """x[s] <- min over s' of x[s'] + price_up x (pods s' has more) + price_down x (pods s' has fewer), axis by axis."""
    inner = x.size
    outer = 1
    for axis in range(shape.size):
        size = shape[axis]
        inner //= size
        block = size * inner
        for o in range(outer):
            if inner == 1:
                _walk(x, o * block, size, price_up[axis], price_down[axis])
            else:
                for j in range(size - 2, -1, -1):
                    _rise(x, o * block + j * inner, inner, inner, price_up[axis])
                for j in range(1, size):
                    _rise(x, o * block + j * inner, -inner, inner, price_down[axis])
        outer *= size


@_compiled
def backward(stage: FloatArray, pods: FloatArray, shape: IntArray, hold: FloatArray, start: FloatArray, to_go: FloatArray) -> None:
    """Fill to_go (t + 1, s) from stage (t, s), pods (a, s), hold (t, a) and start (t, a)."""
    periods, states = stage.shape
    free = np.zeros(shape.size)
    to_go[periods] = 0.0
    for t in range(periods - 1, -1, -1):
        row = to_go[t]
        after = to_go[t + 1]
        for s in range(states):
            row[s] = stage[t, s] + after[s]
        for axis in range(shape.size):
            price = hold[t, axis]
            for s in range(states):
                row[s] += price * pods[axis, s]
        if t > 0:
            _sweep(row, shape, start[t], free)


@_compiled
def forward(
    stage: FloatArray, pods: FloatArray, shape: IntArray, hold: FloatArray, start: FloatArray, entry: FloatArray, so_far: FloatArray
) -> None:
    """Fill so_far (t, s); entry (s,) is the cost of the first period's starts."""
    periods, states = stage.shape
    free = np.zeros(shape.size)
    for t in range(periods):
        row = so_far[t]
        if t == 0:
            row[:] = entry
        else:
            row[:] = so_far[t - 1]
            _sweep(row, shape, free, start[t])
        for s in range(states):
            row[s] += stage[t, s]
        for axis in range(shape.size):
            price = hold[t, axis]
            for s in range(states):
                row[s] += price * pods[axis, s]


@_compiled
def trace(
    stage: FloatArray, pods: FloatArray, hold: FloatArray, start: FloatArray, entry: FloatArray, to_go: FloatArray, path: IntArray
) -> float:
    """Follow to_go to the best path (t,) of states; returns its cost."""
    periods, states = stage.shape
    axes = pods.shape[0]
    row = np.empty(states)
    cost = 0.0
    for t in range(periods):
        if t == 0:
            for s in range(states):
                row[s] = to_go[0, s] + entry[s]
        else:
            for s in range(states):
                row[s] = stage[t, s] + to_go[t + 1, s]
            for axis in range(axes):
                held = pods[axis, path[t - 1]]
                for s in range(states):
                    row[s] += hold[t, axis] * pods[axis, s] + start[t, axis] * max(0.0, pods[axis, s] - held)
        best = 0
        for s in range(states):
            if row[s] < row[best]:
                best = s
        if t == 0:
            cost = row[best]
        path[t] = best
    return cost
