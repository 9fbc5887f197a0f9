"""A problem with one region as costs on a lattice of joint sizes.

1. A state is one count of pods for every column; the lattice holds every state between the least floor and the greatest ceiling.
2. `stage_usd[t, state]` is the expected shortage's price, infinite where a bound or a shared limit forbids the state. Any function of the
   state fits here, so expected shortage under a distribution costs nothing extra.
3. Axes run from the shortest to the longest, which is what the sweeps are fastest on; `columns` maps them back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.problem import CapacityProblem, InfeasibleError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_CELLS: Final = 30_000_000  # periods x states: two tables of 240 MB
_CHUNK: Final = 4_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Lattice:
    """Arrays over axes (a), states (s) and periods (t); USD and pods.

    `pods` (a, s), `stage_usd` (t, s), `hold_usd` (a,) per pod and period, `start_usd` (a,), `initial` (a,), `shape` and `low` (a,),
    `up` / `down` (a,) minimum times in periods, `up_locked` / `down_locked` (a, t): pods of the history still bound in period t,
    `most` (a,) pods of the column, `extra_allowed` (a, t): whether pods on in t may be kept for a
    minimum up time longer than planned without breaking a ceiling.
    """

    columns: IntArray
    shape: IntArray
    low: IntArray
    pods: IntArray
    stage_usd: FloatArray
    hold_usd: FloatArray
    start_usd: FloatArray
    initial: IntArray
    up: IntArray
    down: IntArray
    up_locked: IntArray
    down_locked: IntArray
    most: IntArray
    extra_allowed: NDArray[np.bool_]

    @property
    def periods(self) -> int:
        """Periods of the horizon."""
        return int(self.stage_usd.shape[0])

    @property
    def states(self) -> int:
        """Joint sizes on the lattice."""
        return int(self.stage_usd.shape[1])

    def sizes(self, path: IntArray) -> IntArray:
        """Sizes (periods, tiers) of a path of states (periods,), in the problem's order of columns."""
        sizes = np.empty((len(path), len(self.columns)), dtype=np.int64)
        sizes[:, self.columns] = self.pods[:, path].T
        return sizes


def cells(problem: CapacityProblem) -> int:
    """Periods x states of the problem's lattice."""
    return problem.periods * int(np.prod([high - low + 1 for low, high in zip(*_range(problem), strict=True)], dtype=object))


def build(problem: CapacityProblem) -> Lattice:
    """The lattice of a problem with one region. Raises InfeasibleError if a period has no allowed state."""
    low, high = (np.array(side) for side in _range(problem))
    columns = np.argsort(high - low, kind="stable")
    low, high = low[columns], high[columns]
    shape = high - low + 1
    pods = np.stack([axis.ravel() for axis in np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(low, high, strict=True)), indexing="ij")])
    tiers = [problem.tiers[column] for column in columns]
    up = np.array([problem.min_up[column] for column in columns])
    down = np.array([problem.min_down[column] for column in columns])
    most = np.array([tier.max_pods for tier in tiers])
    up_locked = np.stack([_locked(tier.started_before, length, problem.periods) for tier, length in zip(tiers, up, strict=True)])
    down_locked = np.stack([_locked(tier.stopped_before, length, problem.periods) for tier, length in zip(tiers, down, strict=True)])
    floor = np.maximum(problem.floor[:, columns].T, up_locked)
    ceiling = np.minimum(problem.ceiling[:, columns].T, most[:, None] - down_locked)
    stage = _shortage_usd(problem, np.array([tier.capacity_units for tier in tiers]) @ pods)
    _forbid(problem, stage, pods, columns, floor, ceiling)
    return Lattice(
        columns=columns,
        shape=shape,
        low=low,
        pods=pods,
        stage_usd=stage,
        hold_usd=np.array([tier.price_usd_per_pod_hour for tier in tiers]) * problem.hours,
        start_usd=np.array([tier.startup_usd_per_pod for tier in tiers]),
        initial=np.array([tier.initial_pods for tier in tiers]),
        up=up,
        down=down,
        up_locked=up_locked,
        down_locked=down_locked,
        most=most,
        extra_allowed=_extra_allowed(problem, columns, up, ceiling),
    )


def _range(problem: CapacityProblem) -> tuple[list[int], list[int]]:
    return problem.floor.min(axis=0).tolist(), problem.ceiling.max(axis=0).tolist()


def _locked(latest_first: tuple[int, ...], length: int, periods: int) -> IntArray:
    """Pods moved before the first period whose window of `length` periods still covers period t."""
    locked = np.zeros(periods, dtype=np.int64)
    for period in range(min(periods, length - 1)):
        locked[period] = sum(latest_first[: length - 1 - period])
    return locked


def _shortage_usd(problem: CapacityProblem, capacity: FloatArray) -> FloatArray:
    """Price of the expected shortage, (periods, states): sum over scenarios of weight x (demand - capacity)+."""
    demand = problem.demand_units[:, :, 0]
    price = problem.hours * problem.shortfall_usd_per_unit_hour
    if demand.shape[1] == 1:
        stage = demand - capacity[None, :]
        np.maximum(stage, 0.0, out=stage)
        stage *= price
        return stage
    stage = np.empty((problem.periods, len(capacity)))
    rows = max(1, _CHUNK // (len(capacity) * demand.shape[1]))
    for start in range(0, problem.periods, rows):
        end = start + rows
        short = np.maximum(demand[start:end, :, None] - capacity[None, None, :], 0.0)
        stage[start:end] = price * np.einsum("ts,tsn->tn", problem.weights[start:end], short)
    return stage


def _forbid(problem: CapacityProblem, stage: FloatArray, pods: IntArray, columns: IntArray, floor: IntArray, ceiling: IntArray) -> None:
    for axis in range(len(pods)):
        values = np.arange(pods[axis].min(), pods[axis].max() + 1)
        outside = (values[None, :] < floor[axis][:, None]) | (values[None, :] > ceiling[axis][:, None])
        if outside.any():
            stage[outside[:, pods[axis] - values[0]]] = np.inf
    for limit in problem.shared_limits:
        together = pods[np.isin(columns, limit.columns)].sum(axis=0)
        stage[:, together > limit.max_pods] = np.inf
    empty = np.flatnonzero(np.isinf(stage.min(axis=1)))
    if len(empty):
        raise InfeasibleError(
            f"{problem.name}: period {int(empty[0])}: minima, maxima, shared limits and pods still bound by their history leave no sizes; relax one of them"
        )


def _extra_allowed(problem: CapacityProblem, columns: IntArray, up: IntArray, ceiling: IntArray) -> NDArray[np.bool_]:
    """(axes, periods): from t on, the ceiling does not fall for a minimum up time, and no shared limit counts the column."""
    allowed = np.ones(ceiling.shape, dtype=bool)
    for axis, column in enumerate(columns.tolist()):
        for fall in np.flatnonzero(ceiling[axis, 1:] < ceiling[axis, :-1]) + 1:
            allowed[axis, max(0, fall - int(up[axis])) : fall + 1] = False
        if any(column in limit.columns for limit in problem.shared_limits):
            allowed[axis] = False
    return allowed
