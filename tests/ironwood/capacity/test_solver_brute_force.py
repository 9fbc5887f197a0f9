"""Small random problems, solved by trying everything."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ironwood.capacity import STANDARD, CapacityProblem, InfeasibleError, SharedLimit, Tier, check, solve, verify

HOUR = 60.0
CLOSE = 1e-6


def feasible_runs(problem: CapacityProblem, column: int) -> NDArray[np.int64]:
    """Every sequence of one column's pods that keeps its own constraints, (runs, periods)."""
    tier = problem.tiers[column]
    up, down = (
        max(1, math.ceil(tier.min_up_minutes / problem.period_minutes)),
        max(1, math.ceil(tier.min_down_minutes / problem.period_minutes)),
    )
    runs = []
    for run in itertools.product(range(tier.max_pods + 1), repeat=problem.periods):
        change = np.diff(run, prepend=tier.initial_pods)
        starts = [*tier.started_before[::-1], *np.maximum(change, 0)]
        stops = [*tier.stopped_before[::-1], *np.maximum(-change, 0)]
        kept = all(
            problem.floor[t, column] <= run[t] <= problem.ceiling[t, column]
            and sum(starts[max(0, len(tier.started_before) + t + 1 - up) : len(tier.started_before) + t + 1]) <= run[t]
            and sum(stops[max(0, len(tier.stopped_before) + t + 1 - down) : len(tier.stopped_before) + t + 1]) <= tier.max_pods - run[t]
            for t in range(problem.periods)
        )
        if kept:
            runs.append(run)
    return np.array(runs, dtype=np.int64).reshape(len(runs), problem.periods)


def cheapest(problem: CapacityProblem) -> float | None:
    """The optimum of a problem with one region, None if nothing is feasible."""
    runs = [feasible_runs(problem, column) for column in range(len(problem.tiers))]
    if any(len(run) == 0 for run in runs):
        return None
    spend, capacity, pods = np.zeros(1), np.zeros((1, problem.periods)), np.zeros((1, problem.periods, 0), dtype=np.int64)
    for tier, run in zip(problem.tiers, runs, strict=True):
        price = tier.price_usd_per_pod_hour * problem.hours * run.sum(axis=1)
        price = price + tier.startup_usd_per_pod * np.maximum(np.diff(run, axis=1, prepend=tier.initial_pods), 0).sum(axis=1)
        spend = (spend[:, None] + price[None, :]).ravel()
        capacity = (capacity[:, None, :] + tier.capacity_units * run[None, :, :]).reshape(-1, problem.periods)
        pods = np.concatenate([np.repeat(pods, len(run), axis=0), np.tile(run, (len(pods), 1))[:, :, None]], axis=2)
    short = np.maximum(problem.demand_units[None, :, :, 0] - capacity[:, :, None], 0.0)
    total = spend + problem.hours * problem.shortfall_usd_per_unit_hour * np.einsum("nts,ts->n", short, problem.weights)
    allowed = np.ones(len(total), dtype=bool)
    for limit in problem.shared_limits:
        allowed &= (pods[:, :, list(limit.columns)].sum(axis=2) <= limit.max_pods).all(axis=1)
    if problem.budget_usd is not None:
        allowed &= spend <= problem.budget_usd * (1 + 1e-9) + 1e-6  # as verify forgives
    return float(total[allowed].min()) if allowed.any() else None


@st.composite
def tiers(draw: st.DrawFn, number: int, periods: int) -> Tier:
    most = draw(st.integers(1, 2))
    up, down = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    initial = draw(st.integers(0, most))
    history = draw(st.booleans())
    started = tuple(draw(st.lists(st.integers(0, 1), max_size=2))) if history and initial else ()
    stopped = tuple(draw(st.lists(st.integers(0, 1), max_size=2))) if history and initial < most else ()
    del periods
    return Tier(
        name=f"t{number}",
        capacity_units=draw(st.sampled_from([1.0, 2.5, 4.0])),
        max_pods=most,
        price_usd_per_pod_hour=draw(st.sampled_from([0.0, 1.0, 2.0, 3.5])),
        startup_usd_per_pod=draw(st.sampled_from([0.0, 0.5, 3.0])),
        min_up_minutes=up * HOUR,
        min_down_minutes=down * HOUR,
        initial_pods=initial,
        started_before=started if sum(started) <= initial else (),
        stopped_before=stopped if sum(stopped) <= most - initial else (),
    )


@st.composite
def problems(draw: st.DrawFn) -> CapacityProblem:
    periods, columns, scenarios = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    if columns == 3:
        periods = min(periods, 3)
    chosen = tuple(draw(tiers(number, periods)) for number in range(columns))
    demand = draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.5, 6.0, 9.0]), min_size=periods * scenarios, max_size=periods * scenarios))
    weights = draw(st.lists(st.sampled_from([1.0, 2.0, 5.0]), min_size=scenarios, max_size=scenarios))
    bounded = draw(st.booleans())
    ceiling = np.array([[draw(st.integers(1, 2)) if bounded else tier.max_pods for tier in chosen] for _ in range(periods)])
    floor = np.array([[draw(st.sampled_from([0, 0, 1])) if bounded else 0 for _ in chosen] for _ in range(periods)])
    shared = (SharedLimit(columns=tuple(range(columns)), max_pods=draw(st.integers(1, 4))),) if draw(st.integers(0, 3)) == 0 else ()
    return CapacityProblem(
        tiers=chosen,
        period_minutes=HOUR,
        demand_units=np.array(demand).reshape(periods, scenarios),
        demand_weights=np.array(weights),
        shortfall_usd_per_unit_hour=draw(st.sampled_from([0.0, 1.0, 2.0, 10.0])),
        max_pods=ceiling,
        min_pods=np.minimum(floor, ceiling),
        shared_limits=shared,
    )


@settings(max_examples=120, deadline=None)
@given(problem=problems())
def test_the_plan_is_feasible_and_as_cheap_as_trying_everything(problem: CapacityProblem) -> None:
    optimum = cheapest(problem)
    if optimum is None:
        with pytest.raises(InfeasibleError):
            solve(problem)
        return
    plan = solve(problem)
    assert check(problem, plan.sizes) == []
    assert verify(problem, plan.sizes).cost_usd == pytest.approx(plan.cost_usd)
    assert plan.lower_bound_usd <= optimum + CLOSE
    assert plan.cost_usd == pytest.approx(optimum, abs=CLOSE, rel=STANDARD.target_gap)
    assert plan.gap <= CLOSE


@settings(max_examples=25, deadline=None)
@given(problem=problems(), share=st.floats(0.0, 1.0))
def test_a_budget_is_kept_and_more_of_it_never_costs_more(problem: CapacityProblem, share: float) -> None:
    free = cheapest(problem)
    if free is None:
        return
    generous = verify(problem, solve(problem).sizes).spend_usd
    plans = []
    for budget in (generous * share, generous * (1 + share) / 2, generous):
        limited = with_budget(problem, budget)
        optimum = cheapest(limited)
        if optimum is None:
            with pytest.raises(InfeasibleError):
                solve(limited)
            continue
        plan = solve(limited)
        assert check(limited, plan.sizes) == []
        assert plan.lower_bound_usd <= optimum + CLOSE
        assert plan.cost_usd >= optimum - CLOSE
        plans.append(plan)
    for less, more in itertools.pairwise(plans):
        assert more.lower_bound_usd <= less.cost_usd + CLOSE


@settings(max_examples=25, deadline=None)
@given(problem=problems(), longer=st.sampled_from([15.0, 60.0, 240.0]))
def test_a_longer_lead_never_helps(problem: CapacityProblem, longer: float) -> None:
    if cheapest(problem) is None:
        return
    slower = rebuilt(problem, tiers=tuple(tier.with_lead(longer) for tier in problem.tiers))
    assert solve(problem).lower_bound_usd <= solve(slower).cost_usd + CLOSE


def with_budget(problem: CapacityProblem, budget: float) -> CapacityProblem:
    return rebuilt(problem, budget=budget)


def rebuilt(problem: CapacityProblem, *, budget: float | None = None, tiers: tuple[Tier, ...] | None = None) -> CapacityProblem:
    return CapacityProblem(
        tiers=tiers or problem.tiers,
        period_minutes=problem.period_minutes,
        demand_units=problem.demand_units,
        demand_weights=problem.weights,
        shortfall_usd_per_unit_hour=problem.shortfall_usd_per_unit_hour,
        min_pods=problem.floor,
        max_pods=problem.ceiling,
        shared_limits=problem.shared_limits,
        budget_usd=budget,
    )
