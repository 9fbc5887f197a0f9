"""Who counts over whom, who is told that he did not get what he asked for, and what is held ahead of its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from builders import a_profile
from ironwood.capacity.windows import always
from ironwood.windows.merge import Decision
from ironwood.windows.occurrences import InForce
from ironwood.windows.timeline import changes_between, leads_of, sizes_at, sizes_of_now

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WHEN = "from: '08:00', until: '20:00'"
ONCE = "from: 2026-11-23T08:00, until: 2026-11-23T20:00, expires: 2026-12-01, owner: kim, reason: why"


def noon(text: str, plan: InForce | None = None) -> Decision:
    return sizes_at(a_profile(text), plan, NOON)


def a_plan(**sizes: int) -> InForce:
    return InForce(windows=always(sizes, "Etc/UTC"), digest="0123abcdef", since=NOON - timedelta(days=1))


def test_without_anything_the_baseline_holds_and_never_changes():
    assert noon("") == Decision(sizes={"small": 1, "medium": 1}, reasons={"small": "baseline", "medium": "baseline"})
    assert sizes_of_now(a_profile(), None, NOON, {}).next_change is None


def test_each_layer_counts_over_the_one_below_and_leaves_alone_what_it_does_not_name():
    windows = f"windows: [{{name: w, {WHEN}, sizes: {{small: 2}}}}]\n"
    overrides = f"overrides: [{{name: o, {ONCE}, sizes: {{small: 0}}}}]\n"
    plan = a_plan(small=3, medium=4)
    assert noon("", plan).sizes == {"small": 3, "medium": 4}
    assert noon(windows, plan).sizes == {"small": 2, "medium": 4}
    decision = noon(windows + overrides, plan)
    assert decision.sizes == {"small": 0, "medium": 4}
    assert decision.conflicts == ()
    assert decision.reasons["medium"].startswith("capacity plan 0123abcd, daily all day")


def test_zero_is_allowed_in_a_window_below_min_replicas_and_not_in_a_plan():
    tiers = "tiers: {small: {min_replicas: 1}}\n"
    assert noon(tiers + f"windows: [{{name: w, {WHEN}, sizes: {{small: 0}}}}]").sizes["small"] == 0
    decision = noon(tiers, a_plan(small=0, medium=1))
    assert decision.sizes["small"] == 1
    assert "min_replicas 1 counts" in decision.conflicts[0]


def test_at_least_raises_what_lies_below_and_lowers_nothing():
    text = f"windows: [{{name: w, {WHEN}, at_least: {{medium: 2}}}}]\n"
    assert noon(text).sizes["medium"] == 2
    assert noon(text, a_plan(small=1, medium=4)).sizes["medium"] == 4
    assert noon(text, a_plan(small=1, medium=4)).reasons["medium"].startswith("capacity plan")


def test_of_equals_the_larger_counts_and_the_other_is_told():
    text = f"windows: [{{name: a, {WHEN}, sizes: {{small: 0}}}}, {{name: b, {WHEN}, sizes: {{small: 2}}}}]"
    decision = noon(text)
    assert decision.sizes["small"] == 2
    assert decision.conflicts == (
        "small: window a, daily 08:00-20:00 Etc/UTC wants exactly 0, window b, daily 08:00-20:00 Etc/UTC wants 2: the larger, 2, counts",
    )
    assert noon(text.replace("small: 0", "small: 2")).conflicts == ()


def test_an_exact_size_below_anothers_at_least_is_told():
    text = f"windows: [{{name: a, {WHEN}, sizes: {{small: 0}}}}, {{name: b, {WHEN}, at_least: {{small: 2}}}}]"
    decision = noon(text)
    assert decision.sizes["small"] == 2
    assert "window a, daily 08:00-20:00 Etc/UTC wants exactly 0" in decision.conflicts[0]


def test_overrides_add_to_what_holds_and_stop_at_max_replicas():
    windows = f"windows: [{{name: w, {WHEN}, sizes: {{medium: 2}}}}]\n"
    added = f"overrides: [{{name: o, {ONCE}, add: {{medium: 2}}}}, {{name: p, {ONCE}, add: {{medium: 1}}}}]\n"
    assert noon(windows + added).sizes["medium"] == 5
    assert noon(windows + added).conflicts == ()
    decision = noon(windows.replace("medium: 2", "medium: 3") + added)
    assert decision.sizes["medium"] == 5
    assert decision.conflicts[0].endswith("wants 6: max_replicas 5 counts")


def test_a_plan_that_knows_a_tier_the_profile_has_not_is_told():
    decision = noon("", a_plan(small=1, medium=1, large=1))
    assert decision.sizes == {"small": 1, "medium": 1}
    assert decision.conflicts == (
        "capacity plan 0123abcd, daily all day Etc/UTC sizes tier large, which profile test has not enabled: it is left out",
    )


def test_a_pod_is_held_a_lead_before_its_window_and_not_given_back_for_a_short_pause():
    profile = a_profile(
        "windows:\n  - {name: a, from: '08:00', until: '12:00', sizes: {small: 3}}\n  - {name: b, from: '12:10', until: '20:00', sizes: {small: 2}}\n"
    )
    leads = leads_of(profile)
    assert leads == {"small": timedelta(minutes=16), "medium": timedelta(minutes=16)}

    def small(hour: int, minute: int) -> int:
        return sizes_of_now(profile, None, NOON.replace(hour=hour, minute=minute), leads).sizes["small"]

    assert [small(7, 43), small(7, 44), small(11, 59), small(12, 0), small(12, 9), small(12, 10)] == [1, 3, 3, 2, 2, 2]
    early = sizes_of_now(profile, None, NOON.replace(hour=7, minute=44), leads)
    assert early.reasons["small"].startswith("ahead of Mon 23 Nov 2026 08:00 UTC: window a")
    assert early.next_change == NOON
    assert [each.at.hour for each in changes_between(profile, None, NOON.replace(hour=0), NOON.replace(hour=23))] == [8, 12, 12, 20]


def test_a_lead_that_was_learned_counts_where_the_profile_says_none():
    profile = a_profile("tiers: {small: {lead_minutes: 60}}")
    learned = {"small": timedelta(minutes=9), "medium": timedelta(minutes=9), "large": timedelta(minutes=9)}
    assert leads_of(profile, learned) == {"small": timedelta(minutes=60), "medium": timedelta(minutes=9)}


def test_a_lead_of_a_tiers_own_counts():
    profile = a_profile(
        "tiers: {small: {lead_minutes: 60}}\nwindows: [{name: a, from: '08:00', until: '12:00', sizes: {small: 3, medium: 2}}]\n"
    )
    at = sizes_of_now(profile, None, NOON.replace(hour=7), leads_of(profile))
    assert at.sizes == {"small": 3, "medium": 1}
    assert at.next_change == NOON.replace(hour=7, minute=44)
