"""Which VM answers: a healthy one that is not draining, of a backend with capacity.

1. Who is healthy is worked out once and kept until something changes or the next VM becomes healthy. 2. The region closest to the client is asked as
long as it has room: healthy VMs that have been sent fewer requests in this second than their rate; then the next closest. Where none has room the closest
with healthy VMs is asked. 3. In a region backends share traffic by healthy VMs times capacityScaler; a backend at 0 gets nothing new. 4. In a backend the
next VM in turn answers, the less busy of two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.dataplane.nearness import CLIENTS, by_nearness
from emulator.rules import assumed, documented
from emulator.services.compute import links, records
from emulator.services.compute.groups import health
from emulator.services.compute.groups.fleet import Fleet, Vm, manager_link
from emulator.services.compute.slices import endpoints, vm_of
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
documented(
    "waterfall-by-region",
    "A request goes to the closest region with healthy backends and capacity, and spills over to the next closest one.",
)
assumed(
    "balancing",
    "In a region traffic is shared by healthy VMs x capacityScaler; a region is at capacity when it was sent its maxRate in this second, "
    "maxUtilization shapes nothing; where all are at capacity the closest is sent more.",
)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The VM a request goes to."""

    fleet: Fleet
    vm: Vm
    backend: str


@dataclass(kw_only=True)
class Pool:
    """The healthy VMs of one backend; ``weight`` 0: it gets nothing new. ``rate``: the requests a second it takes; ``sent_in``: those of ``second``."""

    backend: str
    fleet: Fleet
    vms: list[Vm]
    weight: float
    region: str = ""
    rate: float = math.inf
    turn: int = 0
    sent: int = 0
    second: int = 0
    sent_in: int = 0

    def has_room(self, second: int) -> bool:
        """Whether it takes one more request in this second."""
        return self.second != second or self.sent_in < self.rate

    def send(self, second: int) -> None:
        """Count a request."""
        self.sent_in = self.sent_in + 1 if self.second == second else 1
        self.second = second
        self.sent += 1
        self.turn += 1


@dataclass(kw_only=True)
class Kept:
    """The pools of a service, as they are until ``until`` unless something changes."""

    generation: int
    until: int
    pools: list[Pool] = field(default_factory=list)


class Backends:
    """Chooses VMs for backend services."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[str, Kept] = {}

    def choose(self, service: str, busy: dict[str, int], now: int, client: str = CLIENTS) -> Choice | None:
        """A VM for a request of a client in a region, or None when no backend has a healthy one. ``busy``: requests in flight by VM id."""
        kept = self._kept.get(service)
        if kept is None or kept.generation != self._world.generation or now >= kept.until:
            kept = self.look(service, now)
            self._kept[service] = kept
        pools = [pool for pool in kept.pools if pool.vms and pool.weight > 0]
        if not pools:
            return None
        this, nearest = now // SECOND, by_nearness(client, (each.region for each in pools))
        roomy = [pool for pool in pools if pool.has_room(this)] or pools
        region = next(each for each in nearest if any(pool.region == each for pool in roomy))
        pool = min((each for each in roomy if each.region == region), key=lambda each: (each.sent + 1) / each.weight)
        pool.send(this)
        first = pool.vms[pool.turn % len(pool.vms)]
        second = pool.vms[(pool.turn * 7 + 3) % len(pool.vms)]
        vm = second if busy.get(second.id, 0) < busy.get(first.id, 0) else first
        return Choice(fleet=pool.fleet, vm=vm, backend=pool.backend)

    def look(self, service: str, now: int) -> Kept:
        """The pools of a service as they are now."""
        world = self._world
        resource = records.resource(world, service) or {}
        check = records.resource(world, (resource.get("healthChecks") or [""])[0])
        kept = Kept(generation=world.generation, until=health.NEVER)
        for backend in resource.get("backends", []):
            fleet, behind = self._behind(backend["group"])
            healthy = []
            for vm in behind:
                if not vm.live or vm.ready is None or vm.failed is not None:
                    continue
                later = self._changes(fleet, vm, check)
                kept.until = min([kept.until, *(at for at in later if at > now)])
                if check is None:
                    if vm.ready <= now:
                        healthy.append(vm)
                elif health.is_healthy(world, fleet, vm, check, now):
                    healthy.append(vm)
            weight = len(healthy) * float(backend.get("capacityScaler", 1))
            region = links.region_of_zone(links.part(backend["group"], "zones") or "")
            each = next((float(backend[name]) for name in ("maxRatePerInstance", "maxRatePerEndpoint") if backend.get(name)), math.inf)
            rate = min(each * weight if weight else 0.0, float(backend.get("maxRate") or math.inf))
            kept.pools.append(Pool(backend=backend["group"], fleet=fleet, vms=healthy, weight=weight, region=region, rate=rate))
        return kept

    def _behind(self, group: str) -> tuple[Fleet, list[Vm]]:
        """The fleet of a backend and those of its VMs that serve: all of a group's, or the endpoints of an endpoint group."""
        if "/networkEndpointGroups/" not in group:
            fleet = self._world.groups.fleets.get(manager_link(group))
            return fleet, list(fleet.vms.values())
        zone = links.part(group, "zones") or ""
        found = [at for each in endpoints(self._world, group) if (at := vm_of(self._world, zone, each["instance"])) is not None]
        return (found[0][0] if found else Fleet(link=group, vms={})), [vm for _, vm in found]

    def _changes(self, fleet: Fleet, vm: Vm, check: Json | None) -> list[int]:
        if check is None:
            return [vm.ready or 0]
        since = health.faulty_since(self._world, fleet, vm)
        first = health.healthy_from(self._world, fleet, vm, check)
        return [first] if since is None else [first, since + health.interval(check, "unhealthyThreshold")]
