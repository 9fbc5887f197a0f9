"""A deployment of an hour whose client is killed in the middle: run again, it is waited for, not begun anew; torn down instead, nothing is left."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from running import HTTP, ROOT, EmbeddedCloud, PrefectServer, command, run, wait_until

DEPLOY = "aiplatform.projects.locations.endpoints.deployModel"
HOUR = 3_600
PROFILE = (
    "name: {name}\ncloud: embedded\nproject_id: embedded-project\nload_balancer: {{port: 8080, default_tier: small}}\n"
    "lease: {{hours: 720}}\nlogging: {{enabled: false}}\nmonitoring: {{enabled: false}}\nvertex: {{deployments: {{small: {{}}}}}}\n"
    "tiers:\n  small: {{chips: 4, replicas: 0}}\n  medium: {{enabled: false}}\n"
)


@pytest.fixture
def hour_long(tmp_path: Path) -> Iterator[EmbeddedCloud]:
    cloud = EmbeddedCloud(folder=tmp_path, clock="stepped").start()
    cloud.tell("durations", {DEPLOY: HOUR}, method="PUT")
    yield cloud
    cloud.stop()


def killed_in_the_middle(cloud: EmbeddedCloud, server: PrefectServer, profile: Path) -> dict[str, str]:
    """Provision, killed while the model is being deployed; answers the environment of the next command."""
    profile.write_text(PROFILE.format(name=f"killed-{os.getpid() % 10_000}-{cloud.rest.rpartition(':')[2]}"))
    environment = {**server.environment, **cloud.environment}
    victim = subprocess.Popen(
        command("flows.provision", "--profile", str(profile)),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: DEPLOY in methods(cloud) or victim.poll() is not None, "the deployment to begin")
    assert victim.poll() is None
    victim.kill()
    victim.wait()
    forgotten(cloud, server, profile)
    return environment


def forgotten(cloud: EmbeddedCloud, server: PrefectServer, profile: Path) -> None:
    """What the dead still hold up is let go: stepped time waits for them, and so, for a minute, does the writer's lock."""
    for number in range(1, 500):
        HTTP.delete(f"http://{cloud.rest}/_emulator/clock/waiters/w{number}")
    name = profile.read_text().partition("\n")[0].removeprefix("name: ")
    HTTP.delete(f"{server.url}/v2/concurrency_limits/ironwood-writer-{name}").raise_for_status()


def deploying(cloud: EmbeddedCloud) -> bool:
    """Whether a deployment is on its way."""
    url = f"http://{cloud.rest}/v1/projects/embedded-project/locations/us-central1/endpoints/inference-endpoint-small/operations"
    return any(not each.get("done") for each in HTTP.get(url).raise_for_status().json()["operations"])


def methods(cloud: EmbeddedCloud) -> Counter[str]:
    return Counter(each["method"] for each in cloud.writes() if each["committed"])


def endpoint(cloud: EmbeddedCloud) -> dict[str, Any]:
    url = f"http://{cloud.rest}/v1/projects/embedded-project/locations/us-central1/endpoints/inference-endpoint-small"
    found: dict[str, Any] = HTTP.get(url).raise_for_status().json()
    return found


@pytest.mark.timeout(600)
def test_a_run_killed_in_an_hour_of_deployment_is_finished_by_running_again(
    hour_long: EmbeddedCloud, prefect_server: PrefectServer, tmp_path: Path
):
    environment = killed_in_the_middle(hour_long, prefect_server, tmp_path / "profile.yaml")
    assert deploying(hour_long)
    assert "deployedModels" not in endpoint(hour_long)
    again = run("flows.provision", "--profile", str(tmp_path / "profile.yaml"), environment=environment)
    assert again.returncode == 0, again.stdout + again.stderr
    found = endpoint(hour_long)
    (deployed,) = found["deployedModels"]
    assert found["trafficSplit"] == {deployed["id"]: 100}
    assert methods(hour_long)[DEPLOY] == 1
    assert methods(hour_long)[DEPLOY.replace("deployModel", "undeployModel")] == 0, (
        "the lease's proof changed nothing, and was not run again"
    )
    kinds = Counter(kind for kind, _, _ in hour_long.inventory() if kind.startswith("aiplatform."))
    assert kinds == {"aiplatform.models": 1, "aiplatform.endpoints": 1, "aiplatform.deployedModels": 1}
    drift = run("flows.detect_drift", "--profile", str(tmp_path / "profile.yaml"), environment=environment)
    assert "drift       none" in drift.stdout, drift.stdout + drift.stderr


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_teardown_after_the_kill_waits_for_what_is_on_its_way_and_leaves_nothing(
    hour_long: EmbeddedCloud, prefect_server: PrefectServer, tmp_path: Path
):
    profile = tmp_path / "profile.yaml"
    environment = killed_in_the_middle(hour_long, prefect_server, profile)
    name = profile.read_text().partition("\n")[0].removeprefix("name: ")
    done = run("flows.teardown", "--profile", str(profile), "--confirm", name, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert hour_long.inventory() == set()
    assert float(hour_long.ask("bill")["usd_per_hour"]) == 0
