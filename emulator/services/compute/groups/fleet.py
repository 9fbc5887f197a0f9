"""The VMs of a group, kept as one record a group.

1. A VM is its timestamps; what it is doing at an instant is derived from them, so nothing happens a VM a tick.
2. ``run`` None: not placed yet (quota or stock), tried again at ``retry``. ``gone``: when its deletion ends; ``why`` says what comes after.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from emulator.services.compute import links, records
from emulator.services.compute.catalog import MACHINES

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "fleet"
REPLACED = ("recreate", "lost")  # lost: preempted or broken, so that its machine does not go back to the stock


@dataclass(frozen=True, kw_only=True, slots=True)
class Vm:
    """One VM. Instants in emulated microseconds.

    ``created`` when the group asked for it, ``run`` when it is RUNNING, ``ready`` when its model server answers; ``removing`` when its
    deletion began, ``failed`` when its host did, or its longest run (``until``) ended, and nobody repairs it; ``drained`` when connection draining ends, ``gone`` when it is removed; ``why`` is ``delete``, ``recreate`` or ``lost``.
    """

    name: str
    id: str
    ip: str
    template: str
    machine: str
    model: str
    created: int
    run: int | None = None
    ready: int | None = None
    retry: int | None = None
    failure: str | None = None
    removing: int | None = None
    drained: int | None = None
    gone: int | None = None
    why: str | None = None
    failed: int | None = None
    until: int | None = None

    @property
    def live(self) -> bool:
        """Not being removed."""
        return self.removing is None

    @property
    def stays(self) -> bool:
        """Keeps its place in the group: not being removed for good."""
        return self.removing is None or self.why in REPLACED

    def status(self, now: int, provision: int) -> str | None:
        """The VM's status, or None while there is no VM."""
        if self.run is None:
            return None
        if self.failed is not None:
            return "TERMINATED"
        if self.removing is not None:
            return "STOPPING"
        if now < self.run:
            return "PROVISIONING" if now < self.created + provision else "STAGING"
        return "RUNNING"

    def shape(self) -> Json:
        """The machine type's catalogue entry."""
        return MACHINES[self.machine]


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The VMs of one group by name, recent errors, and the operation that waits for its end."""

    link: str
    vms: dict[str, Vm]
    errors: tuple[Json, ...] = ()
    deleting: str | None = None

    @property
    def zone(self) -> str:
        """The group's zone."""
        return links.part(self.link, "zones") or ""

    @property
    def region(self) -> str:
        """The zone's region."""
        return links.region_of_zone(self.zone)

    @property
    def name(self) -> str:
        """The group's name."""
        return links.name_of(self.link)


class Fleets:
    """Reads and keeps fleets; the parsed form of a stored record is remembered."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._parsed: dict[str, tuple[Json, Fleet]] = {}

    def get(self, link: str) -> Fleet:
        """The group's fleet; empty if none is kept."""
        row = self._world.store.get(TAB, link)
        if row is None:
            return Fleet(link=link, vms={})
        cached = self._parsed.get(link)
        if cached and cached[0] is row:
            return cached[1]
        vms = {name: Vm(**fields) for name, fields in row["vms"].items()}
        fleet = Fleet(link=link, vms=vms, errors=tuple(row["errors"]), deleting=row["deleting"])
        self._parsed[link] = (row, fleet)
        return fleet

    def put(self, fleet: Fleet) -> None:
        """Keep a fleet."""
        row = {"vms": {name: asdict(vm) for name, vm in fleet.vms.items()}, "errors": list(fleet.errors), "deleting": fleet.deleting}
        self._world.store.put(TAB, fleet.link, row)
        self._parsed[fleet.link] = (row, fleet)
        self._world.changed()

    def drop(self, link: str) -> None:
        """Forget a fleet."""
        self._world.store.delete(TAB, link)
        self._parsed.pop(link, None)

    def all(self) -> Iterator[Fleet]:
        """Every fleet."""
        return (self.get(link) for link, _ in self._world.store.items(TAB))


def group_link(manager: str) -> str:
    """The instance group of a manager."""
    return manager.replace("/instanceGroupManagers/", "/instanceGroups/")


def manager_link(group: str) -> str:
    """The manager of an instance group."""
    return group.replace("/instanceGroups/", "/instanceGroupManagers/")


def instance_link(fleet: str, name: str) -> str:
    """The link of a VM of a fleet: of a group, or abandoned by one."""
    return f"{'/'.join(fleet.split('/')[:4])}/instances/{name}"


def fleets_in_subnetwork(world: World, subnetwork: str) -> Iterator[str]:
    """Links of VMs in a subnetwork."""
    for manager, row in world.store.items(TAB):
        for vm in row["vms"].values():
            properties = (records.resource(world, vm["template"]) or {}).get("properties", {})
            if any(nic.get("subnetwork") == subnetwork for nic in properties.get("networkInterfaces", [])):
                yield instance_link(manager, vm["name"])
                break


def instances_in_network(world: World, network: str) -> Iterator[str]:
    """Links of VMs in a network, one a group."""
    for manager, row in world.store.items(TAB):
        for vm in row["vms"].values():
            properties = (records.resource(world, vm["template"]) or {}).get("properties", {})
            if any(nic.get("network") == network for nic in properties.get("networkInterfaces", [])):
                yield instance_link(manager, vm["name"])
                break
