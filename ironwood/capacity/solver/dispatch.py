"""Which method fits a problem, and the plan it gives.

1. A method returns sizes, routed units, a bound and its name; nothing else leaves this room without `verify`.
2. The bound is proven by the method that claims it, and never above the verified cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.problem import ONLY_REGION, CapacityPlan, CapacityProblem, Tier
from ironwood.capacity.solver import lattice as lattices
from ironwood.capacity.solver.effort import QUICK, Effort
from ironwood.capacity.solver.exact import prove
from ironwood.capacity.verify import check, verify
from ironwood.errors import ProblemError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Stop = Callable[[], bool]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """`sizes` (periods, tiers) and `routed_units` (periods, scenarios, routes) or None, with a proven bound."""

    sizes: IntArray
    routed_units: FloatArray | None = None
    lower_bound_usd: float
    method: str


def solve_any(problem: CapacityProblem, *, effort: Effort, stop: Stop) -> CapacityPlan:
    """See `solve`."""
    answer = _answer(problem, effort, stop)
    bill = verify(problem, answer.sizes, answer.routed_units)
    sizes = answer.sizes.copy()
    sizes.setflags(write=False)
    return CapacityPlan(
        sizes=sizes,
        routed_units=answer.routed_units,
        cost_usd=bill.cost_usd,
        infrastructure_usd=bill.infrastructure_usd,
        startup_usd=bill.startup_usd,
        shortfall_usd=bill.shortfall_usd,
        transport_usd=bill.transport_usd,
        shortfall_unit_hours=bill.shortfall_unit_hours,
        lower_bound_usd=min(answer.lower_bound_usd, bill.cost_usd),
        method=answer.method,
    )


def _answer(problem: CapacityProblem, effort: Effort, stop: Stop) -> Answer:
    if _separable(problem):
        return _region_by_region(problem, effort, stop)
    if len(problem.regions) > 1 or lattices.cells(problem) > lattices.MAX_CELLS:
        return _whole(problem, effort, stop)
    if problem.budget_usd is None:
        return _exact(problem, effort, stop)
    from ironwood.capacity.solver.budget import solve_within

    sizes, bound, method = solve_within(problem, problem.budget_usd, effort=effort, stop=stop)
    return Answer(sizes=sizes, lower_bound_usd=bound, method=method)


def _exact(problem: CapacityProblem, effort: Effort, stop: Stop) -> Answer:
    lattice = lattices.build(problem)
    proof, _ = prove(lattice, effort=effort, stop=stop)
    if proof.path is None:
        return _whole(problem, effort, stop)  # HiGHS finds sizes or proves that there are none
    return Answer(sizes=lattice.sizes(proof.path), lower_bound_usd=proof.bound_usd, method=proof.method)


def _whole(problem: CapacityProblem, effort: Effort, stop: Stop) -> Answer:
    from ironwood.capacity.solver.milp import solve_milp

    start = _start(problem, stop)
    found = solve_milp(problem, stop=stop, start=start, relative_gap=effort.target_gap, max_nodes=effort.highs_nodes)
    if found.sizes is not None:
        return Answer(sizes=found.sizes, routed_units=found.routed_units, lower_bound_usd=found.lower_bound_usd, method="highs")
    if start is None:
        raise ProblemError(f"{problem.name}: stopped before any feasible sizes were found; allow more time")
    return Answer(sizes=start, lower_bound_usd=max(0.0, found.lower_bound_usd), method="exact on a part, bound by highs")


def _separable(problem: CapacityProblem) -> bool:
    """Several regions that no route, budget or shared limit couples."""
    across = any(len({problem.tiers[column].region for column in limit.columns}) > 1 for limit in problem.shared_limits)
    return len(problem.regions) > 1 and not problem.routes and problem.budget_usd is None and not across


def _columns(problem: CapacityProblem, region: str) -> list[int]:
    return [column for column, tier in enumerate(problem.tiers) if tier.region == region]


def _part(problem: CapacityProblem, region: str, columns: list[int]) -> CapacityProblem:
    """The region alone with these columns, its demand met by them only."""
    index = problem.regions.index(region)
    limits = tuple(
        replace(limit, columns=tuple(columns.index(column) for column in limit.columns if column in columns))
        for limit in problem.shared_limits
        if set(limit.columns) & set(columns)
    )
    tiers: tuple[Tier, ...] = tuple(replace(problem.tiers[column], region=ONLY_REGION) for column in columns)
    return CapacityProblem(
        tiers=tiers,
        period_minutes=problem.period_minutes,
        demand_units=problem.demand_units[:, :, index],
        demand_weights=problem.weights,
        shortfall_usd_per_unit_hour=problem.shortfall_usd_per_unit_hour,
        min_pods=problem.floor[:, columns],
        max_pods=problem.ceiling[:, columns],
        shared_limits=limits,
        name=f"{problem.name} {region}",
    )


def _region_by_region(problem: CapacityProblem, effort: Effort, stop: Stop) -> Answer:
    sizes = np.zeros((problem.periods, len(problem.tiers)), dtype=np.int64)
    bound, methods = 0.0, []
    for index, region in enumerate(problem.regions):
        columns = _columns(problem, region)
        if not columns:
            short = np.einsum("ts,ts->", problem.weights, problem.demand_units[:, :, index])
            bound += float(short) * problem.hours * problem.shortfall_usd_per_unit_hour
            continue
        part = _answer(_part(problem, region, columns), effort, stop)
        sizes[:, columns] = part.sizes
        bound += part.lower_bound_usd
        methods.append(part.method)
    return Answer(sizes=sizes, lower_bound_usd=bound, method="region by region: " + ", ".join(dict.fromkeys(methods)))


def _start(problem: CapacityProblem, stop: Stop) -> IntArray | None:
    """Sizes to start HiGHS from: each region for itself, with its cheapest columns as far as a lattice holds them, the others at their least."""
    sizes = problem.floor.copy()
    for region in problem.regions:
        chosen: list[int] = []
        for column in sorted(
            _columns(problem, region), key=lambda k: problem.tiers[k].price_usd_per_pod_hour / problem.tiers[k].capacity_units
        ):
            if lattices.cells(_part(problem, region, [*chosen, column])) <= lattices.MAX_CELLS // 4:
                chosen.append(column)
        if not chosen:
            continue
        try:
            lattice = lattices.build(_part(problem, region, chosen))
        except ProblemError:
            return None
        proof, _ = prove(lattice, effort=QUICK, stop=stop)
        if proof.path is None:
            return None
        sizes[:, chosen] = lattice.sizes(proof.path)
    return None if check(problem, sizes, _unrouted(problem)) else sizes


def _unrouted(problem: CapacityProblem) -> FloatArray | None:
    return np.zeros((problem.periods, problem.demand_units.shape[1], len(problem.routes))) if problem.routes else None
