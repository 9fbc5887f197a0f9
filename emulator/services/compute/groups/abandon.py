"""abandonInstances: the named VMs leave their group and live on, for nobody to look after.

An abandoned VM is a fleet of its own, under a link that no manager has; so nothing sizes, heals or updates it, and it bills until
somebody deletes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.rules import assumed, documented
from emulator.services.compute import records
from emulator.services.compute.groups.fleet import Fleet, Vm

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
documented("abandon-instances", "abandonInstances lowers targetSize by the named VMs; they keep running, keep their labels and bill on.")
assumed("abandoned-template", "An abandoned VM keeps its template in use and still names its group in the metadata created-by.")


def abandoned_link(fleet: Fleet, vm: Vm) -> str:
    """The link under which an abandoned VM is kept."""
    project = fleet.link.split("/")[1]
    return f"projects/{project}/zones/{fleet.zone}/abandoned/{fleet.name}/{vm.name}"


def abandon(call: Call, link: str, record: Json, going: list[Vm]) -> None:
    """Take ``going`` out of the group at ``link``."""
    groups = call.world.groups
    fleet = groups.fleets.get(link)
    size = max(0, record["resource"]["targetSize"] - len(going))
    records.put(call.world, link, {**record, "resource": {**record["resource"], "targetSize": size}})
    names = {vm.name for vm in going}
    groups.fleets.put(Fleet(link=link, vms={name: vm for name, vm in fleet.vms.items() if name not in names}, errors=fleet.errors))
    for vm in going:
        groups.fleets.put(Fleet(link=abandoned_link(fleet, vm), vms={vm.name: vm}))
    groups.forget()


def is_abandoned(link: str) -> bool:
    """Whether a fleet's link is that of an abandoned VM."""
    return link.split("/")[4] == "abandoned"


def maker(link: str) -> str:
    """The manager a VM's metadata names: its group, or the one it was abandoned by."""
    if not is_abandoned(link):
        return link
    parts = link.split("/")
    return "/".join([*parts[:4], "instanceGroupManagers", parts[5]])


def forget_empty(world: World, fleet: Fleet) -> bool:
    """Drop an abandoned VM's fleet once the VM is gone; True when it was."""
    if not is_abandoned(fleet.link) or fleet.vms:
        return False
    world.groups.fleets.drop(fleet.link)
    world.groups.forget()
    return True
