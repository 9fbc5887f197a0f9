import numpy as np
import pytest

from ironwood.capacity import CapacityProblem, solve
from ironwood.capacity.replay import make_rules
from ironwood.capacity.whatif import budget, effects, lead_time, max_pods, price, shortfall_price
from ironwood.errors import ProblemError

PROBLEM = CapacityProblem(
    tiers=make_rules(shortfall_usd_per_unit_hour=12.0).tiers,
    period_minutes=60,
    demand_units=3000 + 2500 * np.sin(np.arange(24) * 2 * np.pi / 24),
    shortfall_usd_per_unit_hour=12.0,
)


def rows(*changes):
    return {row.name: row for row in effects(PROBLEM, changes, solve)}


def test_each_change_stands_beside_the_base():
    found = rows(price(2.0), lead_time(60), shortfall_price(24.0), max_pods("medium", 1))
    base = found["as it is"]
    assert base.change_usd == 0
    assert all(row.change_usd >= -1e-6 for row in found.values())
    assert found["price x 2"].certain
    assert found["at most 1 medium"].cost_usd >= base.cost_usd


def test_a_budget_that_binds_says_what_more_would_buy():
    base = effects(PROBLEM, [], solve)[0]
    tight = CapacityProblem(
        tiers=PROBLEM.tiers,
        period_minutes=60,
        demand_units=PROBLEM.demand_units,
        shortfall_usd_per_unit_hour=12.0,
        budget_usd=base.infrastructure_usd * 0.9,
    )
    row = effects(tight, [budget(base.infrastructure_usd * 1.1)], solve)[1]
    assert "the budget binds: $" in row.verdict
    assert row.cost_usd < effects(tight, [], solve)[0].cost_usd


def test_a_tier_that_does_not_exist_is_named():
    with pytest.raises(ProblemError, match="no tier is called 'huge'"):
        rows(max_pods("huge", 1))
