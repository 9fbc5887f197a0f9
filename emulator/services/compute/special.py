"""Verbs of single kinds: set a target, set a URL map, ask for a backend's health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator import errors
from emulator.call import Call, Handler
from emulator.rules import assumed
from emulator.services.compute import links, records
from emulator.services.compute.groups import health
from emulator.services.compute.groups.fleet import Fleet, Vm, instance_link, manager_link
from emulator.services.compute.records import KINDS
from emulator.services.compute.slices import endpoints, vm_of
from emulator.services.compute.verbs import existing, free, normalised, repeated, start_change

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
assumed("get-health-new-vm", "getHealth lists every RUNNING VM of the group; one that does not answer yet is UNHEALTHY.")


def _set(service: str, field: str, operation_type: str) -> Handler:
    def handler(call: Call) -> Json:
        if earlier := repeated(call):
            return earlier
        kind = KINDS[service]
        link, record = free(kind, call)
        if not call.body.get(field):
            raise errors.required(field)
        change = normalised(kind, call, {field: call.body[field]})
        return start_change(call, link, record, {**record["resource"], **change}, operation_type)

    return handler


def get_health(call: Call) -> Json:
    """The health of each VM of one of a backend service's groups."""
    world = call.world
    _, record = existing(KINDS["backendServices"], call)
    service = record["resource"]
    if not call.body.get("group"):
        raise errors.required("group")
    group = links.relative(call.body["group"], world.project, world.settings.project_number)
    if group not in [backend.get("group") for backend in service.get("backends", [])]:
        raise errors.invalid("group", group, "The group is no backend of the backend service.")
    check = records.resource(world, (service.get("healthChecks") or [""])[0])
    statuses = []
    for fleet, vm in _behind(world, group):
        if vm.failed is not None or vm.run is None or vm.run > call.now:
            continue
        healthy = check is None or health.is_healthy(world, fleet, vm, check, call.now)
        state = "DRAINING" if not vm.live else "HEALTHY" if healthy else "UNHEALTHY"
        statuses.append(
            {
                "instance": links.absolute(instance_link(fleet.link, vm.name), call.version),
                "ipAddress": vm.ip,
                "port": backend_port(world, service, fleet.link),
                "healthState": state,
            }
        )
    return {"kind": "compute#backendServiceGroupHealth", **({"healthStatus": statuses} if statuses else {})}


def _behind(world: World, group: str) -> list[tuple[Fleet, Vm]]:
    """The VMs behind a backend: all of a group's, or the endpoints of an endpoint group."""
    if "/networkEndpointGroups/" in group:
        zone = links.part(group, "zones") or ""
        return [at for each in endpoints(world, group) if (at := vm_of(world, zone, each["instance"])) is not None]
    fleet = world.groups.fleets.get(manager_link(group))
    return [(fleet, vm) for vm in fleet.vms.values()]


def backend_port(world: Any, service: Json, manager: str) -> int:
    """The port a backend is reached at: the group's named port, else the service's own."""
    for entry in (records.resource(world, manager) or {}).get("namedPorts", []):
        if entry.get("name") == service.get("portName"):
            return int(entry["port"])
    return int(service.get("port", 80))


HANDLERS: dict[str, Handler] = {
    "compute.globalForwardingRules.setTarget": _set("globalForwardingRules", "target", "SetTarget"),
    "compute.targetHttpProxies.setUrlMap": _set("targetHttpProxies", "urlMap", "setUrlMap"),
    "compute.backendServices.getHealth": get_health,
}
