"""A profile that stops its tiers at a cron time: Google does it, in stepped time, and provision starts them again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from google.cloud import scheduler_v1

from cloud.connection import connect
from cloud.drivers.scheduler_job import SCHEDULER_JOB
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.teardown import teardown
from ironwood.desired import desired
from ironwood.diff import diff
from ironwood.resources.group import InstanceGroup
from running import EmbeddedCloud
from tasks.inputs import load_profile

EVENING = f"0 {(datetime.now(ZoneInfo('Europe/Paris')) + timedelta(hours=2)).hour} * * *"
"""The full hour that is one to two hours from now: an evening that no test has to wait for."""


@pytest.fixture
def nightly(small_profile: Path) -> Path:
    small_profile.write_text(small_profile.read_text() + f'stop_at: {{cron: "{EVENING}", time_zone: Europe/Paris}}\n')
    return small_profile


def sizes(profile: Path) -> dict[str, int]:
    live = observe(connect(load_profile(str(profile)))).live
    return {each.name: each.size for each in live if isinstance(each, InstanceGroup)}


def test_every_group_is_emptied_in_the_evening_and_provision_fills_it_again(nightly: Path, stepped_cloud: EmbeddedCloud):
    provision(str(nightly))
    assert detect_drift(str(nightly)) == 0
    assert set(sizes(nightly).values()) == {2, 4}
    jobs = list(SCHEDULER_JOB.observe(connect(load_profile(str(nightly)))))
    assert len(jobs) == 2
    (evening,) = {datetime.fromisoformat(job.next_run) for job in jobs}
    stepped_cloud.tell("clock/advance", {"until": (evening - timedelta(seconds=1)).isoformat()})
    assert set(sizes(nightly).values()) == {2, 4}
    stepped_cloud.tell("clock/advance", {"until": evening.isoformat()})
    assert set(sizes(nightly).values()) == {0}
    stepped_cloud.tell("clock/advance", {"seconds": 3600})
    assert float(stepped_cloud.ask("bill")["usd_per_hour"]) < 1
    assert detect_drift(str(nightly)) == 2
    assert provision(str(nightly)) == 2
    assert set(sizes(nightly).values()) == {2, 4}
    teardown(str(nightly), confirm=load_profile(str(nightly)).name)
    assert stepped_cloud.inventory() == set()


def test_a_job_paused_or_changed_by_hand_is_drift_and_repaired(stepped_cloud: EmbeddedCloud, nightly: Path):
    assert stepped_cloud  # whose evening does not come while the test runs
    provision(str(nightly))
    profile = load_profile(str(nightly))
    connection = connect(profile)
    client = connection.client(scheduler_v1.CloudSchedulerClient)
    name = f"projects/{connection.project}/locations/us-central1/jobs/ironwood-cluster-small-001-stop"
    client.pause_job(name=name)
    client.update_job(job={"name": name, "schedule": "3 3 * * *"}, update_mask={"paths": ["schedule"]})
    plan = diff(desired(profile, profile.baseline), observe(connection).live, owner=profile.name)
    assert [change.reason for change in plan] == [f"schedule 3 3 * * * -> {EVENING}, state PAUSED -> ENABLED"]
    assert provision(str(nightly)) == 1
    assert detect_drift(str(nightly)) == 0
