"""Search over labels, period by period: for a good plan (beam) and for a proof (certify).

1. Both take the same moves under the same relaxation; they differ in what they do with labels that do not fit: a beam drops them, a
   certificate merges them.
2. A beam's best label is a plan. A certificate's best label is a bound, and the optimal plan if it was never merged.
3. The nearer the cutoff is to the relaxation's bound, the fewer states can lie on a plan below it: a modest claim is proven in a fraction
   of the time of a tight one.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.solver import labels, sweeps
from ironwood.capacity.solver.lattice import Lattice
from ironwood.capacity.solver.multipliers import Relaxation

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TIE: Final = 1e-13  # of the cutoff: rounding forgiven to a dominating label; a search gives up at most periods x this of its bound


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """`path` (t,) holds the states of the best label never merged, None if there is none. Plans that obey the locks searched cost at least
    `bound_usd`, which is at most the cutoff. `complete` is False when the search was stopped: then nothing is known.
    """

    path: IntArray | None
    cost_usd: float
    bound_usd: float
    complete: bool
    most_labels: int


_ENOUGH: Final = 4  # a beam with less than this share of its labels is refilled
_NOTHING: Final = Outcome(path=None, cost_usd=np.inf, bound_usd=-np.inf, complete=False, most_labels=0)


class Search:
    """A relaxation prepared for searching: what every state costs to reach and to leave, and the locks a label carries.

    `down_axes` have their minimum down times enforced; without it they are relaxed and a path may break them.
    """

    def __init__(self, lattice: Lattice, relaxation: Relaxation, *, down_axes: Set[int]) -> None:
        self._lattice = lattice
        self._relaxation = r = relaxation
        self._pods = lattice.pods.astype(np.float64)
        self._down_axes = down_axes
        self._rows = _lock_rows(lattice, down_axes)
        self._owed_at_first = float((r.prices * lattice.up_locked.T).sum())
        self._through = np.empty((lattice.periods, lattice.states))
        sweeps.forward(lattice.stage_usd, self._pods, lattice.shape, r.hold, r.start, r.entry, self._through)
        self._through += r.to_go[1:] + self._owed_at_first

    def beam(self, *, cutoff_usd: float, width: int, most_labels: int, stop: Callable[[], bool]) -> Outcome:
        """A plan below the cutoff, keeping only the `most_labels` most promising labels and `width` a state. Its bound means nothing."""
        return self._run(cutoff_usd, -width, most_labels, stop)

    def certify(self, *, cutoff_usd: float, width: int, stop: Callable[[], bool]) -> Outcome:
        """A bound on all plans below the cutoff, keeping `width` labels a state apart."""
        return self._run(cutoff_usd, width, None, stop)

    def _run(self, cutoff: float, width: int, most_labels: int | None, stop: Callable[[], bool]) -> Outcome:
        lattice, r = self._lattice, self._relaxation
        held, first, value = lattice.initial[:, None].copy(), np.array([0, 1]), np.array([self._owed_at_first])
        low = self._first_locks()
        high, exact = low.copy(), np.ones(1, dtype=np.uint8)
        tie = TIE * abs(cutoff)
        states: list[NDArray[np.int32]] = []
        parents: list[NDArray[np.int32]] = []
        most, near = 0, cutoff
        for t in range(lattice.periods):
            if stop():
                return _NOTHING
            guide = r.to_go[t + 1]
            stage = lattice.stage_usd[t] + r.hold[t] @ self._pods
            moves = np.stack([r.start[t], r.prices[t]])
            live, extra, owed = self._after(t, merges=width > 0)
            for below in (near, cutoff) if near < cutoff else (cutoff,):
                targets = np.flatnonzero(self._through[t] < below)
                after = labels.step(
                    held, first, value, low, high, exact, lattice.pods, targets, stage, guide,
                    moves, lattice.most, self._rows, live, extra, owed, below, tie, width,
                )  # fmt: skip
                if most_labels is None or len(after[0]) >= most_labels // _ENOUGH:
                    break
            state, parent, value, low, high, exact = after
            most = max(most, len(state))
            if len(state) == 0:
                return Outcome(path=None, cost_usd=np.inf, bound_usd=cutoff, complete=True, most_labels=most)
            if most_labels is not None and len(state) > most_labels:
                kept = np.sort(np.argpartition(value + guide[state], most_labels)[:most_labels])
                state, parent, value, low, high, exact = state[kept], parent[kept], value[kept], low[kept], high[kept], exact[kept]
            near = cutoff if most_labels is None else _near(value + guide[state])
            begins = np.flatnonzero(np.concatenate([[True], state[1:] != state[:-1]]))
            held, first = lattice.pods[:, state[begins]], np.append(begins, len(state))
            states.append(state.astype(np.int32))
            parents.append(parent.astype(np.int32))
        bound = min(cutoff, float(value.min()) - lattice.periods * tie)
        plans = np.flatnonzero(exact)
        if len(plans) == 0:
            return Outcome(path=None, cost_usd=np.inf, bound_usd=bound, complete=True, most_labels=most)
        plan = int(plans[np.argmin(value[plans])])
        return Outcome(
            path=_walk_back(states, parents, plan), cost_usd=float(value[plan]), bound_usd=bound, complete=True, most_labels=most
        )

    def _first_locks(self) -> NDArray[np.float32]:
        low = np.zeros((1, int(self._rows[1].sum())), dtype=np.float32)
        for at, size, axis, sign in self._rows.T.tolist():
            locked = (self._lattice.up_locked if sign > 0 else self._lattice.down_locked)[axis]
            known = min(size - 1, len(locked))
            low[0, at : at + known] = locked[:known]
        return low

    def _after(self, t: int, *, merges: bool) -> tuple[IntArray, FloatArray, FloatArray]:
        """For labels after t: dimensions within the horizon (r,), price of a locked pod kept longer (r,), price owed for it (d,).

        A column whose minimum down time is enforced, or whose ceiling falls, cannot keep pods longer at any price (docs/capacity-model.md);
        a beam proves nothing and may guess.
        """
        lattice = self._lattice
        live = np.minimum(self._rows[1] - 1, lattice.periods - 1 - t)
        extra, owed = np.empty(self._rows.shape[1]), np.zeros(int(self._rows[1].sum()))
        for row, (at, _, axis, sign) in enumerate(self._rows.T.tolist()):
            bound = axis in self._down_axes or not lattice.extra_allowed[axis, t]
            if sign > 0:
                extra[row] = np.inf if merges and bound else lattice.hold_usd[axis]
                owed[at : at + live[row]] = self._relaxation.prices[t + 1 : t + 1 + live[row], axis]
            else:
                extra[row] = np.inf if merges else lattice.start_usd[axis]
        return live, extra, owed


def _lock_rows(lattice: Lattice, down_axes: Set[int]) -> IntArray:
    """(4, r): first dimension, dimensions, axis, 1 for minimum up and -1 for minimum down times; one row for each time longer than a period."""
    kinds = [(int(length), axis, 1) for axis, length in enumerate(lattice.up) if length > 1]
    kinds += [(int(length), axis, -1) for axis, length in enumerate(lattice.down) if length > 1 and axis in down_axes]
    sizes = np.array([kind[0] for kind in kinds], dtype=np.int64)
    return np.array([np.cumsum(sizes) - sizes, sizes, [kind[1] for kind in kinds], [kind[2] for kind in kinds]], dtype=np.int64).reshape(
        4, -1
    )


def _near(bounds: FloatArray) -> float:
    """Where a beam cuts the next period off at first: most labels have a child as good as themselves, so few worse ones need be made."""
    return float(bounds.max() + 0.25 * (bounds.max() - bounds.min()))


def _walk_back(states: list[NDArray[np.int32]], parents: list[NDArray[np.int32]], last: int) -> IntArray:
    path = np.empty(len(states), dtype=np.int64)
    for t in range(len(states) - 1, -1, -1):
        path[t] = states[t][last]
        last = int(parents[t][last])
    return path
