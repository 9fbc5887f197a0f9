"""VMs as Compute instances: read them, delete one. All of them belong to groups; the emulator makes no VM by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator import errors
from emulator.call import Call, Handler
from emulator.identity import label_fingerprint
from emulator.rules import assumed
from emulator.services.compute import links, pages, records
from emulator.services.compute.begin import begin
from emulator.services.compute.catalog import REGIONS, check_place
from emulator.services.compute.groups.abandon import is_abandoned, maker
from emulator.services.compute.groups.bulk import is_bulk
from emulator.services.compute.groups.fleet import Fleet, Vm, instance_link
from emulator.services.compute.verbs import listing, repeated
from emulator.times import pacific, shown

Json = dict[str, Any]
assumed("worker-number", "A VM of a slice tells its number in its metadata as agent-worker-number.")
assumed("instance-delete", "instances.delete of a group's VM removes it without draining; the group makes it anew under its name.")


def view(call: Call, fleet: Fleet, vm: Vm) -> Json:
    """One VM as instances.get prints it."""
    now, version, project = call.now, call.version, call.world.project
    properties = (records.resource(call.world, vm.template) or {}).get("properties", {})
    zone = f"projects/{project}/zones/{fleet.zone}"
    absolute = links.absolute
    nics = [
        {
            **nic,
            "networkIP": vm.ip,
            **{name: absolute(nic[name], version) for name in ("network", "subnetwork") if nic.get(name)},
        }
        for nic in properties.get("networkInterfaces", [])
    ]
    created_by = {"key": "created-by", "value": maker(fleet.link)}
    template = {"key": "instance-template", "value": vm.template}
    metadata = properties.get("metadata", {})
    workers = _worker(fleet, vm) if is_bulk(records.resource(call.world, fleet.link) or {}) else []
    out: Json = {
        "kind": "compute#instance",
        "id": vm.id,
        "creationTimestamp": pacific(vm.created),
        "name": vm.name,
        "status": vm.status(now, call.world.durations.of("vm.provision")),
        "zone": absolute(zone, version),
        "machineType": absolute(f"{zone}/machineTypes/{vm.machine}", version),
        "selfLink": absolute(instance_link(fleet.link, vm.name), version),
        "networkInterfaces": nics,
        "disks": [disk(call, vm, zone, entry) for entry in properties.get("disks", [])],
        "metadata": {**metadata, "items": [template, created_by, *workers, *metadata.get("items", [])]},
        "scheduling": {"provisioningModel": vm.model, **properties.get("scheduling", {})},
        "labelFingerprint": label_fingerprint(properties.get("labels")),
        "fingerprint": records.content_fingerprint({"id": vm.id}),
        "deletionProtection": False,
        "startRestricted": False,
    }
    for name in ("tags", "labels", "serviceAccounts", "canIpForward", "shieldedInstanceConfig", "description", "reservationAffinity"):
        if name in properties:
            out[name] = properties[name]
    if vm.run is not None and vm.run <= now:
        out["lastStartTimestamp"] = pacific(vm.run)
    if vm.failed is not None:
        out["lastStopTimestamp"] = pacific(vm.failed)
    return out


def _worker(fleet: Fleet, vm: Vm) -> list[Json]:
    """The number of a VM in its slice, in the order of their ids."""
    order = sorted(each.id for each in fleet.vms.values() if each.live)
    return [{"key": "agent-worker-number", "value": str(order.index(vm.id))}] if vm.id in order else []


def disk(call: Call, vm: Vm, zone: str, entry: Json) -> Json:
    """An attached disk of a VM."""
    params = entry.get("initializeParams", {})
    name = vm.name if entry.get("boot") else f"{vm.name}-{entry.get('index', 0)}"
    out = {key: value for key, value in entry.items() if key != "initializeParams"}
    return {
        **out,
        "source": links.absolute(f"{zone}/disks/{name}", call.version),
        "diskSizeGb": str(params.get("diskSizeGb") or 10),
    }


def _vms(call: Call, zone: str | None = None) -> Iterator[tuple[Fleet, Vm]]:
    for fleet in call.world.groups.fleets.all():
        if zone in {None, fleet.zone}:
            yield from ((fleet, vm) for vm in fleet.vms.values() if vm.run is not None)


def _find(call: Call) -> tuple[Fleet, Vm]:
    check_place(call)
    zone, name = call.text("zone"), call.text("instance")
    for fleet, vm in _vms(call, zone):
        if name in {vm.name, vm.id}:
            return fleet, vm
    raise errors.not_found(f"projects/{call.world.project}/zones/{zone}/instances/{name}")


def get(call: Call) -> Json:
    """Read one VM."""
    return view(call, *_find(call))


def list_(call: Call) -> Json:
    """The VMs of a zone."""
    check_place(call)
    zone = call.text("zone")
    found = sorted(_vms(call, zone), key=lambda pair: pair[1].name)
    text = call.values.get("filter")
    if text:
        items, token = pages.page(call.values, [view(call, *pair) for pair in found])
    else:  # only the page asked for is rendered
        chosen, token = pages.page(call.values, [{"at": index} for index in range(len(found))])
        items = [view(call, *found[entry["at"]]) for entry in chosen]
    return listing("compute#instance", f"projects/{call.world.project}/zones/{zone}/instances", items, token, call)


def aggregated_list(call: Call) -> Json:
    """The VMs of all zones."""
    check_place(call)
    scopes = ((f"zones/{zone}", [view(call, *pair) for pair in _vms(call, zone)]) for zones in REGIONS.values() for zone in zones)
    return {"kind": "compute#instanceAggregatedList", "items": pages.aggregated(scopes, "instances", call.values)}


def delete(call: Call) -> Json:
    """Remove one VM; its group, if it has one, makes it anew."""
    if earlier := repeated(call):
        return earlier
    fleet, vm = _find(call)
    link = instance_link(fleet.link, vm.name)
    if not vm.live:
        raise errors.not_ready(link)
    groups = call.world.groups
    groups.fleets.put(groups.removed(fleet, [vm], shown(call.now), "delete" if is_abandoned(fleet.link) else "recreate", drain=False))
    groups.act(fleet.link, call.now)
    return begin(call, link, vm.id, "delete", None, duration=call.world.durations.of("vm.remove"))


HANDLERS: dict[str, Handler] = {
    "compute.instances.get": get,
    "compute.instances.list": list_,
    "compute.instances.aggregatedList": aggregated_list,
    "compute.instances.delete": delete,
}
