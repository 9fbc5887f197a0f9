"""What sizes leave unserved: what they hold until a lead has passed, what they are afterwards."""

import numpy as np
import pytest

from ironwood.capacity.expectation import Shortage, shortage
from ironwood.capacity.replay import make_rules

RULES = make_rules(shortfall_usd_per_unit_hour=12.0)  # small: 256 units after 10 min, large: 9216 x 1.1 after 30


def test_a_pod_ordered_now_serves_once_its_lead_has_passed():
    asked = np.full((1, 12), 512.0)
    assert shortage(RULES, asked, {"small": 2}, {"small": 2}) == Shortage(units=0, share=0, usd=0)
    grown = shortage(RULES, asked, {"small": 1}, {"small": 2})
    assert grown.units == pytest.approx(256 * 2 / 12)
    assert grown.share == pytest.approx(1 / 12)
    assert grown.usd == pytest.approx(256 * 2 / 12 * 12)


def test_a_pod_given_back_serves_no_more_at_once_and_each_path_counts_as_much():
    asked = np.array([[256.0] * 12, [768.0] * 12])
    found = shortage(RULES, asked, {"small": 3}, {"small": 1})
    assert found.units == pytest.approx((0 + 512) / 2)
    assert found.share == pytest.approx(512 / 1024)


def test_nothing_asked_for_is_nothing_short():
    assert shortage(RULES, np.zeros((4, 12)), {}, {}) == Shortage(units=0, share=0, usd=0)
