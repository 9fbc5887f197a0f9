"""What Compute resources bill beyond reserved addresses: VMs while they live, forwarding rules, NAT gateways."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator.billing import TAB, Usage, counted
from emulator.services.compute import links, records
from emulator.services.compute.groups.usage import vm_usages

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
Span = tuple[int, int | None]
RULES_TOGETHER = 5
NAT_VMS = 32


def register_usages(world: World) -> None:
    """Add the sources to the meter."""
    world.meter.sources.append(lambda now: _vms(world, now))
    world.meter.sources.append(lambda now: _rules(world, now))
    world.meter.sources.append(lambda now: _nat(world, now))


def _vms(world: World, now: int) -> Iterator[Usage]:
    for fleet in world.groups.fleets.all():
        for vm in fleet.vms.values():
            yield from vm_usages(world, fleet, vm, now)


def _rules(world: World, now: int) -> Iterator[Usage]:
    """The first five rules cost one price together, the others one each."""
    spans = [(start, end) for _, row in world.store.items("rules_span") for start, end in row["spans"]]
    resource = f"projects/{world.project}/global/forwardingRules"
    for start, end, count in counted(spans, now):
        kind = "compute.globalForwardingRules"
        yield Usage(resource=resource, kind=kind, sku="forwarding-rule.first-five", quantity=Decimal(1), start=start, end=end)
        if count > RULES_TOGETHER:
            more = Decimal(count - RULES_TOGETHER)
            yield Usage(resource=resource, kind=kind, sku="forwarding-rule.additional", quantity=more, start=start, end=end)


def _nat(world: World, now: int) -> Iterator[Usage]:
    """A gateway by the VMs of its network and region that have no external address."""
    for router, row in world.store.items("nat"):
        region = links.part(router, "regions") or ""
        spans = [span for start, end in row["spans"] for span in _vm_spans(world, row["network"], region, (start, end), now)]
        stretches: list[tuple[int, int | None, int]] = []
        for start, end, count in counted(spans, now):
            capped = min(count, NAT_VMS + 1)
            if stretches and stretches[-1][1] == start and stretches[-1][2] == capped:
                stretches[-1] = (stretches[-1][0], end, capped)
            else:
                stretches.append((start, end, capped))
        for start, end, count in stretches:
            sku, quantity = ("nat.gateway-max", 1) if count > NAT_VMS else ("nat.gateway-vm", count)
            yield Usage(resource=router, kind="compute.routers", sku=sku, quantity=Decimal(quantity), start=start, end=end)


def _vm_spans(world: World, network: str, region: str, span: Span, now: int) -> Iterator[Span]:
    start, end = span
    lives: list[Span] = []
    for fleet in world.groups.fleets.all():
        if fleet.region != region:
            continue
        running = (vm for vm in fleet.vms.values() if vm.run is not None and vm.run <= now)
        lives.extend((vm.run or 0, None) for vm in running if _behind(world, vm.template, network))
    for _, row in world.store.items(TAB):
        if row["kind"] == "compute.instances" and links.region_of_zone(links.part(row["resource"], "zones") or "") == region:
            lives.append((row["start"], row["end"]))
    for begun, ended in lives:
        first = max(begun, start)
        last = ended if end is None else end if ended is None else min(end, ended)
        if last is None or last > first:
            yield first, last


def _behind(world: World, template: str, network: str) -> bool:
    properties = (records.resource(world, template) or {}).get("properties", {})
    nics = properties.get("networkInterfaces", [])
    return any(nic.get("network") == network and not nic.get("accessConfigs") for nic in nics)
