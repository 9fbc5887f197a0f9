"""Global instance templates: immutable, and kept while a group uses them."""

# ruff: noqa: ARG002  # the hooks of a kind share one signature; each uses what it needs
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator import errors
from emulator.access import enforce
from emulator.call import Call
from emulator.identity import fingerprint
from emulator.rules import assumed, documented
from emulator.services.compute import links, records
from emulator.services.compute.catalog import MACHINES
from emulator.services.compute.kinds import Kind

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
documented("tpu7x-disk", "tpu7x-standard-4t takes Hyperdisk Balanced boot disks; Persistent Disk is refused.")
documented("template-act-as", "A template that names an account needs iam.serviceAccounts.actAs on that account.")
documented("tpu-maintenance", "A TPU VM cannot be live-migrated: onHostMaintenance must be TERMINATE.")
assumed(
    "template-checks",
    "A template with a plain PD on TPU7x, or MIGRATE on a TPU, is refused when it is made (Google may refuse the VM instead).",
)


class InstanceTemplate(Kind):
    """A template; its properties are filled in as recorded."""

    def users(self, world: World, link: str) -> Iterator[str]:
        """Groups that still have VMs of it."""
        for fleet in world.groups.fleets.all():
            if any(vm.template == link for vm in fleet.vms.values()):
                yield fleet.link

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Checks the machine, the disks, the network; fills in kinds, names and fingerprints."""
        properties = dict(resource["properties"])
        machine = links.name_of(properties.get("machineType") or "")
        if not machine:
            raise errors.required("resource.properties.machineType")
        if machine not in MACHINES:
            why = "The referenced machine type does not exist."
            raise errors.invalid("resource.properties.machineType", properties["machineType"], why)
        properties["machineType"] = machine
        properties["disks"] = disks(properties.get("disks") or [], machine)
        properties["networkInterfaces"] = interfaces(call, properties.get("networkInterfaces") or [])
        properties["scheduling"] = scheduling(properties.get("scheduling") or {}, machine)
        for account in properties.get("serviceAccounts", []):
            whom = f"projects/{call.world.project}/serviceAccounts/{account.get('email', 'default')}"
            enforce.require_on(call, enforce.COMPUTE, "iam.serviceAccounts.actAs", whom)
        metadata = properties.get("metadata") or {}
        items = metadata.get("items", [])
        properties["metadata"] = {"kind": "compute#metadata", "fingerprint": fingerprint(items), **({"items": items} if items else {})}
        if "tags" in properties:
            tags = properties["tags"].get("items", [])
            properties["tags"] = {"items": tags, "fingerprint": fingerprint(tags)}
        return {**resource, "properties": properties}


def disks(given: list[Json], machine: str) -> list[Json]:
    """The attached disks with their defaults; raises 400."""
    if not given:
        raise errors.required("resource.properties.disks")
    out = []
    for index, disk in enumerate(given):
        where = f"resource.properties.disks[{index}].initializeParams.diskType"
        params = dict(disk.get("initializeParams") or {})
        kind = links.name_of(params.get("diskType", "pd-standard"))
        if MACHINES[machine]["family"] == "tpu7x" and not kind.startswith("hyperdisk"):
            raise errors.ApiError(400, f"Invalid value for field '{where}': '{kind}'. [{kind}] features and [instance_type: {machine}] "
                                  "features are not compatible for creating instance.", reason="invalid")  # fmt: skip
        fixed = {"kind": "compute#attachedDisk", "index": index, "mode": "READ_WRITE", "type": "PERSISTENT"}
        name = "boot" if disk.get("boot") else f"persistent-disk-{index}"
        out.append({**fixed, "deviceName": name, "autoDelete": False, "boot": False, **disk, "initializeParams": params})
    return out


def interfaces(call: Call, given: list[Json]) -> list[Json]:
    """The network interfaces, their networks found; raises 400."""
    if not given:
        raise errors.required("resource.properties.networkInterfaces")
    out = []
    for index, interface in enumerate(given):
        fields = {"kind": "compute#networkInterface", "name": f"nic{index}", **interface}
        for name in ("network", "subnetwork"):
            link = fields.get(name)
            if link and records.find(call.world, link) is None:
                why = f"The referenced {name} resource cannot be found."
                raise errors.invalid(f"resource.properties.networkInterfaces[{index}].{name}", link, why)
        if "subnetwork" in fields and "network" not in fields:
            fields["network"] = (records.resource(call.world, fields["subnetwork"]) or {})["network"]
        access = [{"kind": "compute#accessConfig", "type": "ONE_TO_ONE_NAT", **item} for item in fields.get("accessConfigs", [])]
        if access:
            fields["accessConfigs"] = access
        out.append(fields)
    return out


def scheduling(given: Json, machine: str) -> Json:
    """Scheduling with its defaults: Spot and TPU VMs are terminated on maintenance; raises 400."""
    model = given.get("provisioningModel", "SPOT" if given.get("preemptible") else "STANDARD")
    spot = model == "SPOT"
    tpu = MACHINES[machine]["chips"] > 0
    host = given.get("onHostMaintenance", "TERMINATE" if spot else "MIGRATE")
    if host == "MIGRATE" and (tpu or spot):
        why = "TPU and Spot VMs cannot be live-migrated; use TERMINATE."
        raise errors.invalid("resource.properties.scheduling.onHostMaintenance", host, why)
    defaults = {"automaticRestart": not spot, "preemptible": spot}  # a template shows the provisioning model only if given [recorded]
    return {**defaults, **given, "onHostMaintenance": host}


def provisioning_model(properties: Json) -> str:
    """STANDARD or SPOT of the VMs of a template with these properties."""
    fields = properties.get("scheduling", {})
    return str(fields.get("provisioningModel") or ("SPOT" if fields.get("preemptible") else "STANDARD"))
