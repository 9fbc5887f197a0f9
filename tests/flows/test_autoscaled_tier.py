"""A tier whose size is its autoscaler's: from provision under load to nothing, with a bill that is the ledger's to the cent."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cloud.connection import Connection, connect
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.scale import scale
from flows.teardown import teardown
from flows.validate import validate
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.group import InstanceGroup
from running import EmbeddedCloud
from tasks.inputs import load_profile

GROUP = "ironwood-cluster-small-001"
RULE = "ai-inference-forwarding-rule"
STOPPER = "tpu-stopper-sa@embedded-project.iam.gserviceaccount.com"


@pytest.fixture
def autoscaled(small_profile: Path) -> Path:
    """One tier of up to three pods of two VMs, each said to take one request a second, under an autoscaler; leased for two hours."""
    text = small_profile.read_text().replace("lease: {enabled: false}", "lease: {hours: 2}").replace("{chips: 16}", "{enabled: false}")
    text = text.replace("{chips: 8}", "{chips: 8, max_replicas: 3, autoscaling: {scale_down_delay_seconds: 300, cooldown_seconds: 60}}")
    small_profile.write_text(text.replace("{port: 8080}", "{port: 8080, default_tier: small, max_rate_per_vm: 1}"))
    return small_profile


def cloud_of(path: Path) -> Connection:
    return connect(load_profile(str(path)))


def group(path: Path) -> InstanceGroup:
    (found,) = (each for each in observe(cloud_of(path)).live if isinstance(each, InstanceGroup))
    return found


def scaler(path: Path) -> Autoscaler:
    (found,) = (each for each in observe(cloud_of(path)).live if isinstance(each, Autoscaler))
    return found


def advance(cloud: EmbeddedCloud, by: timedelta) -> datetime:
    cloud.tell("clock/advance", {"seconds": by.total_seconds()})
    return datetime.fromisoformat(cloud.ask("clock")["now"])


def play(cloud: EmbeddedCloud, *per_minute: int) -> None:
    now = datetime.fromisoformat(cloud.ask("clock")["now"])
    since = advance(cloud, timedelta(seconds=60 - now.timestamp() % 60))
    trace = {"since": since.isoformat(), "bin_minutes": 1, "requests": list(per_minute), "requests_per_chip_minute": 1000}
    cloud.tell("traffic", {RULE: trace}, method="PUT")


def test_from_provision_under_load_to_nothing(stepped_cloud: EmbeddedCloud, autoscaled: Path):
    provision(str(autoscaled))
    found = scaler(autoscaled)
    assert (found.mode, found.least, found.most, group(autoscaled).size) == ("ON", 2, 6, 2)
    play(stepped_cloud, *[180] * 20, *[10] * 600)
    advance(stepped_cloud, timedelta(minutes=15))
    assert group(autoscaled).size == 5, "three a second, seven tenths of one on each VM"
    assert detect_drift(str(autoscaled)) == 0
    assert scale(str(autoscaled)) == 0
    assert validate(str(autoscaled)) > 10
    assert scale(str(autoscaled), {"small": 2}) == 1
    assert (scaler(autoscaled).least, scaler(autoscaled).most) == (4, 6)
    advance(stepped_cloud, timedelta(minutes=30))
    assert group(autoscaled).size == 4
    teardown(str(autoscaled), confirm=load_profile(str(autoscaled)).name)
    assert stepped_cloud.inventory() == set()
    off = [each["method"] for each in stepped_cloud.writes()]
    assert off.index("compute.autoscalers.patch") < off.index("compute.instanceGroupManagers.deleteInstances")
