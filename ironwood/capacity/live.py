"""The policy in force: the moment a replayed policy decides in, made of what the cloud and the ledger say.

1. A decision belongs to a slot of the clock, so that doubled and late looks find the same one. Bins are counted from `learns_from`.
2. How many pods there are is the cloud's word; since when, the ledger's. A pod ordered serves a lead later, as in a replay; one that is overdue,
   or was lost, is reckoned to come as late as one ordered just before now.
3. Bounds hold a tier: never below `low` from when that can be had, never above `high` now.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.demand import GRID_MINUTES, Calendar
from ironwood.capacity.forecast.forecaster import Forecaster
from ironwood.capacity.policies.optimized import HORIZON, Optimized
from ironwood.capacity.problem import Tier
from ironwood.capacity.replay import Moment, Rules, granted

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BIN: Final = timedelta(minutes=GRID_MINUTES)
SHARE: Final = 0.9  # of the forecast's paths, named in reasons


@dataclass(frozen=True, kw_only=True)
class Step:
    """`pods` of a tier ordered at an instant; below 0, stopped."""

    at: datetime
    tier: str
    pods: int


@dataclass(frozen=True, kw_only=True)
class Holding:
    """`pods` ordered and not given back, by tier; of these `lacking` are not there. `steps` led to them, of the last hours."""

    pods: Mapping[str, int]
    lacking: Mapping[str, int] = field(default_factory=dict)
    steps: Sequence[Step] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Bound:
    """Pods a tier must have in each bin ahead, shape (HORIZON,), and may have now."""

    low: IntArray
    high: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlook:
    """What was expected when it was decided: demand of the bins ahead, shape (draws, HORIZON), each row as likely; under which rules."""

    rules: Rules
    paths: FloatArray

    def at(self, lead_minutes: float) -> tuple[float, float]:
        """Units expected once so much time has passed: on average, and what `SHARE` of the paths stay below."""
        column = self.paths[:, min(HORIZON - 1, math.ceil(lead_minutes / GRID_MINUTES))]
        return float(column.mean()), float(np.quantile(column, SHARE))


@dataclass(frozen=True, kw_only=True, eq=False)
class Wish:
    """Pods by tier the policy wants ordered in all, and what it expected."""

    sizes: Mapping[str, int]
    outlook: Outlook


def slot_of(moment: datetime, every: timedelta) -> datetime:
    """The slot a moment lies in: the last multiple of `every` since the epoch."""
    return datetime.fromtimestamp(moment.timestamp() // every.total_seconds() * every.total_seconds(), tz=UTC)


def bin_of(moment: datetime, learns_from: datetime) -> int:
    """The bin a moment lies in."""
    return (moment - learns_from) // BIN


def learnt(policy: Optimized, calendar: Calendar, units: FloatArray, begun: int) -> Forecaster:
    """A forecaster that has seen `units`, the first `begun` of them at once, so that one made anew is one that was there all the time."""
    forecaster = policy.forecaster(calendar)
    forecaster.observe(units[:begun])
    forecaster.observe(units)
    return forecaster


def decide(policy: Optimized, rules: Rules, forecaster: Forecaster, moment: Moment, bounds: Mapping[str, Bound]) -> Wish:
    """What `policy` wants in `moment` within `bounds` (by tier), as far as the rules grant it."""
    own = replace(rules, tiers=tuple(_below(tier, bounds.get(tier.name)) for tier in rules.tiers))
    bound = _between(own, moment, bounds)
    seen: list[FloatArray] = []
    decision = granted(own, bound, policy.deciding(own, forecaster, lambda _, paths: seen.append(paths))(bound))
    sizes = {
        tier.name: int(pods) + starts - stops
        for tier, pods, starts, stops in zip(own.tiers, bound.committed, decision.starts, decision.stops, strict=True)
    }
    return Wish(sizes=sizes, outlook=Outlook(rules=rules, paths=seen[0]))


def moment_of(rules: Rules, index: int, observed: FloatArray, learns_from: datetime, holding: Holding) -> Moment:
    """The moment at the start of bin `index`, `observed` being the demand known by then."""
    tiers = rules.tiers
    leads = rules.lead_bins
    ups = [tier.min_up_periods(GRID_MINUTES) for tier in tiers]
    downs = [tier.min_down_periods(GRID_MINUTES) for tier in tiers]
    serving = np.zeros(len(tiers), dtype=np.int64)
    arriving = np.zeros((len(tiers), max(leads) + 1), dtype=np.int64)
    locked = np.zeros((len(tiers), max(ups) + 1), dtype=np.int64)
    startable = np.zeros(len(tiers), dtype=np.int64)
    for k, tier in enumerate(tiers):
        at = _by_bin(holding.steps, tier.name, learns_from, index)
        # What was ordered before now comes before what is ordered now would: the policy counts on that.
        latest = index + max(0, leads[k] - 1)
        begin: dict[int, int] = {}
        for bin_, (ordered, _) in at.items():
            comes = min(bin_ + leads[k], latest)
            begin[comes] = begin.get(comes, 0) + ordered
        held = holding.pods.get(tier.name, 0)
        arriving[k], coming = _coming({bin_ - index: pods for bin_, pods in begin.items() if bin_ > index}, held, arriving.shape[1])
        overdue = max(0, min(held, holding.lacking.get(tier.name, 0)) - coming) if latest > index else 0
        arriving[k, latest - index] += overdue
        serving[k] = held - coming - overdue
        arriving[k, 0] = min(begin.get(index, 0), int(serving[k]))
        for j in range(ups[k]):
            young = sum(pods for bin_, pods in begin.items() if index + j - ups[k] < bin_ <= index)
            locked[k, j] = min(young, int(serving[k]))
        resting = sum(stopped for bin_, (_, stopped) in at.items() if bin_ > index + leads[k] - downs[k])
        startable[k] = max(0, tier.max_pods - held - resting)
    return Moment(bin=index, observed=observed, serving=serving, arriving=arriving, locked=locked, startable=startable)


def _by_bin(steps: Iterable[Step], tier: str, learns_from: datetime, now: int) -> dict[int, tuple[int, int]]:
    """Pods (ordered, stopped) in each bin; what was done later than `now`, by a look that came late, counts as now."""
    found: dict[int, tuple[int, int]] = {}
    for step in steps:
        if step.tier == tier:
            bin_ = min(now, bin_of(step.at, learns_from))
            ordered, stopped = found.get(bin_, (0, 0))
            found[bin_] = (ordered + max(0, step.pods), stopped + max(0, -step.pods))
    return found


def _coming(ahead: Mapping[int, int], held: int, span: int) -> tuple[IntArray, int]:
    """Pods by the bins until they come, no more than are `held`: what came first is believed first."""
    arriving = np.zeros(span, dtype=np.int64)
    for bins in sorted(ahead):
        arriving[bins] = min(ahead[bins], held - int(arriving.sum()))
    return arriving, int(arriving.sum())


def _below(tier: Tier, bound: Bound | None) -> Tier:
    return tier if bound is None else replace(tier, max_pods=min(tier.max_pods, bound.high))


def _between(rules: Rules, moment: Moment, bounds: Mapping[str, Bound]) -> Moment:
    """The moment with no tier above its maximum, and every tier kept at its lower bound as far as pods can be there by then."""
    most = np.array([tier.max_pods for tier in rules.tiers])
    serving = np.minimum(moment.serving, most)
    arriving = moment.arriving.copy()
    arriving[:, 1:] = np.diff(np.minimum(np.cumsum(arriving[:, 1:], axis=1), (most - serving)[:, None]), axis=1, prepend=0)
    arriving[:, 0] = np.minimum(arriving[:, 0], serving)
    locked = np.zeros((len(rules.tiers), max(HORIZON, moment.locked.shape[1])), dtype=np.int64)
    locked[:, : moment.locked.shape[1]] = np.minimum(moment.locked, serving[:, None])
    for k, tier in enumerate(rules.tiers):
        bound = bounds.get(tier.name)
        if bound is None:
            continue
        there = int(serving[k]) + np.concatenate([[0], np.cumsum(arriving[k, 1:])])
        for j in range(HORIZON):
            had = tier.max_pods if j >= rules.lead_bins[k] else int(there[min(j, len(there) - 1)])
            # Pods that come are locked by the policy itself for their least time up.
            coming = sum(int(arriving[k, a]) for a in range(1, arriving.shape[1]) if a <= j < a + tier.min_up_periods(GRID_MINUTES))
            locked[k, j] = max(int(locked[k, j]), min(int(bound.low[j]), had) - coming)
    return replace(moment, serving=serving, arriving=arriving, locked=locked)
