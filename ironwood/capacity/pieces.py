"""Piecewise constant sizes of one day: the cheapest sequence of every length, and how lengths are shared out among groups of days.

1. A piece is half-open [begin, end) in blocks of the day, in one state of a lattice.
2. With C the running cost of a state, k pieces that end at j in state s cost C[j, s] + the least over their last beginning i of
   (k - 1 pieces that end at i, the start prices into s) - C[i, s]: one running minimum over i.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Segments = tuple[tuple[int, int, int], ...]

BIG: Final = 1e12  # USD: the price of what is forbidden


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One state from block `begin` to block `end` of the local day (an end beyond the day lies on the next), on each of `days`."""

    days: tuple[int, ...]
    begin: int
    end: int
    state: int


def cheapest_segments(cost: FloatArray, trans: FloatArray, *, least: int, most: int) -> list[tuple[float, Segments]]:
    """The cheapest sequence with 1, 2, … `most` segments of at least `least` blocks: (usd, ((begin, end, state), …)).

    cost: (blocks, states) price of a state in a block; trans: (from, to) price of a change. The day before ends in the state that the
    cheapest unlimited day ends in. Lengths that do not fit are left out.
    """
    blocks, states = cost.shape
    last = int(np.argmin(_unlimited(cost, trans)))
    running = np.concatenate([np.zeros((1, states)), np.cumsum(cost, axis=0)])
    entered = np.full((blocks + 1, states), np.inf)
    entered[0] = trans[last]
    came = np.zeros((blocks + 1, states), dtype=np.int64)
    sources, begins = [came], []
    found: list[tuple[float, Segments]] = []
    for k in range(1, min(most, blocks // least) + 1):
        gain = entered - running
        lowest = np.minimum.accumulate(gain, axis=0)
        at = np.maximum.accumulate(np.where(gain == lowest, np.arange(blocks + 1)[:, None], 0), axis=0)
        ends = np.full((blocks + 1, states), np.inf)
        ends[least:] = running[least:] + lowest[: blocks + 1 - least]
        begin = np.zeros((blocks + 1, states), dtype=np.int64)
        begin[least:] = at[: blocks + 1 - least]
        begins.append(begin)
        state = int(np.argmin(ends[blocks]))
        found.append((float(ends[blocks, state]), _walk_back(begins, sources, k, blocks, state)))
        through = ends[:, :, None] + trans[None, :, :]
        entered = through.min(axis=1)
        sources.append(through.argmin(axis=1))
    return found


def _unlimited(cost: FloatArray, trans: FloatArray) -> FloatArray:
    """Least cost of a day that ends in each state, without a limit on changes."""
    value = np.zeros(cost.shape[1])
    for row in cost:
        value = np.minimum(value, (value[:, None] + trans).min(axis=0)) + row
    return value


def _walk_back(begins: list[NDArray[np.int64]], sources: list[NDArray[np.int64]], count: int, end: int, state: int) -> Segments:
    segments = []
    for k in range(count - 1, -1, -1):
        begin = int(begins[k][end, state])
        segments.append((begin, end, state))
        end, state = begin, int(sources[k][begin, state])
    return tuple(reversed(segments))


def share_out(groups: list[list[tuple[float, Segments]]], most: int) -> dict[int, tuple[float, tuple[Segments, ...]]]:
    """The cheapest choice of one sequence for every group, by the number of segments they have together, up to `most`."""
    chosen: dict[int, tuple[float, tuple[Segments, ...]]] = {0: (0.0, ())}
    for listed in groups:
        grown: dict[int, tuple[float, tuple[Segments, ...]]] = {}
        for count, (usd, before) in chosen.items():
            for more, (added, segments) in enumerate(listed, start=1):
                total = count + more
                if total <= most and (total not in grown or usd + added < grown[total][0]):
                    grown[total] = (usd + added, (*before, segments))
        chosen = grown
    return chosen
