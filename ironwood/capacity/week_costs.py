"""What every size costs in every block of a week, and what a change of sizes costs: the material windows are cut from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.pieces import BIG, Piece
from ironwood.capacity.problem import CapacityProblem
from ironwood.capacity.solver import lattice as lattices
from ironwood.capacity.solver.lattice import Lattice
from ironwood.capacity.windows import DAY_MINUTES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class WeekCosts:
    """A problem's week in blocks of `grain` minutes: `cost` (blocks, states) is the price of holding a state, its shortage included."""

    def __init__(self, problem: CapacityProblem, grain_minutes: int) -> None:
        self.problem = problem
        self.lattice: Lattice = lattices.build(problem)
        self.periods_a_block = round(grain_minutes / problem.period_minutes)
        self.blocks_a_day = DAY_MINUTES // grain_minutes
        self.grain = grain_minutes
        longest = max(max(tier.min_up_minutes, tier.min_down_minutes) for tier in problem.tiers)
        self.least_blocks = max(1, -(-round(longest) // grain_minutes))
        price = np.where(np.isinf(self.lattice.stage_usd), BIG, self.lattice.stage_usd) + self.lattice.hold_usd @ self.lattice.pods
        self.cost = price.reshape(-1, self.periods_a_block, self.lattice.states).sum(axis=1)

    def charged(self, theta: float) -> WeekCosts:
        """The same week with each dollar of pods counted 1 + theta times."""
        other = object.__new__(WeekCosts)
        other.__dict__.update(self.__dict__)
        other.lattice = replace(self.lattice, hold_usd=self.lattice.hold_usd * (1 + theta), start_usd=self.lattice.start_usd * (1 + theta))
        other.cost = self.cost + theta * self.periods_a_block * (self.lattice.hold_usd @ self.lattice.pods)
        return other

    def starts(self, before: IntArray, after: IntArray) -> FloatArray:
        """Price of going from states `before` to states `after`, broadcast against each other."""
        pods = self.lattice.pods
        more = np.maximum(pods[:, after] - pods[:, before], 0)
        return np.asarray(np.tensordot(self.lattice.start_usd, more, axes=1))

    def entry(self, states: IntArray) -> FloatArray:
        """Price of starting the week in `states`."""
        more = np.maximum(self.lattice.pods[:, states] - self.lattice.initial[:, None], 0)
        return np.asarray(self.lattice.start_usd @ more)


def owners(week: WeekCosts, pieces: Sequence[Piece]) -> IntArray:
    """Index of the piece that holds in every block of the week, shape (blocks,)."""
    owner = np.full(len(week.cost), -1, dtype=np.int64)
    for index, piece in enumerate(pieces):
        for day in piece.days:
            owner[(np.arange(piece.begin, piece.end) + day * week.blocks_a_day) % len(owner)] = index
    return owner
