"""What a profile can get wrong elsewhere and cannot here, seen in what is desired of it and in what holds when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from builders import a_profile
from ironwood.desired import desired
from ironwood.diff import diff
from ironwood.errors import PlanError
from ironwood.graph import Graph
from ironwood.resources.group import InstanceGroup, InstanceTemplate, WorkloadPolicy
from ironwood.resources.network import Firewall
from ironwood.windows.timeline import changes_between, sizes_at

SLICES = "tiers:\n  small: {{shape: multi_host, chips: {chips}, consumption: on_demand}}\n  medium: {{enabled: false}}\nload_balancer: {{default_tier: small}}\n"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def medium(text: str, moment: str) -> int:
    return sizes_at(a_profile(text), None, utc(moment)).sizes["medium"]


@pytest.mark.parametrize("gib", [200, 300])
def test_the_boot_disk_is_as_large_as_the_profile_says_and_of_a_kind_the_machine_takes(gib: int):
    profile = a_profile(f"serving: {{boot_disk_gib: {gib}}}\n")
    templates = [each for each in desired(profile, profile.baseline) if isinstance(each, InstanceTemplate)]
    assert {(each.boot_disk_gib, each.machine_type) for each in templates} == {(gib, "tpu7x-standard-4t")}


def test_probes_are_let_in_to_the_port_that_serves_whatever_the_profile_makes_it():
    profile = a_profile("serving: {port: 9000}\n")
    wanted = desired(profile, profile.baseline)
    (rule,) = [each for each in wanted if isinstance(each, Firewall) and each.name.endswith("health-checks")]
    assert set(rule.source_ranges) == {"130.211.0.0/22", "35.191.0.0/16"}
    assert {port for allow in rule.allowed for port in allow.ports} == {"9000"}
    assert {each.port for each in wanted if isinstance(each, InstanceGroup)} == {9000}


def test_another_topology_never_meets_the_old_ones_policy_and_no_policy_outlives_its_groups():
    before, after = a_profile(SLICES.format(chips=32)), a_profile(SLICES.format(chips=64))
    live = desired(before, before.baseline)
    with pytest.raises(PlanError, match=r"would have to be replaced .*Undo that change, or run teardown and provision again"):
        diff(desired(after, after.baseline), live, owner=after.name)
    steps = [change.step for change in diff(Graph(), live, owner=before.name)]
    gone = steps.index("delete workload_policy/regions/us-central1/ai-inference-slice-2x4x4")
    assert max(n for n, step in enumerate(steps) if step.startswith("delete instance_group")) < gone
    assert [each.name for each in desired(after, after.baseline) if isinstance(each, WorkloadPolicy)] == ["ai-inference-slice-4x4x4"]


def test_a_window_on_working_days_ends_on_friday_evening():
    office = "time_zone: Europe/Prague\nwindows:\n  - {name: office, days: Mon-Fri, from: '06:30', until: '22:10', sizes: {medium: 3}}\n"
    assert medium(office, "2026-11-27T21:09") == 3
    assert medium(office, "2026-11-27T21:10") == 1
    assert not changes_between(a_profile(office), None, utc("2026-11-27T21:10"), utc("2026-11-30T05:30"))


def test_a_window_that_ends_at_the_time_it_begins_lasts_a_day_and_ends():
    day = "windows:\n  - {name: day, days: Mon, from: '08:00', until: '08:00', sizes: {medium: 3}}\n"
    begins = utc("2026-11-30T08:00")
    minute = timedelta(minutes=1)
    profile = a_profile(day)
    seen = [
        sizes_at(profile, None, at).sizes["medium"]
        for at in (begins - minute, begins, begins + timedelta(days=1) - minute, begins + timedelta(days=1))
    ]
    assert seen == [1, 3, 3, 1]


def test_a_window_may_say_nobody_although_a_tier_has_a_least_size():
    weekend = (
        "tiers:\n  medium: {min_replicas: 1}\nwindows:\n  - {name: weekend, days: Sat, from: '00:00', until: '24:00', sizes: {medium: 0}}\n"
    )
    assert [medium(weekend, f"2026-11-{day}T12:00") for day in (27, 28, 29)] == [1, 0, 1]
