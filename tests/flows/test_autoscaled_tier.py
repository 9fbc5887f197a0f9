"""A tier whose size is its autoscaler's, from provision to nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.cloud import compute_v1

from cloud.connection import Connection, connect
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.scale import scale
from flows.teardown import teardown
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.group import InstanceGroup
from ironwood.resources.scheduler_job import SchedulerJob
from running import EmbeddedCloud
from tasks.inputs import load_profile

GROUP = "ironwood-cluster-small-001"
STOPPER = "tpu-stopper-sa@embedded-project.iam.gserviceaccount.com"


@pytest.fixture
def autoscaled(small_profile: Path) -> Path:
    """One tier of up to three pods of two VMs under an autoscaler that goes by the load balancer, leased for two hours."""
    text = small_profile.read_text().replace("lease: {enabled: false}", "lease: {hours: 2}").replace("{chips: 16}", "{enabled: false}")
    text = text.replace("{chips: 8}", "{chips: 8, max_replicas: 3, autoscaling: {scale_down_delay_seconds: 300}}")
    small_profile.write_text(text.replace("{port: 8080}", "{port: 8080, default_tier: small}"))
    return small_profile


def cloud_of(path: Path) -> Connection:
    return connect(load_profile(str(path)))


def group(path: Path) -> InstanceGroup:
    (found,) = (each for each in observe(cloud_of(path)).live if isinstance(each, InstanceGroup))
    return found


def scaler(path: Path) -> Autoscaler:
    (found,) = (each for each in observe(cloud_of(path)).live if isinstance(each, Autoscaler))
    return found


def test_life(stepped_cloud: EmbeddedCloud, autoscaled: Path):
    provision(str(autoscaled))
    assert group(autoscaled).size == 2
    found = scaler(autoscaled)
    assert (found.mode, found.least, found.most) == ("ON", 2, 6)
    assert detect_drift(str(autoscaled)) == 0
    teardown(str(autoscaled), confirm=load_profile(str(autoscaled)).name)
    assert stepped_cloud.inventory() == set()
