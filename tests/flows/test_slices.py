"""A multi-host tier: each pod one slice, all of its VMs or none, reached through worker 0; a broken one is made anew whole."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.scale import scale
from flows.teardown import teardown
from flows.validate import validate
from ironwood.errors import StockoutError
from running import EmbeddedCloud, wait_until
from tasks.inputs import load_profile

PROJECT = "embedded-project"
ZONE = f"compute/v1/projects/{PROJECT}/zones/us-central1-c"


@pytest.fixture
def slices(tmp_path: Path, small_profile: Path) -> Path:
    """One tier whose pods are slices of four VMs."""
    path = tmp_path / "slices.yaml"
    path.write_text(
        f"name: {load_profile(str(small_profile)).name}\ncloud: embedded\nproject_id: {PROJECT}\nlogging: {{enabled: false}}\nmonitoring: {{enabled: false}}\nlease: {{enabled: false}}\nprice_book: seed\n"
        "load_balancer: {port: 8080, default_tier: small}\ntiers:\n  medium: {enabled: false}\n"
        "  small: {shape: multi_host, chips: 16, paths: [quick]}\n"
    )
    return path


def vms(cloud: EmbeddedCloud, group: str) -> list[str]:
    """The names of a group's VMs that run."""
    found = httpx.post(f"http://{cloud.rest}/{ZONE}/instanceGroupManagers/{group}/listManagedInstances").raise_for_status().json()
    return [each["name"] for each in found.get("managedInstances", []) if each.get("instanceStatus") == "RUNNING"]


def endpoint(cloud: EmbeddedCloud, group: str) -> str:
    """The VM an endpoint group leads to."""
    found = httpx.post(f"http://{cloud.rest}/{ZONE}/networkEndpointGroups/{group}/listNetworkEndpoints", json={}).raise_for_status().json()
    (only,) = found["items"]
    return str(only["networkEndpoint"]["instance"]).rpartition("/")[2]


def test_slices_live_a_whole_life(flows_here: EmbeddedCloud, slices: Path):
    provision(str(slices))
    assert len(vms(flows_here, "ironwood-cluster-small-001")) == 4
    assert endpoint(flows_here, "ironwood-worker-small-001") in vms(flows_here, "ironwood-cluster-small-001")
    assert provision(str(slices)) == 0
    scale(str(slices), {"small": 2})
    assert len(vms(flows_here, "ironwood-cluster-small-002")) == 4
    assert validate(str(slices), {"small": 2}) > 0
    scale(str(slices), {"small": 1})
    assert detect_drift(str(slices)) == 0
    scale(str(slices), {"small": 0})
    assert vms(flows_here, "ironwood-cluster-small-001") == []
    teardown(str(slices), confirm=load_profile(str(slices)).name)
    assert not {each for each in flows_here.inventory() if each[0].startswith("compute.")}


def test_a_host_that_fails_breaks_the_slice_and_provision_makes_it_anew(flows_here: EmbeddedCloud, slices: Path):
    provision(str(slices))
    group = "ironwood-cluster-small-001"
    worker = endpoint(flows_here, "ironwood-worker-small-001")
    before = set(vms(flows_here, group))
    flows_here.tell("faults", {"type": "host_failure", "group": group, "instance": worker})
    wait_until(lambda: len(vms(flows_here, group)) == 3, "the failure")
    assert detect_drift(str(slices)) > 0
    provision(str(slices))
    after = set(vms(flows_here, group))
    assert len(after) == 4
    assert not before & after
    assert endpoint(flows_here, "ironwood-worker-small-001") in after
    assert detect_drift(str(slices)) == 0


def test_a_slice_is_never_half_made(flows_here: EmbeddedCloud, slices: Path):
    text = slices.read_text().replace("chips: 16", "chips: 16, deadline_minutes: 5")
    slices.write_text(text)
    flows_here.tell("faults", {"type": "stock", "zone": "us-central1-c", "machine_type": "tpu7x-standard-4t", "available": 3})
    with pytest.raises(StockoutError, match=r"tier small: 4 of 4 VMs could not be had from flex_start in us-central1-c"):
        provision(str(slices))
    assert vms(flows_here, "ironwood-cluster-small-001") == []
    assert float(flows_here.ask("bill")["usd_per_hour"]) < 1
