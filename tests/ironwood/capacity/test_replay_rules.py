import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ironwood.capacity import QUICK, solve
from ironwood.capacity.demand import Demand, make_calendar
from ironwood.capacity.policies import Reactive, World
from ironwood.capacity.replay import (
    STANDARD_OFFERS,
    STANDARD_SHORTFALL_USD,
    Decision,
    PodOffer,
    cheapest_static,
    clairvoyant_problem,
    make_rules,
    price,
    replay,
)
from ironwood.errors import ProblemError

RULES = make_rules(shortfall_usd_per_unit_hour=STANDARD_SHORTFALL_USD)


def demand_of(units, native_bins=1):
    units = np.asarray(units, dtype=float)
    return Demand(name="made", units=units, calendar=make_calendar(datetime(2026, 3, 2, tzinfo=UTC), len(units), native_bins=native_bins))


def violations(rules, initial, sizes):
    """Counted from the sizes alone, as the standard instances are judged."""
    count = 0
    for k, tier in enumerate(rules.tiers):
        held = sizes[:, k]
        steps = np.diff(held, prepend=initial[k])
        up, down = np.maximum(steps, 0), np.maximum(-steps, 0)
        most_up, most_down = max(1, math.ceil(tier.min_up_minutes / 5)), max(1, math.ceil(tier.min_down_minutes / 5))
        count += int((held < 0).sum() + (held > tier.max_pods).sum())
        for t in range(len(held)):
            count += int(up[max(0, t - most_up + 1) : t + 1].sum() > held[t])
            count += int(down[max(0, t - most_down + 1) : t + 1].sum() > tier.max_pods - held[t])
    return count


def test_the_standard_tiers_are_those_of_the_definition():
    small, medium, large = RULES.tiers
    assert (small.capacity_units, small.price_usd_per_pod_hour) == (256, pytest.approx(307.2))
    assert small.startup_usd_per_pod == pytest.approx(81.92)
    assert (medium.startup_usd_per_pod, large.startup_usd_per_pod) == (pytest.approx(430.08), pytest.approx(6635.52))
    assert RULES.lead_bins == (2, 3, 6)


def test_without_a_price_shortfall_costs_ten_times_the_cheapest_unit_hour():
    assert make_rules(STANDARD_OFFERS).shortfall_usd_per_unit_hour == pytest.approx(10 * 1.2 / 1.10)


def test_a_pod_ordered_serves_after_its_lead_and_stops_at_once():
    def controller(moment):
        order = int(moment.bin == 10)
        return Decision(starts=(0, order, 0), stops=(0, int(moment.bin == 25), 0))

    run = replay(name="x", rules=RULES, demand=demand_of([0.0] * 40), test_bins=30, controller=controller)
    assert list(np.flatnonzero(run.sizes[:, 1])) == list(range(3, 15))  # ordered in 0, serving from 3 (15 min), stopped in 15 after an hour


def test_a_stop_waits_for_the_minimum_up_time():
    def controller(moment):
        return Decision(starts=(int(moment.bin == 10), 0, 0), stops=(9, 9, 9))

    run = replay(name="x", rules=RULES, demand=demand_of([0.0] * 40), test_bins=30, controller=controller)
    assert list(np.flatnonzero(run.sizes[:, 0])) == list(range(2, 14))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3]))
def test_whatever_is_asked_for_the_sizes_keep_every_rule_and_starts_are_paid(seed, every):
    random = np.random.default_rng(seed)
    rules = make_rules(shortfall_usd_per_unit_hour=12.0, decide_every_minutes=5 * every)
    asked = random.integers(0, 12, size=(200, 2, 3)) * (random.random((200, 2, 3)) < 0.3)

    def controller(moment):
        starts, stops = asked[moment.bin]
        return Decision(starts=tuple(map(int, starts)), stops=tuple(map(int, stops)))

    demand = demand_of(random.uniform(0, 20_000, 120))
    run = replay(name="x", rules=rules, demand=demand, test_bins=100, controller=controller)
    assert violations(rules, run.initial, run.sizes) == 0
    assert run.bill.total_usd == pytest.approx(price(rules, run.initial, run.sizes, demand.units[20:]).total_usd)


def test_cost_is_the_sum_the_definition_names():
    sizes = np.array([[1, 0, 0], [2, 0, 0], [0, 1, 0]])
    bill = price(RULES, (1, 0, 0), sizes, np.array([300.0, 300.0, 300.0]))
    assert bill.infrastructure_usd == pytest.approx((3 * 307.2 + 1228.8) / 12)
    assert bill.startup_usd == pytest.approx(81.92 + 430.08)
    assert bill.shortfall_usd == pytest.approx(44 * 12 / 12)
    assert bill.short_share == pytest.approx(44 / 900)
    assert bill.starts == 2


def test_the_cheapest_static_fleet_serves_and_no_cheaper_one_does():
    for units in (0, 1, 256, 257, 5_000, 9_999, 20_000):
        sizes = cheapest_static(RULES.tiers, units)
        capacity = sum(n * t.capacity_units for n, t in zip(sizes, RULES.tiers, strict=True))
        cost = sum(n * t.price_usd_per_pod_hour for n, t in zip(sizes, RULES.tiers, strict=True))
        assert capacity >= units
        others = [
            a * 307.2 + b * 1228.8 + c * 11059.2
            for a in range(11)
            for b in range(11)
            for c in range(4)
            if a * 256 + b * 1075.2 + c * 10137.6 >= units
        ]
        assert cost == pytest.approx(min(others))


def test_reactive_follows_its_definition():
    demand = demand_of([1000.0] * 12 + [2000.0] * 6 + [500.0] * 40)
    policy = Reactive(target=0.7)
    rules = policy.rules(RULES)
    run = replay(
        name="r", rules=rules, demand=demand, test_bins=50, controller=policy.controller(World(rules=rules, calendar=demand.calendar))
    )
    assert run.initial == (4,)  # ceil(1000 / 256): the static fleet that covers the last bin of history
    assert list(run.sizes[:2, 0]) == [4, 4]
    assert list(run.sizes[2:7, 0]) == [6] * 5  # ceil(1000 / 0.7 / 256), ordered in the first bin
    assert run.sizes[7, 0] == 12  # seen at the end of bin 4, ordered in bin 5, serving two bins later


def test_a_decision_sees_complete_native_bins_only():
    seen = []

    def controller(moment):
        seen.append((moment.bin, len(moment.observed)))
        return Decision(starts=(0, 0, 0), stops=(0, 0, 0))

    replay(name="x", rules=RULES, demand=demand_of(np.ones(24), native_bins=2), test_bins=12, controller=controller)
    assert seen[:4] == [(12, 12), (13, 12), (14, 14), (15, 14)]


def test_decisions_can_be_rarer_than_bins():
    moments = []

    def controller(moment):
        moments.append(moment.bin)
        return Decision(starts=(0, 0, 0), stops=(0, 0, 0))

    rules = make_rules(shortfall_usd_per_unit_hour=12.0, decide_every_minutes=15)
    replay(name="x", rules=rules, demand=demand_of(np.ones(24)), test_bins=12, controller=controller)
    assert moments == [12, 15, 18, 21]


def test_no_policy_beats_the_clairvoyant_bound():
    random = np.random.default_rng(5)
    demand = demand_of(4000 + 2000 * np.sin(np.arange(140) / 20) + random.normal(0, 300, 140))
    bound = solve(clairvoyant_problem(RULES, demand, 96), effort=QUICK).lower_bound_usd

    def controller(_):
        return Decision(starts=(int(random.integers(0, 3)), 0, 0), stops=(int(random.integers(0, 3)), 0, 0))

    assert replay(name="x", rules=RULES, demand=demand, test_bins=96, controller=controller).bill.total_usd >= bound


@pytest.mark.parametrize("test_bins", [0, 40, 50])
def test_a_replay_without_history_is_refused(test_bins):
    with pytest.raises(ProblemError, match="history"):
        replay(
            name="x",
            rules=RULES,
            demand=demand_of([1.0] * 40),
            test_bins=test_bins,
            controller=lambda _m: Decision(starts=(0,) * 3, stops=(0,) * 3),
        )


@pytest.mark.parametrize("minutes", [0, 7, -5])
def test_decisions_off_the_grid_are_refused(minutes):
    with pytest.raises(ProblemError, match="multiple of 5"):
        make_rules(shortfall_usd_per_unit_hour=1.0, decide_every_minutes=minutes)


def test_rules_need_a_tier():
    with pytest.raises(ProblemError, match="no tiers"):
        make_rules(())


def test_any_number_of_tiers_can_be_replayed():
    one = PodOffer(
        name="only", chips=64, units_per_chip=1, usd_per_chip_hour=1, max_pods=5, lead_minutes=0, min_up_minutes=0, min_down_minutes=0
    )
    rules = make_rules((one,))
    run = replay(
        name="x",
        rules=rules,
        demand=demand_of([100.0] * 20),
        test_bins=10,
        controller=lambda m: Decision(starts=(int(m.bin == 12),), stops=(0,)),
    )
    assert list(run.sizes[:, 0]) == [2, 2] + [3] * 8
