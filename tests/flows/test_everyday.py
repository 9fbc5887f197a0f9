"""The everyday of a profile: nothing changes twice, drift is found and repaired, strangers are left alone, nothing is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1, storage

from cloud.connection import connect
from cloud.drivers.instance_group import INSTANCE_GROUP
from cloud.journal import Attempt
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.scale import scale
from flows.status import status
from flows.teardown import teardown
from flows.validate import validate
from ironwood.errors import InputError, UnfinishedError, UnownedError
from ironwood.resources.group import InstanceGroup
from running import EmbeddedCloud, wait_until
from tasks.inputs import load_profile

PROJECT = "embedded-project"
C = TypeVar("C")


def client(cloud: EmbeddedCloud, kind: type[C]) -> C:
    """A client beside ours: what somebody else's hand would use."""
    transport = kind.get_transport_class("rest")  # type: ignore[attr-defined]
    return kind(transport=transport(host=cloud.rest, url_scheme="http", credentials=AnonymousCredentials()))  # type: ignore[call-arg]


def test_a_second_provision_changes_nothing_and_says_so(flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]):
    assert provision(str(small_profile)) > 0
    before = len(flows_here.writes())
    assert provision(str(small_profile)) == 0
    assert len(flows_here.writes()) == before
    assert "0 actions" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(flows_here: EmbeddedCloud, small_profile: Path):
    assert provision(str(small_profile), dry_run=True) > 0
    assert flows_here.writes() == []


def test_a_change_made_by_hand_is_found_and_repaired(flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]):
    provision(str(small_profile))
    services = client(flows_here, compute_v1.BackendServicesClient)
    live = services.get(project=PROJECT, backend_service="inference-backend-small")
    changed = compute_v1.BackendService(timeout_sec=7, fingerprint=live.fingerprint)
    services.patch_unary(project=PROJECT, backend_service=live.name, backend_service_resource=changed)
    groups = client(flows_here, compute_v1.InstanceGroupManagersClient)
    groups.resize_unary(project=PROJECT, zone="us-central1-c", instance_group_manager="ironwood-cluster-medium-001", size=5)
    assert detect_drift(str(small_profile)) == 2
    told = capsys.readouterr().out
    assert "timeout_seconds 7 -> 30" in told
    assert "size 5 -> 4" in told
    assert provision(str(small_profile)) == 2
    assert detect_drift(str(small_profile)) == 0


def test_what_somebody_deleted_by_hand_comes_back(flows_here: EmbeddedCloud, small_profile: Path):
    provision(str(small_profile))
    rules = client(flows_here, compute_v1.GlobalForwardingRulesClient)
    rules.delete_unary(project=PROJECT, forwarding_rule="ai-inference-forwarding-rule")
    assert provision(str(small_profile)) == 1
    assert validate(str(small_profile)) > 0


def test_a_strangers_object_with_our_name_is_named_and_left_alone(flows_here: EmbeddedCloud, small_profile: Path):
    provision(str(small_profile))
    teardown(str(small_profile), confirm=load_profile(str(small_profile)).name)
    theirs = compute_v1.HealthCheck(name="tpu-health-check", type_="TCP", tcp_health_check=compute_v1.TCPHealthCheck(port=1))
    client(flows_here, compute_v1.HealthChecksClient).insert_unary(project=PROJECT, health_check_resource=theirs)
    before = len(flows_here.writes())
    with pytest.raises(UnownedError, match=r"health_check/global/tpu-health-check exists and carries no marker.*adopt:"):
        provision(str(small_profile))
    assert len(flows_here.writes()) == before
    small_profile.write_text(small_profile.read_text() + "adopt: [health_check/global/tpu-health-check]\n")
    with pytest.raises(UnownedError, match=r"would have to be deleted and made anew \(protocol TCP -> HTTP\); it was left alone"):
        provision(str(small_profile))
    assert len(flows_here.writes()) == before


def test_what_is_adopted_is_marked_and_made_like_the_profile(flows_here: EmbeddedCloud, small_profile: Path):
    flows_here.enable("compute.googleapis.com")
    theirs = compute_v1.HealthCheck(name="tpu-health-check", type_="HTTP", http_health_check=compute_v1.HTTPHealthCheck(port=1))
    checks = client(flows_here, compute_v1.HealthChecksClient)
    made = checks.insert_unary(project=PROJECT, health_check_resource=theirs)
    small_profile.write_text(small_profile.read_text() + "adopt: [health_check/global/tpu-health-check]\n")
    provision(str(small_profile))
    adopted = checks.get(project=PROJECT, health_check="tpu-health-check")
    assert (adopted.id, adopted.http_health_check.request_path) == (made.target_id, "/health")
    assert provision(str(small_profile)) == 0, "it is ours now"


def test_a_stranger_in_our_network_is_named_by_teardown_and_left_alone_and_nothing_grows_behind_it(
    flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    provision(str(small_profile))
    theirs = compute_v1.Firewall(
        name="theirs", network=f"projects/{PROJECT}/global/networks/ai-inference-network", allowed=[compute_v1.Allowed(I_p_protocol="tcp")]
    )
    client(flows_here, compute_v1.FirewallsClient).insert_unary(project=PROJECT, firewall_resource=theirs)
    name = load_profile(str(small_profile)).name
    with pytest.raises(UnfinishedError, match="theirs"):
        teardown(str(small_profile), confirm=name)
    state = ("storage.buckets", "global", f"ironwood-state-{PROJECT}")  # what is remembered goes last
    assert flows_here.inventory() == {
        ("compute.networks", "global", "ai-inference-network"),
        ("compute.firewalls", "global", "theirs"),
        state,
        ("storage.objects", f"buckets/{state[2]}", "state.json"),
    }
    assert scale(str(small_profile)) == 0, "a look that comes behind an unfinished teardown"
    assert "is not at its end, so nothing is changed: finish it with" in capsys.readouterr().out
    assert len(flows_here.inventory()) == 4
    client(flows_here, compute_v1.FirewallsClient).delete_unary(project=PROJECT, firewall="theirs")
    teardown(str(small_profile), confirm=name)
    assert flows_here.inventory() == set()


def test_a_tier_that_is_switched_off_goes_and_the_rest_serves_on(flows_here: EmbeddedCloud, small_profile: Path):
    provision(str(small_profile))
    small_profile.write_text(small_profile.read_text().replace("small: {chips: 8}", "small: {chips: 8, enabled: false}"))
    provision(str(small_profile))
    names = {name for _, _, name in flows_here.inventory()}
    assert not any("small" in name for name in names)
    assert "inference-backend-medium" in names


def test_scale_grows_and_shrinks_to_the_sizes_given(flows_here: EmbeddedCloud, small_profile: Path):
    provision(str(small_profile))
    groups = client(flows_here, compute_v1.InstanceGroupManagersClient)

    def vms() -> int:
        return groups.get(project=PROJECT, zone="us-central1-c", instance_group_manager="ironwood-cluster-small-001").target_size

    assert scale(str(small_profile), {"small": 3}) == 1
    assert vms() == 6
    assert validate(str(small_profile), {"small": 3}) > 0
    assert scale(str(small_profile), {"small": 0}) == 1
    assert vms() == 0


def test_vms_that_are_just_being_made_anew_go_too(flows_here: EmbeddedCloud, small_profile: Path):
    provision(str(small_profile))
    connection = connect(load_profile(str(small_profile)))
    live = observe(connection).live
    group = next(each for each in live if isinstance(each, InstanceGroup) and "small" in each.name)
    groups = client(flows_here, compute_v1.InstanceGroupManagersClient)
    where = {"project": PROJECT, "zone": "us-central1-c", "instance_group_manager": group.name}
    flows_here.tell("durations", {"vm.remove": 1_200}, method="PUT")  # two seconds here
    anew = compute_v1.InstanceGroupManagersRecreateInstancesRequest(
        instances=[each.instance for each in groups.list_managed_instances(where)]
    )
    groups.recreate_instances_unary({**where, "instance_group_managers_recreate_instances_request_resource": anew})
    wait_until(lambda: {each.current_action for each in groups.list_managed_instances(where)} == {"RECREATING"}, "them to be made anew")
    INSTANCE_GROUP.update(connection, Attempt(run=uuid4(), step="shrink", number=1), group, replace(group, size=0))
    assert groups.get(where).target_size == 0
    assert not list(groups.list_managed_instances(where))


def test_status_counts_what_is_owned(flows_here: EmbeddedCloud, small_profile: Path):
    assert status(str(small_profile)) == 0
    provision(str(small_profile))
    assert status(str(small_profile)) == len(flows_here.inventory())


def test_a_teardown_that_is_not_confirmed_does_nothing(flows_here: EmbeddedCloud, small_profile: Path):
    provision(str(small_profile))
    before = flows_here.inventory()
    with pytest.raises(InputError, match="--confirm"):
        teardown(str(small_profile), confirm="yes")
    assert flows_here.inventory() == before


def test_after_a_teardown_the_embedded_cloud_agrees_that_nothing_is_left(flows_here: EmbeddedCloud, small_profile: Path):
    provision(str(small_profile))
    teardown(str(small_profile), confirm=load_profile(str(small_profile)).name)
    assert flows_here.inventory() == set()
    assert float(flows_here.ask("bill")["usd_per_hour"]) == 0


@pytest.mark.usefixtures("flows_here")
def test_a_tier_at_zero_is_valid_and_answers_nobody(small_profile: Path, capsys: pytest.CaptureFixture[str]):
    provision(str(small_profile), {"small": 0})
    assert "502: the tier is at zero" in capsys.readouterr().out


def test_a_tier_beyond_a_thousand_vms_takes_a_second_group_and_gives_it_back(flows_here: EmbeddedCloud, small_profile: Path):
    small_profile.write_text(small_profile.read_text().replace("medium: {chips: 16}", "medium: {chips: 1024}"))
    provision(str(small_profile))
    assert scale(str(small_profile), {"medium": 4}) == 3
    groups = {name for kind, _, name in flows_here.inventory() if kind == "compute.instanceGroupManagers"}
    assert groups == {"ironwood-cluster-small-001", "ironwood-cluster-medium-001", "ironwood-cluster-medium-002"}
    assert validate(str(small_profile), {"medium": 4}) > 0
    assert scale(str(small_profile), {"medium": 1}) == 3
    groups = {name for kind, _, name in flows_here.inventory() if kind == "compute.instanceGroupManagers"}
    assert groups == {"ironwood-cluster-small-001", "ironwood-cluster-medium-001"}
    assert detect_drift(str(small_profile)) == 0


def test_a_state_object_that_cannot_be_read_does_not_keep_teardown_from_stopping_the_billing(
    flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    provision(str(small_profile))
    profile = load_profile(str(small_profile))
    damaged: Any = connect(profile).client(storage.Client)  # it ships no types
    damaged.bucket(f"ironwood-state-{PROJECT}").blob("state.json").upload_from_string("{")
    teardown(str(small_profile), confirm=profile.name)
    assert "it could not be noted that everything is to go" in capsys.readouterr().out
    assert flows_here.inventory() == set()


@pytest.mark.long
def test_provision_takes_an_unfinished_teardown_back(flows_here: EmbeddedCloud, small_profile: Path):
    provision(str(small_profile))
    theirs = compute_v1.Firewall(
        name="theirs", network=f"projects/{PROJECT}/global/networks/ai-inference-network", allowed=[compute_v1.Allowed(I_p_protocol="tcp")]
    )
    client(flows_here, compute_v1.FirewallsClient).insert_unary(project=PROJECT, firewall_resource=theirs)
    with pytest.raises(UnfinishedError, match="theirs"):
        teardown(str(small_profile), confirm=load_profile(str(small_profile)).name)
    assert provision(str(small_profile)) > 5
    assert scale(str(small_profile), {"small": 2}) == 1
