"""Orders that arrive after the paths have parted: given now, for all groups alike."""

import numpy as np

from ironwood.capacity.policies import SEEN, Control, Optimized, priced
from ironwood.capacity.policies.optimized import HORIZON, Optimizer
from ironwood.capacity.replay import Fleet, make_rules

RULES = make_rules(shortfall_usd_per_unit_hour=12.0)
LARGE = 2
LEAD = RULES.lead_bins[LARGE]
NONE = (0, 0, 0)


def ordered(jumping, *, at=LEAD, serving=NONE, factor=1.0, units=30_000.0):
    """Large pods ordered when so many of 64 paths jump in bin `at`, and the others stay at nothing."""
    paths = np.zeros((64, HORIZON))
    paths[:jumping, 4] = 1.0  # seen before the paths part: it tells the groups
    paths[:jumping, at:] = units
    moment = Fleet(RULES, serving, 100).moment(0, np.zeros(1), 0)
    return Optimizer(RULES, Control(shortfall_factor=factor, tree=SEEN)).decide(moment, paths).starts[LARGE]


def test_what_half_the_paths_want_is_not_ordered_where_waiting_a_bin_costs_less():
    assert ordered(32) == 0


def test_what_few_paths_want_is_ordered_where_they_would_miss_it_dearly():
    assert ordered(20, factor=3.0) > 0


def test_what_all_paths_want_is_ordered_as_late_as_it_can_be():
    assert ordered(64) == 2  # the rest is for tiers that arrive sooner
    assert ordered(64, at=LEAD + 2) == 0


def test_no_more_is_ordered_than_may_be_started():
    assert ordered(64, units=60_000.0) == 3
    assert ordered(64, units=60_000.0, serving=(0, 0, 2)) == 1


def test_a_dearer_shortage_hopes_less_and_holds_more():
    policy = Optimized()
    assert priced(policy, 1.0) == policy
    dear = priced(policy, 2.0)
    assert dear.control.tree == SEEN
    assert dear.parameters.outage_share > policy.parameters.outage_share
    assert dear.control.shortfall_factor == 2.0
