"""What exists of Compute Engine, managed VMs included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.services.compute import links, records
from emulator.services.compute.groups.fleet import instance_link

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]


def _scope(link: str) -> str:
    parts = link.split("/")
    return parts[2] if parts[2] == "global" else "/".join(parts[2:4])


def inventory(world: World) -> Iterator[Json]:
    """One row a thing that exists."""
    for link, record in world.store.items(records.TAB):
        kind = records.KINDS[record["service"]]
        resource = record["resource"]
        row = {
            "kind": f"compute.{record['service']}",
            "scope": _scope(link),
            "name": resource["name"],
            "self_link": links.absolute(link, "v1"),
            "description": resource.get("description", ""),
            "labels": resource.get("labels", {}),
            "billing": kind.bills and resource.get("addressType") != "INTERNAL",
            "state": record["state"],
        }
        if record.get("origin"):
            row["origin"] = record["origin"]
        yield row
    for fleet in world.groups.fleets.all():
        for vm in fleet.vms.values():
            if vm.run is None:
                continue
            properties = (records.resource(world, vm.template) or {}).get("properties", {})
            yield {
                "kind": "compute.instances",
                "scope": f"zones/{fleet.zone}",
                "name": vm.name,
                "self_link": links.absolute(instance_link(fleet.link, vm.name), "v1"),
                "description": properties.get("description", ""),
                "labels": properties.get("labels", {}),
                "billing": True,
                "state": vm.status(world.clock.now(), world.durations.of("vm.provision")),
            }
