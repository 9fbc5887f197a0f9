"""Each organisation policy that would refuse us is found before the first write, with its remedy; those that would not are no obstacle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.provision import provision
from ironwood.apis import REQUIRED_APIS
from ironwood.errors import PreflightError
from running import EmbeddedCloud, wait_until

REFUSING: dict[str, tuple[list[dict[str, Any]], str]] = {
    "iam.disableServiceAccountCreation": ([{"enforce": True}], r"lets nobody make tpu-inference-sa\. Have it lifted .*adopt:"),
    "compute.trustedImageProjects": (
        [{"values": {"allowedValues": ["projects/our-images"]}}],
        r"does not allow images of ubuntu-os-accelerator-images\. Have projects/ubuntu-os-accelerator-images allowed",
    ),
    "gcp.resourceLocations": (
        [{"values": {"allowedValues": ["in:europe-west4-locations"]}}],
        r"does not allow us-central1, us-central1-c\. Have .* among in:europe-west4-locations",
    ),
    "compute.restrictLoadBalancerCreationForTypes": (
        [{"values": {"deniedValues": ["in:EXTERNAL"]}}],
        r"does not allow GLOBAL_EXTERNAL_MANAGED_HTTP_HTTPS\. Have GLOBAL_EXTERNAL_MANAGED_HTTP_HTTPS allowed",
    ),
}
HARMLESS: dict[str, list[dict[str, Any]]] = {
    "compute.vmExternalIpAccess": [{"denyAll": True}],
    "compute.requireShieldedVm": [{"enforce": True}],
    "compute.skipDefaultNetworkCreation": [{"enforce": True}],
    "iam.allowedPolicyMemberDomains": [{"values": {"allowedValues": ["example.com"]}}],
    "gcp.resourceLocations": [{"values": {"allowedValues": ["in:us-central1-locations"]}}],
}


def test_a_policy_that_refuses_is_named_before_the_first_write(flows_here: EmbeddedCloud, small_profile: Path):
    head = f"http://{flows_here.rest}/v1/projects/embedded-project"
    httpx.post(f"{head}/services:batchEnable", json={"serviceIds": list(REQUIRED_APIS)}).raise_for_status()
    wait_until(lambda: httpx.get(f"{head}/services/compute.googleapis.com").json()["state"] == "ENABLED", "the APIs")
    before = len(flows_here.writes())
    for name, (rules, words) in REFUSING.items():
        flows_here.tell("orgpolicies", {name: rules}, method="PUT")
        with pytest.raises(PreflightError, match=rf"organisation policy {name}: .*{words}"):
            provision(str(small_profile))
        flows_here.tell("orgpolicies", {name: None}, method="PUT")
    assert len(flows_here.writes()) == before


def test_policies_that_need_not_refuse_us_do_not(flows_here: EmbeddedCloud, small_profile: Path):
    flows_here.tell("orgpolicies", HARMLESS, method="PUT")
    assert provision(str(small_profile)) > 0
