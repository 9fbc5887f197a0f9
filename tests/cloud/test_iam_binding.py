"""The project's policy is shared: everybody else's bindings stay, who was slower asks again, what lingers is removed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cloud.connection import connect
from cloud.drivers.iam_binding import IAM_BINDING
from cloud.journal import Attempt
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.teardown import teardown
from ironwood.errors import TransientError
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.iam_binding import IamBinding
from running import HTTP, EmbeddedCloud, wait_until
from tasks.inputs import load_profile

PROJECT = "projects/embedded-project"
ACCOUNT = "tpu-inference-sa@embedded-project.iam.gserviceaccount.com"
CONDITIONAL = {
    "role": "roles/storage.objectViewer",
    "members": ["user:bob@example.com"],
    "condition": {"title": "until June", "expression": 'request.time < timestamp("2027-06-01T00:00:00Z")'},
}
PLAIN = {"role": "roles/storage.objectViewer", "members": ["user:carol@example.com"]}


def policy(cloud: EmbeddedCloud) -> dict[str, Any]:
    return dict(HTTP.post(f"http://{cloud.rest}/v3/{PROJECT}:getIamPolicy", json={}).raise_for_status().json())


def write(cloud: EmbeddedCloud, *bindings: dict[str, Any]) -> None:
    now = policy(cloud)
    body = {"policy": {**now, "version": 3, "bindings": [*now["bindings"], *bindings]}}
    HTTP.post(f"http://{cloud.rest}/v3/{PROJECT}:setIamPolicy", json=body).raise_for_status()


def enable(cloud: EmbeddedCloud) -> None:
    names = ["iam.googleapis.com", "cloudresourcemanager.googleapis.com"]
    HTTP.post(f"http://{cloud.rest}/v1/{PROJECT}/services:batchEnable", json={"serviceIds": names}).raise_for_status()
    urls = [f"http://{cloud.rest}/v1/{PROJECT}/services/{each}" for each in names]
    wait_until(lambda: all(HTTP.get(url).json()["state"] == "ENABLED" for url in urls), "the APIs")


def test_a_life_beside_others(flows_here: EmbeddedCloud, small_profile: Path):
    """Conflicts are repeated; what an account deleted by hand left is removed; everybody else's bindings stay to the end."""
    enable(flows_here)
    write(flows_here, CONDITIONAL, PLAIN)
    before = policy(flows_here)["bindings"]
    words = "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."
    method = "cloudresourcemanager.projects.setIamPolicy"
    flows_here.tell("faults", {"type": "error", "method": method, "status": 409, "message": words, "times": 1})
    provision(str(small_profile))
    ours = {each["role"] for each in policy(flows_here)["bindings"] if f"serviceAccount:{ACCOUNT}" in each["members"]}
    assert ours == {
        "roles/artifactregistry.reader",
        "roles/logging.logWriter",
        "roles/monitoring.metricWriter",
        "roles/storage.objectViewer",
    }
    assert CONDITIONAL in policy(flows_here)["bindings"]
    HTTP.delete(f"http://{flows_here.rest}/v1/{PROJECT}/serviceAccounts/{ACCOUNT}").raise_for_status()
    assert str(policy(flows_here)).count("deleted:serviceAccount") == 4
    provision(str(small_profile))
    assert "deleted:serviceAccount" not in str(policy(flows_here))
    assert str(policy(flows_here)).count(f"serviceAccount:{ACCOUNT}") == 4
    assert detect_drift(str(small_profile)) == 0
    teardown(str(small_profile), confirm=load_profile(str(small_profile)).name)
    assert policy(flows_here)["bindings"] == before


def test_who_was_slower_is_told_to_ask_again_and_overwrites_nothing(in_the_cloud: EmbeddedCloud, small_profile: Path):
    enable(in_the_cloud)
    HTTP.post(f"http://{in_the_cloud.rest}/v1/{PROJECT}/serviceAccounts", json={"accountId": "tpu-inference-sa"}).raise_for_status()
    wait_until(lambda: HTTP.get(f"http://{in_the_cloud.rest}/v1/{PROJECT}/serviceAccounts/{ACCOUNT}").is_success, "the account")
    account = Address(kind="service_account", scope=GLOBAL, name="tpu-inference-sa")
    binding = IamBinding(name="b", account=account, role="roles/logging.logWriter")
    connection = connect(load_profile(str(small_profile)))
    attempt = Attempt(run=uuid4(), step="s", number=1)
    held = in_the_cloud.tell("faults", {"type": "hold", "nth_write": 1, "point": "before"})["id"]
    with ThreadPoolExecutor(1) as beside:
        slower = beside.submit(IAM_BINDING.create, connection, attempt, binding)
        wait_until(lambda: in_the_cloud.ask("faults")["faults"][0]["state"] == "holding", "the write")
        write(in_the_cloud, PLAIN)
        in_the_cloud.tell(f"faults/{held}", {}, method="DELETE")
        with pytest.raises(TransientError, match="concurrent policy changes"):
            slower.result()
    IAM_BINDING.create(connection, attempt, binding)
    roles = {each["role"]: each["members"] for each in policy(in_the_cloud)["bindings"]}
    assert roles["roles/logging.logWriter"] == [f"serviceAccount:{ACCOUNT}"]
    assert roles["roles/storage.objectViewer"] == ["user:carol@example.com"]
