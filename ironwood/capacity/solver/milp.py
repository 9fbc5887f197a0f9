"""The whole problem as one mixed-integer program, for HiGHS.

1. Identical pods are one integer variable: aggregation removes the symmetry that a binary per pod would bring.
2. Rows are Rajan & Takriti's (2005) minimum up / down windows; one function a constraint.
3. Interrupted or not, what comes back is the best sizes found and HiGHS's proven dual bound.

Variables: pods n, starts u, stops w (periods x columns), shortage y (periods x scenarios x regions), routed units f (periods x scenarios x routes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import highspy
import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.problem import CapacityProblem, InfeasibleError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class MilpAnswer:
    """`sizes` (periods, tiers) and `routed_units` (periods, scenarios, routes); sizes are None if none was found before the stop."""

    sizes: IntArray | None
    routed_units: FloatArray | None
    lower_bound_usd: float
    proven: bool


@dataclass
class _Rows:
    """Rows under construction: parallel lists of (row, column, value) blocks and row bounds."""

    row: list[IntArray] = field(default_factory=list)
    column: list[IntArray] = field(default_factory=list)
    value: list[FloatArray] = field(default_factory=list)
    lower: list[FloatArray] = field(default_factory=list)
    upper: list[FloatArray] = field(default_factory=list)
    count: int = 0

    def open(self, lower: FloatArray, upper: FloatArray) -> IntArray:
        """New rows with these bounds; their indices."""
        self.lower.append(lower)
        self.upper.append(upper)
        self.count += len(lower)
        return np.arange(self.count - len(lower), self.count)

    def put(self, row: IntArray, column: IntArray, value: float | FloatArray) -> None:
        self.row.append(row.ravel())
        self.column.append(column.ravel())
        self.value.append(np.broadcast_to(value, row.shape).ravel().astype(np.float64))


@dataclass(frozen=True)
class _Layout:
    """Index of every variable in the program."""

    count: int
    pods: IntArray
    starts: IntArray
    stops: IntArray
    short: IntArray
    routed: IntArray


def _layout(problem: CapacityProblem) -> _Layout:
    periods, scenarios, regions = problem.demand_units.shape
    shapes = [(periods, len(problem.tiers))] * 3 + [(periods, scenarios, regions), (periods, scenarios, len(problem.routes))]
    blocks, at = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        blocks.append(np.arange(at, at + size).reshape(shape))
        at += size
    return _Layout(at, *blocks)


def _change_rows(problem: CapacityProblem, at: _Layout, rows: _Rows) -> None:
    """n[t,k] - n[t-1,k] = u[t,k] - w[t,k] (Garver 1962, the 3-bin formulation aggregated)."""
    for column, tier in enumerate(problem.tiers):
        known = np.zeros(problem.periods)
        known[0] = tier.initial_pods
        index = rows.open(known, known)
        rows.put(index, at.pods[:, column], 1.0)
        rows.put(index[1:], at.pods[:-1, column], -1.0)
        rows.put(index, at.starts[:, column], -1.0)
        rows.put(index, at.stops[:, column], 1.0)


def _window_rows(problem: CapacityProblem, at: _Layout, rows: _Rows) -> None:
    """Keep sum of u over the last min-up periods <= n;  sum of w over the last min-down periods <= max - n (Rajan & Takriti 2005)."""
    periods = problem.periods
    for column, tier in enumerate(problem.tiers):
        pairs = (
            (problem.min_up[column], tier.started_before, at.starts, -1.0, 0),
            (problem.min_down[column], tier.stopped_before, at.stops, 1.0, tier.max_pods),
        )
        for length, history, moves, sign, limit in pairs:
            if length == 1:
                continue  # implied: what starts in a period is on in it
            bound = np.full(periods, float(limit))
            for period in range(min(periods, length - 1)):
                bound[period] -= sum(history[: length - 1 - period])
            index = rows.open(np.full(periods, -highspy.kHighsInf), bound)
            rows.put(index, at.pods[:, column], sign)
            for back in range(min(length, periods)):
                rows.put(index[back:], moves[: periods - back, column], 1.0)


def _demand_rows(problem: CapacityProblem, at: _Layout, rows: _Rows) -> None:
    """Keep capacity + shortage + routed out - routed in >= demand, and routed out + shortage <= demand, per scenario and region."""
    for region, name in enumerate(problem.regions):
        demand = problem.demand_units[:, :, region]
        for scenario in range(demand.shape[1]):
            index = rows.open(demand[:, scenario], np.full(problem.periods, highspy.kHighsInf))
            rows.put(index, at.short[:, scenario, region], 1.0)
            for column, tier in enumerate(problem.tiers):
                if tier.region == name:
                    rows.put(index, at.pods[:, column], tier.capacity_units)
            leaving = [route for route, line in enumerate(problem.routes) if line.origin == name]
            for route, line in enumerate(problem.routes):
                if name in {line.origin, line.destination}:
                    rows.put(index, at.routed[:, scenario, route], 1.0 if line.origin == name else -1.0)
            if leaving:
                own = rows.open(np.full(problem.periods, -highspy.kHighsInf), demand[:, scenario])
                rows.put(own, at.short[:, scenario, region], 1.0)
                for route in leaving:
                    rows.put(own, at.routed[:, scenario, route], 1.0)


def _shared_rows(problem: CapacityProblem, at: _Layout, rows: _Rows) -> None:
    """Keep sum of n over a limit's columns <= its maximum, in every period."""
    for limit in problem.shared_limits:
        index = rows.open(np.full(problem.periods, -highspy.kHighsInf), np.full(problem.periods, float(limit.max_pods)))
        for column in set(limit.columns):
            rows.put(index, at.pods[:, column], 1.0)


def _budget_row(problem: CapacityProblem, at: _Layout, rows: _Rows) -> None:
    """Keep sum of price x hours x n + startup x u <= budget."""
    if problem.budget_usd is None or np.isinf(problem.budget_usd):
        return
    index = rows.open(np.array([-highspy.kHighsInf]), np.array([float(problem.budget_usd)]))
    for column, tier in enumerate(problem.tiers):
        rows.put(np.repeat(index, problem.periods), at.pods[:, column], tier.price_usd_per_pod_hour * problem.hours)
        rows.put(np.repeat(index, problem.periods), at.starts[:, column], tier.startup_usd_per_pod)


def _program(problem: CapacityProblem, at: _Layout, low: IntArray, high: IntArray) -> highspy.HighsLp:
    rows = _Rows()
    for constraint in (_change_rows, _window_rows, _demand_rows, _shared_rows, _budget_row):
        constraint(problem, at, rows)
    cost, lower, upper = np.zeros(at.count), np.zeros(at.count), np.full(at.count, highspy.kHighsInf)
    hours = problem.hours
    cost[at.pods] = hours * np.array([tier.price_usd_per_pod_hour for tier in problem.tiers])
    cost[at.starts] = np.array([tier.startup_usd_per_pod for tier in problem.tiers])
    cost[at.short] = (hours * problem.shortfall_usd_per_unit_hour * problem.weights)[:, :, None]
    for route, line in enumerate(problem.routes):
        cost[at.routed[:, :, route]] = hours * problem.weights * line.usd_per_unit_hour
        upper[at.routed[:, :, route]] = np.minimum(line.max_units, problem.demand_units[:, :, problem.regions.index(line.origin)])
    lower[at.pods], upper[at.pods] = low, high
    most = np.array([tier.max_pods for tier in problem.tiers])
    upper[at.starts], upper[at.stops], upper[at.short] = most, most, problem.demand_units  # HiGHS 1.15's presolve can crash on open bounds

    row, column, value = (np.concatenate(parts) for parts in (rows.row, rows.column, rows.value))
    order = np.lexsort((column, row))
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = at.count, rows.count
    program.col_cost_, program.col_lower_, program.col_upper_ = cost, lower, upper
    program.row_lower_, program.row_upper_ = np.concatenate(rows.lower), np.concatenate(rows.upper)
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_ = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows.count))])
    program.a_matrix_.index_, program.a_matrix_.value_ = column[order].astype(np.int32), value[order].astype(np.float64)
    whole = set(at.pods.ravel().tolist())
    program.integrality_ = [highspy.HighsVarType.kInteger if j in whole else highspy.HighsVarType.kContinuous for j in range(at.count)]
    return program


def solve_milp(
    problem: CapacityProblem,
    *,
    stop: Callable[[], bool],
    start: IntArray | None = None,
    band: int | None = None,
    relative_gap: float = 1e-7,
    max_nodes: int | None = None,
) -> MilpAnswer:
    """Solve with HiGHS. `start`: feasible sizes to begin with; `band`: search only sizes within so many pods of `start` (its bound then only holds there). `max_nodes` ends it without a clock.

    Raises InfeasibleError when HiGHS proves that no sizes satisfy the constraints.
    """
    at = _layout(problem)
    low, high = problem.floor, problem.ceiling
    if band is not None and start is not None:
        low, high = np.maximum(low, start - band), np.minimum(high, start + band)
    highs = highspy.Highs()  # type: ignore[no-untyped-call]  # its constructor carries no types
    highs.silent()
    for option, value in (("mip_rel_gap", relative_gap), ("mip_abs_gap", 1e-6), ("threads", 1), ("random_seed", 1)):
        highs.setOptionValue(option, value)
    if max_nodes is not None:
        highs.setOptionValue("mip_max_nodes", max_nodes)
    highs.passModel(_program(problem, at, low, high))
    if start is not None:
        _warm_start(highs, at, start)

    def poll(event: highspy.highs.HighsCallbackEvent) -> None:
        if stop():
            event.interrupt()

    highs.cbMipInterrupt += poll
    highs.cbSimplexInterrupt += poll
    highs.run()
    status = highs.getModelStatus()
    if status in {highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible}:
        raise InfeasibleError(_why(problem))
    info = highs.getInfo()
    bound = float(info.mip_dual_bound) if np.isfinite(info.mip_dual_bound) else 0.0
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return MilpAnswer(sizes=None, routed_units=None, lower_bound_usd=bound, proven=False)
    values = np.array(highs.getSolution().col_value)
    return MilpAnswer(
        sizes=np.rint(values[at.pods]).astype(np.int64),
        routed_units=np.maximum(values[at.routed], 0.0) if problem.routes else None,
        lower_bound_usd=bound,
        proven=status == highspy.HighsModelStatus.kOptimal,
    )


def _warm_start(highs: highspy.Highs, at: _Layout, start: IntArray) -> None:
    """Give HiGHS the integer part; it completes the rest by one LP."""
    highs.setSolution(at.pods.size, at.pods.ravel().astype(np.int32), start.ravel().astype(np.float64))


def _why(problem: CapacityProblem) -> str:
    parts = ["per-period bounds", "minimum up and down times with the pods' history"]
    if problem.budget_usd is not None:
        parts.insert(0, f"the budget of {problem.budget_usd:.2f} USD")
    if problem.shared_limits:
        parts.append("shared limits")
    return f"{problem.name}: no sizes satisfy {', '.join(parts)} together; relax one of them"
