"""The order of a plan: three rules, replacement's cascade, and what is never touched."""

import re
from dataclasses import replace

import pytest

from builders import a_profile
from ironwood.desired import at_rest, desired
from ironwood.diff import diff
from ironwood.errors import PlanError, UnownedError
from ironwood.graph import Graph
from ironwood.plan import Plan
from ironwood.profile import Profile
from ironwood.resources.base import Address, Resource
from ironwood.resources.group import InstanceGroup
from ironwood.resources.load_balancer import ForwardingRule, UrlMap
from ironwood.resources.network import Firewall, Network

PROFILE = a_profile()
SIZES = {"small": 1, "medium": 1}
THERE = desired(PROFILE, SIZES)


def plan(wanted: Graph, live: Graph, profile: Profile = PROFILE) -> Plan:
    return diff(wanted, live, owner=profile.name, adopt=profile.adopt)


def only(graph: Graph, kind: type[Resource]) -> Resource:
    return next(each for each in graph if isinstance(each, kind))


def with_changed(graph: Graph, changed: Resource) -> Graph:
    return Graph.of(changed if each.address == changed.address else each for each in graph)


def waits(found: Plan) -> dict[str, set[str]]:
    return {change.step: set(change.waits_for) for change in found}


def test_nothing_is_planned_when_live_is_as_desired():
    assert len(plan(THERE, THERE)) == 0


def test_a_create_waits_for_what_it_references():
    steps = waits(plan(THERE, Graph()))
    for resource in THERE:
        for reference in resource.references():
            assert f"create {reference.target}" in steps[f"create {resource.address}"]


def test_a_plan_can_be_run_from_top_to_bottom():
    for found in (plan(THERE, Graph()), plan(Graph(), THERE)):
        seen: set[str] = set()
        for change in found:
            assert set(change.waits_for) <= seen
            seen.add(change.step)


def test_the_delete_order_is_the_create_order_backwards():
    creates, deletes = waits(plan(THERE, Graph())), waits(plan(Graph(), THERE))
    for step, awaited in creates.items():
        for other in awaited:
            if "service_set" not in other:
                assert step.replace("create", "delete") in deletes[other.replace("create", "delete")]


def test_the_apis_are_never_taken_back():
    assert all(change.address.kind != "service_set" for change in plan(Graph(), THERE))


def test_a_delete_waits_for_the_update_that_lets_go():
    grown = desired(PROFILE, {"small": 1, "medium": 5})
    steps = waits(plan(THERE, grown))
    gone = "delete instance_group/zones/us-central1-c/ironwood-cluster-medium-002"
    assert steps[gone] == {"update backend_service/global/inference-backend-medium"}


def test_a_new_group_is_ready_before_the_backend_service_takes_it():
    steps = waits(plan(desired(PROFILE, {"small": 1, "medium": 5}), THERE))
    made = "create instance_group/zones/us-central1-c/ironwood-cluster-medium-002"
    assert made in steps["update backend_service/global/inference-backend-medium"]


def test_a_changed_template_is_created_switched_to_and_the_old_one_deleted():
    changed = a_profile("serving: {image: other.example/image:v2}")
    found = plan(desired(changed, SIZES), THERE)
    steps = waits(found)
    old = next(step for step in steps if step.startswith("delete instance_template/global/ironwood-cluster-small"))
    new = next(step for step in steps if step.startswith("create instance_template/global/ironwood-cluster-small"))
    switch = "update instance_group/zones/us-central1-c/ironwood-cluster-small-001"
    assert new in steps[switch]
    assert steps[old] == {switch}
    assert found.counts == {"create": 2, "update": 2, "delete": 2}


def test_a_replacements_create_waits_for_its_delete():
    rule = only(THERE, ForwardingRule)
    assert isinstance(rule, ForwardingRule)
    steps = waits(plan(with_changed(THERE, replace(rule, port=81)), THERE))
    assert f"delete {rule.address}" in steps[f"create {rule.address}"]


def test_a_replacement_that_would_pull_something_out_of_use_is_refused():
    network = only(THERE, Network)
    assert isinstance(network, Network)
    with pytest.raises(PlanError, match="would have to be replaced"):
        plan(with_changed(THERE, replace(network, mtu=1460)), THERE)


def test_replacement_cascades_through_immutable_references():
    network = only(THERE, Network)
    assert isinstance(network, Network)
    firewalls = [each for each in THERE if isinstance(each, Firewall)]
    small = Graph.of([network, *firewalls])
    found = plan(Graph.of([replace(network, mtu=1460), *firewalls]), small)
    assert {str(change.address) for change in found} == {str(each.address) for each in small}
    assert found.counts == {"create": 3, "update": 0, "delete": 3}


def test_a_reason_names_the_field_and_both_values():
    (change,) = plan(desired(PROFILE, {"small": 3, "medium": 1}), THERE)
    assert change.reason == "size 64 -> 192"


def test_what_is_not_ours_is_named_and_left_alone():
    network = only(THERE, Network)
    stranger = with_changed(THERE, replace(network, owner=""))
    with pytest.raises(UnownedError, match=r"carries no marker of ours.*it was left alone") as refused:
        plan(THERE, stranger)
    assert str(network.address) in str(refused.value)
    assert len(plan(Graph(), Graph.of([replace(network, owner="")]))) == 0


def test_what_belongs_to_another_profile_is_not_adopted():
    rule = only(THERE, UrlMap)
    profile = a_profile(f"adopt: [{rule.address}]")
    with pytest.raises(UnownedError, match="belongs to profile other"):
        plan(desired(profile, SIZES), with_changed(THERE, replace(rule, owner="other")), profile)


def test_an_unmarked_object_on_the_adopt_list_is_marked():
    url_map = only(THERE, UrlMap)
    profile = a_profile(f"adopt: [{url_map.address}]")
    (change,) = plan(desired(profile, SIZES), with_changed(THERE, replace(url_map, owner="")), profile)
    assert (change.action, change.address) == ("update", url_map.address)
    assert change.reason == "adopted for profile test"


def test_what_an_adopted_object_is_changed_in_is_said():
    url_map = only(THERE, UrlMap)
    profile = a_profile(f"adopt: [{url_map.address}]")
    theirs = replace(only(THERE, UrlMap), owner="", default_service=Address(kind="backend_service", scope="global", name="theirs"))
    (change,) = plan(desired(profile, SIZES), with_changed(THERE, theirs), profile)
    assert re.fullmatch(r"adopted for profile test; default_service theirs -> \S+", change.reason)


def test_what_would_have_to_be_made_anew_is_not_adopted():
    rule = only(THERE, ForwardingRule)
    assert isinstance(rule, ForwardingRule)
    profile = a_profile(f"adopt: [{rule.address}]")
    theirs = replace(rule, owner="", port=rule.port + 1)
    with pytest.raises(UnownedError, match="would have to be deleted and made anew") as refused:
        plan(desired(profile, SIZES), with_changed(THERE, theirs), profile)
    assert str(rule.address) in str(refused.value)


def test_what_google_lets_nobody_mark_cannot_be_adopted():
    network = only(THERE, Network)
    with pytest.raises(
        UnownedError, match="lets nobody mark a network after its creation, so it cannot be adopted; it was left alone"
    ) as refused:
        plan(THERE, with_changed(THERE, replace(network, owner="")))
    assert "adopt:" not in str(refused.value)


def test_at_rest_every_group_is_empty_and_nothing_else_differs():
    found = plan(at_rest(THERE), THERE)
    assert {change.reason for change in found} == {"size 64 -> 0", "size 256 -> 0"}
    assert all(each.size == 0 for each in at_rest(THERE) if isinstance(each, InstanceGroup))


def test_the_hash_tells_plans_apart():
    one, other = plan(THERE, Graph()), plan(desired(PROFILE, {"small": 2, "medium": 1}), Graph())
    assert one.hash == plan(THERE, Graph()).hash
    assert one.hash != other.hash
