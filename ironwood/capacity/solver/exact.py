"""One lattice: the cheapest path that keeps minimum up and down times, and a proof.

1. Dynamic program. If its path keeps all minimum times it is optimal.
2. Else ascend the multipliers, search a plan by beam, and certify by label setting, first a modest claim, then the whole.
3. Every path is judged here from its definition before it counts; every bound holds for all paths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.solver.effort import Effort
from ironwood.capacity.solver.lattice import Lattice
from ironwood.capacity.solver.multipliers import Relaxation, ascend, relax
from ironwood.capacity.solver.search import Outcome, Search

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SLACKS: Final = (0.01, 0.03, 0.1, 1.0, np.inf)  # of the bound: how far above it a first plan is looked for
_FIRST_STEPS: Final = 60
_WORTHWHILE: Final = 1e-5  # of the cost: a gain that calls for another beam
_HARD: Final = 1_000_000  # labels x periods of a certificate beyond which plans are looked for once more, with beams wider by
_WIDER: Final = 3
_CLAIMS: Final = (0.5, 0.75, 1.0)  # of the way from the relaxation's bound to the plan's cost
_ROUNDING: Final = 1e-11  # of the cost: sums of a few thousand terms in double precision


@dataclass(kw_only=True, eq=False)
class Proof:
    """The best path so far (t,) with its cost, the best bound so far, and how each was found."""

    lattice: Lattice
    path: IntArray | None = None
    cost_usd: float = np.inf
    bound_usd: float = 0.0
    steps: list[str] = field(default_factory=list)

    def offer(self, path: IntArray | None, how: str) -> None:
        """Keep a path if it is feasible and cheaper."""
        if path is None or broken_axes(self.lattice, path):
            return
        cost = path_cost(self.lattice, path)
        if cost < self.cost_usd:
            self.path, self.cost_usd = path, cost
            self.steps.append(how)

    def raise_bound(self, bound_usd: float, how: str) -> None:
        """Keep a bound if it is better."""
        bound_usd = min(bound_usd - _ROUNDING * abs(bound_usd), self.cost_usd)
        if bound_usd > self.bound_usd:
            self.bound_usd = bound_usd
            self.steps.append(how)

    def closed(self, gap: float) -> bool:
        """Whether the bound is within `gap` of the cost."""
        return self.path is not None and self.cost_usd - self.bound_usd <= max(gap, 3 * _ROUNDING) * abs(self.cost_usd)

    @property
    def method(self) -> str:
        """What improved the path or the bound, in order."""
        return "+".join(dict.fromkeys(self.steps))


def path_cost(lattice: Lattice, path: IntArray) -> float:
    """Cost of a path (t,) in USD, infinite if it uses a forbidden state."""
    pods = lattice.pods[:, path]
    starts = np.maximum(np.diff(pods, axis=1, prepend=lattice.initial[:, None]), 0)
    return float(
        lattice.stage_usd[np.arange(len(path)), path].sum() + lattice.hold_usd @ pods.sum(axis=1) + lattice.start_usd @ starts.sum(axis=1)
    )


def broken_axes(lattice: Lattice, path: IntArray) -> dict[int, str]:
    """Axes whose minimum up or down time a path breaks, and which of the two ("up" first)."""
    pods = lattice.pods[:, path]
    change = np.diff(pods, axis=1, prepend=lattice.initial[:, None])
    broken = {}
    for axis in range(len(pods)):
        resting = _recent(np.maximum(-change[axis], 0), int(lattice.down[axis])) + lattice.down_locked[axis]
        if (resting > lattice.most[axis] - pods[axis]).any():
            broken[axis] = "down"
        young = _recent(np.maximum(change[axis], 0), int(lattice.up[axis])) + lattice.up_locked[axis]
        if (young > pods[axis]).any():
            broken[axis] = "up"
    return broken


def _recent(moves: IntArray, length: int) -> IntArray:
    """Sum of the last `length` moves at every period."""
    sums = np.concatenate([[0], np.cumsum(moves)])
    return np.asarray(sums[1:] - sums[np.maximum(np.arange(1, len(sums)) - length, 0)])


def prove(lattice: Lattice, *, effort: Effort, stop: Callable[[], bool], prices: FloatArray | None = None) -> tuple[Proof, Relaxation]:
    """The best path and bound within the effort, and the last relaxation. `prices` (t, a): multipliers to begin with.

    `path` is None if no feasible path was found, which does not prove that there is none.
    """
    proof = Proof(lattice=lattice)
    best = relax(lattice, np.zeros((lattice.periods, len(lattice.shape))) if prices is None else prices)
    proof.raise_bound(best.bound_usd, "dynamic program")
    proof.offer(best.path, "dynamic program")
    if proof.closed(effort.target_gap) or stop():
        return proof, best
    every_axis = set(range(len(lattice.shape)))
    first_steps = min(_FIRST_STEPS, effort.ascent_steps)
    for steps in (first_steps, effort.ascent_steps - first_steps):
        best = ascend(lattice, prices=best.prices, target_usd=proof.cost_usd, iterations=steps, close_gap=effort.target_gap / 2, stop=stop)
        proof.raise_bound(best.bound_usd, "multipliers")
        proof.offer(best.path, "multipliers")
        search = Search(lattice, best, down_axes=every_axis)
        _first_plan(proof, search, effort, stop)
        if proof.closed(effort.target_gap) or stop():
            return proof, best
    _better_plan(proof, search, effort.beam_width, effort.beam_labels, stop)
    _certify(proof, best, search, effort, stop)
    return proof, best


def _first_plan(proof: Proof, search: Search, effort: Effort, stop: Callable[[], bool]) -> None:
    """Any plan, with ever more slack above the bound, at last with far more labels. Finding none proves nothing."""
    narrow, wide = (1, max(1, effort.beam_labels // 2)), (_WIDER * effort.beam_width, _WIDER**2 * effort.beam_labels)
    for slack, (width, most_labels) in [*((slack, narrow) for slack in _SLACKS), (np.inf, wide)]:
        if proof.path is not None or stop():
            return
        cutoff = proof.bound_usd + slack * max(abs(proof.bound_usd), 1.0)
        proof.offer(search.beam(cutoff_usd=cutoff, width=width, most_labels=most_labels, stop=stop).path, "beam search")


def _better_plan(proof: Proof, search: Search, width: int, most_labels: int, stop: Callable[[], bool]) -> None:
    """Beams below the best plan, while they find one."""
    before = np.inf
    while proof.path is not None and proof.cost_usd < before - _WORTHWHILE * abs(proof.cost_usd) and not stop():
        before = proof.cost_usd
        proof.offer(search.beam(cutoff_usd=before, width=width, most_labels=most_labels, stop=stop).path, "beam search")


def _certify(proof: Proof, relaxation: Relaxation, beams: Search, effort: Effort, stop: Callable[[], bool]) -> None:
    """Label setting: claims in rising order, labels in rising number, and minimum down times only where a path broke them."""
    if proof.path is None or not effort.proof_widths or proof.closed(effort.target_gap):
        return
    start, down_axes = relaxation.bound_usd, set[int]()
    search = Search(proof.lattice, relaxation, down_axes=down_axes)
    outcome: Outcome | None = None
    widened = False

    def hard(last: Outcome | None) -> bool:
        return last is not None and last.most_labels * proof.lattice.periods > _HARD

    for claim in _CLAIMS:
        if _CLAIMS[0] < claim < 1 and not hard(outcome):
            continue  # the whole is near enough: a step between would only delay it
        widths = list(effort.proof_widths)
        while widths and not proof.closed(effort.target_gap):
            tight = proof.cost_usd - effort.target_gap / 2 * abs(proof.cost_usd)
            cutoff = start + claim * (tight - start)
            if cutoff <= proof.bound_usd:
                break
            if hard(outcome) and not widened:
                # a better plan narrows the search more cheaply than more labels do
                _better_plan(proof, beams, _WIDER * effort.beam_width, _WIDER * effort.beam_labels, stop)
                widened = True
                continue
            outcome = search.certify(cutoff_usd=cutoff, width=widths[0], stop=stop)
            if not outcome.complete:
                return
            proof.raise_bound(outcome.bound_usd, "label setting")
            proof.offer(outcome.path, "label setting")
            if outcome.bound_usd >= cutoff:
                break
            newly_down = _relaxed_down(proof.lattice, outcome) - down_axes
            if newly_down:
                down_axes |= newly_down
                search = Search(proof.lattice, relaxation, down_axes=down_axes)
            elif claim < 1:
                break  # a modest claim that fails is not worth a second try
            else:
                widths.pop(0)


def _relaxed_down(lattice: Lattice, outcome: Outcome) -> set[int]:
    """Axes whose minimum down time the best label's path breaks, if that label was never merged."""
    if outcome.path is None or outcome.cost_usd > outcome.bound_usd * (1 + 1e-9):
        return set()
    return {axis for axis, which in broken_axes(lattice, outcome.path).items() if which == "down"}
