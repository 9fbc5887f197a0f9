"""A VM that is not shielded, or that the internet reaches past the load balancer, is named."""

from __future__ import annotations

from typing import Any

from builders import a_profile
from cloud.connection import connect
from cloud.hardening import standing
from running import HTTP, EmbeddedCloud, wait_until
from tasks import probe_security

PROJECT = "embedded-project"
PROFILE = a_profile("cloud: embedded\n").model_copy(update={"project_id": PROJECT})
SHIELDED = {"shieldedInstanceConfig": {"enableSecureBoot": True, "enableVtpm": True, "enableIntegrityMonitoring": True}}


def plant(cloud: EmbeddedCloud, name: str, nic: dict[str, Any], more: dict[str, Any]) -> None:
    """A group of one VM with our label."""
    compute = f"http://{cloud.rest}/compute/v1/projects/{PROJECT}"
    disk = {"boot": True, "autoDelete": True, "initializeParams": {"diskType": "hyperdisk-balanced", "diskSizeGb": "200"}}
    properties = {
        "machineType": "tpu7x-standard-4t",
        "labels": {"ironwood-profile": PROFILE.name},
        "scheduling": {"onHostMaintenance": "TERMINATE"},
        "disks": [disk],
        "networkInterfaces": [{"network": f"projects/{PROJECT}/global/networks/default", **nic}],
        **more,
    }
    HTTP.post(f"{compute}/global/instanceTemplates", json={"name": name, "properties": properties}).raise_for_status()
    wait_until(lambda: HTTP.get(f"{compute}/global/instanceTemplates/{name}").is_success, "the template")
    group = {"name": name, "targetSize": 1, "instanceTemplate": f"projects/{PROJECT}/global/instanceTemplates/{name}"}
    wait_until(lambda: HTTP.post(f"{compute}/zones/us-central1-c/instanceGroupManagers", json=group).is_success, "the group")


def test_vms_that_are_not_shielded_or_have_an_external_address_are_named(in_the_cloud: EmbeddedCloud):
    api = f"http://{in_the_cloud.rest}/v1/projects/{PROJECT}/services/compute.googleapis.com"
    HTTP.post(f"{api}:enable", json={}).raise_for_status()
    wait_until(lambda: HTTP.get(api).json()["state"] == "ENABLED", "the API")
    connection = connect(PROFILE)
    plant(in_the_cloud, "sound", {}, SHIELDED)
    wait_until(lambda: len(standing(connection, PROFILE.name)) == 1, "the VM")
    assert [(each.passed, each.found) for each in probe_security.standing(connection, PROFILE.name)] == [
        (True, "all 1"),
        (True, "none of 1"),
    ]
    plant(in_the_cloud, "bare", {"accessConfigs": [{"name": "External NAT"}]}, {})
    wait_until(lambda: len(standing(connection, PROFILE.name)) == 2, "the other VM")
    shielded, hidden = probe_security.standing(connection, PROFILE.name)
    assert not shielded.passed
    assert shielded.found.startswith("bare-")
    assert shielded.found.endswith("lacks Secure Boot, vTPM, integrity monitoring")
    assert not hidden.passed
    assert hidden.found.endswith("has external")
    assert standing(connection, "another") == []
