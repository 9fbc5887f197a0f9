"""Tiers in a VPC that is there already: it is used, never changed, and left as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.teardown import teardown
from ironwood.errors import PreflightError
from running import EmbeddedCloud, wait_until
from tasks.inputs import load_profile

HOST = {"project": "host-project", "network": "shared", "subnetwork": "tpus", "region": "us-central1", "cidr": "10.8.0.0/20"}


def profile(tmp_path: Path, small: Path, existing: str, cidr: str = "10.8.0.0/20") -> Path:
    path = tmp_path / "existing.yaml"
    path.write_text(
        f"name: {load_profile(str(small)).name}\ncloud: embedded\nproject_id: embedded-project\nlogging: {{enabled: false}}\nmonitoring: {{enabled: false}}\nlease: {{enabled: false}}\n"
        f"load_balancer: {{port: 8080, default_tier: small}}\nnetwork: {{subnet_cidr: {cidr}, existing: {existing}}}\n"
        "tiers:\n  medium: {enabled: false}\n  small: {chips: 8}\n"
    )
    return path


def ask(cloud: EmbeddedCloud, path: str, body: Any = None) -> Any:
    url = f"http://{cloud.rest}/compute/v1/projects/embedded-project/{path}"
    return (httpx.post(url, json=body) if body else httpx.get(url)).raise_for_status().json()


def theirs(cloud: EmbeddedCloud) -> None:
    """A VPC somebody made in our project."""
    httpx.post(f"http://{cloud.rest}/v1/projects/embedded-project/services/compute.googleapis.com:enable").raise_for_status()
    wait_until(lambda: httpx.get(f"http://{cloud.rest}/compute/v1/projects/embedded-project/global/networks").is_success, "the API")
    ask(cloud, "global/networks", {"name": "theirs", "autoCreateSubnetworks": False})
    wait_until(lambda: not cloud_creating(cloud), "the network")
    body = {"name": "tpus", "network": "projects/embedded-project/global/networks/theirs", "ipCidrRange": "10.8.0.0/20"}
    ask(cloud, "regions/us-central1/subnetworks", {**body, "privateIpGoogleAccess": True})
    wait_until(lambda: "10.8.0.0/20" in str(ask(cloud, "regions/us-central1/subnetworks")), "the subnet")


def cloud_creating(cloud: EmbeddedCloud) -> bool:
    operations = ask(cloud, "aggregated/operations")["items"]
    return any(each["status"] != "DONE" for scoped in operations.values() for each in scoped.get("operations", []))


def test_a_vpc_of_the_project_is_used_and_left(flows_here: EmbeddedCloud, tmp_path: Path, small_profile: Path):
    theirs(flows_here)
    before = flows_here.inventory()
    path = profile(tmp_path, small_profile, "{network: theirs, subnetwork: tpus}")
    provision(str(path))
    made = {kind for kind, _, _ in flows_here.inventory() - before}
    assert "compute.firewalls" in made
    assert not made & {"compute.networks", "compute.subnetworks", "compute.routers"}
    assert detect_drift(str(path)) == 0
    teardown(str(path), confirm=load_profile(str(path)).name)
    assert flows_here.inventory() == before


def test_a_shared_vpc_is_used_from_its_host_project(
    flows_here: EmbeddedCloud, tmp_path: Path, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    flows_here.tell("shared_vpc", HOST)
    path = profile(tmp_path, small_profile, "{project: host-project, network: shared, subnetwork: tpus}")
    provision(str(path))
    told = capsys.readouterr().out
    assert "firewall of project host-project: is its owner's: it has to allow tcp:8080 from 130.211.0.0/22" in told
    assert not {kind for kind, _, _ in flows_here.inventory()} & {"compute.networks", "compute.subnetworks", "compute.firewalls"}
    assert detect_drift(str(path)) == 0
    teardown(str(path), confirm=load_profile(str(path)).name)
    assert flows_here.inventory() == set()


@pytest.mark.parametrize(
    ("existing", "cidr", "says"),
    [
        (
            "{project: host-project, network: shared, subnetwork: nowhere}",
            "10.8.0.0/20",
            "subnet nowhere in us-central1 of project host-project: does not exist",
        ),
        (
            "{project: host-project, network: other, subnetwork: tpus}",
            "10.8.0.0/20",
            r"is of network shared, not other\. Correct network.existing.network",
        ),
        (
            "{project: host-project, network: shared, subnetwork: tpus}",
            "10.9.0.0/20",
            r"has the range 10.8.0.0/20, not 10.9.0.0/20\. Write subnet_cidr: 10.8.0.0/20",
        ),
    ],
)
def test_a_vpc_that_does_not_fit_is_told_before_anything_is_made(
    flows_here: EmbeddedCloud, tmp_path: Path, small_profile: Path, existing: str, cidr: str, says: str
):
    flows_here.tell("shared_vpc", HOST)
    with pytest.raises(PreflightError, match=says):
        provision(str(profile(tmp_path, small_profile, existing, cidr)))
    assert not any(each["method"].startswith("compute.") for each in flows_here.writes())
