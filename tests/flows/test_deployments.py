"""The deployments of prefect.yaml: made twice without harm, run by a worker, one node a resource in the run's graph."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from ruamel.yaml import YAML

from builders import ROOT
from ironwood.desired import desired
from running import EmbeddedCloud, PrefectServer, run, wait_until
from tasks.inputs import load_profile

POOL = "ironwood"
FLOWS = {
    "provision", "validate", "scale", "rollout", "detect-drift", "status", "teardown", "lifecycle", "plan-capacity", "replay", "refresh-prices",
    "note",
    "preview", "schedules",
    "check-budget", "export-demand", "grade", "diagnose",
}  # fmt: skip


@pytest.fixture
def prefect(prefect_server: PrefectServer, in_the_cloud: EmbeddedCloud) -> dict[str, str]:
    """The environment of Prefect's own command line, and of the worker's runs."""
    return {**os.environ, **prefect_server.environment, **in_the_cloud.environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}


def prefect_command(*arguments: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def deployed(prefect: dict[str, str]) -> dict[str, str]:
    bootstrap(prefect)
    return prefect


def bootstrap(environment: dict[str, str]) -> None:
    done = run("deployments.bootstrap", environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def worker(deployed: dict[str, str]) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL]
    process = subprocess.Popen(command, cwd=ROOT, env=deployed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield deployed
    process.kill()  # a worker told to end politely waits for its next look at the queue
    process.wait(60)


def ask(server: PrefectServer, path: str, **body: object) -> list[dict[str, object]]:
    return list(httpx.post(f"{server.url}/{path}/filter", json=body, timeout=30).raise_for_status().json())


def everything(server: PrefectServer) -> dict[str, list[str]]:
    """By name, what a bootstrap makes; schedules as the cron of each deployment."""
    deployments = ask(server, "deployments")
    return {
        "deployments": sorted(str(each["name"]) for each in deployments),
        "schedules": sorted(str(schedule["schedule"]["cron"]) for each in deployments for schedule in each["schedules"]),
        "automations": sorted(str(each["name"]) for each in ask(server, "automations")),
        "limits": sorted(str(each["name"]) for each in ask(server, "v2/concurrency_limits")),
        "pools": sorted(str(each["name"]) for each in ask(server, "work_pools")),
        "queues": sorted(str(each["name"]) for each in ask(server, f"work_pools/{POOL}/queues")),
    }


def scheduled_by_hand(server: PrefectServer) -> None:
    """A schedule of `scale` as the windows in force make them."""
    flows = {each["id"]: each["name"] for each in ask(server, "flows")}
    (scale,) = (each["id"] for each in ask(server, "deployments") if flows[each["flow_id"]] == "scale" and each["name"] == "embedded")
    tick = {"schedule": {"cron": "*/15 * * * *", "timezone": "Etc/UTC"}, "slug": "ironwood-every-15-min", "active": False}
    httpx.post(f"{server.url}/deployments/{scale}/schedules", json=[tick]).raise_for_status()


def test_every_flow_has_a_deployment_and_a_second_bootstrap_makes_no_more(deployed: dict[str, str], prefect_server: PrefectServer):
    scheduled_by_hand(prefect_server)
    once = everything(prefect_server)
    bootstrap(deployed)
    assert everything(prefect_server) == once
    assert "* * * * *" in once["schedules"]
    assert "*/15 * * * *" in once["schedules"], "deploying leaves schedules of the windows alone"
    assert once["queues"] == ["default", "first"]
    assert len(set(once["automations"])) == len(once["automations"])
    assert {"ironwood-writer-embedded", "ironwood-writer-prod"} <= set(once["limits"])
    flows = {each["id"]: each["name"] for each in ask(prefect_server, "flows")}
    found = [(flows[each["flow_id"]], each["name"]) for each in ask(prefect_server, "deployments")]
    assert sorted(found) == sorted((name.replace("-", "_"), "embedded") for name in FLOWS)


def test_prefect_yaml_names_a_module_entrypoint_for_every_flow():
    written = YAML(typ="safe").load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert {each["entrypoint"].rpartition(".")[2].replace("_", "-") for each in written} == FLOWS
    assert all(each["parameters"]["profile"] == "embedded" for each in written)


def test_a_deployment_is_run_by_a_worker_with_one_node_a_resource(
    worker: dict[str, str], prefect_server: PrefectServer, in_the_cloud: EmbeddedCloud
):
    prefect_command("deployment", "run", "provision/embedded", "--watch", environment=worker)
    profile = load_profile("embedded")
    wanted = sorted(f"{each.kind} {each.name}" for each in desired(profile, profile.baseline))
    (mine_run,) = ask(prefect_server, "flow_runs", flows={"name": {"any_": ["provision"]}}, deployments={"name": {"any_": ["embedded"]}})
    assert mine_run["state_type"] == "COMPLETED"
    mine = {"flow_runs": {"id": {"any_": [mine_run["id"]]}}}
    wait_until(lambda: len(nodes(prefect_server, mine)) >= len(wanted), "the task runs to be recorded", 60)
    assert nodes(prefect_server, mine) == wanted
    assert len(in_the_cloud.inventory()) >= len(wanted) - 2  # what is enabled, and how an endpoint's traffic is split, are no objects
    prefect_command("deployment", "run", "teardown/embedded", "--param", "confirm=embedded", "--watch", environment=worker)
    assert in_the_cloud.inventory() == set()


def nodes(server: PrefectServer, run: dict[str, object]) -> list[str]:
    """Kind and name of what the run's tasks change, sorted."""
    names = (str(each["name"]) for each in ask(server, "task_runs", **run))
    return sorted(name.partition(" ")[2] for name in names if name.startswith(("create ", "update ")))
