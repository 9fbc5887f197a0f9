"""A malformed problem says what is wrong with it before anything is solved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ironwood.capacity import CapacityProblem, Route, SharedLimit, Tier
from ironwood.errors import ProblemError

INSTANCE = Path(__file__).parents[2] / "data" / "planning" / "nasa_http_1995-1d-60min.json"
POD = Tier(name="pod", capacity_units=1, max_pods=2, price_usd_per_pod_hour=1)


def data(**changes: object) -> dict[str, Any]:
    return {**json.loads(INSTANCE.read_text()), **changes}


def make(**changes: Any) -> CapacityProblem:
    return CapacityProblem(**{"tiers": (POD,), "period_minutes": 60, "demand_units": [1, 2], "shortfall_usd_per_unit_hour": 1, **changes})


def test_a_standard_instance_is_read_whole() -> None:
    problem = CapacityProblem.from_instance(data())
    assert problem.periods == 24
    assert [tier.name for tier in problem.tiers] == ["small", "medium", "large"]
    assert problem.min_up == (1, 1, 2)
    assert problem.demand_units.shape == (24, 1, 1)


def test_minutes_are_rounded_up_to_whole_periods() -> None:
    problem = CapacityProblem.from_instance(data(period_minutes=50))
    assert problem.min_up == (2, 2, 3)
    assert problem.min_down == (1, 1, 2)


def test_a_problem_cannot_be_changed_through_its_arrays() -> None:
    with pytest.raises(ValueError, match="read-only"):
        make().demand_units[0] = 5


def test_a_longer_lead_is_billed_in_every_start() -> None:
    assert POD.with_lead(30).startup_usd_per_pod == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tiers": []}, "instance.tiers"),
        ({"tiers": [3], "initial_pods": [0]}, r"instance.tiers\[0\]"),
        ({"demand_units": []}, "instance.demand_units"),
        ({"demand_units": ["many"]}, "instance.demand_units: not a list of numbers"),
        ({"demand_units": [1, -1]}, "period 1 is negative"),
        ({"demand_units": [1, float("nan")]}, "period 1 is negative or not a number"),
        ({"period_minutes": "60"}, "instance.period_minutes: '60' is not a number"),
        ({"period_minutes": 0}, "period_minutes is 0"),
        ({"shortfall_usd_per_unit_hour": -1}, "shortfall_usd_per_unit_hour is -1"),
        ({"initial_pods": [0]}, "instance.initial_pods"),
        ({"initial_pods": [0, 0, 1.5]}, "1.5 is not a whole number"),
        ({"initial_pods": [11, 0, 0]}, "initial_pods 11 exceeds max_pods 10"),
    ],
)
def test_a_malformed_instance_names_the_field(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ProblemError, match=says):
        CapacityProblem.from_instance(data(**changes))


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: make(tiers=()), "no tiers"),
        (lambda: make(tiers=(POD, POD)), "two columns are called global/pod/on_demand"),
        (lambda: make(demand_units=np.ones((2, 1, 2))), "2 regions"),
        (lambda: make(demand_weights=[1, 1]), "demand_weights has shape"),
        (lambda: make(demand_weights=[0]), "sum to more than 0"),
        (lambda: make(max_pods=np.ones((3, 1))), r"max_pods has shape \(3, 1\)"),
        (lambda: make(max_pods=np.full((2, 1), 0.5)), "whole pods"),
        (lambda: make(budget_usd=-1), "budget_usd is -1"),
        (lambda: make(regions=("a",)), "is in a region that is not one of"),
        (lambda: make(routes=(Route(origin="global", destination="moon"),)), "route global -> moon"),
        (lambda: make(shared_limits=(SharedLimit(columns=(4,), max_pods=1),)), "shared limit"),
        (lambda: Tier(name="x", capacity_units=0, max_pods=1, price_usd_per_pod_hour=1), "capacity_units is 0"),
        (lambda: Tier(name="x", capacity_units=1, max_pods=-1, price_usd_per_pod_hour=1), "max_pods is -1"),
        (lambda: Tier(name="x", capacity_units=1, max_pods=1, price_usd_per_pod_hour=float("inf")), "price_usd_per_pod_hour is inf"),
        (lambda: Tier(name="x", capacity_units=1, max_pods=1, price_usd_per_pod_hour=1, started_before=(-1,)), "started_before"),
    ],
)
def test_a_malformed_problem_names_what_is_wrong(build: Callable[[], object], says: str) -> None:
    with pytest.raises(ProblemError, match=says):
        build()
