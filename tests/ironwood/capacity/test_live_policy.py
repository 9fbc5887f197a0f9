"""The live policy decides what a replay decides: it is the same policy, in a moment made of instants instead of bins."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ironwood.capacity import live
from ironwood.capacity.demand import Demand, make_calendar
from ironwood.capacity.policies import Optimized, World
from ironwood.capacity.policies.optimized import HORIZON
from ironwood.capacity.replay import Decision, Moment, Rules, granted, make_rules, replay

START = datetime(2026, 8, 24, tzinfo=UTC)
DAY = 288
HISTORY_BINS, TEST_BINS = 3 * DAY, DAY
EVERY = timedelta(minutes=15)
SAME = ("serving", "arriving", "locked", "startable", "observed")


def some_demand(seed: int = 4) -> Demand:
    """Four days with a day's course, noise and a burst at noon of the last."""
    rng = np.random.default_rng(seed)
    bins = HISTORY_BINS + TEST_BINS
    course = 1.1 - np.cos(2 * np.pi * np.arange(bins) / DAY)
    units = 3_000 * course * np.exp(rng.normal(0, 0.08, bins))
    units[-DAY // 2 : -DAY // 2 + 9] *= 1.8
    return Demand(name="made", units=units, calendar=make_calendar(START, bins + HORIZON))


def recorded(rules: Rules, demand: Demand) -> tuple[list[Moment], list[Decision], tuple[int, ...]]:
    """Every moment of a replay, what was granted in it, and the pods it began with."""
    policy = Optimized().controller(World(rules=rules, calendar=demand.calendar))
    moments: list[Moment] = []
    decisions: list[Decision] = []

    def watched(moment: Moment) -> Decision:
        moments.append(moment)
        decisions.append(granted(rules, moment, policy(moment)))
        return decisions[-1]

    found = replay(name="optimized", rules=rules, demand=demand, test_bins=TEST_BINS, controller=watched)
    return moments, decisions, found.initial


@pytest.mark.parametrize("told_after", [0, 4])
def test_fed_bin_by_bin_it_decides_what_the_replay_decided(told_after: int):
    demand = some_demand()
    rules = make_rules(shortfall_usd_per_unit_hour=12.0, decide_every_minutes=15, told_after_minutes=told_after)
    moments, decisions, initial = recorded(rules, demand)
    assert sum(sum(each.starts) + sum(each.stops) for each in decisions) > 10  # it is a day on which something happens
    policy = Optimized()
    forecaster = live.learnt(policy, demand.calendar, moments[0].observed, len(moments[0].observed))
    pods = dict(zip([tier.name for tier in rules.tiers], initial, strict=True))
    steps: list[live.Step] = []
    for number, (then, decided) in enumerate(zip(moments, decisions, strict=True)):
        slot = START + live.BIN * HISTORY_BINS + number * EVERY
        holding = live.Holding(pods=pods, steps=steps)
        now = live.moment_of(rules, live.bin_of(slot, START), then.observed, START, holding)
        for name in SAME:
            assert np.array_equal(getattr(now, name), getattr(then, name)), (number, name)
        wish = live.decide(policy, rules, forecaster, now, {})
        after = {tier.name: int(n) for tier, n in zip(rules.tiers, then.committed + decided.starts - np.array(decided.stops), strict=True)}
        assert wish.sizes == after, number
        for tier, starts, stops in zip(rules.tiers, decided.starts, decided.stops, strict=True):
            wrote = slot + timedelta(seconds=40)  # the ledger's intent comes a little after the slot
            steps += [live.Step(at=wrote, tier=tier.name, pods=starts)] if starts else []
            steps += [live.Step(at=wrote, tier=tier.name, pods=-stops)] if stops else []
        pods = after


def test_a_process_started_anew_decides_as_the_one_that_was_there_all_the_time():
    demand = some_demand()
    rules = make_rules(shortfall_usd_per_unit_hour=12.0, decide_every_minutes=15)
    warm = live.learnt(Optimized(), demand.calendar, demand.units[:HISTORY_BINS], HISTORY_BINS)
    for known in range(HISTORY_BINS, HISTORY_BINS + 30, 3):
        warm.observe(demand.units[:known])
    cold = live.learnt(Optimized(), demand.calendar, demand.units[:known], HISTORY_BINS)
    moment = live.moment_of(rules, known, demand.units[:known], START, live.Holding(pods={"small": 2, "medium": 3}))
    one, other = (live.decide(Optimized(), rules, each, moment, {}) for each in (warm, cold))
    assert one.sizes == other.sizes
    assert np.array_equal(one.outlook.paths, other.outlook.paths)


def decided(demand: Demand, holding: live.Holding, bounds: dict[str, live.Bound]) -> dict[str, int]:
    rules = make_rules(shortfall_usd_per_unit_hour=12.0, decide_every_minutes=15)
    known = demand.units[:HISTORY_BINS]
    moment = live.moment_of(rules, HISTORY_BINS, known, START, holding)
    return dict(live.decide(Optimized(), rules, live.learnt(Optimized(), demand.calendar, known, HISTORY_BINS), moment, bounds).sizes)


def bound(low: int, high: int) -> live.Bound:
    return live.Bound(low=np.full(HORIZON, low), high=high)


def test_a_tier_bound_from_above_is_made_up_for_by_the_others():
    holding = live.Holding(pods={"small": 4, "medium": 0, "large": 0})
    free = decided(some_demand(), holding, {})
    tied = decided(some_demand(), holding, {"small": bound(0, 0)})
    assert free["small"] > 0
    assert tied["small"] == 0
    assert tied["medium"] > free["medium"]


def test_a_tier_is_kept_at_its_lower_bound_and_ordered_up_to_it():
    demand = some_demand()
    assert decided(demand, live.Holding(pods={"small": 0, "medium": 9, "large": 0}), {"small": bound(2, 10)})["small"] == 2
    assert decided(demand, live.Holding(pods={"small": 4, "medium": 9, "large": 0}), {"small": bound(2, 10)})["small"] == 2


def test_a_tier_above_its_upper_bound_goes_down_to_it():
    assert decided(some_demand(), live.Holding(pods={"small": 6, "medium": 0, "large": 0}), {"small": bound(3, 3)})["small"] == 3


def test_pods_on_order_are_not_ordered_again_and_young_pods_are_locked():
    rules = make_rules(shortfall_usd_per_unit_hour=12.0, decide_every_minutes=15)
    now = START + 100 * live.BIN
    steps = [
        live.Step(at=now - timedelta(minutes=25), tier="large", pods=1),
        live.Step(at=now - timedelta(minutes=50), tier="small", pods=2),
    ]
    holding = live.Holding(pods={"small": 3, "medium": 0, "large": 1}, steps=steps)
    moment = live.moment_of(rules, 100, np.ones(100), START, holding)
    assert moment.serving.tolist() == [3, 0, 0]
    assert moment.arriving[2].tolist() == [0, 1, 0, 0, 0, 0, 0]  # 30 minutes after its order, 5 from now
    assert moment.locked[0, :6].tolist() == [2, 2, 2, 2, 0, 0]  # served for 40 of its 60 minutes
    assert moment.startable.tolist() == [7, 10, 2]


def test_stopped_pods_rest_and_lost_ones_are_reckoned_to_come_as_late_as_those_just_ordered():
    rules = make_rules(shortfall_usd_per_unit_hour=12.0, decide_every_minutes=15)
    now = START + 100 * live.BIN
    stopped = live.Step(at=now - timedelta(minutes=10), tier="medium", pods=-4)
    holding = live.Holding(pods={"small": 3, "medium": 6, "large": 0}, lacking={"small": 1}, steps=[stopped])
    moment = live.moment_of(rules, 100, np.ones(100), START, holding)
    assert moment.serving.tolist() == [2, 6, 0]
    assert moment.arriving[0].tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert moment.startable[1] == 0  # an order now would come 25 minutes after the stop, of the 30 they rest


def test_a_look_that_comes_late_in_its_slot_counts_what_was_ordered_in_it_once():
    ordered = live.Step(at=START + HISTORY_BINS * live.BIN + timedelta(minutes=3), tier="small", pods=3)
    assert (
        decided(some_demand(), live.Holding(pods={"small": 3, "medium": 9, "large": 0}, steps=[ordered]), {"small": bound(5, 10)})["small"]
        == 5
    )


def test_a_slot_is_the_last_multiple_of_its_length():
    at = datetime(2026, 8, 24, 13, 29, 59, tzinfo=UTC)
    assert live.slot_of(at, EVERY) == datetime(2026, 8, 24, 13, 15, tzinfo=UTC)
    assert live.slot_of(at, timedelta(hours=1)) == datetime(2026, 8, 24, 13, tzinfo=UTC)
