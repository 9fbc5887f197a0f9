"""Further regions: tiers of their own behind one backend service, each with its ground, its prices and its jobs; and what waits while one is down."""

from __future__ import annotations

from decimal import Decimal

from builders import a_price_book, a_profile
from ironwood.approval import question
from ironwood.cost.estimate import estimate
from ironwood.desired import desired
from ironwood.desired.network import Ground
from ironwood.diff import diff
from ironwood.graph import Graph
from ironwood.outage import parted, within_reach
from ironwood.plan import Change, Plan
from ironwood.profile import Profile
from ironwood.resources.base import Resource
from ironwood.resources.group import EndpointGroup, InstanceGroup, InstanceTemplate, WorkloadPolicy
from ironwood.resources.load_balancer import BackendService
from ironwood.resources.network import Firewall, Router, Subnetwork
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.vertex import VertexEndpoint

EUROPE = """
regions:
  europe-west4:
    subnet_cidr: 10.1.0.0/16
    tiers: {small: {generation: v6e, chips: 64, fallbacks: [{consumption: spot}]}}
"""
SMALL = "load_balancer: {default_tier: small}\ntiers: {medium: {enabled: false}, small: {chips: 64}}"
TWO = a_profile(SMALL + EUROPE)
SLICES = a_profile(
    "load_balancer: {default_tier: small}\nzone: us-central1-b\n"
    "tiers: {medium: {enabled: false}, small: {generation: v6e, chips: 16, shape: multi_host}}\n"
    "regions: {europe-west4: {subnet_cidr: 10.1.0.0/16, tiers: {small: {}}}}"
)


def of(kind: type[Resource], profile: Profile = TWO) -> list[Resource]:
    return [each for each in desired(profile, profile.baseline) if isinstance(each, kind)]


def test_a_regions_tier_has_what_it_does_not_write_from_the_tier_of_its_name():
    assert TWO.baseline == {"small": 1, "small-europe-west4": 1}
    tier = TWO.enabled_tiers["small-europe-west4"]
    assert (tier.zone, tier.chips, tier.max_replicas, tier.timeout_seconds, tier.paths) == ("europe-west4-a", 64, 3, 30, ())


def test_one_backend_service_is_over_the_groups_of_every_region():
    (service,) = of(BackendService)
    assert [each.group.scope for each in service.backends] == ["zones/us-central1-c", "zones/europe-west4-a", "zones/europe-west4-a"]
    assert [each.group.name for each in service.backends][1:] == [
        "ironwood-cluster-small-europe-west4-001",
        "ironwood-cluster-small-europe-west4-spot-a-001",
    ]


def test_every_region_has_a_subnet_a_nat_and_its_leases_and_one_firewall_knows_all():
    assert {(each.scope, each.cidr) for each in of(Subnetwork)} == {
        ("regions/us-central1", "10.0.0.0/16"),
        ("regions/europe-west4", "10.1.0.0/16"),
    }
    assert {each.scope for each in of(Router)} == {"regions/us-central1", "regions/europe-west4"}
    internal = next(each for each in of(Firewall) if each.name.endswith("internal"))
    assert internal.source_ranges == ("10.0.0.0/16", "10.1.0.0/16")
    subnets = {each.subnetwork.scope for each in of(InstanceTemplate) if "europe" in each.name}
    assert subnets == {"regions/europe-west4"}
    assert all(each.target.startswith(f"zones/{each.scope.partition('/')[2]}-") for each in of(SchedulerJob))
    assert {each.name for each in of(VertexEndpoint)} == {"inference-endpoint-small"}, "endpoints are of the profile's own region"


def test_slices_have_a_policy_and_a_way_to_worker_0_in_their_region():
    assert {each.scope for each in of(WorkloadPolicy, SLICES)} == {"regions/us-central1", "regions/europe-west4"}
    assert {each.subnetwork.scope for each in of(EndpointGroup, SLICES)} == {"regions/us-central1", "regions/europe-west4"}
    groups = {each.scope: each.workload_policy.scope for each in of(InstanceGroup, SLICES)}
    assert groups == {"zones/us-central1-b": "regions/us-central1", "zones/europe-west4-a": "regions/europe-west4"}


def test_an_existing_vpc_has_a_subnet_in_each_region():
    existing = EUROPE.replace("    tiers", "    subnetwork: tpus-eu\n    tiers")
    profile = a_profile(f"network: {{existing: {{project: host-project, network: shared, subnetwork: tpus}}}}\n{SMALL}{existing}")
    assert [str(each) for each in Ground(profile).given] == [
        "network/host-project/global/shared",
        "subnetwork/host-project/regions/us-central1/tpus",
        "subnetwork/host-project/regions/europe-west4/tpus-eu",
    ]


def test_chips_and_nat_are_priced_where_they_stand():
    found = estimate(desired(TWO, TWO.baseline), a_price_book())
    chips = {line.address.scope: line.hourly_usd for line in found.lines if "chips" in line.what and line.hourly_usd}
    assert chips == {"zones/us-central1-c": 64 * Decimal("12.00"), "zones/europe-west4-a": 64 * Decimal("2.97")}
    nat = {line.address.scope: line.hourly_usd for line in found.lines if line.what == "NAT gateway"}
    assert nat == dict.fromkeys(("regions/us-central1", "regions/europe-west4"), 16 * Decimal("0.0014"))
    both = a_profile(SMALL.replace("chips: 64", "chips: 128") + EUROPE.replace("chips: 64", "chips: 128"))
    nat_usd = [line.hourly_usd for line in estimate(desired(both, both.baseline), a_price_book()).lines if line.what == "NAT gateway"]
    assert nat_usd == [32 * Decimal("0.0014")] * 2, "32 VMs each are not 64 of one gateway"


def test_a_person_is_asked_about_a_tier_in_whichever_region():
    asking = a_profile(SMALL + EUROPE + "approval: {tiers: [small-europe-west4]}")
    everywhere = a_profile(SMALL + EUROPE + "approval: {tiers: [small]}")
    for profile, groups in ((asking, 1), (everywhere, 2)):
        wanted = desired(profile, profile.baseline)
        plan = diff(wanted, Graph(), owner=profile.name)
        costs = estimate(Graph(), a_price_book()), estimate(wanted, a_price_book())
        asked = question(profile, plan, *costs, quotas=())
        assert asked is not None
        assert sum("it orders VMs of tier" in each for each in asked.why) == groups


def lives(sizes: dict[str, int]) -> Graph:
    return desired(TWO, TWO.baseline | sizes)


def changes(plan: Plan) -> set[str]:
    return {f"{change.action} {change.address.kind} {change.address.scope}" for change in plan}


def test_what_is_in_a_region_that_is_down_waits_and_so_does_what_waits_for_it():
    plan = diff(Graph(), lives({}), owner="test")
    found = parted(plan, {"europe-west4"})
    assert not any("europe" in each for each in changes(found.now))
    assert {"delete instance_group zones/us-central1-c", "delete backend_service global"} <= changes(found.now)
    later = {change.step.partition(" ")[2].partition("/")[0] for change in found.later}
    assert {"instance_group", "instance_template", "subnetwork", "router", "scheduler_job", "network", "health_check"} <= later
    assert len(found.now) + len(found.later) == len(plan)
    assert found.unfinished == found.later
    assert parted(plan, {"us-west1"}).now == plan


def test_repairs_and_renewals_there_are_no_unfinished_work_and_sizes_are():
    def update(before: Resource, after: Resource) -> Change:
        return Change(action="update", address=after.address, before=before, after=after, reason="")

    there = next(each for each in lives({}) if isinstance(each, InstanceGroup) and "europe" in each.name)
    other = next(each for each in lives({"small-europe-west4": 2}) if each.address == there.address)
    job = next(each for each in lives({}) if isinstance(each, SchedulerJob) and "europe" in each.scope)
    found = parted(Plan((update(there, there), update(job, job))), {"europe-west4"})
    assert (len(found.later), found.unfinished) == (2, ())
    assert len(parted(Plan((update(there, other),)), {"europe-west4"}).unfinished) == 1


def test_a_region_that_is_down_is_left_out_until_something_of_it_is_there():
    assert not within_reach(TWO, Graph(), {"europe-west4"}).regions
    assert within_reach(TWO, lives({}), {"europe-west4"}) is TWO
    assert within_reach(TWO, Graph(), {"us-central1"}) is TWO, "its own region is never left out"
