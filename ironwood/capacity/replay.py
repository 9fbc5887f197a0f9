"""Replay a policy over recorded demand, to the dollar. Pure: decisions in, cost out.

1. The decision at the start of bin t sees the demand of native bins completed before t; the array it is given ends there. Where demand is told
   late, it ends so much earlier.
2. A pod ordered at t serves from t + ceil(lead / 5 min) and cannot be cancelled; stops act at once.
3. A policy asks, the fleet grants: never above a tier's maximum, never below its minimum up time, never a start inside its minimum down time,
   and no stop in a bin in which pods of the same tier arrive, so every start is paid for and cost follows from the sizes alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.demand import GRID_MINUTES, Calendar, Demand
from ironwood.capacity.problem import CapacityProblem, Tier
from ironwood.errors import ProblemError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What holds for every policy: tiers, the price of a unit-hour not served, how often a policy decides and how late it is told of demand."""

    tiers: tuple[Tier, ...]
    shortfall_usd_per_unit_hour: float
    decide_every_minutes: int = GRID_MINUTES
    told_after_minutes: int = 0

    def __post_init__(self) -> None:
        if not self.tiers:
            raise ProblemError("no tiers; give at least one")
        if self.decide_every_minutes <= 0 or self.decide_every_minutes % GRID_MINUTES:
            raise ProblemError(f"decisions every {self.decide_every_minutes} min: give a multiple of {GRID_MINUTES}")

    @property
    def lead_bins(self) -> tuple[int, ...]:
        """Bins between an order and its service, by tier."""
        return tuple(math.ceil(tier.lead_minutes / GRID_MINUTES) for tier in self.tiers)

    @property
    def told_bins(self) -> int:
        """Bins before a decision of which nothing is told yet."""
        return math.ceil(self.told_after_minutes / GRID_MINUTES)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Pods of each tier to order and to stop now."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """All a policy may know at the start of a bin.

    `observed`: demand of the bins known, shape (known,), known <= bin. `serving`: pods serving as the bin begins, this bin's arrivals included,
    shape (tiers,). `arriving[k, j]`: pods of tier k that serve from bin + j on (j = 0 is counted in `serving`). `locked[k, j]`: pods of tier k now
    serving that may not be stopped in bin + j. `startable`: pods of each tier that may be ordered, shape (tiers,).
    """

    bin: int
    observed: FloatArray
    serving: IntArray
    arriving: IntArray
    locked: IntArray
    startable: IntArray

    @property
    def committed(self) -> IntArray:
        """Pods serving or ordered, shape (tiers,)."""
        return np.asarray(self.serving + self.arriving[:, 1:].sum(axis=1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Bill:
    """What sizes cost on a stretch of demand, in USD."""

    infrastructure_usd: float
    startup_usd: float
    shortfall_usd: float
    short_share: float
    starts: int

    @property
    def total_usd(self) -> float:
        """Everything together."""
        return self.infrastructure_usd + self.startup_usd + self.shortfall_usd


@dataclass(frozen=True, kw_only=True, eq=False)
class Replayed:
    """One policy over the test bins. `sizes`: pods serving, shape (bins, tiers)."""

    policy: str
    rules: Rules
    first_bin: int
    initial: tuple[int, ...]
    sizes: IntArray
    bill: Bill


Controller = Callable[[Moment], Decision]


def cheapest_static(tiers: tuple[Tier, ...], units: float) -> tuple[int, ...]:
    """The cheapest sizes that serve `units`; all that can be had if they cannot."""
    ranges = [range(min(tier.max_pods, math.ceil(units / tier.capacity_units)) + 1) for tier in tiers[:-1]]
    best: tuple[float, tuple[int, ...]] | None = None
    last = tiers[-1]
    for pods in itertools.product(*ranges):
        rest = units - sum(n * tier.capacity_units for n, tier in zip(pods, tiers, strict=False))
        final = max(0, math.ceil(rest / last.capacity_units - 1e-12))
        if final > last.max_pods:
            continue
        sizes = (*pods, final)
        price = sum(n * tier.price_usd_per_pod_hour for n, tier in zip(sizes, tiers, strict=True))
        if best is None or price < best[0]:
            best = (price, sizes)
    return best[1] if best is not None else tuple(tier.max_pods for tier in tiers)


def price(rules: Rules, initial: tuple[int, ...], sizes: IntArray, units: FloatArray) -> Bill:
    """Cost of `sizes` (bins, tiers) on demand `units` (bins,), as the planning instances define it."""
    hours = GRID_MINUTES / 60
    rates = np.array([tier.price_usd_per_pod_hour for tier in rules.tiers])
    startup = np.array([tier.startup_usd_per_pod for tier in rules.tiers])
    capacity = sizes @ np.array([tier.capacity_units for tier in rules.tiers])
    started = np.maximum(np.diff(sizes, axis=0, prepend=np.array([initial])), 0)
    short = np.maximum(units - capacity, 0)
    return Bill(
        infrastructure_usd=float((sizes @ rates).sum() * hours),
        startup_usd=float((started @ startup).sum()),
        shortfall_usd=float(short.sum() * hours * rules.shortfall_usd_per_unit_hour),
        short_share=float(short.sum() / units.sum()) if units.sum() > 0 else 0.0,
        starts=int(started.sum()),
    )


def granted(rules: Rules, moment: Moment, decision: Decision) -> Decision:
    """As much of a decision as the rules allow in that moment."""
    starts, stops = [], []
    for tier, lead in enumerate(rules.lead_bins):
        starts.append(max(0, min(decision.starts[tier], int(moment.startable[tier]))))
        arrives = moment.arriving[tier, 0] > 0 or (lead == 0 and decision.starts[tier] > 0)
        free = max(0, int(moment.serving[tier]) - int(moment.locked[tier, 0]))
        stops.append(0 if arrives else max(0, min(decision.stops[tier], free)))
    return Decision(starts=tuple(starts), stops=tuple(stops))


class Fleet:
    """Pods over time, as they were ordered and stopped."""

    def __init__(self, rules: Rules, initial: tuple[int, ...], bins: int) -> None:
        tiers = len(rules.tiers)
        self._leads = rules.lead_bins
        self._span = max(self._leads) + 1
        self._up = [tier.min_up_periods(GRID_MINUTES) for tier in rules.tiers]
        self._down = [tier.min_down_periods(GRID_MINUTES) for tier in rules.tiers]
        self._most = np.array([tier.max_pods for tier in rules.tiers])
        self._starts = np.zeros((bins + self._span, tiers), dtype=np.int64)  # by the bin they serve from
        self._stops = np.zeros((bins, tiers), dtype=np.int64)
        self._serving = np.array(initial, dtype=np.int64)

    def arrive(self, now: int) -> None:
        """Pods ordered for this bin begin to serve."""
        self._serving = self._serving + self._starts[now]

    @property
    def serving(self) -> IntArray:
        """Pods serving now, shape (tiers,)."""
        return self._serving.copy()

    def moment(self, now: int, observed: FloatArray, first_bin: int) -> Moment:
        """What a policy may know in bin `now`, counted from the first bin replayed."""
        ahead = self._starts[now : now + self._span].T.copy()
        locked = np.zeros((len(self._up), max(self._up) + 1), dtype=np.int64)
        for tier, up in enumerate(self._up):
            for j in range(up):
                begin = max(0, now + j - up + 1)
                locked[tier, j] = self._starts[begin : now + 1, tier].sum() if begin <= now else 0
        return Moment(
            bin=first_bin + now, observed=observed, serving=self.serving, arriving=ahead, locked=locked, startable=self._startable(now)
        )

    def apply(self, now: int, decision: Decision) -> None:
        """Order and stop what was granted."""
        for tier, lead in enumerate(self._leads):
            self._serving[tier] -= decision.stops[tier]
            self._stops[now, tier] += decision.stops[tier]
            self._starts[now + lead, tier] += decision.starts[tier]
            if lead == 0:
                self._serving[tier] += decision.starts[tier]

    def _startable(self, now: int) -> IntArray:
        """Pods that may be ordered: what the maximum leaves beside those serving, coming, and still down when the order arrives."""
        room = np.zeros(len(self._up), dtype=np.int64)
        for tier, (down, lead) in enumerate(zip(self._down, self._leads, strict=True)):
            coming = int(self._starts[now + 1 : now + self._span, tier].sum())
            resting = int(self._stops[max(0, now + lead - down + 1) : now + 1, tier].sum())
            room[tier] = max(0, int(self._most[tier]) - int(self._serving[tier]) - coming - resting)
        return room


def replay(
    *, name: str, rules: Rules, demand: Demand, test_bins: int, controller: Controller, progress: Callable[[int], None] | None = None
) -> Replayed:
    """Run a controller over the last `test_bins` of the demand. Raises ProblemError if no history would be left."""
    first = demand.bins - test_bins
    if test_bins < 1 or first - rules.told_bins < 1:
        raise ProblemError(
            f"{demand.name}: {demand.bins / 288:.2f} days leave no history before {test_bins / 288:g} test days; test fewer days"
        )
    calendar: Calendar = demand.calendar
    initial = cheapest_static(rules.tiers, float(demand.units[first - 1]))
    fleet = Fleet(rules, initial, test_bins)
    every = rules.decide_every_minutes // GRID_MINUTES
    sizes = np.zeros((test_bins, len(rules.tiers)), dtype=np.int64)
    for now in range(test_bins):
        fleet.arrive(now)
        if now % every == 0:
            moment = fleet.moment(now, demand.units[: calendar.known_at(first + now - rules.told_bins)], first)
            fleet.apply(now, granted(rules, moment, controller(moment)))
        sizes[now] = fleet.serving
        if progress is not None:
            progress(now)
    bill = price(rules, initial, sizes, demand.units[first:])
    return Replayed(policy=name, rules=rules, first_bin=first, initial=initial, sizes=sizes, bill=bill)


def clairvoyant_problem(rules: Rules, demand: Demand, test_bins: int) -> CapacityProblem:
    """The test bins with all demand known and leads anticipated."""
    first = demand.bins - test_bins
    initial = cheapest_static(rules.tiers, float(demand.units[first - 1]))
    tiers = tuple(replace(tier, initial_pods=pods) for tier, pods in zip(rules.tiers, initial, strict=True))
    return CapacityProblem(
        tiers=tiers,
        period_minutes=GRID_MINUTES,
        demand_units=demand.units[first:],
        shortfall_usd_per_unit_hour=rules.shortfall_usd_per_unit_hour,
        name=f"{demand.name} clairvoyant",
    )


@dataclass(frozen=True, kw_only=True)
class PodOffer:
    """A tier as it is bought: chips, what they serve and what they cost."""

    name: str
    chips: int
    units_per_chip: float
    usd_per_chip_hour: float
    max_pods: int
    lead_minutes: float
    min_up_minutes: float
    min_down_minutes: float


STANDARD_OFFERS = (
    PodOffer(
        name="small",
        chips=256,
        units_per_chip=1.00,
        usd_per_chip_hour=1.2,
        max_pods=10,
        lead_minutes=10,
        min_up_minutes=60,
        min_down_minutes=15,
    ),
    PodOffer(
        name="medium",
        chips=1024,
        units_per_chip=1.05,
        usd_per_chip_hour=1.2,
        max_pods=10,
        lead_minutes=15,
        min_up_minutes=60,
        min_down_minutes=30,
    ),
    PodOffer(
        name="large",
        chips=9216,
        units_per_chip=1.10,
        usd_per_chip_hour=1.2,
        max_pods=3,
        lead_minutes=30,
        min_up_minutes=120,
        min_down_minutes=60,
    ),
)
STANDARD_SHORTFALL_USD = 12.0
_FEE_HOURS = 0.1  # of a pod's price: the part of a start that is not the billed lead
_SHORTFALL_MULTIPLE = 10.0


def make_rules(
    offers: tuple[PodOffer, ...] = STANDARD_OFFERS,
    *,
    shortfall_usd_per_unit_hour: float | None = None,
    decide_every_minutes: int = GRID_MINUTES,
    told_after_minutes: int = 0,
) -> Rules:
    """Rules for what can be bought; the shortfall price defaults to ten times the cheapest tier's price of a unit-hour."""
    tiers = tuple(
        Tier(
            name=offer.name,
            capacity_units=offer.chips * offer.units_per_chip,
            max_pods=offer.max_pods,
            price_usd_per_pod_hour=offer.chips * offer.usd_per_chip_hour,
            startup_usd_per_pod=offer.chips * offer.usd_per_chip_hour * (offer.lead_minutes / 60 + _FEE_HOURS),
            lead_minutes=offer.lead_minutes,
            min_up_minutes=offer.min_up_minutes,
            min_down_minutes=offer.min_down_minutes,
        )
        for offer in offers
    )
    if not tiers:
        raise ProblemError("no tiers; give at least one")
    cheapest = min(tier.price_usd_per_pod_hour / tier.capacity_units for tier in tiers)
    shortfall = _SHORTFALL_MULTIPLE * cheapest if shortfall_usd_per_unit_hour is None else shortfall_usd_per_unit_hour
    return Rules(
        tiers=tiers,
        shortfall_usd_per_unit_hour=shortfall,
        decide_every_minutes=decide_every_minutes,
        told_after_minutes=told_after_minutes,
    )
