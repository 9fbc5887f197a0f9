"""Google's scheduler starts the deployments: it asks a real Prefect server by HTTP, and Prefect's own schedules are taken away."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from cloud.connection import connect
from cloud.drivers.scheduler_job import SCHEDULER_JOB
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.teardown import teardown
from flows.when_to_look import look_when_sizes_change
from running import EmbeddedCloud, PrefectServer, run, wait_until
from tasks.inputs import load_profile
from tasks.schedules import deployments_of


def runs(server: PrefectServer, deployment: str) -> list[dict[str, object]]:
    """The runs Google asked for."""
    wanted = {"deployments": {"id": {"any_": [deployment]}}, "flow_runs": {"tags": {"all_": ["cloud-scheduler"]}}}
    return list(httpx.post(f"{server.url}/flow_runs/filter", json=wanted, timeout=30).raise_for_status().json())


@pytest.mark.long
def test_google_starts_what_prefects_schedules_started_before(
    small_profile: Path, stepped_cloud: EmbeddedCloud, prefect_server: PrefectServer
):
    environment = {**os.environ, **prefect_server.environment, **stepped_cloud.environment}
    told = run("deployments.drive", "--profile", str(small_profile), environment=environment)
    assert told.returncode == 1
    assert "python -m deployments.bootstrap" in told.stderr
    bootstrap = ("deployments.bootstrap", "--profile", str(small_profile))
    assert run(*bootstrap, environment=environment).returncode == 0
    told = run("deployments.drive", "--profile", str(small_profile), environment=environment)
    assert told.returncode == 0, told.stderr
    small_profile.write_text(small_profile.read_text() + told.stdout)
    profile = load_profile(str(small_profile))
    driven = {flow: each.id for flow, each in profile.cloud_scheduler.deployments.items()}
    assert driven.keys() == {"scale", "check_budget", "status", "detect_drift", "grade"}
    assert profile.cloud_scheduler.told_audience == prefect_server.url.removesuffix("/api")

    assert run(*bootstrap, environment=environment).returncode == 0
    assert not [each.name for each in deployments_of(str(small_profile)) if each.schedules]
    provision(str(small_profile))
    assert detect_drift(str(small_profile)) == 0
    before = {flow: len(runs(prefect_server, driven[flow])) for flow in ("scale", "check_budget")}
    stepped_cloud.tell("clock/advance", {"seconds": 1800})
    wait_until(lambda: len(runs(prefect_server, driven["scale"])) == before["scale"] + 2, "a run of scale each quarter of an hour")
    wait_until(lambda: len(runs(prefect_server, driven["check_budget"])) == before["check_budget"] + 30, "one of check_budget each minute")
    assert {run["state_type"] for run in runs(prefect_server, driven["scale"])} == {"SCHEDULED"}
    assert {run["parameters"]["profile"] for run in runs(prefect_server, driven["scale"])} == {str(small_profile)}
    ours = [each for each in SCHEDULER_JOB.observe(connect(profile)) if each.audience]
    assert {each.name.partition("run-")[2] for each in ours} == {"scale", "check-budget", "status", "detect-drift", "grade"}
    assert {each.last_code for each in ours} == {0}
    assert look_when_sizes_change(connect(profile), str(small_profile), profile) == ()
    teardown(str(small_profile), confirm=profile.name)
    assert stepped_cloud.inventory() == set()
