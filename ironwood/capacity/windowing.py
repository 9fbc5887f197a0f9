"""From the plan of a week to few weekly windows: the least cost for each number of windows.

1. A pattern is a partition of the weekdays into groups and an hour at which their days begin; each group has one sequence of sizes a day.
   A window is one size of one group's sequence. How many there are and what the week costs are the two ends of the trade-off.
2. For each pattern a dynamic program over (segments, time of day, sizes) finds the cheapest sequence of every length (Bellman 1961 on
   piecewise constant approximation); lengths are shared out among groups the same way. The best are polished at their exact cost.
3. A window lasts at least the longest minimum up or down time, so what it starts may stop when it ends; `check` judges every candidate.
4. More windows never cost more: what fits into fewer is a candidate for more. None costs less than the bound of the plan without a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.pieces import BIG, Piece, cheapest_segments, share_out
from ironwood.capacity.problem import CapacityProblem, InfeasibleError
from ironwood.capacity.verify import Bill, check, verify
from ironwood.capacity.week_costs import WeekCosts, owners
from ironwood.capacity.windows import DAY_MINUTES, WEEK_MINUTES
from ironwood.errors import ProblemError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Partition = tuple[tuple[int, ...], ...]

_DAYS: Final = 7
_MOST_A_DAY: Final = 6
_CANDIDATES: Final = 48  # states the dynamic program chooses from; the polish knows all of them
_POLISHED: Final = 3  # patterns polished for each number of windows
_CUT_MINUTES: Final = 60
_BISECTIONS: Final = 8
_USUAL: Final[tuple[Partition, ...]] = (
    ((0, 1, 2, 3, 4, 5, 6),),
    ((0, 1, 2, 3, 4), (5, 6)),
    ((0, 1, 2, 3, 4), (5,), (6,)),
    ((0, 1, 2, 3), (4,), (5, 6)),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """The cheapest week found with at most `count` windows: its pieces, sizes (periods, tiers) and verified bill."""

    count: int
    pieces: tuple[Piece, ...]
    sizes: IntArray
    bill: Bill


def fit_windows(problem: CapacityProblem, *, plan_sizes: IntArray, grain_minutes: int = 30, most: int = 12) -> list[Fit]:
    """The cheapest windows for every number from 1 to `most`; those that nothing was found for are left out.

    `problem` is one local week from Monday 00:00, `plan_sizes` (periods, tiers) its plan without a limit. A budget is kept. Raises
    ProblemError where the periods are no week or the grain does not fit them, InfeasibleError where no windows keep the budget.
    """
    if round(problem.periods * problem.period_minutes) != WEEK_MINUTES or len(problem.regions) != 1:
        raise ProblemError(f"{problem.name}: windows are made from one region's week of periods, Monday 00:00 to Sunday 24:00")
    if most < 1 or DAY_MINUTES % grain_minutes or grain_minutes % problem.period_minutes:
        raise ProblemError(
            f"{problem.name}: windows that begin every {grain_minutes} min: give a multiple of the plan's {problem.period_minutes:g} min that divides a day, and at least 1 window"
        )
    week = WeekCosts(problem, grain_minutes)
    if problem.budget_usd is None:
        return _curve(week, list(_found(week, week, plan_sizes, most)), most)
    kept: list[_Found] = []
    low, high = 0.0, 0.0
    for attempt in range(_BISECTIONS):
        theta = 0.0 if attempt == 0 else (low + high) / 2 if high else max(0.5, 2 * low)
        found = list(_found(week, week.charged(theta), plan_sizes, most))
        within = [each for each in found if _spend(week, each.pieces) <= problem.budget_usd]
        kept += within
        if len(within) < len(found):
            low = theta
        elif theta > 0:
            high = theta
        else:
            break
    if not kept:
        raise InfeasibleError(
            f"{problem.name}: no windows cost at most {problem.budget_usd:,.2f} USD a week; raise the budget or lower the minima"
        )
    return _curve(week, kept, most)


@dataclass(frozen=True, kw_only=True)
class _Found:
    usd: float
    pieces: tuple[Piece, ...]


def _curve(week: WeekCosts, found: list[_Found], most: int) -> list[Fit]:
    """The cheapest feasible fit with at most so many windows, for every number that something was found for."""
    found = sorted(found, key=lambda each: (each.usd, len(each.pieces)))
    judged: dict[tuple[Piece, ...], Fit | None] = {}
    curve: list[Fit] = []
    for count in range(1, most + 1):
        for each in found:
            if len(each.pieces) <= count:
                if each.pieces not in judged:
                    judged[each.pieces] = _judged(week, each.pieces)
                fit = judged[each.pieces]
                if fit is not None:
                    curve.append(fit)
                    break
    if not curve:
        raise InfeasibleError(f"{week.problem.name}: no windows keep its bounds and minimum times; relax them")
    return curve


def _found(true: WeekCosts, week: WeekCosts, plan_sizes: IntArray, most: int) -> Iterator[_Found]:
    """The best patterns under the costs of `week`, at their `true` cost."""
    states = _candidates(week, plan_sizes)
    trans = week.starts(states[:, None], states[None, :])
    best: dict[int, list[tuple[float, tuple[Piece, ...]]]] = {}
    partitions = _partitions(week)
    for cut in range(0, week.blocks_a_day, max(1, _CUT_MINUTES // week.grain)):
        shifted = np.roll(week.cost[:, states], -cut, axis=0).reshape(_DAYS, week.blocks_a_day, len(states))
        known: dict[tuple[int, ...], list[tuple[float, tuple[tuple[int, int, int], ...]]]] = {}
        for partition in partitions:
            for group in partition:
                if group not in known:
                    known[group] = cheapest_segments(
                        shifted[list(group)].sum(axis=0), trans * len(group), least=week.least_blocks, most=min(_MOST_A_DAY, most)
                    )
            for count, (usd, chosen) in share_out([known[group] for group in partition], most).items():
                pieces = tuple(
                    Piece(days=group, begin=cut + begin, end=cut + end, state=int(states[state]))
                    for group, segments in zip(partition, chosen, strict=True)
                    for begin, end, state in segments
                )
                best.setdefault(count, []).append((usd, pieces))
    for listed in best.values():
        for _, pieces in sorted(listed, key=lambda each: each[0])[:_POLISHED]:
            polished = _merged(week, _polish(week, pieces))
            yield _Found(usd=_exact(true, polished), pieces=polished)


def _judged(week: WeekCosts, pieces: tuple[Piece, ...]) -> Fit | None:
    """The fit of pieces with its bill, None if it breaks a rule other than the budget."""
    sizes = week.lattice.sizes(np.repeat(_states(week, pieces), week.periods_a_block))
    plain = replace(week.problem, budget_usd=None)
    if check(plain, sizes):
        return None
    return Fit(count=len(pieces), pieces=pieces, sizes=sizes, bill=verify(plain, sizes))


def _merged(week: WeekCosts, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Neighbours of one group in one state joined; for a group of all days over its cut as well."""
    out: list[Piece] = []
    for piece in pieces:
        if out and out[-1].days == piece.days and out[-1].state == piece.state and out[-1].end == piece.begin:
            out[-1] = replace(out[-1], end=piece.end)
        else:
            out.append(piece)
    if len(out) > 1 and len(out[0].days) == _DAYS and out[0].state == out[-1].state:
        out = [*out[1:-1], replace(out[-1], end=out[0].end + week.blocks_a_day)]
    return tuple(out)


def _states(week: WeekCosts, pieces: tuple[Piece, ...]) -> IntArray:
    return np.array([piece.state for piece in pieces])[owners(week, pieces)]


def _exact(week: WeekCosts, pieces: tuple[Piece, ...]) -> float:
    """Cost of the week under pieces, starts included."""
    states = _states(week, pieces)
    return float(week.cost[np.arange(len(states)), states].sum() + week.starts(states[:-1], states[1:]).sum() + week.entry(states[:1])[0])


def _spend(week: WeekCosts, pieces: tuple[Piece, ...]) -> float:
    """What the week's pods cost under pieces."""
    states = _states(week, pieces)
    held = (week.lattice.hold_usd @ week.lattice.pods[:, states]).sum() * week.periods_a_block
    return float(held + week.starts(states[:-1], states[1:]).sum() + week.entry(states[:1])[0])


def _polish(week: WeekCosts, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Change one piece's sizes, or move one boundary by a block, while the week gets cheaper."""
    pieces, usd = _resized(week, pieces)
    improved = True
    while improved:
        improved = False
        for index in range(len(pieces) - 1):
            for step in (-1, 1):
                moved = _moved(week, pieces, index, step)
                if moved is not None and (cost := _exact(week, moved)) < usd - 1e-6:
                    pieces, usd, improved = moved, cost, True
        if improved:
            pieces, usd = _resized(week, pieces)
    return pieces


def _moved(week: WeekCosts, pieces: tuple[Piece, ...], index: int, step: int) -> tuple[Piece, ...] | None:
    """The boundary between a piece and the next one of its group moved, None where one would get too short."""
    first, second = pieces[index], pieces[index + 1]
    if first.days != second.days or min(first.end + step - first.begin, second.end - second.begin - step) < week.least_blocks:
        return None
    return (*pieces[:index], replace(first, end=first.end + step), replace(second, begin=second.begin + step), *pieces[index + 2 :])


def _resized(week: WeekCosts, pieces: tuple[Piece, ...]) -> tuple[tuple[Piece, ...], float]:
    """The best state of one piece after another, the others held, until none changes; with the week's cost."""
    owner = owners(week, pieces)
    alone = np.zeros((len(pieces), week.lattice.states))
    np.add.at(alone, owner, week.cost)
    changes = np.flatnonzero(owner[1:] != owner[:-1])
    joints = [(int(owner[at]), int(owner[at + 1])) for at in changes]
    every = np.arange(week.lattice.states)
    states = [piece.state for piece in pieces]
    changed = True
    while changed:
        changed = False
        for index in range(len(pieces)):
            usd = alone[index].copy()
            for before, after in joints:
                if before == index:
                    usd += week.starts(every, np.array([states[after]]))
                elif after == index:
                    usd += week.starts(np.array([states[before]]), every)
            if owner[0] == index:
                usd += week.entry(every)
            least = int(np.argmin(usd))
            if usd[least] < usd[states[index]] - 1e-9:
                states[index], changed = least, True
    out = tuple(replace(piece, state=state) for piece, state in zip(pieces, states, strict=True))
    return out, _exact(week, out)


def _candidates(week: WeekCosts, plan_sizes: IntArray) -> IntArray:
    """States worth considering: those the plan uses most, and those that no other beats in both capacity and price."""
    lattice, tiers = week.lattice, week.problem.tiers
    capacity = np.array([tiers[k].capacity_units for k in lattice.columns]) @ lattice.pods
    rate = lattice.hold_usd @ lattice.pods
    allowed = np.flatnonzero(week.cost.max(axis=0) < BIG)
    if not len(allowed):
        allowed = np.arange(lattice.states)
    order = allowed[np.lexsort((rate[allowed], -capacity[allowed]))]
    frontier = order[rate[order] <= np.minimum.accumulate(rate[order])]
    frontier = frontier[np.unique(np.linspace(0, len(frontier) - 1, _CANDIDATES // 2).round().astype(np.int64))]
    strides = np.append(np.cumprod(lattice.shape[::-1])[::-1][1:], 1)
    used = np.clip(plan_sizes[:, lattice.columns] - lattice.low, 0, lattice.shape - 1) @ strides
    seen, often = np.unique(used, return_counts=True)
    chosen = seen[np.argsort(-often, kind="stable")][: _CANDIDATES // 2]
    return np.unique(np.concatenate([frontier, chosen]))


def _partitions(week: WeekCosts) -> list[Partition]:
    """The usual groups of weekdays, and those found by joining, again and again, the two groups that lose least by it."""
    days = week.cost.reshape(_DAYS, week.blocks_a_day, -1)

    def alone(group: tuple[int, ...]) -> float:
        return float(days[list(group)].sum(axis=0).min(axis=1).sum())

    groups: list[tuple[int, ...]] = [(day,) for day in range(_DAYS)]
    found: list[Partition] = [tuple(groups)]
    while len(groups) > 1:
        pairs = [(a, b) for i, a in enumerate(groups) for b in groups[i + 1 :]]
        a, b = min(pairs, key=lambda pair: alone(tuple(sorted(pair[0] + pair[1]))) - alone(pair[0]) - alone(pair[1]))
        groups = sorted([each for each in groups if each not in (a, b)] + [tuple(sorted(a + b))])
        found.append(tuple(groups))
    return list(dict.fromkeys([*_USUAL, *found]))
