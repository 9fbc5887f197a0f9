"""What gcloud sends is answered: the raw requests of the seed's commands, and the commands themselves where gcloud is installed."""

import json
import os
import shutil
import subprocess

import pytest


@pytest.fixture
def served(scaled):
    """A small load balancer with one group."""
    scaled.network()
    scaled.template()
    scaled.health_check()
    group = scaled.group(2)
    scaled.front(scaled.backend_service(group))
    while not scaled.ask("GET", group)["status"]["isStable"]:
        pass
    return scaled


RAW = [
    ("GET", "/compute/v1/projects/{p}/regions/us-central1?alt=json", None, "compute#region"),
    ("GET", "/compute/v1/projects/{p}/zones/us-central1-a?alt=json", None, "compute#zone"),
    ("GET", "/compute/v1/projects/{p}/global/forwardingRules/rule?alt=json", None, "compute#forwardingRule"),
    ("GET", "/compute/v1/projects/{p}/global/forwardingRules?alt=json&maxResults=500", None, "compute#forwardingRuleList"),
    ("GET", "/compute/v1/projects/{p}?alt=json", None, "compute#project"),
    ("GET", "/compute/v1/projects/{p}/global/backendServices/backend?alt=json", None, "compute#backendService"),
    (
        "POST",
        "/compute/v1/projects/{p}/global/backendServices/backend/getHealth?alt=json",
        {"group": "{u}/compute/v1/projects/{p}/zones/us-central1-c/instanceGroups/group"},
        "compute#backendServiceGroupHealth",
    ),
    ("GET", "/compute/v1/projects/{p}/global/healthChecks/check?alt=json", None, "compute#healthCheck"),
    ("GET", "/compute/v1/projects/{p}/global/backendServices?alt=json&maxResults=500", None, "compute#backendServiceList"),
    ("GET", "/compute/v1/projects/{p}/aggregated/instances?alt=json&includeAllScopes=True&returnPartialSuccess=True", None,
     "compute#instanceAggregatedList"),
]  # fmt: skip


def test_the_raw_requests_of_the_seeds_commands_are_answered(served):
    for method, path, body, kind in RAW:
        fields = {"p": served.project, "u": served.url}
        filled = {key: value.format(**fields) for key, value in body.items()} if body else None
        assert served.ask(method, path.format(**fields), filled)["kind"] == kind


def test_services_enable_and_service_accounts_list_are_answered_raw(served):
    path = f"/v1/projects/{served.project}/services:batchEnable?alt=json"
    operation = served.ask("POST", path, {"serviceIds": ["redis.googleapis.com", "tpu.googleapis.com"]})
    while not operation.get("done"):
        operation = served.ask("GET", f"/v1/{operation['name']}?alt=json")
    assert [service["state"] for service in operation["response"]["services"]] == ["ENABLED", "ENABLED"]
    accounts = served.ask("GET", f"/v1/projects/{served.project}/serviceAccounts?alt=json&pageSize=100")["accounts"]
    assert [account["displayName"] for account in accounts] == ["Compute Engine default service account"]


@pytest.fixture
def gcloud(served, tmp_path):
    program = shutil.which("gcloud")
    if program is None:
        pytest.skip("gcloud is not installed")
    names = {"COMPUTE": f"{served.url}/compute/v1/", "SERVICEUSAGE": f"{served.url}/", "IAM": f"{served.url}/"}
    environment = {
        **os.environ,
        "CLOUDSDK_CONFIG": str(tmp_path),
        "CLOUDSDK_CORE_PROJECT": served.project,
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        **{f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}": url for name, url in names.items()},
    }

    def run(command):
        done = subprocess.run([program, *command.split(), "--format=json"], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    return run


def test_gcloud_itself_reads_and_enables(gcloud, served):
    assert gcloud("compute forwarding-rules describe rule --global")["portRange"] == "8080-8080"
    (backend,) = gcloud("compute backend-services get-health backend --global")
    assert [entry["port"] for entry in backend["status"]["healthStatus"]] == [8080, 8080]
    assert gcloud("compute health-checks describe check")["type"] == "HTTP"
    gcloud("services enable redis.googleapis.com")
    assert served.ask("GET", f"/v1/projects/{served.project}/services/redis.googleapis.com")["state"] == "ENABLED"
    (account,) = gcloud("iam service-accounts list")
    assert account["email"].endswith("-compute@developer.gserviceaccount.com")
    assert {"metric": "NETWORKS", "limit": 15.0, "usage": 2.0} in gcloud("compute project-info describe")["quotas"]
    (service,) = gcloud("compute backend-services list --global")
    assert service["name"] == "backend"


def test_gcloud_itself_updates_a_backend_service_with_the_fingerprint_it_read(gcloud, served):
    gcloud("compute backend-services update backend --global --timeout 45")
    assert served.ask("GET", "global/backendServices/backend")["timeoutSec"] == 45
