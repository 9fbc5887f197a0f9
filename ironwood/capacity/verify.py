"""Judge sizes against a problem, knowing nothing of how they were found.

1. Cost and every constraint are recomputed from the definitions, period by period, in plain arithmetic.
2. It shares no code with a formulation: a solver's mistake cannot repeat itself here.
3. `check` returns what is wrong as sentences; `verify` raises them.

Routed demand is part of a plan: `routed_units`, shape (periods, scenarios, routes), None when nothing is routed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.problem import CapacityProblem
from ironwood.errors import ProblemError

SLACK_UNITS: Final = 1e-6  # of demand and dollars, relative to their size: routed flows come from floating-point LPs
SHOWN: Final = 5


class RejectedPlanError(ProblemError):
    """Sizes that break the problem's constraints; the message lists the first violations."""


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What sizes cost, USD, and the expected shortage in unit-hours."""

    infrastructure_usd: float
    startup_usd: float
    shortfall_usd: float
    transport_usd: float
    shortfall_unit_hours: float

    @property
    def cost_usd(self) -> float:
        """All of it."""
        return self.infrastructure_usd + self.startup_usd + self.shortfall_usd + self.transport_usd

    @property
    def spend_usd(self) -> float:
        """What a budget bounds: pods held and started."""
        return self.infrastructure_usd + self.startup_usd


def bill(problem: CapacityProblem, sizes: NDArray[np.int64], routed_units: NDArray[np.float64] | None = None) -> Bill:
    """Cost of `sizes` (periods, tiers), whether or not they are feasible."""
    infrastructure = startup = 0.0
    for column, tier in enumerate(problem.tiers):
        before = tier.initial_pods
        for pods in sizes[:, column].tolist():
            infrastructure += tier.price_usd_per_pod_hour * problem.hours * pods
            startup += tier.startup_usd_per_pod * max(0, pods - before)
            before = pods
    short = 0.0
    transport = 0.0
    for period in range(problem.periods):
        for scenario, weight in enumerate(problem.weights[period].tolist()):
            flows = [] if routed_units is None else routed_units[period, scenario].tolist()
            for region, left in _unserved(problem, sizes[period].tolist(), period, scenario, flows).items():
                assert region in problem.regions
                short += weight * problem.hours * max(0.0, left)
            for route, units in zip(problem.routes, flows, strict=False):
                transport += weight * problem.hours * route.usd_per_unit_hour * units
    return Bill(
        infrastructure_usd=infrastructure,
        startup_usd=startup,
        shortfall_usd=short * problem.shortfall_usd_per_unit_hour,
        transport_usd=transport,
        shortfall_unit_hours=short,
    )


def check(problem: CapacityProblem, sizes: NDArray[np.int64], routed_units: NDArray[np.float64] | None = None) -> list[str]:
    """Every violation as a sentence; empty when the sizes are feasible."""
    array = np.asarray(sizes)
    if array.shape != (problem.periods, len(problem.tiers)):
        return [f"sizes have shape {array.shape}, not (periods, tiers) = {(problem.periods, len(problem.tiers))}"]
    if not np.issubdtype(array.dtype, np.integer):
        return [f"sizes are {array.dtype}, not whole pods"]
    found: list[str] = []
    for column in range(len(problem.tiers)):
        found += _column_violations(problem, array[:, column].tolist(), column)
    for limit in problem.shared_limits:
        for period in range(problem.periods):
            together = sum(int(array[period, column]) for column in limit.columns)
            if together > limit.max_pods:
                found.append(f"period {period}: columns {limit.columns} hold {together} pods together, more than {limit.max_pods}")
    if routed_units is not None:
        found += _route_violations(problem, routed_units)
    if problem.budget_usd is not None:
        spend = bill(problem, array, routed_units).spend_usd
        if spend > problem.budget_usd * (1 + 1e-9) + SLACK_UNITS:
            found.append(f"pods cost {spend:.2f} USD, more than the budget of {problem.budget_usd:.2f}")
    return found


def verify(problem: CapacityProblem, sizes: NDArray[np.int64], routed_units: NDArray[np.float64] | None = None) -> Bill:
    """The bill of feasible sizes. Raises RejectedPlanError naming the violations."""
    found = check(problem, sizes, routed_units)
    if found:
        more = f" (and {len(found) - SHOWN} more)" if len(found) > SHOWN else ""
        raise RejectedPlanError(f"{problem.name}: {'; '.join(found[:SHOWN])}{more}")
    return bill(problem, sizes, routed_units)


def _column_violations(problem: CapacityProblem, pods: list[int], column: int) -> list[str]:
    tier = problem.tiers[column]
    up, down = tier.min_up_periods(problem.period_minutes), tier.min_down_periods(problem.period_minutes)
    # starts[-1 - j] and stops[-1 - j] hold what happened j + 1 periods before the first; index `past` is period 0
    past = max(up, down)
    starts = _history(tier.started_before, past)
    stops = _history(tier.stopped_before, past)
    before = tier.initial_pods
    for now in pods:
        starts.append(max(0, now - before))
        stops.append(max(0, before - now))
        before = now
    found = []
    for period, now in enumerate(pods):
        least, most = int(problem.floor[period, column]), int(problem.ceiling[period, column])
        if not least <= now <= most:
            found.append(f"period {period}: {tier.label} holds {now} pods, outside {least}..{most}")
        end = past + period + 1
        young = sum(starts[end - up : end])
        if young > now:
            found.append(f"period {period}: {tier.label} holds {now} pods, {young} started within its minimum up time")
        resting = sum(stops[end - down : end])
        if resting > tier.max_pods - now:
            found.append(
                f"period {period}: {tier.label} holds {now} of {tier.max_pods} pods, {resting} stopped within its minimum down time"
            )
    return found


def _history(latest_first: tuple[int, ...], past: int) -> list[int]:
    padded = [*latest_first, *([0] * past)][:past]
    return padded[::-1]


def _unserved(problem: CapacityProblem, pods: list[int], period: int, scenario: int, flows: list[float]) -> dict[str, float]:
    left = {}
    for index, region in enumerate(problem.regions):
        capacity = sum(tier.capacity_units * count for tier, count in zip(problem.tiers, pods, strict=True) if tier.region == region)
        out = sum(units for route, units in zip(problem.routes, flows, strict=False) if route.origin == region)
        came = sum(units for route, units in zip(problem.routes, flows, strict=False) if route.destination == region)
        left[region] = float(problem.demand_units[period, scenario, index]) - out + came - capacity
    return left


def _route_violations(problem: CapacityProblem, routed_units: NDArray[np.float64]) -> list[str]:
    shape = (problem.periods, problem.demand_units.shape[1], len(problem.routes))
    if routed_units.shape != shape:
        return [f"routed_units have shape {routed_units.shape}, not (periods, scenarios, routes) = {shape}"]
    found = []
    for period in range(problem.periods):
        for scenario in range(shape[1]):
            flows = routed_units[period, scenario].tolist()
            for route, units in zip(problem.routes, flows, strict=True):
                if units < 0 or units > route.max_units * (1 + SLACK_UNITS):
                    found.append(
                        f"period {period}: {units:.3f} units go {route.origin} -> {route.destination}, outside 0..{route.max_units}"
                    )
            for index, region in enumerate(problem.regions):
                out = sum(units for route, units in zip(problem.routes, flows, strict=True) if route.origin == region)
                demand = float(problem.demand_units[period, scenario, index])
                if out > demand * (1 + SLACK_UNITS) + SLACK_UNITS:
                    found.append(f"period {period}: {out:.3f} units leave {region}, which has {demand:.3f}")
    return found
