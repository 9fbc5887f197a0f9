"""Every command of the seed's README: told in docs/seed-commands.md, and those of gcloud typed after a provision and after a teardown.

gcloud speaks to Google's own hosts, which a proxy of the test takes for the embedded cloud. Where gcloud is not installed its part is skipped; what it would
send is sent by itself either way.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from google_hosts import GoogleHosts
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_ENABLED,
    PREFECT_RESULTS_LOCAL_STORAGE_PATH,
    temporary_settings,
)
from ruamel.yaml import YAML

from builders import ROOT
from flows.provision import provision
from flows.status import status
from flows.teardown import teardown
from running import HTTP, EmbeddedCloud, PrefectServer, wait_until

pytestmark = pytest.mark.timeout(900)  # thirty starts of gcloud, of a second and a half each where nothing else runs
PROJECT, ACCOUNT = "embedded-project", "012345-6789AB-CDEF01"
WORDS = {"PROJECT_ID": PROJECT, "REGION": "us-central1", "ZONE": "us-central1-a", "BILLING_ACCOUNT_ID": ACCOUNT}
COMMANDS: list[dict[str, str]] = YAML(typ="safe").load((ROOT / "tests" / "data" / "seed_commands.yaml").read_text())
OF_GCLOUD = {each["id"]: each for each in COMMANDS if each["of"] == "gcloud"}
COMPUTE, PLACE = f"compute/v1/projects/{PROJECT}", f"v1/projects/{PROJECT}/locations/us-central1"
DEPLOYMENT = f"{PLACE}/deployments/ai-inference-deployment"
BUDGET = {
    "budget": {
        "displayName": "TPU Inference Budget",
        "amount": {"specifiedAmount": {"currencyCode": "USD", "units": "10000"}},
        "thresholdRules": [{"thresholdPercent": 0.8, "spendBasis": "CURRENT_SPEND"}],
    }
}
AUTOSCALING = {"logName": f"projects/{PROJECT}/logs/scaling", "resource": {"type": "gce_instance"}, "jsonPayload": {"message": "autoscaling: 1 to 2"}}  # fmt: skip
FAILED = {
    "logName": f"projects/{PROJECT}/logs/aiplatform.googleapis.com%2Fprediction_container",
    "resource": {"type": "aiplatform.googleapis.com/Endpoint", "labels": {"endpoint_id": "inference-endpoint-small"}},
    "severity": "ERROR",
    "textPayload": "Model server never became ready",
}
REPLAYED: dict[str, tuple[str, str, Any]] = {
    "set-region": ("GET", f"{COMPUTE}/regions/us-central1", None),
    "set-zone": ("GET", f"{COMPUTE}/zones/us-central1-a", None),
    "enable": ("POST", f"v1/projects/{PROJECT}/services:batchEnable", {"serviceIds": OF_GCLOUD["enable"]["command"].split()[3:]}),
    "im-apply": ("POST", f"{PLACE}/deployments?deploymentId=ai-inference-deployment", {}),
    "im-describe": ("GET", DEPLOYMENT, None),
    "im-resources": ("GET", f"{DEPLOYMENT}/revisions/r-0/resources", None),
    "tpu-list": ("GET", f"v2/projects/{PROJECT}/locations/us-central1-a/nodes", None),
    "tpu-ssh": ("GET", f"v2/projects/{PROJECT}/locations/us-central1-a/nodes/ironwood-cluster-small-001", None),
    "lb-ip": ("GET", f"{COMPUTE}/global/forwardingRules/ai-inference-forwarding-rule", None),
    "autoscaling-log": (
        "POST",
        "v2/entries:list",
        {"resourceNames": [f"projects/{PROJECT}"], "filter": 'resource.type="gce_instance" AND jsonPayload.message:"autoscaling"'},
    ),
    "quotas": ("GET", COMPUTE, None),
    "endpoints": ("GET", f"{PLACE}/endpoints?pageSize=100", None),
    "endpoint-log": (
        "POST",
        "v2/entries:list",
        {"resourceNames": [f"projects/{PROJECT}"], "filter": 'resource.type="aiplatform.googleapis.com/Endpoint"'},
    ),
    "health": ("GET", f"{COMPUTE}/global/backendServices/inference-backend-medium", None),
    "health-check": ("GET", f"{COMPUTE}/global/healthChecks/tpu-health-check", None),
    "im-delete": ("DELETE", DEPLOYMENT, None),
    "im-list": ("GET", f"{PLACE}/deployments", None),
    "no-tpu": ("GET", f"v2/projects/{PROJECT}/locations/us-central1-a/nodes", None),
    "no-endpoints": ("GET", f"{PLACE}/endpoints?pageSize=100", None),
    "no-rules": ("GET", f"{COMPUTE}/global/forwardingRules", None),
    "no-services": ("GET", f"{COMPUTE}/global/backendServices", None),
    "no-accounts": ("GET", f"v1/projects/{PROJECT}/serviceAccounts?pageSize=100", None),
    "budget": ("POST", f"v1beta1/billingAccounts/{ACCOUNT}/budgets", BUDGET),
}
"""What gcloud sends, by the command's id; `set-project` sends nothing, `metrics` is no command of it."""


@dataclass
class Seen:
    """What each command printed and each request was answered, by id; `status`: the JSON of `status`, `served`: the answer to the seed's prediction."""

    status: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, httpx.Response] = field(default_factory=dict)
    health: list[Any] = field(default_factory=list)
    served: httpx.Response | None = None
    accounts: str = ""
    printed: dict[str, subprocess.CompletedProcess[str]] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def embedded_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """One whose time begins now: `gcloud logging read` asks for what is younger than a day by the clock on the wall."""
    running = EmbeddedCloud(folder=tmp_path_factory.mktemp("embedded")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def seen(
    tmp_path_factory: pytest.TempPathFactory, embedded_cloud: EmbeddedCloud, prefect_server: PrefectServer, gcloud: Mapping[str, str]
) -> Seen:
    """One provision, everything asked; one teardown, and what is asked after it."""
    folder = tmp_path_factory.mktemp("seed")
    profile = folder / "seed.yaml"
    profile.write_text(
        f"name: seed-{os.getpid()}\ncloud: embedded\nproject_id: {PROJECT}\nload_balancer: {{port: 8080}}\nlease: {{enabled: false}}\n"
        "logging: {enabled: false}\nmonitoring: {enabled: false}\ntiers:\n  small: {chips: 8}\n  medium: {chips: 8}\n"
        "development:\n  bench: {accelerator_type: v5litepod-4}\n"
    )
    settings = {
        PREFECT_API_URL: prefect_server.url,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOGGING_TO_API_ENABLED: False,
        PREFECT_RESULTS_LOCAL_STORAGE_PATH: prefect_server.folder / "results",
    }
    found, asked = Seen(), GoogleHosts(folder=folder, rest=embedded_cloud.rest).start()
    cloud = f"http://{embedded_cloud.rest}"
    environment = {**gcloud, "CLOUDSDK_PROXY_PORT": str(asked.port), "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": str(asked.authority)}
    (folder / "terraform.tfvars").write_text(f'project_id = "{PROJECT}"\n')
    with pytest.MonkeyPatch.context() as patch, temporary_settings(settings):
        patch.setenv("IRONWOOD_EMULATOR", embedded_cloud.rest)
        provision(str(profile))
        told = io.StringIO()
        with redirect_stdout(told):
            status(str(profile), form="json")
        found.status = json.loads(told.getvalue())
        # The seed enables neither, and then types commands of both.
        enabling = f"{cloud}/v1/projects/{PROJECT}/services:batchEnable"
        _finished(cloud, HTTP.post(enabling, json={"serviceIds": ["config.googleapis.com", "tpu.googleapis.com"]}))
        HTTP.post(f"{cloud}/v2/entries:write", json={"entries": [AUTOSCALING, FAILED]}).raise_for_status()
        before = [each for each in OF_GCLOUD if "after" not in OF_GCLOUD[each]]
        _replay(cloud, before, found)
        _finished(cloud, found.answers["enable"])
        for backend in found.answers["health"].json()["backends"]:
            url = f"{cloud}/{COMPUTE}/global/backendServices/inference-backend-medium/getHealth"
            found.health.append(HTTP.post(url, json={"group": backend["group"]}).json())
        address = f"http://{found.answers['lb-ip'].json()['IPAddress']}:8080"
        question = {"instances": [{"text": "Hello, this is a test inference request"}]}
        found.served = HTTP.post(f"{address}/v1/predict", json=question)
        found.accounts = HTTP.get(f"{cloud}/{REPLAYED['no-accounts'][1]}").text
        _type(before, environment, folder, found)
        teardown(str(profile), confirm=found.status["profile"])
        _replay(cloud, [each for each in OF_GCLOUD if "after" in OF_GCLOUD[each]], found)
        _type([each for each in OF_GCLOUD if "after" in OF_GCLOUD[each]], environment, folder, found)
    found.hosts = set(asked.asked)
    asked.stop()
    return found


@pytest.fixture(scope="module")
def gcloud(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Its environment: nobody's credentials, no settings but these, and a home of its own (`ssh` makes keys there)."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("CLOUDSDK_")},
        "HOME": str(tmp_path_factory.mktemp("home")),
        "CLOUDSDK_CONFIG": str(tmp_path_factory.mktemp("gcloud")),
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": PROJECT,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "CLOUDSDK_PROXY_TYPE": "http",
        "CLOUDSDK_PROXY_ADDRESS": "127.0.0.1",
    }


def _finished(cloud: str, enabling: httpx.Response) -> None:
    """Wait for an enabling: another one is refused until then."""
    name = enabling.raise_for_status().json()["name"]
    wait_until(lambda: HTTP.get(f"{cloud}/v1/{name}").raise_for_status().json().get("done"), "the APIs to be enabled")


def _replay(cloud: str, ids: list[str], found: Seen) -> None:
    for each in ids:
        if each in REPLAYED:
            method, path, body = REPLAYED[each]
            found.answers[each] = HTTP.request(method, f"{cloud}/{path}", json=body)


def _type(ids: list[str], environment: Mapping[str, str], folder: Path, found: Seen) -> None:
    """Each command as it is typed here, and, where gcloud refuses what the seed writes, that too (`ID as written`)."""
    if shutil.which("gcloud") is None:
        return
    typed = {each: OF_GCLOUD[each].get("run", OF_GCLOUD[each]["command"]) for each in ids}
    typed |= {f"{each} as written": OF_GCLOUD[each]["command"] for each in ids if "run" in OF_GCLOUD[each]}

    def run(text: str) -> subprocess.CompletedProcess[str]:
        words = shlex.split(re.sub(r"\$\{(\w+)\}", lambda found: WORDS[found[1]], text))
        return subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, timeout=200, stdin=subprocess.DEVNULL)

    with ThreadPoolExecutor(3) as pool:
        found.printed |= dict(zip(typed, pool.map(run, typed.values()), strict=True))


@pytest.fixture
def printed(seen: Seen) -> dict[str, subprocess.CompletedProcess[str]]:
    if not seen.printed:
        pytest.skip("gcloud is not installed; what it would send is sent by the tests above")
    return seen.printed


def test_the_table_tells_every_command_of_the_seed_in_its_order():
    rows = [line for line in (ROOT / "docs" / "seed-commands.md").read_text().splitlines() if line.startswith("| ") and "`" in line]
    cells = [re.split(r"(?<!\\) \| ", line.strip("| ").replace(" |", " |")) for line in rows]
    assert [(row[0], row[1].strip("`").replace("\\|", "|")) for row in cells] == [(each["chapter"], each["command"]) for each in COMMANDS]
    assert all(len(row) == 4 and row[2].strip() and row[3].strip() for row in cells)


def test_what_gcloud_would_send_is_answered_with_what_was_provisioned(seen: Seen):
    answers = seen.answers
    refused = {each: answer.status_code for each, answer in answers.items() if answer.status_code != 200}
    assert refused == {"im-apply": 400, "im-describe": 404, "im-resources": 404, "im-delete": 404, "tpu-ssh": 404}
    assert "runs none" in answers["im-apply"].json()["error"]["message"]
    assert answers["enable"].json()["name"].startswith("operations/")
    assert [each["name"].rpartition("/")[2] for each in answers["tpu-list"].json()["nodes"]] == ["ironwood-dev-bench-001"]
    assert [each["jsonPayload"]["message"] for each in answers["autoscaling-log"].json()["entries"]] == ["autoscaling: 1 to 2"]
    assert [each["textPayload"] for each in answers["endpoint-log"].json()["entries"]] == [FAILED["textPayload"]]
    assert any(each["metric"] == "NETWORKS" and each["usage"] >= 1 for each in answers["quotas"].json()["quotas"])
    assert {each["displayName"] for each in answers["endpoints"].json()["endpoints"]} == {"inference-endpoint-small", "inference-endpoint-medium"}  # fmt: skip
    assert {each["healthState"] for group in seen.health for each in group["healthStatus"]} == {"HEALTHY"}
    assert answers["health-check"].json()["httpHealthCheck"]["requestPath"] == "/health"
    assert "tpu-inference-sa@" in seen.accounts
    assert seen.served is not None
    assert seen.served.status_code == 200
    assert answers["budget"].json()["displayName"] == "TPU Inference Budget"


def test_what_gcloud_would_read_is_what_status_puts_out(seen: Seen):
    put_out, address = seen.status["outputs"], seen.answers["lb-ip"].json()["IPAddress"]
    assert put_out["load_balancer_ip"] == address
    assert put_out["load_balancer_url"] == f"http://{address}:8080"
    assert put_out["vertex_ai_endpoints"].keys() == {each["name"].rpartition("/")[2] for each in seen.answers["endpoints"].json()["endpoints"]}  # fmt: skip
    assert put_out["tpu_pods_status"]["ironwood-cluster-small-001"] == {"zone": "us-central1-c", "vms": 2, "vms_lacking": 0, "state": "STABLE"}  # fmt: skip
    assert put_out["redis_cache_instance"] is None
    kinds = {each["kind"]: each for each in seen.status["resources"]}
    assert {"instance_group", "forwarding_rule", "vertex_endpoint", "queued_tpu"} <= kinds.keys()
    assert kinds["instance_group"]["hourly_usd"] > 0
    assert kinds["instance_group"]["created"]
    assert seen.status["hourly_usd"] == pytest.approx(sum(each["hourly_usd"] for each in seen.status["resources"]), abs=0.01)


def test_after_a_teardown_the_seeds_verification_lists_nothing_of_ours(seen: Seen):
    left = {each: seen.answers[each].json() for each in ("no-tpu", "no-endpoints", "no-rules", "no-services")}
    assert {each: answer.get("items") or answer.get("nodes") or answer.get("endpoints") for each, answer in left.items()} == dict.fromkeys(left)  # fmt: skip
    assert "tpu-inference-sa@" not in seen.answers["no-accounts"].text


def test_gcloud_itself_prints_what_was_provisioned(printed: dict[str, subprocess.CompletedProcess[str]]):
    refused = {each: done.returncode for each, done in printed.items() if done.returncode}
    assert refused == {
        "im-apply": 1, "im-describe": 1, "im-resources": 1, "im-delete": 1, "tpu-ssh": 1, "metrics": 2, "im-resources as written": 2,
        "budget as written": 2,
    }, {each: done.stderr for each, done in printed.items() if done.returncode}  # fmt: skip
    for each in ("set-region", "set-zone"):
        assert "Updated property" in printed[each].stderr
    assert "finished successfully" in printed["enable"].stderr or not printed["enable"].stdout
    assert "ironwood-dev-bench-001" in printed["tpu-list"].stdout
    assert printed["lb-ip"].stdout.startswith("127.")
    assert "autoscaling: 1 to 2" in printed["autoscaling-log"].stdout
    assert FAILED["textPayload"] in printed["endpoint-log"].stdout
    assert "NETWORKS" in printed["quotas"].stdout
    assert "inference-endpoint-medium" in printed["endpoints"].stdout
    assert printed["health"].stdout.count("healthState: HEALTHY") == 2
    assert "requestPath: /health" in printed["health-check"].stdout
    assert "Created [" in printed["budget"].stderr


def test_gcloud_itself_says_what_is_not_there_and_what_it_does_not_take(printed: dict[str, subprocess.CompletedProcess[str]]):
    assert "runs none" in printed["im-apply"].stderr
    for each in ("im-describe", "im-resources", "im-delete", "tpu-ssh"):
        assert "NOT_FOUND" in printed[each].stderr
    for each in OF_GCLOUD.values():
        if "refused" in each:
            assert each["refused"] in printed[f"{each['id']} as written" if "run" in each else each["id"]].stderr


def test_gcloud_itself_lists_nothing_of_ours_after_a_teardown(printed: dict[str, subprocess.CompletedProcess[str]], seen: Seen):
    for each in ("no-tpu", "no-endpoints", "no-rules", "no-services", "im-list"):
        assert (printed[each].stdout, "Listed 0 items." in printed[each].stderr) == ("", True)
    assert "tpu-inference-sa@" not in printed["no-accounts"].stdout
    assert "-compute@developer.gserviceaccount.com" in printed["no-accounts"].stdout
    assert {"compute.googleapis.com", "billingbudgets.googleapis.com", "us-central1-aiplatform.googleapis.com"} <= seen.hosts
