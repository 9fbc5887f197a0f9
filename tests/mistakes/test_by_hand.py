"""What people do by hand, by the wrong name, or at the wrong moment: it is told or mended, and nothing bills unseen."""

from __future__ import annotations

import pytest
from google.cloud import compute_v1

from cloud.connection import connect
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.scale import scale
from flows.teardown import teardown
from ironwood.errors import PreflightError, StockoutError, UnfinishedError, UnownedError
from running import HTTP, wait_until
from standing import GROUP, PROJECT, ZONE, Standing
from tasks.inputs import load_profile
from tasks.proof import prove_zero

HEALTH_CHECKS = "ai-inference-allow-health-checks"


def test_the_firewall_rule_for_probes_deleted_by_hand_is_drift_that_is_told_and_mended(
    standing: Standing, capsys: pytest.CaptureFixture[str]
):
    assert standing.asked() == 200
    standing.client(compute_v1.FirewallsClient).delete_unary(project=PROJECT, firewall=HEALTH_CHECKS)
    wait_until(lambda: standing.asked() == 502, "the VMs to be unhealthy")
    assert detect_drift(standing.path) == 1
    told = capsys.readouterr().out
    assert "is not there" in told
    assert "repairs them" in told
    assert provision(standing.path) == 1
    assert standing.asked() == 200


def unmarked(standing: Standing) -> None:
    """Somebody clears the description of our health check, and with it the marker."""
    checks = standing.client(compute_v1.HealthChecksClient)
    live = checks.get(project=PROJECT, health_check="tpu-health-check")
    live.description = ""
    checks.update_unary(project=PROJECT, health_check=live.name, health_check_resource=live)


def adopting(standing: Standing) -> None:
    standing.profile.write_text(standing.profile.read_text() + "adopt: [health_check/global/tpu-health-check]\n")


def test_a_marker_taken_away_by_hand_is_told_with_what_takes_it_back(standing: Standing):
    unmarked(standing)
    before = len(standing.cloud.writes())
    with pytest.raises(
        UnownedError, match=r"tpu-health-check exists and carries no marker.*Add `adopt: \[health_check/global/tpu-health-check\]`"
    ):
        provision(standing.path)
    assert len(standing.cloud.writes()) == before
    profile = load_profile(standing.path)
    (told,) = prove_zero.fn(connect(profile), profile).not_ours
    assert told.startswith("health_check/global/tpu-health-check carries no marker of ours: delete it yourself, or write `adopt: [")
    adopting(standing)
    assert provision(standing.path) == 1
    assert detect_drift(standing.path) == 0


@pytest.mark.long
def test_a_teardown_names_what_lost_its_marker_and_a_second_one_does_not_say_that_all_is_well(
    standing: Standing, capsys: pytest.CaptureFixture[str]
):
    unmarked(standing)
    teardown(standing.path, confirm=standing.name)
    assert "left alone  health_check/global/tpu-health-check carries no marker of ours" in capsys.readouterr().out
    with pytest.raises(UnownedError, match=r"nothing of profile .* was there.*\n.*carries no marker of ours"):
        teardown(standing.path, confirm=standing.name)
    adopting(standing)
    provision(standing.path)
    assert detect_drift(standing.path) == 0


def test_a_teardown_under_another_name_does_not_say_that_nothing_bills(standing: Standing):
    name = standing.name
    standing.profile.write_text(standing.profile.read_text().replace(f"name: {name}", "name: renamed"))
    with pytest.raises(
        UnownedError,
        match=rf"nothing of profile renamed was there[^$]*profile {name} has \d+ of the names.* at \$96.*tear it down under `name: {name}`",
    ):
        teardown(standing.path, confirm="renamed")
    assert standing.groups() == {GROUP: 2}


def test_a_second_profile_with_the_same_names_is_refused_before_anything_is_written(standing: Standing):
    name = standing.name
    standing.profile.write_text(standing.profile.read_text().replace(f"name: {name}", "name: second"))
    before = len(standing.cloud.writes())
    with pytest.raises(
        UnownedError,
        match=rf"network/global/ai-inference-network belongs to profile {name}; it was left alone. Give this profile another name_prefix",
    ):
        provision(standing.path)
    assert len(standing.cloud.writes()) == before


@pytest.mark.long
def test_an_autoscaler_put_on_our_group_is_drift_and_is_named_by_what_it_refuses(standing: Standing, capsys: pytest.CaptureFixture[str]):
    scalers = standing.client(compute_v1.AutoscalersClient)
    target = f"projects/{PROJECT}/zones/{ZONE}/instanceGroupManagers/{GROUP}"
    theirs = compute_v1.Autoscaler(
        name="theirs", target=target, autoscaling_policy=compute_v1.AutoscalingPolicy(min_num_replicas=2, max_num_replicas=4)
    )
    scalers.insert_unary(project=PROJECT, zone=ZONE, autoscaler_resource=theirs)
    capsys.readouterr()
    assert detect_drift(standing.path) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert f"autoscaler/zones/{ZONE}/theirs is not ours and sizes instance_group/zones/{ZONE}/{GROUP} between 2 and 4 VMs" in told
    with pytest.raises(
        UnfinishedError,
        match=r"Resizing of autoscaled .* is not allowed\. Please remove the autoscaler or set autoscaling policy mode to OFF",
    ):
        scale(standing.path, {"small": 2})
    assert standing.groups() == {GROUP: 2}
    scalers.delete_unary(project=PROJECT, zone=ZONE, autoscaler="theirs")
    assert scale(standing.path, {"small": 2}) == 1
    assert scale(standing.path, {"small": 1}) == 1


def test_an_api_switched_off_by_hand_is_enabled_again_before_anything_else(standing: Standing, capsys: pytest.CaptureFixture[str]):
    HTTP.post(f"http://{standing.cloud.rest}/v1/projects/{PROJECT}/services/monitoring.googleapis.com:disable", json={}).raise_for_status()
    capsys.readouterr()
    provision(standing.path)
    assert "APIs: to be enabled first: " in capsys.readouterr().out
    assert standing.asked() == 200


def test_a_teardown_that_may_not_delete_says_so_and_does_not_begin(standing: Standing, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IRONWOOD_ACCESS_TOKEN", "embedded-expired@example.com")
    before = len(standing.cloud.writes())
    with pytest.raises(PreflightError, match=r"permissions.*compute\.instanceGroupManagers\.delete"):
        teardown(standing.path, confirm=standing.name)
    assert standing.groups() == {GROUP: 2}
    assert len(standing.cloud.writes()) == before


def test_a_teardown_finds_what_stands_in_the_zone_the_profile_named_before(standing: Standing):
    standing.profile.write_text(standing.profile.read_text().replace("project_id", "zone: us-central1-ai1a\nproject_id"))
    assert standing.zones() == {ZONE}
    teardown(standing.path, confirm=standing.name)
    assert standing.cloud.inventory() == set()
    assert standing.hourly_usd() == 0
    assert teardown(standing.path, confirm=standing.name) == 0, "what is gone is gone: a second teardown is no error"


@pytest.mark.long
def test_a_group_that_still_creates_is_torn_down_and_nothing_arrives_late(standing: Standing):
    fault = standing.fault(type="stock", zone=ZONE, machine_type="tpu7x-standard-4t", available=0)
    groups = standing.client(compute_v1.InstanceGroupManagersClient)
    groups.resize_unary(project=PROJECT, zone=ZONE, instance_group_manager=GROUP, size=6)
    assert not groups.get(project=PROJECT, zone=ZONE, instance_group_manager=GROUP).status.is_stable
    teardown(standing.path, confirm=standing.name)
    assert standing.cloud.inventory() == set()
    standing.lift(fault)
    assert standing.vms() == 0
    assert standing.hourly_usd() == 0


def test_a_growth_that_gets_nothing_leaves_what_serves_as_it_is(standing: Standing):
    standing.fault(type="stock", zone=ZONE, machine_type="tpu7x-standard-4t", available=0)
    with pytest.raises(
        StockoutError, match=r"tier small: 2 of 4 VMs could not be had from on_demand in us-central1-c\. What was had stays"
    ):
        scale(standing.path, {"small": 2})
    assert standing.groups() == {GROUP: 2}
    assert standing.asked() == 200
