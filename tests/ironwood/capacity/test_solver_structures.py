"""What goes beyond one region and three columns: bounds, history, options, regions, routes, budgets, distributions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ironwood.capacity import CapacityProblem, InfeasibleError, Route, SharedLimit, Tier, check, solve, verify
from ironwood.capacity.solver.milp import solve_milp

SMALL = Tier(
    name="small", capacity_units=10, max_pods=6, price_usd_per_pod_hour=12, startup_usd_per_pod=4, min_up_minutes=120, min_down_minutes=60
)
LARGE = Tier(
    name="large", capacity_units=50, max_pods=2, price_usd_per_pod_hour=50, startup_usd_per_pod=20, min_up_minutes=240, min_down_minutes=120
)
WAVE = 30 + 25 * np.sin(np.arange(24) * 2 * np.pi / 24)


def problem(**changes: Any) -> CapacityProblem:
    given: dict[str, Any] = {
        "tiers": (SMALL, LARGE),
        "period_minutes": 60,
        "demand_units": WAVE,
        "shortfall_usd_per_unit_hour": 10.0,
    }
    return CapacityProblem(**{**given, **changes})


def two_regions(routes: tuple[Route, ...] = ()) -> CapacityProblem:
    tiers = tuple(replace(SMALL, region=region) for region in ("east", "west"))
    demand = np.stack([WAVE, np.roll(WAVE, 12)], axis=-1)[:, None, :]
    return problem(tiers=tiers, demand_units=demand, regions=("east", "west"), routes=routes)


def test_locked_pods_of_the_history_stay_on() -> None:
    young = replace(LARGE, initial_pods=1, started_before=(1,))
    plan = solve(problem(tiers=(SMALL, young), demand_units=np.zeros(6)))
    assert plan.sizes[:, 1].tolist() == [1, 1, 1, 0, 0, 0]


def test_pods_without_history_stop_at_once() -> None:
    plan = solve(problem(tiers=(SMALL, replace(LARGE, initial_pods=1)), demand_units=np.zeros(6)))
    assert plan.sizes.sum() == 0


def test_period_bounds_are_kept() -> None:
    floor, ceiling = np.zeros((24, 2), dtype=int), np.tile([6, 2], (24, 1))
    floor[3, 0], ceiling[10:12, 1] = 2, 0
    bounded = problem(min_pods=floor, max_pods=ceiling)
    plan = solve(bounded)
    assert plan.sizes[3, 0] >= 2
    assert plan.sizes[10:12, 1].sum() == 0
    assert plan.gap <= 1e-6
    assert plan.cost_usd >= solve(problem()).cost_usd - 1e-6


def test_expected_shortage_costs_at_least_the_shortage_of_the_mean() -> None:
    spread = np.stack([WAVE * 0.5, WAVE, WAVE * 1.5], axis=1)
    uncertain = solve(problem(demand_units=spread, demand_weights=np.array([0.25, 0.5, 0.25])))
    assert uncertain.gap <= 1e-6
    assert uncertain.cost_usd >= solve(problem()).lower_bound_usd - 1e-6


def test_a_certain_distribution_is_the_plain_problem() -> None:
    certain = solve(problem(demand_units=np.stack([WAVE, WAVE], axis=1)))
    assert certain.cost_usd == pytest.approx(solve(problem()).cost_usd)


def test_the_exact_method_and_highs_agree_on_a_distribution() -> None:
    uncertain = problem(demand_units=np.stack([WAVE * 0.6, WAVE, WAVE * 1.4], axis=1), demand_weights=np.array([1, 2, 1]))
    highs = solve_milp(uncertain, stop=lambda: False, relative_gap=1e-9)
    assert solve(uncertain).cost_usd == pytest.approx(highs.lower_bound_usd, rel=1e-6)


def test_options_of_a_tier_share_its_maximum() -> None:
    options = (replace(SMALL, consumption="spot", price_usd_per_pod_hour=5), SMALL, LARGE)
    shared = problem(tiers=options, shared_limits=(SharedLimit(columns=(0, 1), max_pods=6),))
    plan = solve(shared)
    assert (plan.sizes[:, :2].sum(axis=1) <= 6).all()
    assert plan.gap <= 1e-6
    assert plan.cost_usd <= solve(problem()).cost_usd + 1e-6


def test_columns_beyond_a_lattice_are_solved_by_highs_and_say_so() -> None:
    many = tuple(replace(SMALL, name=f"small{n}", max_pods=40, price_usd_per_pod_hour=12 + n) for n in range(6))
    wide = problem(tiers=many, demand_units=WAVE[:6])
    plan = solve(wide)
    assert "highs" in plan.method
    assert check(wide, plan.sizes) == []
    assert plan.lower_bound_usd <= plan.cost_usd


def test_four_small_columns_are_still_exact() -> None:
    four = (
        SMALL,
        LARGE,
        replace(SMALL, name="tiny", capacity_units=4, price_usd_per_pod_hour=6, max_pods=3),
        replace(LARGE, name="big", max_pods=1),
    )
    plan = solve(problem(tiers=four, demand_units=WAVE[:12]))
    highs = solve_milp(problem(tiers=four, demand_units=WAVE[:12]), stop=lambda: False, relative_gap=1e-9)
    assert "highs" not in plan.method
    assert plan.cost_usd == pytest.approx(highs.lower_bound_usd, rel=1e-6)


def test_uncoupled_regions_cost_the_sum_of_their_own_plans() -> None:
    alone = [solve(problem(tiers=(SMALL,), demand_units=demand)).cost_usd for demand in (WAVE, np.roll(WAVE, 12))]
    plan = solve(two_regions())
    assert plan.cost_usd == pytest.approx(sum(alone))
    assert plan.gap <= 1e-6


def test_routing_between_regions_never_costs_more_and_is_accounted_for() -> None:
    routes = (
        Route(origin="east", destination="west", usd_per_unit_hour=0.1),
        Route(origin="west", destination="east", usd_per_unit_hour=0.1, max_units=8),
    )
    routed = two_regions(routes)
    plan = solve(routed)
    assert plan.routed_units is not None
    assert check(routed, plan.sizes, plan.routed_units) == []
    assert plan.routed_units[:, :, 1].max() <= 8 + 1e-6
    assert plan.cost_usd <= solve(two_regions()).cost_usd + 1e-6
    assert plan.transport_usd > 0


def test_a_budget_binds_and_more_of_it_buys_less_shortage() -> None:
    free = solve(problem())
    spend = free.infrastructure_usd + free.startup_usd
    plans = [solve(problem(budget_usd=spend * share)) for share in (0.5, 0.8, 1.0)]
    for plan, share in zip(plans, (0.5, 0.8, 1.0), strict=True):
        assert plan.infrastructure_usd + plan.startup_usd <= spend * share + 1e-6
        assert plan.lower_bound_usd <= plan.cost_usd
    assert plans[0].cost_usd >= plans[1].lower_bound_usd
    assert plans[1].cost_usd >= plans[2].lower_bound_usd
    assert plans[0].shortfall_usd > plans[2].shortfall_usd
    assert plans[2].cost_usd == pytest.approx(free.cost_usd)


def test_a_budget_gap_is_small_against_highs() -> None:
    limited = problem(budget_usd=400.0)
    plan = solve(limited)
    highs = solve_milp(limited, stop=lambda: False, relative_gap=1e-7)
    assert plan.lower_bound_usd <= highs.lower_bound_usd * (1 + 1e-6)
    assert plan.cost_usd <= highs.lower_bound_usd * 1.05


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"budget_usd": 10.0, "min_pods": np.tile([1, 0], (24, 1))}, "budget of 10.00 USD is below"),
        ({"shared_limits": (SharedLimit(columns=(0, 1), max_pods=1),), "min_pods": np.tile([1, 1], (24, 1))}, "shared limits"),
        ({"min_pods": np.tile([7, 0], (24, 1))}, "min_pods 7 exceeds max_pods 6"),
        ({"min_pods": np.array([[0, 0], [0, 2], [0, 0]] * 8), "max_pods": np.array([[6, 2], [6, 2], [6, 0]] * 8)}, "minimum up and down"),
    ],
)
def test_an_infeasible_problem_names_what_is_in_conflict(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InfeasibleError, match=says):
        solve(problem(**changes))


def test_stopping_highs_before_it_starts_still_gives_a_verified_plan() -> None:
    routes = (Route(origin="east", destination="west"),)
    routed = two_regions(routes)
    calls = iter(range(1_000_000))
    plan = solve(routed, stop=lambda: next(calls) > 400)
    assert check(routed, plan.sizes, plan.routed_units) == []
    assert verify(routed, plan.sizes, plan.routed_units).cost_usd == pytest.approx(plan.cost_usd)
