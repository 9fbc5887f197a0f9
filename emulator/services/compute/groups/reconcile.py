"""What a group does by itself: make its VMs what its manager says.

1. Size: create what is missing, remove what is too many; the group picks the victims. 2. What cannot be placed for quota or stock is not an
API error: it shows in listErrors and is tried again. 3. Healing: a VM that fails its check after the initial delay is recreated.
4. Rolling update: PROACTIVE replaces outdated VMs within maxSurge and maxUnavailable, OPPORTUNISTIC waits for someone to recreate them.
5. A removed VM drains first: the drain timeout of its backend services in full, then up to 60 s.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.billing import TAB as USAGE_TAB
from emulator.faults import BadFaultError
from emulator.rules import assumed, documented
from emulator.services.compute import records
from emulator.services.compute.groups import health
from emulator.services.compute.groups.abandon import forget_empty
from emulator.services.compute.groups.bulk import is_bulk
from emulator.services.compute.groups.fleet import REPLACED, Fleet, Fleets, Vm, group_link
from emulator.services.compute.groups.usage import vm_usages
from emulator.services.compute.groups.versions import next_template, outdated
from emulator.services.compute.groups.vm_operations import note_gone
from emulator.services.compute.slices import reservation_of, reserved_room
from emulator.services.compute.templates import provisioning_model
from emulator.times import SECOND, shown, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
documented(
    "stockout-in-list-errors", "A stockout is never an API error: listErrors shows ZONE_RESOURCE_POOL_EXHAUSTED and the group keeps trying."
)
documented("drain-before-removal", "Removing a VM of a backend waits for connection draining, then up to 60 s.")
documented("autohealing", "A VM that fails the autohealing check after initialDelaySec (default 0) is recreated under its name.")
assumed("group-victims", "A shrinking group removes VMs not placed, then not running, then in an arbitrary but fixed order.")
assumed("drain-in-full", "Draining lasts the whole drainingTimeoutSec even when no connection is left.")
assumed("boot-times", "All VMs of one request boot in the same time: no jitter between them.")
documented("flex-start", "Flex-start VMs wait in a queue, run for at most seven days (maxRunDuration) and are not repaired.")
documented(
    "host-failure",
    "Where the group repairs, a VM whose host failed or that was preempted is recreated; with DO_NOTHING it stays, TERMINATED.",
)
assumed("retry-placement", "A group tries again every 60 s what could not be placed.")
ERRORS_KEPT = 200


class Groups:
    """All groups, as an agenda of what they will do next."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.fleets = Fleets(world)
        self._next: dict[str, int | None] | None = None

    def forget(self) -> None:
        """Work out again what is due (after a restart, a reset, a changed fault or duration)."""
        self._next = None

    def next_due(self) -> int | None:
        """When a group acts next."""
        if self._next is None:
            self._next = {fleet.link: self._due(fleet) for fleet in self.fleets.all()}
        return min((due for due in self._next.values() if due is not None), default=None)

    def settle(self, now: int) -> None:
        """Let the first due group act."""
        due = {link: at for link, at in (self._next or {}).items() if at is not None}
        self.act(min(due, key=lambda link: due[link]), now)

    def act(self, link: str, now: int) -> None:
        """Bring one group as far as it gets at this instant."""
        now = shown(now)
        fleet = self._ended(self.fleets.get(link), now)
        if fleet.deleting is not None and not fleet.vms:
            self._world.operations.finish(fleet.deleting, now)
            self._gone(link)
            return
        if forget_empty(self._world, fleet):
            return
        if fleet.deleting is None:
            fleet = self._retried(self._healed(self._expired(fleet, now), now), now)
            fleet = self._sized(fleet, now)
        self.fleets.put(fleet)
        if self._next is not None:
            self._next[link] = self._due(fleet, after=now)

    def _gone(self, link: str) -> None:
        self.fleets.drop(link)
        self._world.store.delete(records.TAB, link)
        if self._next is not None:
            self._next.pop(link, None)
        self._world.changed()

    def _due(self, fleet: Fleet, after: int | None = None) -> int | None:
        """The next instant at which anything about the fleet changes: what it does, or only what it shows."""
        world = self._world
        past = -1 if after is None else after
        healing = health.healing_check(world, fleet)
        found: set[int] = set()
        for vm in fleet.vms.values():
            found.update(at for at in (vm.retry, vm.gone) if at is not None)
            if vm.until is not None and vm.failed is None:
                found.add(vm.until)
            shows = [vm.run, vm.ready]
            if healing:
                shows += [health.healthy_from(world, fleet, vm, healing[0])]
                found.add(health.heal_at(world, fleet, vm, *healing))
            found.update(at for at in shows if at is not None and at > (world.clock.now() if after is None else past))
        found.discard(health.NEVER)
        return min((at for at in found if at > past), default=None)

    # -- what ends ---------------------------------------------------------------------------------------------------

    def _ended(self, fleet: Fleet, now: int) -> Fleet:
        vms = dict(fleet.vms)
        for vm in fleet.vms.values():
            if vm.gone is None or vm.gone > now:
                continue
            self._close(fleet, vm)
            note_gone(self._world, fleet, vm)
            del vms[vm.name]
            if vm.why in REPLACED and fleet.deleting is None:
                vms[vm.name] = self._placed(fleet, self._new(fleet, vm.gone, name=vm.name), vm.gone)
        return replace(fleet, vms=vms)

    def _close(self, fleet: Fleet, vm: Vm) -> None:
        """Keep what a VM has billed, and give its machine back."""
        if vm.run is None or vm.gone is None or vm.failed is not None:
            return
        if vm.why != "lost":
            self._world.faults.return_stock(fleet.zone, vm.machine)
        for usage in vm_usages(self._world, fleet, vm, vm.gone):
            row = {**vars(usage), "quantity": str(usage.quantity), "end": vm.gone}
            self._world.store.put(USAGE_TAB, f"{usage.resource} {usage.sku} {vm.id}", row)

    def strike(self, spec: Json, now: int) -> None:
        """A host fails under one VM of a group, or Spot VMs are preempted; a group that repairs makes them anew."""
        now = shown(now)
        fleet = next((each for each in self.fleets.all() if each.name == spec["group"] and each.vms), None)
        if fleet is None:
            raise BadFaultError(f"{spec['type']}: no group {spec['group']!r} has VMs")
        running = [vm for vm in fleet.vms.values() if vm.live and vm.run is not None and vm.run <= now and vm.failed is None]
        hit = [vm for vm in running if vm.name == spec.get("instance", vm.name)][: spec.get("count", 1)]
        if not hit:
            raise BadFaultError(f"{spec['type']}: no VM of {spec['group']!r} runs that could be struck")
        manager = records.resource(self._world, fleet.link) or {}
        if (manager.get("instanceLifecyclePolicy") or {}).get("defaultActionOnFailure") == "DO_NOTHING":
            self.fleets.put(self.failed(fleet, hit, now))
        else:
            self.fleets.put(self.removed(fleet, hit, now, "lost", drain=False))
        self.act(fleet.link, now)

    def failed(self, fleet: Fleet, vms: list[Vm], now: int) -> Fleet:
        """VMs that stop for good: they bill no more, their machines are gone, and they stand TERMINATED in their group."""
        for vm in vms:
            self._close(fleet, replace(vm, gone=now, why="lost"))
        return replace(fleet, vms={**fleet.vms, **{vm.name: replace(vm, failed=now) for vm in vms}})

    def _expired(self, fleet: Fleet, now: int) -> Fleet:
        over = [vm for vm in fleet.vms.values() if vm.until is not None and vm.until <= now and vm.live and vm.failed is None]
        return self.failed(fleet, over, now) if over else fleet

    def _healed(self, fleet: Fleet, now: int) -> Fleet:
        healing = health.healing_check(self._world, fleet)
        if healing is None:
            return fleet
        sick = [vm for vm in fleet.vms.values() if health.heal_at(self._world, fleet, vm, *healing) <= now]
        return self.removed(fleet, sick, now, "recreate", drain=False) if sick else fleet

    def _retried(self, fleet: Fleet, now: int) -> Fleet:
        waiting = [vm for vm in fleet.vms.values() if vm.live and vm.retry is not None and vm.retry <= now]
        return self._place_all(fleet, waiting, now) if waiting else fleet

    # -- size and version --------------------------------------------------------------------------------------------

    def _sized(self, fleet: Fleet, now: int) -> Fleet:
        manager = records.resource(self._world, fleet.link)
        if manager is None:
            return fleet
        policy = manager.get("updatePolicy", {})
        rolling = policy.get("type") == "PROACTIVE"
        for _ in range(len(fleet.vms) + 2):
            live = [vm for vm in fleet.vms.values() if vm.live]
            old = outdated(manager, live) if rolling else []
            size = sum(vm.stays for vm in fleet.vms.values())
            target = manager["targetSize"]
            surge = min(_fixed(policy.get("maxSurge"), target), len(old))
            wanted = target + surge
            if size < wanted:
                fresh = self._new_vms(fleet, wanted - size, now)
                fleet = self._place_all(fleet, fresh, now)
                continue
            if size > wanted:
                return self.removed(fleet, self._victims(live, outdated(manager, live), size - wanted, now), now, "delete")
            room = sum(self._available(fleet, vm, now) for vm in live) - (target - _fixed(policy.get("maxUnavailable"), target))
            going = []
            for vm in sorted(old, key=lambda vm: self._available(fleet, vm, now)):
                if self._available(fleet, vm, now):
                    if room <= 0:
                        break
                    room -= 1
                going.append(vm)
            if not going:
                return fleet
            fleet = self.removed(fleet, going, now, "delete")
        return fleet

    def _available(self, fleet: Fleet, vm: Vm, now: int) -> bool:
        if vm.run is None or vm.run > now or not vm.live or vm.failed is not None:
            return False
        healing = health.healing_check(self._world, fleet)
        return healing is None or health.is_healthy(self._world, fleet, vm, healing[0], now)

    def _victims(self, live: list[Vm], old: list[Vm], count: int, now: int) -> list[Vm]:
        def order(vm: Vm) -> tuple[int, str]:
            rank = 0 if vm.run is None else 1 if vm.run > now else 2 if vm in old else 3
            return rank, vm.id

        return sorted(live, key=order)[:count]

    # -- creating ----------------------------------------------------------------------------------------------------

    def _new_vms(self, fleet: Fleet, count: int, now: int) -> list[Vm]:
        taken = set(fleet.vms)
        out: list[Vm] = []
        manager = records.resource(self._world, fleet.link) or {}
        live = [vm for vm in fleet.vms.values() if vm.live]
        for _ in range(count):
            vm = self._new(fleet, now, taken=taken, template=next_template(manager, [*live, *out]))
            taken.add(vm.name)
            out.append(vm)
        return out

    def _new(self, fleet: Fleet, now: int, *, name: str | None = None, taken: set[str] | None = None, template: str | None = None) -> Vm:
        world = self._world
        manager = records.resource(world, fleet.link) or {}
        while name is None or (taken and name in taken):
            name = f"{manager['baseInstanceName']}-{world.identity.letters(4)}"
        template = template or next_template(manager, [vm for vm in fleet.vms.values() if vm.live])
        properties = (records.resource(world, template) or {})["properties"]
        return Vm(
            name=name,
            id=world.identity.numeric(),
            ip=self._ip(properties),
            template=template,
            machine=properties["machineType"],
            model=provisioning_model(properties),
            created=shown(now),
        )

    def _ip(self, properties: Json) -> str:
        nic = properties["networkInterfaces"][0]
        subnet = records.resource(self._world, nic.get("subnetwork", "")) or {}
        base = ipaddress.IPv4Network(subnet.get("ipCidrRange", "10.128.0.0/20"))
        row = self._world.store.get("meta", "ip") or {"next": 2}
        self._world.store.put("meta", "ip", {"next": row["next"] + 1})
        return str(base[2 + row["next"] % max(1, base.num_addresses - 4)])

    def _placed(self, fleet: Fleet, vm: Vm, now: int) -> Vm:
        return self._place_all(replace(fleet, vms={**fleet.vms, vm.name: vm}), [vm], now).vms[vm.name]

    def _place_all(self, fleet: Fleet, vms: list[Vm], now: int) -> Fleet:
        """Try to place each VM: quota first, then reservation and stock; those of a bulk group together or not at all."""
        world = self._world
        placed = dict(fleet.vms)
        errors: list[Json] = []
        used = self.chips_used(fleet.region)
        together = self._hindrance(fleet, vms, used) if is_bulk(records.resource(world, fleet.link) or {}) else None
        fresh = 0
        for vm in vms:
            failure = together or self._hindrance(fleet, [vm], used, fresh)
            if failure is None and (vm.model == "RESERVATION_BOUND" or world.faults.take_stock(fleet.zone, vm.machine)):
                key = (vm.shape()["family"].upper(), vm.model == "SPOT")
                used[key] = used.get(key, 0) + vm.shape()["chips"]
                placed[vm.name] = self._running(vm, now)
                fresh += 1
                continue
            code, text = failure or self._out_of_stock(fleet)
            placed[vm.name] = replace(vm, retry=now + world.durations.of("vm.retry"), failure=code)
            errors.append({"at": utc(now), "vm": vm.name, "template": vm.template, "code": code, "message": text})
        return replace(fleet, vms=placed, errors=(*fleet.errors, *errors)[-ERRORS_KEPT:])

    def _running(self, vm: Vm, now: int) -> Vm:
        """The VM with the instants of its start; a flex-start one waits in the queue first."""
        durations = self._world.durations
        queue = durations.of("vm.flex_queue") if vm.model == "FLEX_START" else 0
        run = now + queue + durations.of("vm.boot")
        properties = (records.resource(self._world, vm.template) or {}).get("properties", {})
        longest = int((properties.get("scheduling", {}).get("maxRunDuration") or {}).get("seconds") or 0)
        until = run + longest * SECOND if longest else None
        ready = None if self._world.faults.breaks(properties) else run + durations.of("vm.container") + durations.of("vm.load")
        return replace(vm, created=now, run=run, ready=ready, retry=None, failure=None, until=until)

    def _hindrance(self, fleet: Fleet, vms: list[Vm], used: dict[tuple[str, bool], int], fresh: int = 0) -> tuple[str, str] | None:
        """Why these VMs, all of one template, cannot be placed together; None if they can. ``fresh``: placed and not kept yet."""
        world, vm = self._world, vms[0]
        family, chips = vm.shape()["family"].upper(), vm.shape()["chips"] * len(vms)
        limit = world.quotas.chips(family, fleet.region, vm.model)
        if chips and used.get((family, vm.model == "SPOT"), 0) + chips > limit:
            metric = f"PREEMPTIBLE-{family}" if vm.model == "SPOT" else "TPUS_PER_TPU_FAMILY"
            return "QUOTA_EXCEEDED", f"Quota '{metric}' exceeded.  Limit: {float(limit)} in region {fleet.region}."
        if vm.model == "RESERVATION_BOUND":
            reservation = reservation_of(world, vm.template, fleet.zone)
            if reservation is None or reserved_room(world, reservation, vm.machine) < len(vms) + fresh:
                return "RESERVATION_CAPACITY_EXCEEDED", f"Specified reservation '{reservation}' does not exist or has no room left."
            return None
        left = world.faults.stock_left(fleet.zone, vm.machine)
        return self._out_of_stock(fleet) if left is not None and left < len(vms) else None

    def _out_of_stock(self, fleet: Fleet) -> tuple[str, str]:
        zone = f"projects/{self._world.project}/zones/{fleet.zone}"
        text = (
            f"The zone '{zone}' does not have enough resources available to fulfill the request.  Try a different zone, or try again later."
        )
        return "ZONE_RESOURCE_POOL_EXHAUSTED", text

    def chips_used(self, region: str) -> dict[tuple[str, bool], int]:
        """Chips placed in a region, by family and whether Spot."""
        used: dict[tuple[str, bool], int] = {}
        for fleet in self.fleets.all():
            if fleet.region == region:
                for vm in fleet.vms.values():
                    if vm.run is not None and vm.failed is None:
                        key = (vm.shape()["family"].upper(), vm.model == "SPOT")
                        used[key] = used.get(key, 0) + vm.shape()["chips"]
        return used

    # -- removing ----------------------------------------------------------------------------------------------------

    def removed(self, fleet: Fleet, vms: list[Vm], now: int, why: str, *, drain: bool = True) -> Fleet:
        """Start to remove VMs; those of backends drain first."""
        world = self._world
        wait = self.drain_time(fleet) if drain else 0
        changed = dict(fleet.vms)
        for vm in vms:
            if vm.run is None:
                if why == "delete":
                    del changed[vm.name]
                continue
            serving = vm.ready is not None and vm.ready <= now
            drained = now + (wait if serving else 0)
            changed[vm.name] = replace(vm, removing=now, drained=drained, gone=drained + world.durations.of("vm.remove"), why=why)
        return replace(fleet, vms=changed)

    def drain_time(self, fleet: Fleet) -> int:
        """The longest connection draining of the backend services the group is in, in microseconds."""
        link = group_link(fleet.link)
        times = [0]
        for _, record in records.of_service(self._world, "backendServices"):
            service = record["resource"]
            if any(backend.get("group") == link for backend in service.get("backends", [])):
                times.append(int(service.get("connectionDraining", {}).get("drainingTimeoutSec", 0)) * SECOND)
        return max(times)


def _fixed(value: Json | None, size: int) -> int:
    """A FixedOrPercent as a number of VMs; 1 if not given."""
    if value is None:
        return 1
    if "percent" in value:
        return size * int(value["percent"]) // 100
    return int(value["fixed"]) if "fixed" in value else 1
