"""Every deployment run by a worker; doubled, late and overlapping runs; a worker killed in the middle. Minutes each: `make deployments`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from builders import ROOT
from running import HTTP, EmbeddedCloud, PrefectServer, ask_prefect, pause_schedules, run, wait_until

pytestmark = [
    pytest.mark.skipif(os.environ.get("IRONWOOD_DEPLOYMENTS") != "all", reason="takes ten minutes: make deployments"),
    pytest.mark.timeout(1800),
]
POOL, NAME = "ironwood", "embedded"
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
NOTICED_SECONDS = 120.0
TRACE = str(ROOT / "tests" / "data" / "traces" / "servegen_m_small_10min.csv")
RUNS: dict[str, dict[str, object]] = {
    "provision": {},
    "validate": {},
    "status": {},
    "diagnose": {},
    "scale": {"sizes": {"small": 2}},
    "detect_drift": {"sizes": {"small": 2}},
    "check_budget": {},
    "preview": {"days": 7},
    "schedules": {},
    "plan_capacity": {"trace": TRACE, "peak_units": 2000.0, "windows": 3},
    "replay": {"trace": TRACE, "policy": "always_on"},
    "refresh_prices": {},
    "export_demand": {"write": str(Path(tempfile.gettempdir()) / f"demand-{uuid4()}.csv"), "days": 1},
    "grade": {},
    "rollout": {},
    "note": {"about": "a test"},
    "teardown": {"confirm": NAME},
    "lifecycle": {"confirm": NAME},
}


@pytest.fixture(scope="module")
def embedded_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """At the speed our commands start one at: the lifecycle among the runs asks under load, and loses nothing."""
    running = EmbeddedCloud(folder=tmp_path_factory.mktemp("embedded"), scale=300).start()
    yield running
    running.stop()


@pytest.fixture
def environment(prefect_server: PrefectServer, in_the_cloud: EmbeddedCloud) -> dict[str, str]:
    """Everything deployed, nothing on a schedule; what worker and runs live in."""
    told = {**os.environ, **prefect_server.environment, **in_the_cloud.environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    done = run("deployments.bootstrap", environment=told)
    assert done.returncode == 0, done.stdout + done.stderr
    pause_schedules(prefect_server)
    return told


@pytest.fixture
def worker(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = start_worker(environment)
    yield process
    process.kill()
    process.wait(60)


def start_worker(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start(server: PrefectServer, flow: str, scheduled: datetime | None = None, tags: Sequence[str] = (), **parameters: object) -> str:
    """Run the deployment of `flow`; answers the run's id."""
    found = ask_prefect("GET", f"{server.url}/deployments/name/{flow}/{NAME}")
    body: dict[str, Any] = {"parameters": parameters, "tags": list(tags)}
    if scheduled is not None:
        body["state"] = {"type": "SCHEDULED", "state_details": {"scheduled_time": scheduled.isoformat()}}
    return str(ask_prefect("POST", f"{server.url}/deployments/{found['id']}/create_flow_run", body)["id"])


def state_of(server: PrefectServer, run_id: str) -> dict[str, Any]:
    return dict(ask_prefect("GET", f"{server.url}/flow_runs/{run_id}")["state"])


def ended(server: PrefectServer, *runs: str) -> list[str]:
    """Wait for runs to end; answers how each did."""
    wait_until(lambda: all(state_of(server, each)["type"] in ENDED for each in runs), "the runs to end", 600)
    pause_schedules(server)  # those that provision and scale have made of the windows
    return [f"{state['type']} {state['message'] or ''}".strip() for state in (state_of(server, each) for each in runs)]


@pytest.mark.usefixtures("worker")
def test_each_deployment_ends_completed(prefect_server: PrefectServer, in_the_cloud: EmbeddedCloud):
    deployed = HTTP.post(f"{prefect_server.url}/deployments/filter", json={}, timeout=60).json()
    assert len(RUNS) == len([each for each in deployed if each["name"] == NAME])
    told = {flow: ended(prefect_server, start(prefect_server, flow, **parameters))[0] for flow, parameters in RUNS.items()}
    assert {flow: how for flow, how in told.items() if how.partition(" ")[0] != "COMPLETED"} == {}
    assert in_the_cloud.inventory() == set()


@pytest.mark.usefixtures("worker")
def test_doubled_late_and_overlapping_runs_leave_the_same_state(prefect_server: PrefectServer, in_the_cloud: EmbeddedCloud):
    assert ended(prefect_server, start(prefect_server, "provision"))[0].startswith("COMPLETED")
    assert ended(prefect_server, start(prefect_server, "scale", sizes={"small": 2}))[0].startswith("COMPLETED")
    once, vms = in_the_cloud.inventory(), groups(in_the_cloud)
    assert ended(prefect_server, start(prefect_server, "scale", sizes={"small": 1}))[0].startswith("COMPLETED")
    late = datetime.now(UTC) - timedelta(minutes=40)
    doubled = [start(prefect_server, "scale", sizes={"small": 2}) for _ in range(2)]
    told = ended(prefect_server, *doubled, start(prefect_server, "scale", scheduled=late, sizes={"small": 2}))
    assert [each.partition(" ")[0] for each in told] == ["COMPLETED"] * 3
    assert (in_the_cloud.inventory(), groups(in_the_cloud)) == (once, vms)


@pytest.mark.usefixtures("worker", "in_the_cloud")
def test_a_budgets_event_starts_scale(prefect_server: PrefectServer):
    resource = {"prefect.resource.id": f"ironwood.profile.{NAME}", "prefect.resource.name": NAME}
    event = {"occurred": datetime.now(UTC).isoformat(), "event": "ironwood.budget.threshold", "resource": resource, "id": str(uuid4())}
    HTTP.post(f"{prefect_server.url}/events", json=[event], timeout=60).raise_for_status()
    wait_until(lambda: len(runs_of(prefect_server, "scale")) == 1, "a run of scale", 60)
    assert ended(prefect_server, *runs_of(prefect_server, "scale"))[0].startswith("COMPLETED")


@pytest.mark.usefixtures("environment")
def test_a_run_every_minute_that_nobody_takes_up_is_cancelled(prefect_server: PrefectServer):
    late = start(prefect_server, "check_budget", scheduled=datetime.now(UTC) - timedelta(minutes=2), tags=["auto-scheduled"])
    asked = start(prefect_server, "check_budget", scheduled=datetime.now(UTC) - timedelta(minutes=2))
    wait_until(lambda: state_of(prefect_server, late)["type"] == "CANCELLED", "the late run to be cancelled", 180)
    assert state_of(prefect_server, asked)["name"] == "Late"  # somebody started it by hand: it is done when there is a worker


def runs_of(server: PrefectServer, flow: str) -> list[str]:
    """Ids of the runs of a flow."""
    body = {"flows": {"name": {"any_": [flow]}}}
    return [str(each["id"]) for each in ask_prefect("POST", f"{server.url}/flow_runs/filter", body)]


def groups(cloud: EmbeddedCloud) -> int:
    """VMs of all groups."""
    return len([each for each in cloud.ask("inventory")["resources"] if each["kind"] == "compute.instances" and each["state"] == "READY"])


def test_a_worker_and_its_run_killed_leave_nothing_running_and_no_slot_held(
    environment: dict[str, str], prefect_server: PrefectServer, in_the_cloud: EmbeddedCloud
):
    dying = start_worker(environment)
    killed = start(prefect_server, "provision")
    wait_until(lambda: len(in_the_cloud.inventory()) > 5, "the run to be in the middle", 120)
    dying.kill()
    os.kill(pid_of(prefect_server, killed), signal.SIGKILL)
    dying.wait(60)
    wait_until(lambda: not running(prefect_server), "no run to be Running", NOTICED_SECONDS)
    assert state_of(prefect_server, killed)["type"] == "CRASHED"
    wait_until(lambda: not slots(prefect_server), "no slot to be held", NOTICED_SECONDS)
    successor = start_worker(environment)
    try:
        assert ended(prefect_server, start(prefect_server, "provision"))[0].startswith("COMPLETED")
        assert ended(prefect_server, start(prefect_server, "teardown", confirm=NAME))[0].startswith("COMPLETED")
    finally:
        successor.kill()
        successor.wait(60)
    assert in_the_cloud.inventory() == set()


def pid_of(server: PrefectServer, run_id: str) -> int:
    """The process of a run of ours."""
    told = HTTP.get(f"{server.url}/flow_runs/{run_id}", timeout=60).raise_for_status().json()["infrastructure_pid"]
    pid = int(str(told).rpartition(":")[2])
    assert b"prefect" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return pid


def running(server: PrefectServer) -> list[str]:
    body = {"flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}}
    return [each["name"] for each in ask_prefect("POST", f"{server.url}/flow_runs/filter", body)]


def slots(server: PrefectServer) -> int:
    """Slots held of every concurrency limit."""
    found = HTTP.post(f"{server.url}/v2/concurrency_limits/filter", json={}, timeout=60).raise_for_status().json()
    return sum(each["active_slots"] for each in found)
