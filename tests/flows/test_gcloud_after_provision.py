"""What gcloud would send, and gcloud itself where it is installed, against what our flows provisioned."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from flows.provision import provision
from flows.status import status
from running import EmbeddedCloud

PROJECT = "embedded-project"
COMPUTE = f"compute/v1/projects/{PROJECT}"
OVERRIDES = {
    "AIPLATFORM": "",
    "COMPUTE": "compute/v1/",
    "IAM": "",
    "SERVICEUSAGE": "",
}

READS = {
    "config set compute/region": f"{COMPUTE}/regions/us-central1",
    "config set compute/zone": f"{COMPUTE}/zones/us-central1-c",
    "forwarding-rules describe": f"{COMPUTE}/global/forwardingRules/ai-inference-forwarding-rule",
    "forwarding-rules list": f"{COMPUTE}/global/forwardingRules",
    "project-info describe": COMPUTE,
    "health-checks describe": f"{COMPUTE}/global/healthChecks/tpu-health-check",
    "backend-services list": f"{COMPUTE}/aggregated/backendServices",
    "ai endpoints list": f"v1/projects/{PROJECT}/locations/us-central1/endpoints?pageSize=100",
    "iam service-accounts list": f"v1/projects/{PROJECT}/serviceAccounts?pageSize=100",
}


@pytest.fixture
def provisioned(flows_here: EmbeddedCloud, small_profile: Path) -> EmbeddedCloud:
    small_profile.write_text(small_profile.read_text().replace("vertex: {endpoints: false}\n", ""))
    provision(str(small_profile))
    return flows_here


def test_what_gcloud_would_read_is_answered_and_is_what_status_puts_out(
    provisioned: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    answers = {command: httpx.get(f"http://{provisioned.rest}/{path}", timeout=30) for command, path in READS.items()}
    assert {command: answer.status_code for command, answer in answers.items()} == dict.fromkeys(READS, 200)
    rule = answers["forwarding-rules describe"].json()
    assert rule["portRange"] == "8080-8080"
    listed = answers["ai endpoints list"].json()["endpoints"]
    assert {each["displayName"] for each in listed} == {"inference-endpoint-small", "inference-endpoint-medium"}
    assert rule["IPAddress"].startswith("127.")
    capsys.readouterr()
    found = status(str(small_profile), form="json")
    told = json.loads(capsys.readouterr().out)
    put_out = told["outputs"]
    assert len(told["resources"]) == found
    assert {"instance_group", "forwarding_rule", "vertex_endpoint"} <= {each["kind"] for each in told["resources"]}
    assert put_out["load_balancer_ip"] == rule["IPAddress"]
    assert put_out["load_balancer_url"] == f"http://{rule['IPAddress']}:8080"
    assert put_out["vertex_ai_endpoints"].keys() == {each["name"].rpartition("/")[2] for each in listed}
    assert put_out["tpu_pods_status"]["ironwood-cluster-small-001"] == {
        "zone": "us-central1-c", "vms": 2, "vms_lacking": 0, "state": "STABLE",
    }  # fmt: skip
    assert put_out["redis_cache_instance"] is None
    assert any("tpu-inference-sa@" in each["email"] for each in answers["iam service-accounts list"].json()["accounts"])


def test_what_gcloud_would_ask_for_health_is_answered_for_every_group(provisioned: EmbeddedCloud):
    service = httpx.get(f"http://{provisioned.rest}/{COMPUTE}/global/backendServices/inference-backend-small", timeout=30).json()
    for backend in service["backends"]:
        url = f"http://{provisioned.rest}/{COMPUTE}/global/backendServices/inference-backend-small/getHealth"
        states = httpx.post(url, json={"group": backend["group"]}, timeout=30).json()["healthStatus"]
        assert {state["healthState"] for state in states} == {"HEALTHY"}


def test_what_gcloud_would_send_to_enable_services_is_taken(provisioned: EmbeddedCloud):
    url = f"http://{provisioned.rest}/v1/projects/{PROJECT}/services:batchEnable"
    answer = httpx.post(url, json={"serviceIds": ["compute.googleapis.com", "iam.googleapis.com"]}, timeout=30)
    assert answer.status_code == 200
    assert answer.json()["name"].startswith("operations/")


@pytest.fixture
def gcloud(provisioned: EmbeddedCloud, tmp_path: Path) -> Callable[..., str]:
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud is not installed; the requests it would send are replayed by the tests above")
    environment = {
        **os.environ,
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": PROJECT,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
    }
    environment |= {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}": f"http://{provisioned.rest}/{path}" for name, path in OVERRIDES.items()}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["gcloud", *arguments], env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_seeds_gcloud_commands_print_what_was_provisioned(gcloud: Callable[..., str]):
    address = gcloud("compute", "forwarding-rules", "describe", "ai-inference-forwarding-rule", "--global", "--format=get(IPAddress)")
    assert address.strip().startswith("127.")
    health = gcloud("compute", "backend-services", "get-health", "inference-backend-medium", "--global", "--format=json")
    assert all(each["healthState"] == "HEALTHY" for group in json.loads(health) for each in group["status"]["healthStatus"])
    check = json.loads(gcloud("compute", "health-checks", "describe", "tpu-health-check", "--format=json"))
    assert check["httpHealthCheck"] == {"port": 8080, "requestPath": "/health"} | {
        key: value for key, value in check["httpHealthCheck"].items() if key not in {"port", "requestPath"}
    }
    assert "tpu-inference-sa@" in gcloud("iam", "service-accounts", "list", "--format=value(email)")
    listed = json.loads(gcloud("ai", "endpoints", "list", "--region=us-central1", "--format=json"))
    assert {each["displayName"] for each in listed} == {"inference-endpoint-small", "inference-endpoint-medium"}
    quotas = json.loads(gcloud("compute", "project-info", "describe", "--format=json(quotas)"))["quotas"]
    assert any(quota["metric"] == "NETWORKS" and quota["usage"] >= 1 for quota in quotas)
    assert gcloud("services", "enable", "compute.googleapis.com", "iam.googleapis.com") == ""
