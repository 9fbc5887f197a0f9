"""What an organisation policy refuses, by method; asked before the handler runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from emulator.access import orgpolicies
from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed

Json = dict[str, Any]
assumed(
    "constraints-at-template", "Constraints on VMs (external address, Shielded VM, image project) are looked at when the template is made."
)
assumed(
    "shielded-by-config", "compute.requireShieldedVm asks for vTPM and integrity monitoring in shieldedInstanceConfig, whatever the image."
)
BALANCER = "GLOBAL_EXTERNAL_MANAGED_HTTP_HTTPS"


def check(call: Call) -> None:
    """Raise what a constraint says of this call."""
    if call.method.startswith("compute.") and call.method.endswith(".insert"):
        place = call.values.get("zone") or call.values.get("region")
        if isinstance(place, str):
            orgpolicies.refuse_location(call.world, place)
    look = _BY_METHOD.get(call.method)
    if look:
        look(call)


def _template(call: Call) -> None:
    world, properties = call.world, call.body.get("properties") or {}
    name = f"projects/{world.project}/global/instanceTemplates/{call.body.get('name', '')}"
    external = any(interface.get("accessConfigs") for interface in properties.get("networkInterfaces", []))
    if external and not orgpolicies.allows(world, "compute.vmExternalIpAccess", name):
        why = f"Add instance {name} to the constraint to use external IP with it."
        raise orgpolicies.violated(world, "compute.vmExternalIpAccess", why, number=world.settings.project_number)
    shielded = properties.get("shieldedInstanceConfig") or {}
    if orgpolicies.enforced(world, "compute.requireShieldedVm") and not (
        shielded.get("enableVtpm") and shielded.get("enableIntegrityMonitoring")
    ):
        why = "Secure Boot is not enabled in the 'shielded_instance_config' field. See https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints for more information."
        raise orgpolicies.violated(world, "compute.requireShieldedVm", why)
    for disk in properties.get("disks", []):
        match = re.search(r"projects/([^/]+)/global/images/", (disk.get("initializeParams") or {}).get("sourceImage", ""))
        if match and not orgpolicies.allows(world, "compute.trustedImageProjects", f"projects/{match[1]}"):
            why = f"Use of images from project {match[1]} is prohibited."
            raise orgpolicies.violated(world, "compute.trustedImageProjects", why)


def _forwarding_rule(call: Call) -> None:
    world = call.world
    if call.body.get("loadBalancingScheme", "EXTERNAL") != "EXTERNAL_MANAGED":
        return
    if not orgpolicies.allows(world, "compute.restrictLoadBalancerCreationForTypes", BALANCER, "in:GLOBAL_EXTERNAL", "in:EXTERNAL"):
        name = f"projects/{world.project}/global/forwardingRules/{call.body.get('name', '')}"
        why = f"Forwarding Rule {name} of type {BALANCER} is not allowed."
        raise orgpolicies.violated(world, "compute.restrictLoadBalancerCreationForTypes", why)


def _account(call: Call) -> None:
    if orgpolicies.enforced(call.world, "iam.disableServiceAccountCreation"):
        why = "Service account creation is not allowed on this project."
        raise ApiError(400, why, reason="failedPrecondition", status_name="FAILED_PRECONDITION")


_BY_METHOD: dict[str, Callable[[Call], None]] = {
    "compute.instanceTemplates.insert": _template,
    "compute.globalForwardingRules.insert": _forwarding_rule,
    "iam.projects.serviceAccounts.create": _account,
}
