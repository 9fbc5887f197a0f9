"""Verify knows the rules by itself: hand-made sizes, right and wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ironwood.capacity import CapacityProblem, RejectedPlanError, Route, SharedLimit, Tier, check, verify

TIER = Tier(
    name="pod",
    capacity_units=10,
    max_pods=3,
    price_usd_per_pod_hour=6,
    startup_usd_per_pod=2,
    min_up_minutes=60,
    min_down_minutes=60,
    initial_pods=1,
)


def problem(**changes: Any) -> CapacityProblem:
    return CapacityProblem(
        **{"tiers": (TIER,), "period_minutes": 30, "demand_units": [5, 25, 25, 5], "shortfall_usd_per_unit_hour": 1, **changes}
    )


def column(*pods: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(pods, dtype=np.int64)[:, None]


def test_the_bill_is_the_definition() -> None:
    bill = verify(problem(), column(1, 2, 2, 1))
    assert bill.infrastructure_usd == pytest.approx(6 * 0.5 * 6)
    assert bill.startup_usd == pytest.approx(2)
    assert bill.shortfall_usd == pytest.approx(0.5 * (5 + 5))
    assert bill.shortfall_unit_hours == pytest.approx(5)
    assert bill.cost_usd == pytest.approx(25)
    assert bill.spend_usd == pytest.approx(20)


@pytest.mark.parametrize(
    ("pods", "says"),
    [
        ((1, 2, 1, 1), None),
        ((1, 2, 0, 1), "started within its minimum up time"),
        ((3, 2, 3, 3), "stopped within its minimum down time"),
        ((4, 4, 4, 4), "outside 0..3"),
        ((1, -1, 0, 0), "outside 0..3"),
    ],
)
def test_constraints_of_one_column(pods: tuple[int, ...], says: str | None) -> None:
    found = check(problem(), column(*pods))
    if says is None:
        assert found == []
    else:
        assert any(says in sentence for sentence in found)


def test_history_counts() -> None:
    young = Tier(
        name="pod", capacity_units=10, max_pods=3, price_usd_per_pod_hour=6, min_up_minutes=90, initial_pods=1, started_before=(1,)
    )
    assert check(problem(tiers=(young,)), column(1, 1, 0, 0)) == []
    assert len(check(problem(tiers=(young,)), column(1, 0, 0, 0))) == 1


def test_shapes_and_fractions_are_refused() -> None:
    assert "shape" in check(problem(), column(1, 1))[0]
    assert "not whole pods" in check(problem(), np.full((4, 1), 0.5))[0]  # wrong on purpose


def test_budget_and_shared_limit_are_refused() -> None:
    assert "more than the budget" in check(problem(budget_usd=5.0), column(1, 1, 1, 1))[0]
    assert "together" in check(problem(shared_limits=(SharedLimit(columns=(0,), max_pods=0),)), column(1, 1, 1, 1))[0]


def test_a_rejected_plan_lists_its_first_violations() -> None:
    with pytest.raises(RejectedPlanError, match=r"outside 0\.\.3"):
        verify(problem(), column(9, 9, 9, 9))


def test_routes_are_checked_and_billed() -> None:
    tiers = (Tier(name="pod", capacity_units=10, max_pods=3, price_usd_per_pod_hour=6, region="b"),)
    routed = problem(
        tiers=tiers,
        demand_units=np.array([[[8.0, 0.0]]] * 4),
        regions=("a", "b"),
        routes=(Route(origin="a", destination="b", usd_per_unit_hour=2, max_units=6),),
    )
    assert verify(routed, column(1, 1, 1, 1), np.full((4, 1, 1), 6.0)).transport_usd == pytest.approx(4 * 0.5 * 12)
    assert "outside 0..6" in check(routed, column(1, 1, 1, 1), np.full((4, 1, 1), 7.0))[0]
    loose = problem(tiers=tiers, demand_units=routed.demand_units, regions=("a", "b"), routes=(Route(origin="a", destination="b"),))
    assert "leave a" in check(loose, column(1, 1, 1, 1), np.full((4, 1, 1), 9.0))[0]
