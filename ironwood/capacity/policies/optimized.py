"""Order and stop what is cheapest in expectation over scenarios of demand, with recourse; decided anew every few minutes.

One set of parameters for every trace, chosen on folds of history days; docs/forecasting.md says how.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.demand import GRID_MINUTES, Calendar
from ironwood.capacity.forecast.forecaster import Forecaster
from ironwood.capacity.forecast.parameters import Parameters
from ironwood.capacity.policies import recourse
from ironwood.capacity.policies.interface import Controller, World
from ironwood.capacity.replay import Decision, Moment, Rules

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Watch = Callable[[int, FloatArray], None]

STAGE_BINS: Final = (1,) * 12 + (3,) * 16
HORIZON: Final = sum(STAGE_BINS)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """When paths part, in stages, and in how many groups; groups are cut along the mean demand of the bins given."""

    first_stage: int = 7
    first_groups: int = 4
    first_bins: tuple[int, int] = (2, 14)
    second_stage: int = 12
    second_groups: int = 2
    second_bins: tuple[int, int] = (12, 36)


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
        self._kept = np.zeros((max(self._lead_stage) + 1, int(self._parts[-1]), len(self._coords)))

    def decide(self, moment: Moment, paths: FloatArray) -> Decision:
        """What to order and stop now; paths: (draws, HORIZON), row i equally likely."""
        order, edges = self._groups(paths)
        staged = np.add.reduceat(paths[order], self._begins, axis=1) / np.array(STAGE_BINS)
        arriving, locked = self._commitments(moment)
        recourse.plan(
            self._shape,
            self._coords,
            self._capacity,
            self._rate,
            self._start,
            self._lead_stage,
            arriving,
            locked,
            self._hours,
            self._rules.shortfall_usd_per_unit_hour * self._control.shortfall_factor,
            np.ascontiguousarray(staged.T),
            self._level,
            edges,
            self._parts,
            self._kept,
        )
        tiers = len(self._rules.tiers)
        starts = [0] * tiers
        held = self._coords[self._follow(0, 0, moment.serving, arriving)]
        stops = moment.serving - held
        reach: dict[int, list[tuple[float, IntArray]]] = {0: [(1.0, held)]}
        fronts = [(0, 1.0, held)]
        for stage in range(1, int(self._lead_stage.max()) + 1):
            fronts = self._advance(stage, fronts, arriving, edges, paths.shape[0])
            before = reach[stage - 1]
            reach[stage] = [(share, pods) for _, share, pods in fronts]
            for tier in range(tiers):
                if self._lead_stage[tier] == stage:
                    starts[tier] = self._majority(tier, before, reach[stage])
        for tier in range(tiers):
            if self._lead_stage[tier] == 0:
                starts[tier] = max(0, -int(stops[tier]))
        return Decision(
            starts=tuple(int(min(n, moment.startable[k])) for k, n in enumerate(starts)), stops=tuple(max(0, int(n)) for n in stops)
        )

    def _advance(
        self, stage: int, fronts: list[tuple[int, float, IntArray]], arriving: IntArray, edges: IntArray, paths: int
    ) -> list[tuple[int, float, IntArray]]:
        """Follow the plan one stage on, into every branch."""
        level, before = int(self._level[stage]), int(self._level[stage - 1])
        ratio = int(self._parts[level] // self._parts[before])
        advanced = []
        for node, _, pods in fronts:
            for child in range(node * ratio, (node + 1) * ratio):
                share = float(edges[level, child + 1] - edges[level, child]) / paths
                advanced.append((child, share, self._coords[self._follow(stage, child, pods, arriving)]))
        return advanced

    def _majority(self, tier: int, before: list[tuple[float, IntArray]], after: list[tuple[float, IntArray]]) -> int:
        """Pods to order: what at least half of the probability wants begun in this stage."""
        ratio = len(after) // len(before)
        wanted = [(share, max(0, int(pods[tier] - before[i // ratio][1][tier]))) for i, (share, pods) in enumerate(after)]
        most = max(n for _, n in wanted)
        return max((j for j in range(1, most + 1) if sum(share for share, n in wanted if n >= j) >= 0.5 - 1e-9), default=0)

    def _follow(self, stage: int, node: int, held: IntArray, arriving: IntArray) -> int:
        return int(recourse.best(stage, node, held, self._coords, self._start, self._lead_stage, arriving, self._kept))

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


def _nobody(index: int, paths: FloatArray) -> None:
    """Nobody watches."""
