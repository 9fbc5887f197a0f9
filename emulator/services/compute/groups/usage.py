"""What VMs bill: chips or vCPUs, and the boot disk, from RUNNING until gone."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator.billing import Usage
from emulator.services.compute import links, records
from emulator.services.compute.groups.fleet import Fleet, Vm, instance_link

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
MODELS = {"STANDARD": "on_demand", "SPOT": "spot", "FLEX_START": "flex_start"}
MINIMUM_SECONDS = 60


def vm_usages(world: World, fleet: Fleet, vm: Vm, now: int) -> Iterator[Usage]:
    """The usages of one VM that has run by ``now``."""
    if vm.run is None or vm.run > now:
        return
    shape = vm.shape()
    sku = world.meter.prices.sku(shape["family"], fleet.region, MODELS.get(vm.model, "on_demand"))
    quantity = Decimal(shape["chips"] or shape["cpus"])
    resource = instance_link(fleet.link, vm.name)
    kind = "compute.instances"
    if vm.model != "RESERVATION_BOUND":  # the reservation bills for it
        yield Usage(resource=resource, kind=kind, sku=sku, quantity=quantity, start=vm.run, minimum=MINIMUM_SECONDS)
    for disk_sku, gib in disks(world, vm.template).items():
        yield Usage(resource=resource, kind="compute.disks", sku=disk_sku, quantity=gib, start=vm.run, minimum=MINIMUM_SECONDS)


def disks(world: World, template: str) -> dict[str, Decimal]:
    """GiB of the template's disks by SKU; 10 GiB where no size is given."""
    out: dict[str, Decimal] = {}
    properties = (records.resource(world, template) or {}).get("properties", {})
    for disk in properties.get("disks", []):
        params = disk.get("initializeParams", {})
        sku = "disk.hyperdisk-balanced" if links.name_of(params.get("diskType", "")).startswith("hyperdisk") else "disk.standard"
        out[sku] = out.get(sku, Decimal(0)) + Decimal(str(params.get("diskSizeGb") or 10))
    return out
