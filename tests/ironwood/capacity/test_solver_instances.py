"""The standard instances: proven optimal to the hour and the quarter of an hour, and bounds that HiGHS never undercuts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ironwood.capacity import QUICK, CapacityProblem, check, solve
from ironwood.capacity.solver.milp import solve_milp

FOLDER = Path(__file__).parents[2] / "data" / "planning"
HOURLY = sorted(path.stem for path in FOLDER.glob("*-60min.json"))
QUARTERS = sorted(path.stem for path in FOLDER.glob("*-15min.json"))


def instance(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.json").read_text()))


def window(name: str, first: int, periods: int) -> CapacityProblem:
    data = instance(name)
    return CapacityProblem.from_instance({**data, "demand_units": data["demand_units"][first : first + periods]})


@pytest.mark.parametrize("name", [*HOURLY, *QUARTERS])
def test_an_instance_is_proven_optimal_and_no_worse_than_its_reference(name: str) -> None:
    data = instance(name)
    problem = CapacityProblem.from_instance(data)
    plan = solve(problem)
    assert check(problem, plan.sizes) == []
    assert plan.gap <= 1e-6
    assert plan.cost_usd <= data["reference"]["best_known_usd"] * (1 + 1e-6)
    assert plan.lower_bound_usd <= data["reference"]["best_known_usd"] * (1 + 1e-9)


@pytest.mark.parametrize(("first", "periods"), [(0, 16), (96, 20), (250, 24)])
@pytest.mark.parametrize("name", [name for name in QUARTERS if "7d" in name])
def test_on_short_windows_highs_finds_the_same_optimum(name: str, first: int, periods: int) -> None:
    problem = window(name, first, periods)
    plan = solve(problem)
    highs = solve_milp(problem, stop=lambda: False, relative_gap=1e-9)
    assert highs.proven
    assert highs.sizes is not None
    assert plan.lower_bound_usd <= highs.lower_bound_usd * (1 + 1e-6)
    assert plan.cost_usd == pytest.approx(highs.lower_bound_usd, rel=1e-6)


def test_a_quick_answer_is_feasible_and_bounded() -> None:
    problem = CapacityProblem.from_instance(instance("nasa_http_1995-7d-15min"))
    plan = solve(problem, effort=QUICK)
    assert check(problem, plan.sizes) == []
    assert plan.gap < 0.02


def test_a_stop_returns_the_best_so_far_with_its_bound() -> None:
    data = instance("nasa_http_1995-7d-15min")
    problem = CapacityProblem.from_instance(data)
    polls = iter(range(10_000_000))
    plan = solve(problem, stop=lambda: next(polls) > 1500)
    assert check(problem, plan.sizes) == []
    assert plan.lower_bound_usd <= data["reference"]["best_known_usd"] <= plan.cost_usd * (1 + 1e-9)


def test_the_same_problem_gives_the_same_plan() -> None:
    problem = window("servegen_m_mid-7d-15min", 0, 96)
    assert np.array_equal(solve(problem).sizes, solve(problem).sizes)
