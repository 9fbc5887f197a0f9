"""Order and stop what is cheapest in expectation over scenarios of demand, with recourse; decided anew every few minutes.

One set of parameters for every trace, chosen on folds of history days; docs/forecasting.md says how.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.demand import GRID_MINUTES, Calendar
from ironwood.capacity.forecast.forecaster import Forecaster
from ironwood.capacity.forecast.parameters import Parameters, holding
from ironwood.capacity.policies import recourse
from ironwood.capacity.policies.interface import Controller, World
from ironwood.capacity.replay import Decision, Moment, Rules

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Watch = Callable[[int, FloatArray], None]

STAGE_BINS: Final = (1,) * 12 + (3,) * 16
HORIZON: Final = sum(STAGE_BINS)
_SAVING_USD: Final = 1e-6  # less is rounding


@dataclass(frozen=True, kw_only=True)
class Tree:
    """When paths part, in stages, and in how many groups; groups are cut along the mean demand of the bins given."""

    first_stage: int = 7
    first_groups: int = 4
    first_bins: tuple[int, int] = (2, 14)
    second_stage: int = 12
    second_groups: int = 2
    second_bins: tuple[int, int] = (12, 36)


# Groups of what will have been seen when they part: less hopeful, for where shortage is dear.
SEEN: Final = Tree(first_stage=5, first_bins=(0, 5), second_bins=(5, 12))


@dataclass(frozen=True, kw_only=True)
class Control:
    """How scenarios become decisions."""

    shortfall_factor: float = 1.0  # the shortfall price as the controller sees it
    bound_share: float = 0.2  # of the minimum up time's price, charged with a start
    tree: Tree = field(default_factory=Tree)


class Optimizer:
    """The decision for given scenarios: no state but the lattice of the rules."""

    def __init__(self, rules: Rules, control: Control) -> None:
        self._rules = rules
        self._control = control
        tiers = rules.tiers
        ends = np.cumsum((0, *STAGE_BINS))
        self._begins = ends[:-1]
        self._hours = np.diff(ends) * GRID_MINUTES / 60
        self._lead_stage = np.array(
            [min(int(np.searchsorted(self._begins, lead)), len(STAGE_BINS)) for lead in rules.lead_bins], dtype=np.int64
        )
        self._up = [tier.min_up_periods(GRID_MINUTES) for tier in tiers]
        bound = [control.bound_share * t.price_usd_per_pod_hour * t.min_up_minutes / 60 for t in tiers]
        self._start = np.array([t.startup_usd_per_pod for t in tiers]) + np.array(bound)
        self._shape = np.array([tier.max_pods + 1 for tier in tiers], dtype=np.int64)
        self._coords = np.array(list(itertools.product(*(range(n) for n in self._shape))), dtype=np.int64).reshape(-1, len(tiers))
        self._capacity = self._coords @ np.array([t.capacity_units for t in tiers])
        self._rate = self._coords @ np.array([t.price_usd_per_pod_hour for t in tiers])
        tree = control.tree
        self._level = np.array([int(s >= tree.first_stage) + int(s >= tree.second_stage) for s in range(len(STAGE_BINS))], dtype=np.int64)
        self._parts = np.array([1, tree.first_groups, tree.first_groups * tree.second_groups], dtype=np.int64)
        # An order is given before the paths part. Where it arrives after, it is the same for every group: such tiers' orders are tried out.
        self._tried = [k for k in range(len(tiers)) if tree.first_stage <= self._lead_stage[k] < len(STAGE_BINS)]
        self._free_from = np.array([s + (k in self._tried) for k, s in enumerate(self._lead_stage)], dtype=np.int64)
        self._last = int(max((self._lead_stage[k] for k in self._tried), default=0))
        self._kept = np.zeros((tree.first_stage, 1, len(self._coords)))

    def decide(self, moment: Moment, paths: FloatArray) -> Decision:
        """What to order and stop now; paths: (draws, HORIZON), row i equally likely."""
        order, edges = self._groups(paths)
        staged = np.add.reduceat(paths[order], self._begins, axis=1) / np.array(STAGE_BINS)
        demand = np.ascontiguousarray(staged.T)
        arriving, locked = self._commitments(moment)
        ahead = np.zeros((edges.shape[1], len(self._coords)))
        self._back(len(STAGE_BINS) - 1, self._last + 1, arriving, locked, demand, edges, ahead)
        starts, arriving = self._orders(moment, arriving, locked, demand, edges, ahead)
        held = self._coords[self._follow(0, moment.serving, arriving)[0]]
        stops = moment.serving - held
        pods = held
        for stage in range(1, self._kept.shape[0]):
            before, pods = pods, self._coords[self._follow(stage, pods, arriving)[0]]
            for tier in np.flatnonzero(self._lead_stage == stage):
                starts[tier] = max(0, int(pods[tier] - before[tier]))
        for tier in np.flatnonzero(self._lead_stage == 0):
            starts[tier] = max(0, -int(stops[tier]))
        return Decision(
            starts=tuple(int(min(n, moment.startable[k])) for k, n in enumerate(starts)), stops=tuple(max(0, int(n)) for n in stops)
        )

    def _orders(
        self, moment: Moment, arriving: IntArray, locked: IntArray, demand: FloatArray, edges: IntArray, ahead: FloatArray
    ) -> tuple[list[int], IntArray]:
        """Orders of the tiers that are tried out, and all that arrives with them: a pod more of the tier that saves most, until none saves."""
        starts = [0] * len(self._rules.tiers)
        cost = self._cost(moment, arriving, locked, demand, edges, ahead)
        while True:
            more = []
            for tier in self._tried:
                if starts[tier] < moment.startable[tier]:
                    with_it = arriving.copy()
                    with_it[self._lead_stage[tier], tier] += 1
                    total = self._start[tier] + self._cost(moment, with_it, locked, demand, edges, ahead)
                    more.append((total, tier, with_it))
            best = min(more, key=lambda found: found[0], default=None)
            if best is None or best[0] >= cost - _SAVING_USD:
                break
            cost, arriving = best[0] - self._start[best[1]], best[2]
            starts[best[1]] += 1
        self._cost(moment, arriving, locked, demand, edges, ahead)
        return starts, arriving

    def _cost(self, moment: Moment, arriving: IntArray, locked: IntArray, demand: FloatArray, edges: IntArray, ahead: FloatArray) -> float:
        """Expected cost from now on with what arrives, the starts of the tiers that are tried out apart; leaves the plan in `_kept`."""
        self._back(self._last, 0, arriving, locked, demand, edges, ahead.copy())
        return self._follow(0, moment.serving, arriving)[1]

    def _back(
        self, last: int, first: int, arriving: IntArray, locked: IntArray, demand: FloatArray, edges: IntArray, value: FloatArray
    ) -> None:
        price = self._rules.shortfall_usd_per_unit_hour * self._control.shortfall_factor
        recourse.plan(
            self._shape,
            self._coords,
            self._capacity,
            self._rate,
            self._start,
            self._free_from,
            arriving,
            locked,
            self._hours,
            price,
            demand,
            self._level,
            edges,
            self._parts,
            last,
            first,
            value,
            self._kept,
        )

    def _follow(self, stage: int, held: IntArray, arriving: IntArray) -> tuple[int, float]:
        """The state of a stage before the paths part, and its cost from there on."""
        chosen, cost = recourse.best(stage, 0, held, self._coords, self._start, self._free_from, arriving, self._kept)
        return int(chosen), float(cost)

    def _groups(self, paths: FloatArray) -> tuple[IntArray, IntArray]:
        """An order in which the paths of every node of the tree are neighbours, and where each node begins."""
        tree = self._control.tree
        draws = paths.shape[0]
        edges = np.full((3, int(self._parts[-1]) + 1), draws, dtype=np.int64)
        edges[0, 0] = 0
        order = np.argsort(paths[:, tree.first_bins[0] : tree.first_bins[1]].mean(axis=1), kind="stable")
        first = np.rint(np.linspace(0, draws, tree.first_groups + 1)).astype(np.int64)
        edges[1, : first.size] = first
        later = paths[:, tree.second_bins[0] : tree.second_bins[1]].mean(axis=1)
        for group in range(tree.first_groups):
            begin, end = int(first[group]), int(first[group + 1])
            inside = order[begin:end]
            order[begin:end] = inside[np.argsort(later[inside], kind="stable")]
            cuts = np.rint(np.linspace(begin, end, tree.second_groups + 1)).astype(np.int64)
            edges[2, group * tree.second_groups : (group + 1) * tree.second_groups + 1] = cuts
        return order, edges

    def _commitments(self, moment: Moment) -> tuple[IntArray, IntArray]:
        """Arrivals and locked pods of each stage, shape (stages, tiers)."""
        stages, tiers = len(STAGE_BINS), len(self._rules.tiers)
        arriving = np.zeros((stages, tiers), dtype=np.int64)
        locked = np.zeros((stages, tiers), dtype=np.int64)
        for tier in range(tiers):
            held = np.zeros(HORIZON, dtype=np.int64)
            span = min(HORIZON, moment.locked.shape[1])
            held[:span] = moment.locked[tier, :span]
            for j in range(1, moment.arriving.shape[1]):
                pods = int(moment.arriving[tier, j])
                if pods and j < HORIZON:
                    stage = int(np.searchsorted(self._begins, j, side="right")) - 1
                    arriving[stage, tier] += pods
                    held[j : j + self._up[tier]] += pods
            # A pod locked for a part of a stage only may be stopped before the stage ends, so a stage's bound is its last bin's.
            locked[:, tier] = held[self._begins + np.array(STAGE_BINS) - 1]
        return arriving, locked


@dataclass(frozen=True, kw_only=True)
class Optimized:
    """Forecast, then optimise; the default policy."""

    parameters: Parameters = field(default_factory=Parameters)
    control: Control = field(default_factory=Control)
    name: str = "optimized"

    def rules(self, rules: Rules) -> Rules:
        """Every tier, as it is."""
        return rules

    def controller(self, world: World) -> Controller:
        """A controller that has seen nothing yet."""
        return self.watched(world, _nobody)

    def watched(self, world: World, watch: Watch) -> Controller:
        """The same controller; `watch` is shown the bin and the scenario paths (draws, HORIZON) of each decision."""
        return self.deciding(world.rules, self.forecaster(world.calendar), watch)

    def forecaster(self, calendar: Calendar) -> Forecaster:
        """What the policy forecasts with; it has seen nothing yet."""
        return Forecaster(calendar=calendar, horizon=HORIZON, parameters=self.parameters)

    def deciding(self, rules: Rules, forecaster: Forecaster, watch: Watch) -> Controller:
        """A controller that goes on learning with `forecaster`: rules may change from one decision to the next, what was learnt stays."""
        optimizer = Optimizer(rules, self.control)

        def decide(moment: Moment) -> Decision:
            forecaster.observe(moment.observed)
            paths = forecaster.paths(moment.bin)
            watch(moment.bin, paths)
            return optimizer.decide(moment, paths)

        return decide


def priced(policy: Optimized, shortfall_factor: float) -> Optimized:
    """The same policy seeing another price of shortfall; above 1 it is safer and costs more.

    Where shortage is dear the plan may not hope: its groups look at nothing that will not have been seen, and more falls are held through.
    """
    control = replace(policy.control, shortfall_factor=shortfall_factor)
    if shortfall_factor <= 1:
        return replace(policy, control=control)
    return replace(policy, control=replace(control, tree=SEEN), parameters=holding(policy.parameters))


def _nobody(index: int, paths: FloatArray) -> None:
    """Nobody watches."""
