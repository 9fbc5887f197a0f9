"""Tiers in two regions behind one address: both serve, one is lost, the other goes on; nothing bills and nothing half-made is left."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cloud.connection import connect
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.reconcile import ours
from flows.rollout import rollout
from flows.scale import scale
from flows.status import status
from flows.teardown import teardown
from flows.validate import validate
from ironwood.cost.estimate import cents, estimate
from ironwood.errors import PreflightError, ProbeError, UnfinishedError
from running import HTTP, EmbeddedCloud
from tasks.inputs import load_price_book, load_profile

QUESTION = {"instances": [{"text": "hello"}]}
HERE, THERE = "ironwood-cluster-small-", "ironwood-cluster-small-europe-west4-"
EUROPE = "regions:\n  europe-west4:\n    subnet_cidr: 10.1.0.0/16\n    tiers: {small: {generation: v6e, max_replicas: 2}}\n"


def in_two_regions(small_profile: Path) -> str:
    """One tier of one pod in each of two regions, leased."""
    text = small_profile.read_text().replace("  medium: {chips: 16}\n", "  medium: {enabled: false}\n")
    text = text.replace("load_balancer: {port: 8080}", "load_balancer: {port: 8080, default_tier: small}")
    small_profile.write_text(text.replace("lease: {enabled: false}", "lease: {hours: 720}") + EUROPE)
    return str(small_profile)


def lose(cloud: EmbeddedCloud, region: str = "europe-west4") -> str:
    return str(cloud.tell("faults", {"type": "region_lost", "region": region})["id"])


def give_back(cloud: EmbeddedCloud, fault: str) -> None:
    cloud.tell(f"faults/{fault}", None, method="DELETE")


def served_by(cloud: EmbeddedCloud, client: str, count: int = 4) -> set[str]:
    """The groups that answer predictions of a client in a region; every one is answered."""
    url = cloud.ask("listeners")["listeners"][0]["url"]
    headers = {"x-emulated-client-region": client}
    answers = [HTTP.post(f"{url}/v1/predict", json=QUESTION, headers=headers) for _ in range(count)]
    assert [each.status_code for each in answers] == [200] * count
    return {each.json()["servedBy"].rpartition("-")[0] for each in answers}


def test_a_region_is_lost_and_the_other_serves_until_nothing_is_left_of_either(
    flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    profile = in_two_regions(small_profile)
    name, connection = load_profile(profile).name, connect(load_profile(profile))
    provision(profile)
    capsys.readouterr()
    assert served_by(flows_here, "us-central1") == {f"{HERE}001"}
    assert served_by(flows_here, "europe-west1") == {f"{THERE}001"}
    live = ours(observe(connection).live, load_profile(profile))
    planned = estimate(live, load_price_book("list")).hourly_usd
    assert cents(planned) == cents(Decimal(flows_here.ask("bill")["usd_per_hour"])), "each region at its own prices"

    fault = lose(flows_here)
    assert served_by(flows_here, "europe-west1") == {f"{HERE}001"}, "the next closest answers"
    assert detect_drift(profile) == 1
    assert "instance_group/zones/europe-west4-a" in capsys.readouterr().out
    status(profile)
    assert "outage      europe-west4 is down, Google says: its 2 VMs neither serve nor bill" in capsys.readouterr().out
    with pytest.raises(ProbeError, match="region europe-west4: is down"):
        validate(profile)
    scale(profile, sizes={"small": 2})
    assert served_by(flows_here, "europe-west1", 16) == {f"{HERE}001"}
    assert sum(each["kind"] == "compute.instances" for each in flows_here.ask("inventory")["resources"]) == 4

    with pytest.raises(UnfinishedError, match="europe-west4 is down, and nothing can be deleted there: nothing there bills now, its 2 VMs"):
        teardown(profile, confirm=name)
    left = {kind for kind, scope, _ in flows_here.inventory() if scope.startswith(("regions/", "zones/"))}
    assert left == {"compute.instanceGroupManagers", "compute.subnetworks", "compute.routers", "cloudscheduler.jobs"}
    assert not any("us-central1" in scope for _, scope, _ in flows_here.inventory())
    assert Decimal(flows_here.ask("bill")["usd_per_hour"]) < Decimal("0.001"), "a byte in a bucket"

    give_back(flows_here, fault)
    teardown(profile, confirm=name)
    assert "0 ours, $0.00/h" in capsys.readouterr().out
    assert flows_here.inventory() == set()
    assert Decimal(flows_here.ask("bill")["usd_per_hour"]) == 0


@pytest.mark.long
def test_a_region_that_is_down_is_left_out_made_when_it_is_back_and_deleted_when_the_profile_drops_it(
    flows_here: EmbeddedCloud, small_profile: Path
):
    profile = in_two_regions(small_profile)
    name = load_profile(profile).name
    fault = lose(flows_here)
    with pytest.raises(UnfinishedError, match="europe-west4: is down, and nothing of it is there yet"):
        provision(profile)
    assert served_by(flows_here, "europe-west4") == {f"{HERE}001"}
    give_back(flows_here, fault)
    provision(profile)
    assert served_by(flows_here, "europe-west4") == {f"{THERE}001"}
    # Lost while it serves, and back: Google makes its VMs anew, and nothing is left to do.
    fault = lose(flows_here)
    with pytest.raises(PreflightError, match="roll out once it is up"):
        rollout(profile)
    with pytest.raises(UnfinishedError, match=r"update instance_group/zones/europe-west4-a/\S+: europe-west4 is down"):
        scale(profile, sizes={"small-europe-west4": 2})
    give_back(flows_here, fault)
    provision(profile)
    assert detect_drift(profile) == 0
    assert served_by(flows_here, "europe-west4") == {f"{THERE}001"}
    # What the profile does not name any more goes, wherever it is.
    small_profile.write_text(small_profile.read_text().replace(EUROPE, ""))
    assert detect_drift(profile) >= 6
    provision(profile)
    assert not any("europe" in scope for _, scope, _ in flows_here.inventory())
    assert served_by(flows_here, "europe-west4") == {f"{HERE}001"}
    teardown(profile, confirm=name)
    assert flows_here.inventory() == set()


@pytest.mark.long
def test_the_profiles_own_region_may_be_the_one_that_is_lost(
    flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    profile = in_two_regions(small_profile)
    name = load_profile(profile).name
    provision(profile)
    fault = lose(flows_here, "us-central1")
    assert served_by(flows_here, "us-central1") == {f"{THERE}001"}
    scale(profile, sizes={"small-europe-west4": 2})
    with pytest.raises(UnfinishedError, match="us-central1 is down"):
        teardown(profile, confirm=name)
    assert not any("europe" in scope for _, scope, _ in flows_here.inventory())
    capsys.readouterr()
    scale(profile)
    assert "a teardown of profile" in capsys.readouterr().out, "it is remembered that everything is to go"
    give_back(flows_here, fault)
    teardown(profile, confirm=name)
    assert flows_here.inventory() == set()
