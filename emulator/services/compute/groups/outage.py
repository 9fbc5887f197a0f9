"""A region goes down: every VM of its groups is gone at once, and the groups want them back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.faults import BadFaultError
from emulator.services.compute import records
from emulator.services.compute.catalog import REGIONS
from emulator.times import shown

if TYPE_CHECKING:
    from emulator.services.compute.groups.fleet import Vm
    from emulator.services.compute.groups.reconcile import Groups
    from emulator.world import World

Json = dict[str, Any]


def lose_region(world: World, groups: Groups, spec: Json, now: int) -> None:
    """Take the VMs; where the group repairs nothing they stand TERMINATED, elsewhere it tries to make them anew."""
    if spec["region"] not in REGIONS:
        raise BadFaultError(f"region_lost: {spec['region']!r} is not one of {', '.join(REGIONS)}")
    now = shown(now)
    for fleet in [each for each in groups.fleets.all() if each.region == spec["region"]]:
        there = [vm for vm in fleet.vms.values() if vm.run is not None and vm.failed is None]
        manager = records.resource(world, fleet.link) or {}
        if (manager.get("instanceLifecyclePolicy") or {}).get("defaultActionOnFailure") == "DO_NOTHING":
            groups.fleets.put(groups.failed(fleet, [vm for vm in there if vm.live], now))
        else:
            groups.fleets.put(replace(fleet, vms={**fleet.vms, **{vm.name: _gone(vm, now) for vm in there}}))
        groups.act(fleet.link, now)


def _gone(vm: Vm, now: int) -> Vm:
    return replace(vm, removing=vm.removing or now, drained=now, gone=now, why=vm.why or "lost")
