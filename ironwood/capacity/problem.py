"""What to decide and what a decision costs, as values.

1. A problem is periods x columns. A column is one tier in one region under one consumption option; its pods are alike.
2. Everything in it is checked when it is made, so a solver never meets a malformed one.
3. A length in minutes is rounded up to whole periods, here and nowhere else.

Cost of sizes n[t, k], in USD, with h = hours of a period:
  sum price_k h n[t, k]  +  sum startup_k (n[t, k] - n[t-1, k])+  +  sum over t of h x shortfall price x expected shortage(t)
  + transport of routed demand. The symbols, the constraints and their papers are tabulated in docs/capacity-model.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.errors import ProblemError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ONLY_REGION: Final = "global"
_DEMAND_AXES: Final = 3  # periods, scenarios, regions


class InfeasibleError(ProblemError):
    """No sizes satisfy the constraints; the message names those in conflict."""


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One column of a capacity plan: identical pods of one tier, in one region, under one consumption option.

    `startup_usd_per_pod` is the whole price of a start: the billed lead time and any fee. `lead_minutes` is carried for reports and `with_lead`;
    a lead that has not passed yet is expressed by `CapacityProblem.max_pods`. `started_before[j]` / `stopped_before[j]` are the pods started /
    stopped j + 1 periods before the first one: they are still bound by the minimum up / down time. Without them the initial pods are free.
    """

    name: str
    capacity_units: float
    max_pods: int
    price_usd_per_pod_hour: float
    startup_usd_per_pod: float = 0.0
    lead_minutes: float = 0.0
    min_up_minutes: float = 0.0
    min_down_minutes: float = 0.0
    initial_pods: int = 0
    started_before: tuple[int, ...] = ()
    stopped_before: tuple[int, ...] = ()
    consumption: str = "on_demand"
    region: str = ONLY_REGION

    def __post_init__(self) -> None:
        for name in (
            "capacity_units",
            "price_usd_per_pod_hour",
            "startup_usd_per_pod",
            "lead_minutes",
            "min_up_minutes",
            "min_down_minutes",
        ):
            value = float(getattr(self, name))
            if not math.isfinite(value) or value < 0:
                raise ProblemError(f"tier {self.name}: {name} is {value}; give a finite number >= 0")
        if self.capacity_units == 0:
            raise ProblemError(f"tier {self.name}: capacity_units is 0; a pod must serve something, leave the tier out instead")
        for name in ("max_pods", "initial_pods"):
            if _whole(getattr(self, name), f"tier {self.name}: {name}") < 0:
                raise ProblemError(f"tier {self.name}: {name} is {getattr(self, name)}; give a whole number >= 0")
        if self.initial_pods > self.max_pods:
            raise ProblemError(
                f"tier {self.name}: initial_pods {self.initial_pods} exceeds max_pods {self.max_pods}; raise max_pods or scale down first"
            )
        for name in ("started_before", "stopped_before"):
            history = tuple(_whole(pods, f"tier {self.name}: {name}") for pods in getattr(self, name))
            if any(pods < 0 for pods in history):
                raise ProblemError(f"tier {self.name}: {name} is {history}; give counts >= 0, the latest period first")
            object.__setattr__(self, name, history)

    @property
    def label(self) -> str:
        """The column's name for people: region/tier/consumption."""
        return f"{self.region}/{self.name}/{self.consumption}"

    def min_up_periods(self, period_minutes: float) -> int:
        """Periods a started pod must stay on, the first included; at least 1."""
        return _periods(self.min_up_minutes, period_minutes)

    def min_down_periods(self, period_minutes: float) -> int:
        """Periods a stopped pod must stay off, the first included; at least 1."""
        return _periods(self.min_down_minutes, period_minutes)

    def with_lead(self, lead_minutes: float) -> Tier:
        """The same tier with another lead time; the difference is billed at the pod's price in every start (what-if)."""
        billed = self.price_usd_per_pod_hour * (lead_minutes - self.lead_minutes) / 60
        return replace(self, lead_minutes=lead_minutes, startup_usd_per_pod=max(0.0, self.startup_usd_per_pod + billed))


@dataclass(frozen=True, kw_only=True)
class Route:
    """Demand of region `origin` may be served in `destination` for `usd_per_unit_hour`, at most `max_units` a period. One direction."""

    origin: str
    destination: str
    usd_per_unit_hour: float = 0.0
    max_units: float = math.inf


@dataclass(frozen=True, kw_only=True)
class SharedLimit:
    """The columns with these indices hold at most `max_pods` pods together in every period (options of one tier, a quota)."""

    columns: tuple[int, ...]
    max_pods: int


@dataclass(frozen=True, kw_only=True, eq=False)
class CapacityProblem:
    """Choose pods of every column in every period at least cost.

    `demand_units`: shape (periods,), (periods, scenarios) or (periods, scenarios, regions), in capacity units; kept as the last.
    `demand_weights`: shape (scenarios,) or (periods, scenarios), probabilities that are scaled to sum to 1 in each period; equal if None. Each
    period's shortage is the expectation over its own scenarios. `min_pods` / `max_pods`: shape (periods, tiers), bounds of single periods.
    `budget_usd` is hard and bounds what is billed for pods (holding and starts), not the shortfall's price.
    """

    tiers: tuple[Tier, ...]
    period_minutes: float
    demand_units: FloatArray
    shortfall_usd_per_unit_hour: float
    demand_weights: FloatArray | None = None
    min_pods: IntArray | None = None
    max_pods: IntArray | None = None
    budget_usd: float | None = None
    regions: tuple[str, ...] = (ONLY_REGION,)
    routes: tuple[Route, ...] = ()
    shared_limits: tuple[SharedLimit, ...] = ()
    name: str = field(default="problem")

    def __post_init__(self) -> None:
        _check_scalars(self)
        demand = np.array(self.demand_units, dtype=np.float64)
        if demand.ndim == 0 or demand.ndim > _DEMAND_AXES or demand.size == 0:
            raise ProblemError(
                f"{self.name}: demand_units has shape {demand.shape}; give (periods,), (periods, scenarios) or (…, regions), not empty"
            )
        demand = np.atleast_3d(demand) if demand.ndim > 1 else demand[:, None, None]
        if not np.isfinite(demand).all() or (demand < 0).any():
            period = int(np.argwhere(~(np.isfinite(demand) & (demand >= 0)))[0][0])
            raise ProblemError(f"{self.name}: demand_units of period {period} is negative or not a number; repair the history first")
        if demand.shape[2] != len(self.regions):
            raise ProblemError(
                f"{self.name}: demand_units has {demand.shape[2]} regions, regions names {len(self.regions)}: {self.regions}"
            )
        _keep(self, "demand_units", demand)
        _keep(self, "demand_weights", self._normal_weights(demand.shape[0], demand.shape[1]))
        _keep(self, "min_pods", self._bounds("min_pods", self.min_pods, np.zeros(len(self.tiers))))
        _keep(self, "max_pods", self._bounds("max_pods", self.max_pods, np.array([tier.max_pods for tier in self.tiers])))
        _check_references(self)
        _check_bounds(self)

    def _normal_weights(self, periods: int, scenarios: int) -> FloatArray:
        if self.demand_weights is None:
            return np.full((periods, scenarios), 1.0 / scenarios)
        weights = np.array(self.demand_weights, dtype=np.float64)
        if weights.shape not in {(scenarios,), (periods, scenarios)}:
            raise ProblemError(f"{self.name}: demand_weights has shape {weights.shape}; give ({scenarios},) or ({periods}, {scenarios})")
        weights = np.broadcast_to(weights, (periods, scenarios))
        total = weights.sum(axis=1, keepdims=True)
        if not np.isfinite(weights).all() or (weights < 0).any() or (total <= 0).any():
            raise ProblemError(f"{self.name}: demand_weights must be >= 0 and sum to more than 0 in every period")
        return np.asarray(weights / total)

    def _bounds(self, name: str, given: IntArray | None, default: FloatArray | IntArray) -> IntArray:
        shape = (self.periods, len(self.tiers))
        if given is None:
            return np.ascontiguousarray(np.broadcast_to(default.astype(np.int64), shape))
        array = np.asarray(given)
        if array.shape != shape:
            raise ProblemError(f"{self.name}: {name} has shape {array.shape}; give (periods, tiers) = {shape}")
        if not np.equal(np.mod(array, 1), 0).all():
            raise ProblemError(f"{self.name}: {name} holds fractions; give whole pods")
        bounds = array.astype(np.int64)
        return np.minimum(bounds, default.astype(np.int64)) if name == "max_pods" else bounds

    @property
    def periods(self) -> int:
        """Periods of the horizon."""
        return int(np.shape(self.demand_units)[0])

    @property
    def hours(self) -> float:
        """Hours of one period."""
        return self.period_minutes / 60

    @property
    def floor(self) -> IntArray:
        """Least pods, shape (periods, tiers)."""
        assert self.min_pods is not None
        return self.min_pods

    @property
    def ceiling(self) -> IntArray:
        """Most pods, shape (periods, tiers), never above a tier's own maximum."""
        assert self.max_pods is not None
        return self.max_pods

    @property
    def weights(self) -> FloatArray:
        """Probability of each scenario, shape (periods, scenarios)."""
        assert self.demand_weights is not None
        return self.demand_weights

    @property
    def min_up(self) -> tuple[int, ...]:
        """Minimum up time of each column in periods."""
        return tuple(tier.min_up_periods(self.period_minutes) for tier in self.tiers)

    @property
    def min_down(self) -> tuple[int, ...]:
        """Minimum down time of each column in periods."""
        return tuple(tier.min_down_periods(self.period_minutes) for tier in self.tiers)

    @classmethod
    def from_instance(cls, instance: Mapping[str, object]) -> CapacityProblem:
        """Read a standard instance (tests/data/planning/README.md says what the fields mean). Raises ProblemError naming the field."""
        rows = _list(instance, "tiers")
        initial = instance.get("initial_pods", [0] * len(rows))
        if not isinstance(initial, Sequence) or len(initial) != len(rows):
            raise ProblemError(f"instance.initial_pods: {initial!r} does not name {len(rows)} tiers' pods")
        return cls(
            tiers=tuple(_tier(row, index, _whole(initial[index], "instance.initial_pods")) for index, row in enumerate(rows)),
            period_minutes=_number(instance, "period_minutes", "instance"),
            demand_units=_floats(_list(instance, "demand_units"), "instance.demand_units"),
            shortfall_usd_per_unit_hour=_number(instance, "shortfall_usd_per_unit_hour", "instance"),
            name=str(instance.get("source", "instance")),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class CapacityPlan:
    """Sizes and what is known about their cost.

    `sizes`: shape (periods, tiers), whole pods. `routed_units`: shape (periods, scenarios, routes), None without routes. `cost_usd` is recomputed by `verify` and is the sum of its parts. No feasible sizes cost less than
    `lower_bound_usd`. `method` names what found the sizes and what proved the bound.
    """

    sizes: IntArray
    cost_usd: float
    infrastructure_usd: float
    startup_usd: float
    shortfall_usd: float
    transport_usd: float
    shortfall_unit_hours: float
    lower_bound_usd: float
    method: str
    routed_units: FloatArray | None = None

    @property
    def gap(self) -> float:
        """(cost - lower bound) / cost, 0 when nothing costs anything."""
        return 0.0 if self.cost_usd <= 0 else max(0.0, (self.cost_usd - self.lower_bound_usd) / self.cost_usd)


def _keep(problem: CapacityProblem, name: str, array: NDArray[np.generic]) -> None:
    array = np.array(array)
    array.setflags(write=False)
    object.__setattr__(problem, name, array)


def _check_scalars(problem: CapacityProblem) -> None:
    object.__setattr__(problem, "tiers", tuple(problem.tiers))
    if not problem.tiers:
        raise ProblemError(f"{problem.name}: no tiers; give at least one")
    if not math.isfinite(problem.period_minutes) or problem.period_minutes <= 0:
        raise ProblemError(f"{problem.name}: period_minutes is {problem.period_minutes}; give a finite number > 0")
    if not math.isfinite(problem.shortfall_usd_per_unit_hour) or problem.shortfall_usd_per_unit_hour < 0:
        raise ProblemError(
            f"{problem.name}: shortfall_usd_per_unit_hour is {problem.shortfall_usd_per_unit_hour}; give a finite number >= 0"
        )
    if problem.budget_usd is not None and (math.isnan(problem.budget_usd) or problem.budget_usd < 0):
        raise ProblemError(f"{problem.name}: budget_usd is {problem.budget_usd}; give a number >= 0, or None for no budget")


def _check_references(problem: CapacityProblem) -> None:
    labels = [tier.label for tier in problem.tiers]
    for label in labels:
        if labels.count(label) > 1:
            raise ProblemError(f"{problem.name}: two columns are called {label}; give them different names, regions or consumption")
    regions = set(problem.regions)
    if len(regions) != len(problem.regions):
        raise ProblemError(f"{problem.name}: regions {problem.regions} names one twice")
    for tier in problem.tiers:
        if tier.region not in regions:
            raise ProblemError(f"{problem.name}: tier {tier.label} is in a region that is not one of {problem.regions}")
    for route in problem.routes:
        if route.origin not in regions or route.destination not in regions or route.origin == route.destination:
            raise ProblemError(f"{problem.name}: route {route.origin} -> {route.destination} does not join two of {problem.regions}")
        if not math.isfinite(route.usd_per_unit_hour) or route.usd_per_unit_hour < 0 or math.isnan(route.max_units) or route.max_units < 0:
            raise ProblemError(f"{problem.name}: route {route.origin} -> {route.destination}: price and max_units must be >= 0")
    for limit in problem.shared_limits:
        if not limit.columns or any(not 0 <= column < len(labels) for column in limit.columns) or limit.max_pods < 0:
            raise ProblemError(f"{problem.name}: shared limit {limit} names a column outside 0..{len(labels) - 1} or fewer than 0 pods")


def _check_bounds(problem: CapacityProblem) -> None:
    clash = np.argwhere((problem.floor > problem.ceiling) | (problem.ceiling < 0))
    if len(clash):
        period, column = (int(index) for index in clash[0])
        raise InfeasibleError(
            f"{problem.name}: {problem.tiers[column].label} period {period}: min_pods {problem.floor[period, column]} exceeds "
            f"max_pods {problem.ceiling[period, column]}; lower the minimum or raise the maximum"
        )


def _tier(row: object, index: int, initial_pods: int) -> Tier:
    where = f"instance.tiers[{index}]"
    if not isinstance(row, Mapping):
        raise ProblemError(f"{where}: {row!r} is not an object with name, capacity_units, max_pods, …")
    return Tier(
        name=str(row.get("name", index)),
        capacity_units=_number(row, "capacity_units", where),
        max_pods=_whole(_number(row, "max_pods", where), f"{where}.max_pods"),
        price_usd_per_pod_hour=_number(row, "price_usd_per_pod_hour", where),
        startup_usd_per_pod=_number(row, "startup_usd_per_pod", where),
        lead_minutes=_number(row, "lead_minutes", where) if "lead_minutes" in row else 0.0,
        min_up_minutes=_number(row, "min_up_minutes", where) if "min_up_minutes" in row else 0.0,
        min_down_minutes=_number(row, "min_down_minutes", where) if "min_down_minutes" in row else 0.0,
        initial_pods=initial_pods,
    )


def _periods(minutes: float, period_minutes: float) -> int:
    return max(1, math.ceil(minutes / period_minutes))


def _whole(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating) or not float(value).is_integer():
        raise ProblemError(f"{where}: {value!r} is not a whole number of pods")
    return int(value)


def _number(row: Mapping[str, object], name: str, where: str) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProblemError(f"{where}.{name}: {value!r} is not a number")
    return float(value)


def _floats(values: Sequence[object], where: str) -> FloatArray:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"{where}: not a list of numbers ({error})") from error


def _list(row: Mapping[str, object], name: str) -> Sequence[object]:
    value = row.get(name)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ProblemError(f"instance.{name}: {type(value).__name__} where a list that is not empty is expected")
    return value
