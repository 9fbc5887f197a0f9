"""The dead-man lease: nothing bills that could not be stopped by Google alone, and it is, when nobody of ours lives."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from google.cloud import compute_v1, scheduler_v1

from cloud.connection import Connection, connect
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.scale import scale
from flows.teardown import teardown
from ironwood.errors import UnfinishedError
from ironwood.lease import Lease, read
from ironwood.resources.group import InstanceGroup
from ironwood.resources.scheduler_job import SchedulerJob
from running import EmbeddedCloud
from tasks.inputs import load_profile

STOPPER = "tpu-stopper-sa@embedded-project.iam.gserviceaccount.com"
GROUP = "ironwood-cluster-small-001"


@pytest.fixture
def leased(small_profile: Path) -> Path:
    """The small profile's first tier, with a lease of two hours."""
    text = small_profile.read_text().replace("lease: {enabled: false}", "lease: {hours: 2}").replace("{chips: 16}", "{enabled: false}")
    small_profile.write_text(text.replace("{port: 8080}", "{port: 8080, default_tier: small}"))
    return small_profile


def cloud_of(path: Path) -> Connection:
    return connect(load_profile(str(path)))


def live(path: Path, kind: type[InstanceGroup] | type[SchedulerJob]) -> list[InstanceGroup | SchedulerJob]:
    return [each for each in observe(cloud_of(path)).live if isinstance(each, kind)]


def size(path: Path) -> int:
    (group,) = live(path, InstanceGroup)
    assert isinstance(group, InstanceGroup)
    return group.size


def lease(path: Path) -> Lease:
    job = next(each for each in live(path, SchedulerJob) if each.name == f"{GROUP}-lease")
    assert isinstance(job, SchedulerJob)
    found = read(job.schedule, now=cloud_of(path).clock.now())
    assert found is not None
    return found


def advance(cloud: EmbeddedCloud, until: datetime) -> None:
    cloud.tell("clock/advance", {"until": until.isoformat()})


@pytest.mark.usefixtures("stepped_cloud")
def test_the_lease_is_seen_to_reach_the_empty_group_before_its_first_vm(leased: Path):
    provision(str(leased))
    operations = cloud_of(leased).client(compute_v1.ZoneOperationsClient).list(project="embedded-project", zone="us-central1-c")
    of_group = [each for each in operations if each.target_link.endswith(f"/{GROUP}")]
    steps = [(each.operation_type.rpartition(".")[2], each.user == STOPPER) for each in sorted(of_group, key=lambda each: each.insert_time)]
    assert steps == [("insert", False), ("resize", True), ("resize", False)]
    assert size(leased) == 2
    now = cloud_of(leased).clock.now()
    assert timedelta(hours=1.5) < lease(leased).end - now <= timedelta(hours=3)


def test_it_empties_the_group_when_nobody_lives_and_the_next_run_repairs_everything(stepped_cloud: EmbeddedCloud, leased: Path):
    provision(str(leased))
    end = lease(leased).end
    advance(stepped_cloud, end - timedelta(minutes=1))
    assert size(leased) == 2
    advance(stepped_cloud, end + timedelta(minutes=1))
    assert size(leased) == 0
    advance(stepped_cloud, end + timedelta(hours=1))
    assert float(stepped_cloud.ask("bill")["usd_per_hour"]) < 1
    assert scale(str(leased)) == 2
    assert size(leased) == 2
    assert lease(leased).end > end
    teardown(str(leased), confirm=load_profile(str(leased)).name)
    assert stepped_cloud.inventory() == set()


@pytest.mark.long
def test_a_floor_stays_when_the_lease_ends(stepped_cloud: EmbeddedCloud, leased: Path, capsys: pytest.CaptureFixture[str]):
    leased.write_text(leased.read_text().replace("{chips: 8}", "{chips: 8, replicas: 2, lease_floor: 1}"))
    provision(str(leased))
    said = re.search(r"at most \$([\d.,]+) until the leases end \(2 to 3 h\), then \$([\d.,]+)/h", capsys.readouterr().out)
    assert said
    leaves, stays = (float(each.replace(",", "")) for each in said.groups())
    assert 0 < stays - leaves / 3 < 1, "as much as in each of the three hours goes, and what is no VM"
    assert detect_drift(str(leased)) == 0
    assert size(leased) == 4
    advance(stepped_cloud, lease(leased).end + timedelta(minutes=1))
    assert size(leased) == 2
    assert scale(str(leased), {"small": 0}) == 2, "the group, and its lease, which would fill it"
    end = lease(leased).end
    advance(stepped_cloud, end + timedelta(minutes=1))
    assert size(leased) == 0
    assert scale(str(leased)) >= 1
    assert size(leased) == 4


@pytest.mark.long
def test_every_run_renews_it_and_it_holds_as_long_as_runs_come(stepped_cloud: EmbeddedCloud, leased: Path):
    provision(str(leased))
    first = lease(leased).end
    assert scale(str(leased)) == 0, "a fresh lease is not written again"
    for hours in (1, 3):
        advance(stepped_cloud, first - timedelta(hours=2) + timedelta(hours=hours))
        scale(str(leased))
        assert size(leased) == 2
    assert lease(leased).end >= first + timedelta(hours=2)


@pytest.mark.long
def test_an_autoscaler_somebody_added_is_switched_off_before_the_group_is_emptied(stepped_cloud: EmbeddedCloud, leased: Path):
    provision(str(leased))
    connection = cloud_of(leased)
    scaler = compute_v1.Autoscaler(
        name="theirs",
        target=f"projects/embedded-project/zones/us-central1-c/instanceGroupManagers/{GROUP}",
        autoscaling_policy=compute_v1.AutoscalingPolicy(min_num_replicas=2, max_num_replicas=4),
    )
    client = connection.client(compute_v1.AutoscalersClient)
    client.insert_unary(project="embedded-project", zone="us-central1-c", autoscaler_resource=scaler)
    advance(stepped_cloud, connection.clock.now() + timedelta(minutes=1))
    assert scale(str(leased)) == 1
    advance(stepped_cloud, lease(leased).end + timedelta(minutes=10))
    assert size(leased) == 0
    found = client.get(project="embedded-project", zone="us-central1-c", autoscaler="theirs")
    assert found.autoscaling_policy.mode == "OFF"
    assert found.autoscaling_policy.max_num_replicas == 4


def test_nothing_grows_under_a_lease_that_may_not_stop_it(stepped_cloud: EmbeddedCloud, leased: Path):
    fault = stepped_cloud.tell("faults", {"type": "deny", "member": STOPPER, "permission": "compute.instanceGroupManagers.update"})
    with pytest.raises(UnfinishedError, match=rf"{GROUP}-lease was answered code 7.*needs compute.instanceGroupManagers.update"):
        provision(str(leased))
    assert size(leased) == 0
    stepped_cloud.tell(f"faults/{fault['id']}", {}, method="DELETE")
    provision(str(leased))
    assert size(leased) == 2


@pytest.mark.long
def test_a_paused_lease_is_drift_and_repaired_before_anything_grows(stepped_cloud: EmbeddedCloud, leased: Path):
    provision(str(leased))
    assert stepped_cloud
    name = f"projects/embedded-project/locations/us-central1/jobs/{GROUP}-lease"
    cloud_of(leased).client(scheduler_v1.CloudSchedulerClient).pause_job(name=name)
    assert detect_drift(str(leased)) == 1
    scale(str(leased), {"small": 2})
    assert detect_drift(str(leased)) == 1, "the size, not the lease"
    methods = [each["method"] for each in stepped_cloud.writes()]
    assert methods.index("cloudscheduler.projects.locations.jobs.resume") < len(methods) - methods[::-1].index(
        "compute.instanceGroupManagers.resize"
    )
