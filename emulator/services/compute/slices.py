"""What slices need: workload policies, zonal network endpoint groups, reservations.

1. An endpoint is a VM's name and port; it goes with its VM. 2. A reservation bills for every VM it is made for, in use or not; a VM that draws
from it bills no chips of its own.
"""

# ruff: noqa: ARG002  # the hooks of a kind share one signature; each uses what it needs
from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator import errors
from emulator.billing import Usage
from emulator.call import Call, Handler
from emulator.rules import assumed, documented
from emulator.services.compute import links, pages, records
from emulator.services.compute.begin import begin
from emulator.services.compute.catalog import MACHINES, machine
from emulator.services.compute.kinds import Kind, Reference, Scope
from emulator.services.compute.verbs import free, repeated

if TYPE_CHECKING:
    from emulator.services.compute.groups.fleet import Fleet, Vm
    from emulator.world import World

Json = dict[str, Any]
ENDPOINTS = "endpoints"
EVERYWHERE = ("insert", "get", "list", "delete", "aggregatedList")
documented("neg-endpoint-gone", "An endpoint leaves its network endpoint group when its VM is deleted.")
documented(
    "reservation-bills", "A reservation bills for all of its VMs whether they are used or not; a VM that consumes it bills no chips again."
)
assumed(
    "reservation-bound",
    "A RESERVATION_BOUND VM whose reservation is missing or full is not placed: listErrors says so and the group tries again.",
)
assumed("neg-attach-checks", "Attaching a VM that does not exist, or one that is attached already, is a 400.")


class ResourcePolicy(Kind):
    """A regional resource policy; the emulator knows workload policies."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """A workload policy has a type, and a topology where it places slices."""
        policy = resource.get("workloadPolicy")
        if policy is None:
            raise errors.ApiError(501, "Only workload policies are emulated.", reason="notImplemented")
        if policy.get("type") not in {"HIGH_AVAILABILITY", "HIGH_THROUGHPUT"}:
            raise errors.required("resource.workloadPolicy.type")
        region = links.absolute("/".join(link.split("/")[:4]), call.version)
        return {**resource, "region": region, "status": "READY"}


class EndpointGroup(Kind):
    """A zonal network endpoint group of VM endpoints."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Its type, and the network it is in."""
        kind = resource.get("networkEndpointType")
        if kind != "GCE_VM_IP_PORT":
            raise errors.ApiError(501, f"Network endpoint type {kind!r} is not emulated.", reason="notImplemented")
        return resource

    def view(self, world: World, resource: Json, link: str, now: int) -> Json:
        """How many endpoints it has."""
        return {"size": len(endpoints(world, link))}

    def deleted(self, world: World, link: str, resource: Json, now: int) -> None:
        """Its endpoints go with it."""
        world.store.delete(ENDPOINTS, link)


class Reservation(Kind):
    """A zonal reservation of VMs of one machine type."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """How many of which machine."""
        specific = resource.get("specificReservation") or {}
        kind = links.name_of((specific.get("instanceProperties") or {}).get("machineType", ""))
        if machine(kind, str(call.values["zone"])) is None:
            raise errors.invalid("resource.specificReservation.instanceProperties.machineType", kind, "It does not exist in the zone.")
        if int(specific.get("count") or 0) < 1:
            raise errors.required("resource.specificReservation.count")
        return {**resource, "status": "READY"}

    def inserted(self, world: World, link: str, now: int) -> None:
        """It starts to bill."""
        resource = records.resource(world, link) or {}
        kind, count = _reserved(resource)
        region = links.region_of_zone(links.part(link, "zones") or "")
        sku = world.meter.prices.sku(MACHINES[kind]["family"], region, "reserved")
        chips = Decimal(MACHINES[kind]["chips"] * count)
        world.meter.open(Usage(resource=link, kind="compute.reservations", sku=sku, quantity=chips, start=now))

    def deleted(self, world: World, link: str, resource: Json, now: int) -> None:
        """It stops to bill."""
        world.meter.close(link, now)

    def view(self, world: World, resource: Json, link: str, now: int) -> Json:
        """How many of it are in use."""
        specific = {**resource["specificReservation"], "inUseCount": str(in_use(world, link))}
        return {"specificReservation": specific}


def _reserved(resource: Json) -> tuple[str, int]:
    specific = resource["specificReservation"]
    return links.name_of(specific["instanceProperties"]["machineType"]), int(specific["count"])


def reservation_of(world: World, template: str, zone: str) -> str | None:
    """The link of the reservation that VMs of this template draw from in a zone, or None where they draw from none."""
    properties = (records.resource(world, template) or {}).get("properties", {})
    names = (properties.get("reservationAffinity") or {}).get("values") or []
    return f"projects/{world.project}/zones/{zone}/reservations/{names[0]}" if names else None


def in_use(world: World, reservation: str) -> int:
    """How many VMs draw from a reservation."""
    zone = links.part(reservation, "zones")
    fleets = (fleet for fleet in world.groups.fleets.all() if fleet.zone == zone)
    return sum(
        vm.run is not None and vm.failed is None and reservation_of(world, vm.template, fleet.zone) == reservation
        for fleet in fleets
        for vm in fleet.vms.values()
    )


def reserved_room(world: World, reservation: str, machine_type: str) -> int:
    """How many more VMs of a type a reservation has room for."""
    resource = records.resource(world, reservation)
    if resource is None:
        return 0
    kind, count = _reserved(resource)
    return max(0, count - in_use(world, reservation)) if kind == machine_type else 0


# -- endpoints ----------------------------------------------------------------------------------------------------------


def endpoints(world: World, link: str) -> list[Json]:
    """The endpoints of a group whose VMs are still there."""
    row = world.store.get(ENDPOINTS, link) or {"list": []}
    return [each for each in row["list"] if vm_of(world, links.part(link, "zones") or "", each["instance"]) is not None]


def vm_of(world: World, zone: str, name: str) -> tuple[Fleet, Vm] | None:
    """A VM of a zone by its name."""
    for fleet in world.groups.fleets.all():
        if fleet.zone == zone and (vm := fleet.vms.get(name)) is not None and vm.run is not None:
            return fleet, vm
    return None


def _change(call: Call, operation_type: str, *, attach: bool) -> Json:
    if earlier := repeated(call):
        return earlier
    link, record = free(ENDPOINT_GROUP, call)
    zone = links.part(link, "zones") or ""
    here = endpoints(call.world, link)
    given = call.body.get("networkEndpoints") or []
    if not given:
        raise errors.required("networkEndpoints")
    for index, each in enumerate(given):
        name = links.name_of(each.get("instance", ""))
        found = vm_of(call.world, zone, name)
        attached = any(other["instance"] == name for other in here)
        where = f"networkEndpoints[{index}].instance"
        if attach and found is None:
            raise errors.invalid(where, name, "The VM is not in the zone.")
        if attach == attached:
            raise errors.invalid(where, name, "The endpoint is attached already." if attach else "The endpoint is not attached.")
        if attach and found is not None:
            port = int(each.get("port") or record["resource"].get("defaultPort") or 80)
            here.append({"instance": name, "ipAddress": found[1].ip, "port": port})
        else:
            here = [other for other in here if other["instance"] != name]
    call.world.store.put(ENDPOINTS, link, {"list": here})
    call.world.changed()
    return begin(call, link, record["resource"]["id"], operation_type, None)


def attach(call: Call) -> Json:
    """Add endpoints."""
    return _change(call, "attachNetworkEndpoints", attach=True)


def detach(call: Call) -> Json:
    """Take endpoints away."""
    return _change(call, "detachNetworkEndpoints", attach=False)


def list_endpoints(call: Call) -> Json:
    """The endpoints of a group."""
    link, _ = free(ENDPOINT_GROUP, call)
    zone = f"{'/'.join(link.split('/')[:4])}/instances"
    items = [
        {"networkEndpoint": {**each, "instance": links.absolute(f"{zone}/{each['instance']}", call.version)}}
        for each in endpoints(call.world, link)
    ]
    chosen, token = pages.page(call.values, items)
    out: Json = {"kind": "compute#networkEndpointGroupsListNetworkEndpoints"}
    return {**out, **({"items": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


RESOURCE_POLICY = ResourcePolicy(
    service="resourcePolicies",
    collection="resourcePolicies",
    item="resource_policy",
    scope=Scope.REGION,
    kind="compute#resourcePolicy",
    noun="resource_policy",
    quota="RESOURCE_POLICIES",
    verbs=EVERYWHERE,
)
ENDPOINT_GROUP = EndpointGroup(
    service="networkEndpointGroups",
    collection="networkEndpointGroups",
    item="network_endpoint_group",
    scope=Scope.ZONE,
    kind="compute#networkEndpointGroup",
    noun="network_endpoint_group",
    quota="NETWORK_ENDPOINT_GROUPS",
    verbs=EVERYWHERE,
    required=("networkEndpointType",),
    references=(Reference(path="network"), Reference(path="subnetwork")),
)
RESERVATION = Reservation(
    service="reservations",
    collection="reservations",
    item="reservation",
    scope=Scope.ZONE,
    kind="compute#reservation",
    noun="reservation",
    quota="RESERVATIONS",
    verbs=EVERYWHERE,
    required=("specificReservation",),
    bills=True,
)
HANDLERS: dict[str, Handler] = {
    "compute.networkEndpointGroups.attachNetworkEndpoints": attach,
    "compute.networkEndpointGroups.detachNetworkEndpoints": detach,
    "compute.networkEndpointGroups.listNetworkEndpoints": list_endpoints,
}
