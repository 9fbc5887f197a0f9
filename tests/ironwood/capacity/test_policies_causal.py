from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ironwood.capacity.demand import Demand, make_calendar
from ironwood.capacity.policies import POLICIES, Optimized, World
from ironwood.capacity.policies.foresight import told
from ironwood.capacity.replay import make_rules, replay

DAY = 288
BINS = 3 * DAY
TEST = DAY
RULES = make_rules(shortfall_usd_per_unit_hour=12.0)
CALENDAR = make_calendar(datetime(2026, 3, 2, tzinfo=UTC), BINS, native_bins=2)
T = np.arange(BINS)
BASE = np.repeat(((6_000 + 4_000 * np.sin(2 * np.pi * T / DAY)) * np.random.default_rng(2).lognormal(0, 0.1, BINS))[::2], 2)


def run(name, units, controller=None):
    policy = POLICIES[name]
    rules = policy.rules(RULES)
    demand = Demand(name="made", units=units, calendar=CALENDAR)
    chosen = controller or policy.controller(World(rules=rules, calendar=CALENDAR))
    return replay(name=name, rules=rules, demand=demand, test_bins=TEST, controller=chosen)


@cache
def base(name):
    return run(name, BASE)


@pytest.mark.parametrize("name", sorted(POLICIES))
@settings(max_examples=3, deadline=None)
@given(cut=st.integers(BINS - TEST + 1, BINS - 2), factor=st.sampled_from([0.0, 0.1, 3.0, 1e4]), seed=st.integers(0, 99))
def test_past_decisions_do_not_change_when_the_future_does(name, cut, factor, seed):
    units = BASE.copy()
    first = cut // 2 * 2  # whole native bins
    units[first:] = np.repeat(np.random.default_rng(seed).uniform(0, 20_000, (BINS - first) // 2), 2) * factor
    changed = run(name, units)
    # The decision in bin `first` + 1 still knows nothing of the native bin in progress.
    known = first + 2 - (BINS - TEST)
    np.testing.assert_array_equal(changed.sizes[:known], base(name).sizes[:known])


def test_optimized_costs_less_than_reactive_on_a_seasonal_day():
    assert base("optimized").bill.total_usd < 0.9 * base("reactive").bill.total_usd


def test_knowing_more_costs_less():
    policy = POLICIES["optimized"]
    assert isinstance(policy, Optimized)
    demand = Demand(name="made", units=BASE, calendar=CALENDAR)
    costs = {0: base("optimized").bill.total_usd}
    for minutes in (10, 30, 120):
        controller = told(policy, World(rules=RULES, calendar=CALENDAR), demand, minutes)
        costs[minutes] = run("optimized", BASE, controller).bill.total_usd
    assert costs[0] > costs[10] > costs[30]
    assert costs[10] > costs[120]  # beyond half an hour this day is its season, and there is little left to know


def test_a_spike_is_met_after_the_lead():
    units = BASE.copy()
    units[-100:] = 18_000
    sizes = run("optimized", units).sizes
    capacity = sizes @ np.array([tier.capacity_units for tier in RULES.tiers])
    assert (capacity[-80:] >= 0.95 * 18_000).all()


def test_always_on_never_changes_after_it_has_come_up():
    sizes = base("always_on").sizes
    assert (sizes[7:] == sizes[7]).all()
    assert sizes[7] @ np.array([tier.capacity_units for tier in RULES.tiers]) >= BASE[: BINS - TEST].max()


def test_windows_hold_two_sizes():
    sizes = base("windows").sizes
    assert len(np.unique(sizes[24 : 8 * 12 - 6], axis=0)) == 1
    assert len(np.unique(sizes[9 * 12 : 20 * 12], axis=0)) == 1
