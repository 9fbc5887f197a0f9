"""A new serving image reaches the VMs in stages: a canary, looked at, then the rest; what does not hold is taken back. Nobody notices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloud.connection import connect
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.rollout import rollout
from ironwood.desired import desired
from ironwood.errors import ProbeError
from ironwood.resources.group import InstanceGroup, InstanceTemplate
from running import HTTP, EmbeddedCloud
from tasks.inputs import load_profile
from tasks.probe import routes, under_load

OLD, NEW = "us-docker.pkg.dev/example/serving/vllm-tpu:v1", "us-docker.pkg.dev/example/serving/vllm-tpu:v2"


@pytest.fixture
def serving(tmp_path: Path, small_profile: Path) -> Path:
    """One tier of four VMs that serve the old image."""
    path = tmp_path / "serving.yaml"
    write(path, load_profile(str(small_profile)).name, OLD)
    return path


def write(path: Path, name: str, image: str) -> None:
    """A request may take 600 s: one real second at 600 times real time, where a busy machine takes longer than the 50 ms of the default."""
    path.write_text(
        f"name: {name}\ncloud: embedded\nproject_id: embedded-project\nlogging: {{enabled: false}}\nmonitoring: {{enabled: false}}\nlease: {{enabled: false}}\nload_balancer: {{port: 8080, default_tier: small}}\n"
        f"serving: {{image: {image}}}\ntiers:\n  medium: {{enabled: false}}\n  small: {{chips: 16, draining_seconds: 30, timeout_seconds: 600}}\n"
    )


def changed(path: Path) -> None:
    write(path, load_profile(str(path)).name, NEW)


def images(path: Path) -> list[str]:
    """The image in each live template of ours that a group uses."""
    live = observe(connect(load_profile(str(path)))).live
    used = {each.template for each in live if isinstance(each, InstanceGroup) and each.owner}
    scripts = [each.startup_script for each in live if isinstance(each, InstanceTemplate) and each.address in used]
    return [image for script in scripts for image in (OLD, NEW) if image in script]


def patches(cloud: EmbeddedCloud) -> list[Any]:
    return [each for each in cloud.writes() if each["method"] == "compute.instanceGroupManagers.patch"]


def test_a_new_image_goes_out_without_surge_and_without_a_lost_request(
    flows_here: EmbeddedCloud, serving: Path, capsys: pytest.CaptureFixture[str]
):
    provision(str(serving))
    profile = load_profile(str(serving))
    live = observe(connect(profile)).live
    urls = tuple(url for url, _ in routes(live, desired(profile, profile.baseline, live)))
    changed(serving)
    with under_load(urls) as loads:
        assert rollout(str(serving), canary_percent=25) == 2
    assert [each.failed for each in loads.values()] == [0] * len(urls)
    assert images(serving) == [NEW]
    told = capsys.readouterr().out
    assert "stage 1 of 2: canary of 1 VMs" in told
    assert "canary of 1 VMs: holds" in told
    assert len(patches(flows_here)) == 2
    assert rollout(str(serving)) == 0
    assert detect_drift(str(serving)) == 0
    group = f"http://{flows_here.rest}/compute/v1/projects/embedded-project/zones/us-central1-c/instanceGroupManagers/ironwood-cluster-small-001"
    assert "maxSurge" in HTTP.get(group).json()["updatePolicy"]
    assert HTTP.get(group).json()["updatePolicy"]["maxSurge"]["fixed"] == 0


def test_an_image_that_does_not_serve_is_taken_back(flows_here: EmbeddedCloud, serving: Path):
    provision(str(serving))
    flows_here.tell("faults", {"type": "bad_image", "image": NEW})
    changed(serving)
    with pytest.raises(
        ProbeError, match=r"(?s)rolled back, because canary of 1 VMs did not hold: .*not all of them healthy.*\n.*serve as before"
    ):
        rollout(str(serving), canary_percent=25)
    assert images(serving) == [OLD]
    write(serving, load_profile(str(serving)).name, OLD)
    assert detect_drift(str(serving)) == 0


def test_a_dry_run_tells_the_stages_and_writes_nothing(flows_here: EmbeddedCloud, serving: Path, capsys: pytest.CaptureFixture[str]):
    provision(str(serving))
    before = len(flows_here.writes())
    changed(serving)
    rollout(str(serving), dry_run=True)
    assert "stage 2 of 2: all VMs" in capsys.readouterr().out
    assert len(flows_here.writes()) == before


def test_slices_are_made_anew_whole_one_after_the_other_and_nobody_notices(
    flows_here: EmbeddedCloud, tmp_path: Path, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "slices.yaml"
    write(path, load_profile(str(small_profile)).name, OLD)
    path.write_text(path.read_text().replace("chips: 16,", "shape: multi_host, chips: 16, replicas: 2,") + "price_book: seed\n")
    provision(str(path))
    profile = load_profile(str(path))
    live = observe(connect(profile)).live
    urls = tuple(url for url, _ in routes(live, desired(profile, profile.baseline, live)))
    group = f"http://{flows_here.rest}/compute/v1/projects/embedded-project/zones/us-central1-c/instanceGroupManagers/ironwood-cluster-small-001"
    before = managed(group)
    path.write_text(path.read_text().replace(OLD, NEW))
    with under_load(urls) as loads:
        assert rollout(str(path)) == 7
    assert [each.failed for each in loads.values()] == [0] * len(urls)
    assert "stage 1 of 7: canary: slice ironwood-cluster-small-001 leaves the traffic" in capsys.readouterr().out
    after = managed(group)
    assert images(path) == [NEW]
    assert len(set(after)) == len(set(before)) == 4
    assert not set(after.values()) & set(before.values()), "every VM was made from the new template"
    assert detect_drift(str(path)) == 0


@pytest.mark.usefixtures("flows_here")
def test_a_tier_with_one_slice_is_told_that_it_does_not_serve_meanwhile(
    tmp_path: Path, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "slice.yaml"
    write(path, load_profile(str(small_profile)).name, OLD)
    path.write_text(path.read_text().replace("chips: 16,", "shape: multi_host, chips: 16,") + "price_book: seed\n")
    provision(str(path))
    path.write_text(path.read_text().replace(OLD, NEW))
    assert rollout(str(path), dry_run=True) == 0
    told = capsys.readouterr().out
    assert "stage 1 of 2: canary: slice ironwood-cluster-small-001, the only one of its tier, which does not serve meanwhile" in told


def managed(group: str) -> dict[str, str]:
    """The VMs of a group by id, each with the template it was made from."""
    found = HTTP.post(f"{group}/listManagedInstances").raise_for_status().json()["managedInstances"]
    return {each["id"]: each["version"]["instanceTemplate"] for each in found}
