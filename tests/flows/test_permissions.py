"""Exactly the role set: each operation runs under a role of the permissions recorded for it, and says which one it lacks.

`IRONWOOD_PERMISSIONS=all` takes every permission of every operation away in turn; otherwise a seeded sample.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from bench.permissions import DOCUMENT, PROFILE, document, make_token, rehearse
from cloud.connection import connect
from flows.provision import provision
from flows.scale import scale
from flows.teardown import teardown
from ironwood.apis import KNOWN_APIS
from ironwood.desired import desired
from ironwood.errors import PreflightError
from running import HTTP, ROOT, EmbeddedCloud, command, wait_until
from tasks.inputs import load_profile
from tasks.preflight.permissions import BOOK, permissions

PROJECT = "projects/embedded-project"
ALICE = "alice@example.com"
USED: dict[str, dict[str, list[str]]] = YAML(typ="safe").load(BOOK.read_text())
SEED = 20261123
IN_MAKE_TEST = 4
EVERY = [(operation, permission) for operation in USED for permission in sorted(USED[operation])]
ACT_AS = "iam.serviceAccounts.actAs"
SAMPLE = sorted({*random.Random(SEED).sample(EVERY, IN_MAKE_TEST), ("provision", ACT_AS)})
TRIED = EVERY if os.environ.get("IRONWOOD_PERMISSIONS") == "all" else SAMPLE
REMADE = "is not what a run used any more; run `python -m bench.permissions`"


def ask(cloud: EmbeddedCloud, path: str, body: Any, method: str = "POST") -> Any:
    return HTTP.request(method, f"http://{cloud.rest}/{path}", json=body, timeout=30)


def hold_exactly(cloud: EmbeddedCloud, permissions: set[str]) -> None:
    """Alice holds one custom role, of these permissions."""
    role = {"title": "exactly", "includedPermissions": sorted(permissions)}
    made = ask(cloud, f"v1/{PROJECT}/roles", {"roleId": "exactly", "role": role})
    if made.status_code == httpx.codes.CONFLICT:
        ask(cloud, f"v1/{PROJECT}/roles/exactly", role, "PATCH").raise_for_status()
        return
    made.raise_for_status()
    policy = ask(cloud, f"v3/{PROJECT}:getIamPolicy", {}).raise_for_status().json()
    bindings = [*policy["bindings"], {"role": f"{PROJECT}/roles/exactly", "members": [f"user:{ALICE}"]}]
    ask(cloud, f"v3/{PROJECT}:setIamPolicy", {"policy": {**policy, "bindings": bindings}}).raise_for_status()


@pytest.fixture
def alice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONWOOD_ACCESS_TOKEN", f"embedded-{ALICE}")


@pytest.mark.usefixtures("alice")
def test_every_operation_runs_under_exactly_its_role_and_uses_all_of_it(flows_here: EmbeddedCloud, tmp_path: Path):
    flows_here.enable("iam.googleapis.com", "cloudresourcemanager.googleapis.com")
    used = rehearse(flows_here.rest, tmp_path, become=lambda operation: hold_exactly(flows_here, set(USED[operation])))
    assert {operation: set(names) for operation, names in used.items()} == {operation: set(names) for operation, names in USED.items()}, (
        f"{BOOK.name} {REMADE}"
    )
    assert {each["caller"] for each in flows_here.requests() if each["user_agent"].startswith(("grpc", "gl-", "gapic"))} == {
        f"user:{ALICE}"
    }


def test_the_documentation_says_what_is_asked_for():
    assert DOCUMENT.read_text() == document(USED), f"{DOCUMENT.name} {REMADE}"


@pytest.mark.usefixtures("alice")
def test_a_missing_permission_is_named_with_its_remedy_before_the_first_write(flows_here: EmbeddedCloud, small_profile: Path):
    flows_here.enable(*KNOWN_APIS)
    name = small_profile.read_text().partition("\n")[0].removeprefix("name: ")
    operations: dict[str, Callable[[], object]] = {
        "provision": lambda: provision(str(small_profile)),
        "scale": lambda: scale(str(small_profile), {"small": 2}),
        "teardown": lambda: teardown(str(small_profile), confirm=name),
    }
    for operation, permission in TRIED:
        hold_exactly(flows_here, set(USED[operation]) - {permission})
        last = flows_here.requests()[-1]["n"]
        with pytest.raises(PreflightError) as refused:
            operations[operation]()
        if permission == ACT_AS:
            assert f"{operation} needs {permission} on tpu-inference-sa. Grant it: `gcloud" in str(refused.value)
        else:
            assert f"{operation} also needs {permission}. Grant it: `gcloud iam roles create" in str(refused.value)
            assert f"--permissions={permission}`" in str(refused.value)
        assert not [each for each in flows_here.requests() if each["n"] > last and each["write"]]


@pytest.mark.usefixtures("alice")
def test_act_as_may_be_granted_on_the_account_alone(flows_here: EmbeddedCloud, small_profile: Path):
    flows_here.enable(*KNOWN_APIS)
    hold_exactly(flows_here, set(USED["provision"]) - {ACT_AS})
    account = f"v1/{PROJECT}/serviceAccounts/tpu-inference-sa@embedded-project.iam.gserviceaccount.com"
    ask(flows_here, f"v1/{PROJECT}/serviceAccounts", {"accountId": "tpu-inference-sa"}).raise_for_status()
    wait_until(lambda: HTTP.get(f"http://{flows_here.rest}/{account}").is_success, "the account")
    profile = load_profile(str(small_profile))
    wanted = desired(profile, profile.baseline)
    (refused,) = permissions.fn(connect(profile), "provision", wanted)
    assert f"{ACT_AS} on tpu-inference-sa" in refused.found
    policy = {"bindings": [{"role": "roles/iam.serviceAccountUser", "members": [f"user:{ALICE}"]}]}
    ask(flows_here, f"{account}:setIamPolicy", {"policy": policy}).raise_for_status()
    (allowed,) = permissions.fn(connect(profile), "provision", wanted)
    assert not allowed.remedy


@pytest.mark.long
def test_a_permission_taken_away_in_the_middle_is_told_by_the_step_and_given_back_the_run_is_finished(
    flows_here: EmbeddedCloud, commands: dict[str, str], tmp_path: Path
):
    flows_here.enable(*KNOWN_APIS)
    make_token(flows_here.rest)
    hold_exactly(flows_here, set(USED["provision"]))
    path = tmp_path / "middle.yaml"
    path.write_text(PROFILE.replace("name: permissions", f"name: middle-{os.getpid() % 1000}"))
    environment = {**commands, "IRONWOOD_ACCESS_TOKEN": f"embedded-{ALICE}"}
    held = flows_here.tell("faults", {"type": "hold", "nth_write": 1, "point": "before"})["id"]
    arguments = command("flows.provision", "--profile", str(path))
    process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_until(lambda: flows_here.ask("faults")["faults"][0]["state"] == "holding", "the first write")
    hold_exactly(flows_here, set(USED["provision"]) - {"compute.urlMaps.create"})
    flows_here.tell(f"faults/{held}", {}, method="DELETE")
    told, _ = process.communicate(timeout=200)
    assert process.returncode == 1
    assert f"Required 'compute.urlMaps.create' permission for '{PROJECT}/global/urlMaps/ai-inference-url-map'" in told
    assert "docs/permissions.md" in told
    assert ALICE not in told
    hold_exactly(flows_here, set(USED["provision"]))
    assert subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, timeout=200).returncode == 0
