"""A tier under an autoscaler: what is wanted of it, what it may cost, and what holds it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from builders import a_price_book, a_profile
from ironwood.approval import question
from ironwood.claim import claimed
from ironwood.cost.budget import cap, key_of, standing
from ironwood.cost.estimate import cents, estimate
from ironwood.cost.ledger import Book, Make, Seen, Vm, repairs
from ironwood.desired import at_rest, desired
from ironwood.diff import diff
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.autoscaler import OFF, ON, Autoscaler
from ironwood.resources.base import Resource
from ironwood.resources.group import InstanceGroup
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.sizes import Sizes, below, shown, shrinks, sizes_of
from ironwood.state import Spending, State
from ironwood.windows.looks import looks
from ironwood.windows.timeline import sizes_at

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
TIER = "small: {chips: 8, max_replicas: 3, autoscaling: {}}"


def a_scaled_profile(more: str = "", tier: str = TIER) -> Profile:
    return a_profile(f"load_balancer: {{default_tier: small}}\n{more}tiers:\n  medium: {{enabled: false}}\n  {tier}\n")


def group(graph: Graph) -> InstanceGroup:
    (found,) = (each for each in graph if isinstance(each, InstanceGroup))
    return found


def scaler(graph: Graph) -> Autoscaler:
    (found,) = (each for each in graph if isinstance(each, Autoscaler))
    return found


def wanted(profile: Profile, pods: int, live: Graph | None = None, most: int = 3) -> Graph:
    return desired(profile, Sizes({"small": pods}, MappingProxyType({"small": most})), live or Graph(), now=NOW)


def with_size(graph: Graph, size: int) -> Graph:
    return Graph.of(_sized(each, size) for each in graph)


def _sized(each: Resource, size: int) -> Resource:
    return replace(each, size=size, autoscaler="ironwood-cluster-small-001-scaler") if isinstance(each, InstanceGroup) else each


def changed(profile: Profile, live: Graph, pods: int, most: int = 3) -> dict[str, str]:
    """What is to be done, by kind."""
    plan = diff(wanted(profile, pods, live, most), claimed(live, profile), owner=profile.name)
    return {change.address.kind: change.reason for change in plan}


def test_a_size_within_the_bounds_is_no_drift_and_the_bounds_are_what_is_changed():
    profile = a_scaled_profile()
    live = with_size(wanted(profile, 1), 5)
    assert changed(profile, live, 1) == {}
    assert changed(profile, live, 2) == {"autoscaler": "least 2 -> 4"}, "its group is not touched"
    assert changed(profile, live, 1, most=2) == {"autoscaler": "most 6 -> 4"}


def test_it_is_off_where_the_tier_is_empty_and_the_group_comes_within_its_bounds_before_it_goes_on():
    profile = a_scaled_profile()
    live = with_size(wanted(profile, 1), 5)
    empty = changed(profile, live, 0)
    assert (empty["instance_group"], empty["autoscaler"]) == ("size 5 -> 0", "mode ON -> OFF")
    resting = Graph.of(replace(each, mode=OFF) if isinstance(each, Autoscaler) else each for each in with_size(live, 0))
    plan = diff(wanted(profile, 2, resting), claimed(resting, profile), owner=profile.name)
    grown, switched = (next(change for change in plan if change.address.kind == kind) for kind in ("instance_group", "autoscaler"))
    assert grown.reason == "size 0 -> 4"
    assert "mode OFF -> ON" in switched.reason
    assert grown.step in switched.waits_for


def test_what_goes_at_rest_is_empty_and_off():
    resting = at_rest(with_size(wanted(a_scaled_profile(), 1), 5))
    assert (group(resting).size, group(resting).autoscaler, scaler(resting).mode) == (0, "", OFF)


def test_the_job_that_switches_it_off_is_there_before_it_and_written_after_the_one_that_empties():
    profile = a_scaled_profile("stop_at: {cron: 0 20 * * *}\n")
    plan = diff(wanted(profile, 1), Graph(), owner=profile.name)
    steps = {
        change.address.name: change for change in plan if change.address.kind in {SchedulerJob.kind, Autoscaler.kind, InstanceGroup.kind}
    }
    name = "ironwood-cluster-small-001"
    assert steps[f"{name}-lease"].step in steps[f"{name}-lease-off"].waits_for
    assert steps[f"{name}-stop"].step in steps[f"{name}-stop-off"].waits_for
    assert {steps[f"{name}-lease-off"].step, steps[name].step} <= {*steps[f"{name}-scaler"].waits_for}
    off = steps[f"{name}-lease-off"].after
    assert isinstance(off, SchedulerJob)
    assert (off.method, off.call) == ("PATCH", f"autoscalers?autoscaler={name}-scaler")
    live = with_size(wanted(profile, 1), 2)
    gone = diff(Graph(), claimed(live, profile), owner=profile.name)
    deletes = {change.address.name: change for change in gone}
    assert deletes[f"{name}-scaler"].step in deletes[name].waits_for, "the autoscaler goes before its group"
    assert deletes[f"{name}-scaler"].step in deletes[f"{name}-lease-off"].waits_for, "and its lease after it"


def test_a_renewal_that_is_killed_leaves_the_job_that_switches_off_the_earlier_of_the_two():
    profile = a_scaled_profile()
    live = with_size(wanted(profile, 1), 2)
    later = desired(profile, {"small": 1}, live, now=NOW + timedelta(hours=1))
    renewal = diff(later, claimed(live, profile), owner=profile.name).of_kind(SchedulerJob.kind, "update")
    lease, off = sorted(renewal, key=lambda change: change.address.name)
    assert (lease.address.name, off.address.name) == ("ironwood-cluster-small-001-lease", "ironwood-cluster-small-001-lease-off")
    assert off.waits_for == (lease.step,)


def test_what_it_may_cost_is_told_beside_what_it_costs():
    profile = a_scaled_profile()
    found = estimate(with_size(wanted(profile, 1), 4), a_price_book())
    chips = {each.address.kind: each.hourly_usd for each in found.lines if "chips" in each.what}
    assert chips["instance_group"] == 16 * 12
    assert cents(found.most_usd - found.hourly_usd) == cents(
        8 * 12 + 2 * 200 * a_price_book().boot_disk_gib_month["hyperdisk-balanced"].usd / 730 + 2 * a_price_book().nat_vm_hour.usd
    )  # type: ignore[union-attr]
    raised = estimate(with_size(wanted(profile, 3), 4), a_price_book())
    assert raised.hourly_usd == raised.most_usd == found.most_usd, "its least is above what it holds"
    assert found.exposure_usd() == found.most_usd * 8


def test_a_window_says_the_least_and_one_that_is_exact_the_most_too():
    windows = (
        "windows:\n  - {name: day, from: '08:00', until: '20:00', at_least: {small: 2}}\n"
        "  - {name: night, from: '20:00', until: '23:00', sizes: {small: 2}}\n  - {name: late, from: '23:00', until: '24:00', sizes: {small: 0}}\n"
    )
    profile = a_scaled_profile(windows)
    found = {hour: sizes_at(profile, None, NOW.replace(hour=hour)).sizes for hour in (7, 12, 21, 23)}
    assert {hour: shown(profile, sizes) for hour, sizes in found.items()} == {
        7: "small 1…3 (autoscaler)",
        12: "small 2…3 (autoscaler)",
        21: "small 2…2 (autoscaler)",
        23: "small 0",
    }
    exact = a_scaled_profile("windows:\n  - {name: night, from: '20:00', until: '23:00', sizes: {small: 1}}\n")
    crons = {each.cron for each in looks(exact, None, NOW, {"small": timedelta()})}
    assert {"0 20 * * *", "0 23 * * *"} <= crons, "the least is the same, the most is not"


def test_the_budget_caps_how_far_it_may_go():
    profile = a_scaled_profile("budget: {amount_usd: 100, actions: [{at: 0.5, do: stop_growth}, {at: 0.9, do: shrink_to_floor}]}\n")
    stop, shrink = profile.budget.actions or ()
    spending = Spending(
        month="2026-09",
        looked=NOW,
        spent_usd=a_price_book().nat_vm_hour.usd,  # type: ignore[union-attr]
        hourly_usd=a_price_book().nat_vm_hour.usd,  # type: ignore[union-attr]
        done=MappingProxyType({key_of(profile, stop): "ceiling"}),
        ceiling=MappingProxyType({"small": 2}),
    )
    live = with_size(wanted(profile, 1), 4)
    kept = State(profile=profile.name, spending=spending)
    stopped = cap(profile, kept, standing(profile, live), "2026-09")
    assert stopped.reasons["small"].startswith("3 wanted, 2 allowed: stop_growth")
    assert changed(profile, live, 1, most=2) == {"autoscaler": "most 6 -> 4"}
    assert shown(profile, cap(profile, kept, {"small": 1}, "2026-09").sizes) == "small 1…2 (autoscaler)"
    floored = replace(kept, spending=replace(spending, done=MappingProxyType({key_of(profile, shrink): "floor"})))
    assert shown(profile, cap(profile, floored, {"small": 2}, "2026-09").sizes) == "small 1…1 (autoscaler)"
    lowered = with_size(wanted(profile, 1, most=2), 4)
    assert cap(profile, kept, standing(profile, lowered), "2026-09").reasons == {}, "it is as it is to be"


def test_what_may_not_grow_keeps_what_it_holds():
    profile = a_scaled_profile()
    assert below(profile, {"small": 3}, {"small": 2}) == Sizes({"small": 2}, MappingProxyType({"small": 2}))
    assert not shrinks(profile, {"small": 1}, {"small": 3})
    assert shrinks(profile, sizes_of({"small": 1}, {"small": 2}), {"small": 3})
    assert shrinks(profile, {"small": 0}, {"small": 1})


def test_a_person_agrees_to_the_most_it_may_hold_and_the_agreement_lasts_while_it_moves():
    profile = a_scaled_profile("approval: {above_usd_per_hour: 250, tiers: [small]}\n")

    def asked(pods: int, live: Graph) -> tuple[str, ...]:
        graph = wanted(profile, pods, live)
        plan = diff(graph, claimed(live, profile), owner=profile.name)
        found = question(profile, plan, estimate(live, a_price_book()), estimate(graph, a_price_book()), ())
        return (*found.why, found.fingerprint) if found else ()

    first = asked(1, Graph())
    assert any("adds $28" in why for why in first), "three pods, of which two are the autoscaler's choice"
    few, many = with_size(wanted(profile, 1, most=2), 2), with_size(wanted(profile, 1, most=2), 3)
    assert any("orders VMs of tier small" in why for why in asked(1, few))
    assert asked(1, few)[-1] == asked(1, many)[-1]


def test_vms_of_an_autoscaler_come_and_go_unannounced_and_are_counted():
    make = Make(group="instance_group/zones/us-central1-c/g", tier="small", zone="us-central1-c", consumption="on_demand", family="tpu7x", pod_chips=8, chips=4, disk_gib=200)  # fmt: skip
    came = Vm(id="1", make=make, start=NOW.replace(hour=9))
    gone = Vm(id="2", make=make, start=NOW.replace(hour=8))
    seen = Seen(at=NOW, vms=(came,), ended=MappingProxyType({"2": NOW.replace(hour=10)}), gone=(), things=())
    book = Book(vms=MappingProxyType({"2": gone}))
    surprised = repairs(book, seen, NOW.replace(hour=0))
    assert len(surprised.told) == 2
    calm = repairs(book, seen, NOW.replace(hour=0), {make.group})
    assert calm.told == ()
    assert calm.found == surprised.found


def test_the_mode_is_on_by_default():
    assert scaler(wanted(a_scaled_profile(), 1)).mode == ON


def test_where_it_is_wanted_no_more_the_group_is_ours_again_and_its_jobs_go():
    live = with_size(wanted(a_scaled_profile(), 1), 5)
    plain = a_scaled_profile(tier="small: {chips: 8, max_replicas: 3, min_replicas: 1}")
    plan = diff(desired(plain, {"small": 1}, live, now=NOW), claimed(live, plain), owner=plain.name)
    done = {change.step.rpartition("/")[2]: (change.action, change.reason) for change in plan}
    name = "ironwood-cluster-small-001"
    assert done[name] == ("update", "size 5 -> 2")
    assert done[f"{name}-scaler"][0] == done[f"{name}-lease-off"][0] == "delete"
