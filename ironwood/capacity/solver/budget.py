"""A hard budget: one multiplier over the exact method, then HiGHS around the best plan.

1. Charging every dollar of pods 1 + theta times and giving theta x budget back leaves a problem without a budget; its bound holds for the
   problem with one (Everett 1963). The greatest such bound is found by bisection on what the cheapest plan spends.
2. Plans that spend no more than the budget are kept as they appear. What one multiplier cannot reach (a gap of about a percent) HiGHS polishes
   within a band around the best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.problem import CapacityProblem, InfeasibleError
from ironwood.capacity.solver import lattice as lattices
from ironwood.capacity.solver.effort import Effort
from ironwood.capacity.solver.exact import path_cost, prove
from ironwood.capacity.solver.lattice import Lattice
from ironwood.capacity.solver.milp import solve_milp
from ironwood.capacity.solver.multipliers import relax
from ironwood.errors import ProblemError

IntArray = NDArray[np.int64]

_BISECTIONS: Final = 12
_STEEPEST: Final = 1e4  # a dollar of pods counted this many times: nothing is bought that is not forced
_BAND: Final = 1
_POLISH_NODES: Final = 200


def solve_within(problem: CapacityProblem, budget_usd: float, *, effort: Effort, stop: Callable[[], bool]) -> tuple[IntArray, float, str]:
    """Sizes that spend at most `budget_usd`, a bound and the method. Raises InfeasibleError if the least possible spend is above the budget."""
    lattice = lattices.build(problem)
    free, relaxation = prove(lattice, effort=effort, stop=stop)
    if free.path is not None and _spend(lattice, free.path) <= budget_usd:
        return lattice.sizes(free.path), free.bound_usd, f"{free.method}, budget not binding"
    least = _least_spend(lattice)
    if least > budget_usd * (1 + 1e-9):
        raise InfeasibleError(
            f"{problem.name}: the budget of {budget_usd:.2f} USD is below {least:.2f} USD, which minima and locked pods cost already; raise it"
        )
    bound, best, cost = free.bound_usd, None, np.inf
    low, high = 0.0, _first_high(lattice, budget_usd, relaxation.prices)
    quick = replace(effort, ascent_steps=min(effort.ascent_steps, 80), proof_widths=())
    prices = relaxation.prices
    for _ in range(_BISECTIONS):
        theta = (low + high) / 2
        proof, found = prove(_charged(lattice, theta), effort=quick, stop=stop, prices=prices)
        prices = found.prices
        bound = max(bound, proof.bound_usd - theta * budget_usd)
        path = found.path if proof.path is None else proof.path
        if _spend(lattice, path) > budget_usd:
            low = theta
        else:
            high = theta
            if proof.path is not None and path_cost(lattice, path) < cost:
                best, cost = path, path_cost(lattice, path)
        if stop():
            break
    start = None if best is None else lattice.sizes(best)
    if start is not None and (effort.highs_nodes == 0 or stop()):
        return start, bound, "budget multiplier over exact"
    polished = solve_milp(
        problem,
        stop=stop,
        start=start,
        band=None if start is None else _BAND,
        relative_gap=effort.target_gap,
        max_nodes=min(_POLISH_NODES, effort.highs_nodes),
    )
    if polished.sizes is None and start is None:
        raise ProblemError(f"{problem.name}: stopped before sizes within the budget of {budget_usd:.2f} USD were found; allow more time")
    if start is None:
        bound = max(bound, polished.lower_bound_usd)
    sizes = polished.sizes if polished.sizes is not None else start
    assert sizes is not None
    return sizes, bound, "budget multiplier over exact, polished by highs"


def _spend(lattice: Lattice, path: IntArray) -> float:
    """What a path's pods cost, held and started."""
    return path_cost(replace(lattice, stage_usd=np.zeros_like(lattice.stage_usd)), path)


def _least_spend(lattice: Lattice) -> float:
    """A bound on what must be spent whatever the shortage."""
    bare = replace(lattice, stage_usd=np.where(np.isinf(lattice.stage_usd), np.inf, 0.0))
    return relax(bare, np.zeros((lattice.periods, len(lattice.shape)))).bound_usd


def _charged(lattice: Lattice, theta: float) -> Lattice:
    return replace(lattice, hold_usd=lattice.hold_usd * (1 + theta), start_usd=lattice.start_usd * (1 + theta))


def _first_high(lattice: Lattice, budget_usd: float, prices: NDArray[np.float64]) -> float:
    """A multiplier under which the relaxed plan spends no more than the budget."""
    theta = 0.5
    while theta < _STEEPEST and _spend(lattice, relax(_charged(lattice, theta), prices).path) > budget_usd:
        theta *= 2
    return theta
