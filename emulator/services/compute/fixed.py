"""Reads of what is fixed: zones, regions, machine types, images, the project; and of operations."""

from __future__ import annotations

from typing import Any

from emulator import errors, outages
from emulator.call import Call, Handler
from emulator.operations import TAB as OPERATIONS
from emulator.quotas import GLOBAL_DEFAULTS, REGION_DEFAULTS
from emulator.rules import documented
from emulator.services.compute import links, pages, records
from emulator.services.compute.begin import shown
from emulator.services.compute.catalog import IMAGES, MACHINES, REGIONS, ZONES, check_place, fixed_id, machine, machine_zones
from emulator.services.compute.groups.vm_operations import vm_operations
from emulator.services.compute.verbs import listing
from emulator.times import seconds

Json = dict[str, Any]
BORN = "2014-05-30T18:35:16.514-07:00"
WAIT = seconds(120)
documented("operations-wait", "operations.wait lasts at most 2 minutes and may answer an operation that is not done.")


def _zone(call: Call, name: str) -> Json:
    project = f"projects/{call.world.project}"
    return {
        "kind": "compute#zone",
        "id": fixed_id(name),
        "creationTimestamp": BORN,
        "name": name,
        "description": name,
        "status": outages.status(call.world, name),
        "region": links.absolute(f"{project}/regions/{links.region_of_zone(name)}", call.version),
        "selfLink": links.absolute(f"{project}/zones/{name}", call.version),
        "availableCpuPlatforms": ["Intel Emerald Rapids", "Intel Sapphire Rapids", "AMD Turin"],
        "supportsPzs": False,
    }


def _region(call: Call, name: str) -> Json:
    project = f"projects/{call.world.project}"
    return {
        "kind": "compute#region",
        "id": fixed_id(name),
        "creationTimestamp": BORN,
        "name": name,
        "description": name,
        "status": outages.status(call.world, name),
        "zones": [links.absolute(f"{project}/zones/{zone}", call.version) for zone in REGIONS[name]],
        "quotas": [_quota(call, metric, name) for metric in REGION_DEFAULTS],
        "selfLink": links.absolute(f"{project}/regions/{name}", call.version),
        "supportsPzs": False,
    }


def _quota(call: Call, metric: str, where: str) -> Json:
    used = 0
    if metric == "INSTANCES":
        used = sum(len(fleet.vms) for fleet in call.world.groups.fleets.all() if fleet.region == where)
    for service, kind in records.KINDS.items():
        if kind.quota == metric or (metric, service) == ("INSTANCE_GROUPS", "instanceGroupManagers"):
            found = [link for link, _ in records.of_service(call.world, service)]
            used += sum(1 for link in found if where == "global" or f"/{where}" in link)
    return {"metric": metric, "limit": float(call.world.quotas.limit(metric, where)), "usage": float(used)}


def _machine(call: Call, name: str, zone: str) -> Json:
    shape = MACHINES[name]
    out: Json = {
        "kind": "compute#machineType",
        "id": fixed_id(name),
        "creationTimestamp": BORN,
        "name": name,
        "description": name,
        "guestCpus": shape["cpus"],
        "memoryMb": shape["memory_mb"],
        "imageSpaceGb": 0,
        "maximumPersistentDisks": 128,
        "maximumPersistentDisksSizeGb": "263168",
        "isSharedCpu": False,
        "architecture": "X86_64",
        "zone": zone,
        "selfLink": links.absolute(f"projects/{call.world.project}/zones/{zone}/machineTypes/{name}", call.version),
    }
    if shape["chips"]:
        out["accelerators"] = [{"guestAcceleratorType": shape["accelerator"], "guestAcceleratorCount": shape["chips"]}]
    return out


def _list(kind: str, collection: str, call: Call, items: list[Json], scope: str) -> Json:
    chosen, token = pages.page(call.values, items)
    return listing(kind, f"projects/{call.world.project}/{scope}{collection}", chosen, token, call)


def get_zone(call: Call) -> Json:
    """Read a zone."""
    check_place(call)
    return _zone(call, call.text("zone"))


def list_zones(call: Call) -> Json:
    """All zones."""
    check_place(call)
    return _list("compute#zone", "zones", call, [_zone(call, name) for name in ZONES], "")


def get_region(call: Call) -> Json:
    """Read a region with its quotas."""
    check_place(call)
    return _region(call, call.text("region"))


def list_regions(call: Call) -> Json:
    """All regions."""
    check_place(call)
    return _list("compute#region", "regions", call, [_region(call, name) for name in REGIONS], "")


def get_machine(call: Call) -> Json:
    """Read a machine type in a zone."""
    check_place(call)
    name, zone = call.text("machine_type"), call.text("zone")
    if machine(name, zone) is None:
        raise errors.not_found(f"projects/{call.world.project}/zones/{zone}/machineTypes/{name}")
    return _machine(call, name, zone)


def list_machines(call: Call) -> Json:
    """The machine types of a zone."""
    check_place(call)
    zone = call.text("zone")
    items = [_machine(call, name, zone) for name in MACHINES if machine(name, zone)]
    return _list("compute#machineType", "machineTypes", call, items, f"zones/{zone}/")


def aggregated_machines(call: Call) -> Json:
    """The machine types of all zones."""
    check_place(call)
    scopes = ((f"zones/{zone}", [_machine(call, name, zone) for name in MACHINES if zone in machine_zones(name)]) for zone in ZONES)
    return {"kind": "compute#machineTypeAggregatedList", "items": pages.aggregated(scopes, "machineTypes", call.values)}


def get_image_from_family(call: Call) -> Json:
    """The newest image of a family, in the project that publishes it."""
    family, project = call.text("family"), call.text("project")
    row = IMAGES.get(family)
    if row is None or row["project"] != project:
        raise errors.not_found(f"projects/{project}/global/images/family/{family}")
    link = f"projects/{project}/global/images/{row['image']}"
    return {
        "kind": "compute#image",
        "id": fixed_id(row["image"]),
        "creationTimestamp": BORN,
        "name": row["image"],
        "family": family,
        "status": "READY",
        "diskSizeGb": str(row["gib"]),
        "selfLink": links.absolute(link, call.version),
    }


def get_project(call: Call) -> Json:
    """Read the project with its global quotas."""
    check_place(call)
    settings = call.world.settings
    return {
        "kind": "compute#project",
        "id": fixed_id(settings.project),
        "creationTimestamp": BORN,
        "name": settings.project,
        "defaultServiceAccount": f"{settings.project_number}-compute@developer.gserviceaccount.com",
        "commonInstanceMetadata": {"kind": "compute#metadata", "fingerprint": "xQZ6cFnBBBA="},
        "quotas": [_quota(call, metric, "global") for metric in GLOBAL_DEFAULTS],
        "defaultNetworkTier": "PREMIUM",
        "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
        "vmDnsSetting": "ZONAL_ONLY",
        "selfLink": links.absolute(f"projects/{settings.project}", call.version),
    }


def _operation_key(call: Call) -> str:
    check_place(call)
    project = f"projects/{call.world.project}"
    if "zone" in call.values:
        scope = f"{project}/zones/{call.values['zone']}"
    elif "region" in call.values:
        scope = f"{project}/regions/{call.values['region']}"
    else:
        scope = f"{project}/global"
    return f"{scope}/operations/{call.values['operation']}"


def get_operation(call: Call) -> Json:
    """Read an operation; 200 also when it failed."""
    key = _operation_key(call)
    operation = call.world.operations.get(key) or next(
        (each for each in vm_operations(call.world, key, call.now) if each["key"] == key), None
    )
    if operation is None:
        raise errors.not_found(key)
    return shown(operation, call.version)


async def wait_operation(call: Call) -> Json:
    """Answer when the operation is done, or after two emulated minutes; at once in stepped mode."""
    world = call.world
    answer = get_operation(call)
    until = call.now + WAIT
    while answer["status"] != "DONE" and world.clock.mode != "stepped" and world.settle() < until:
        await world.change(world.clock.real_seconds_until(until))
        answer = get_operation(call)
    return answer


def _operations(call: Call, prefix: str) -> list[Json]:
    found = [operation for key, operation in call.world.store.items(OPERATIONS) if key.startswith(prefix)]
    found.extend(vm_operations(call.world, prefix, call.now))
    if call.values.get("order_by") == "creationTimestamp desc":
        found.sort(key=lambda operation: int(operation["begun"]), reverse=True)
    return [shown(operation, call.version) for operation in found]


def list_operations(call: Call) -> Json:
    """The operations of one scope."""
    prefix = _operation_key_scope(call)
    items, token = pages.page(call.values, _operations(call, prefix + "/"))
    return listing("compute#operation", prefix, items, token, call)


def _operation_key_scope(call: Call) -> str:
    return _operation_key(Call(**{**vars(call), "values": {**call.values, "operation": ""}})).removesuffix("/")


def aggregated_operations(call: Call) -> Json:
    """The operations of all scopes."""
    check_place(call)
    project = f"projects/{call.world.project}"
    names = ["global", *(f"regions/{name}" for name in REGIONS), *(f"zones/{name}" for name in ZONES)]
    scopes = ((name, _operations(call, f"{project}/{name}/operations/")) for name in names)
    return {"kind": "compute#operationAggregatedList", "items": pages.aggregated(scopes, "operations", call.values)}


HANDLERS: dict[str, Handler] = {
    "compute.zones.get": get_zone,
    "compute.zones.list": list_zones,
    "compute.regions.get": get_region,
    "compute.regions.list": list_regions,
    "compute.machineTypes.get": get_machine,
    "compute.machineTypes.list": list_machines,
    "compute.machineTypes.aggregatedList": aggregated_machines,
    "compute.images.getFromFamily": get_image_from_family,
    "compute.projects.get": get_project,
    "compute.globalOperations.aggregatedList": aggregated_operations,
} | {
    f"compute.{service}.{verb}": handler
    for service in ("globalOperations", "regionOperations", "zoneOperations")
    for verb, handler in (("get", get_operation), ("wait", wait_operation), ("list", list_operations))
}
