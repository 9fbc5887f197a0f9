"""The policy among the windows: over the capacity plan, under people's windows and overrides, which bound what it may choose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from builders import a_profile
from ironwood.capacity.windows import always
from ironwood.decided import Decided
from ironwood.windows.by_policy import asked, bounds
from ironwood.windows.looks import looks
from ironwood.windows.now import SizesNow
from ironwood.windows.occurrences import InForce
from ironwood.windows.timeline import leads_of, sizes_of_now

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLAN = InForce(windows=always({"small": 3, "medium": 4}, "Etc/UTC"), digest="0123abcdef", since=NOON - timedelta(days=1))
DECIDED = Decided(at=NOON, sizes={"small": 2, "medium": 5}, why={"small": "quiet", "medium": "busy"})


def now(text: str = "", decided: Decided = DECIDED) -> SizesNow:
    profile = a_profile(text)
    return sizes_of_now(profile, PLAN, NOON, leads_of(profile), asked(profile, decided, NOON))


def test_it_counts_over_the_plan_and_under_windows_and_overrides():
    assert now().sizes == {"small": 2, "medium": 5}
    assert now().reasons["medium"] == "policy optimized at 12:00 UTC: busy"
    window = "windows: [{name: w, from: '08:00', until: '20:00', sizes: {medium: 1}}]\n"
    assert now(window).sizes == {"small": 2, "medium": 1}
    least = "windows: [{name: w, from: '08:00', until: '20:00', at_least: {small: 3}}]\n"
    assert now(least).sizes == {"small": 3, "medium": 5}


def test_what_a_window_wants_within_the_lead_is_held_beside_what_the_policy_wants():
    soon = "windows: [{name: w, from: '12:10', until: '20:00', sizes: {small: 3}}]\n"
    assert now(soon).sizes["small"] == 3
    assert now(soon.replace("12:10", "12:30")).sizes["small"] == 2


def test_it_stays_within_min_and_max_replicas_and_says_nothing_of_a_tier_that_went():
    tiers = "tiers: {small: {min_replicas: 3}, medium: {max_replicas: 4}, large: {enabled: false}}\n"
    decided = Decided(at=NOON, sizes={**DECIDED.sizes, "large": 1}, why={})
    found = now(tiers, decided)
    assert found.sizes == {"small": 3, "medium": 4}
    assert any("min_replicas 3 counts" in each for each in found.told)


def test_nothing_decided_leaves_it_to_the_plan():
    assert now(decided=Decided(at=NOON)).sizes == {"small": 3, "medium": 4}


def test_without_windows_it_is_bound_by_the_profile_alone_and_nothing_is_told():
    found = bounds(a_profile("tiers: {small: {min_replicas: 1}}\n"), NOON)
    assert found.told == ()
    assert (found.tiers["small"].high, set(found.tiers["small"].low)) == (3, {1})
    assert (found.tiers["medium"].high, set(found.tiers["medium"].low)) == (5, {0})


def test_what_windows_want_later_bounds_it_from_below_in_those_bins():
    found = bounds(a_profile("windows: [{name: w, from: '13:00', until: '14:02', sizes: {medium: 2}}]\n"), NOON)
    low = found.tiers["medium"].low
    assert np.flatnonzero(low).tolist() == list(range(12, 25))  # the bin in which it ends is still its own
    assert found.tiers["medium"].high == 5
    assert found.told == ()
    assert bounds(a_profile("windows: [{name: w, from: '11:00', until: '14:02', sizes: {medium: 2}}]\n"), NOON).told == (
        "medium: window w, daily 11:00-14:02 Etc/UTC leaves the policy no choice but 2",
    )


def test_a_policy_that_decides_more_often_is_looked_at_more_often():
    def tick(text: str) -> str:
        profile = a_profile(text)
        return looks(profile, None, NOON, leads_of(profile))[0].cron

    assert tick("policy: {between_plans: optimized, decide_every_minutes: 5}\n") == "*/5 * * * *"
    assert tick("policy: {between_plans: optimized, decide_every_minutes: 60}\n") == "*/15 * * * *"
    assert tick("policy: {decide_every_minutes: 5}\n") == "*/15 * * * *"
