"""Whether a VM is healthy by a health check, derived from its timestamps and the faults that are set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.rules import assumed
from emulator.services.compute import records
from emulator.services.compute.groups.fleet import Fleet, Vm
from emulator.services.compute.groups.probes import let_in
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
assumed(
    "health-after-ready",
    "A VM is HEALTHY healthyThreshold x checkIntervalSec after its server answers; a probe of a wrong port or path never passes.",
)
assumed("health-recovers-at-once", "When an 'unhealthy' fault is lifted the VM is healthy at once.")

NEVER = 1 << 62


def interval(check: Json, threshold: str) -> int:
    """Microseconds of ``threshold`` probes."""
    return int(check[threshold] * check["checkIntervalSec"] * SECOND)


def probe_target(check: Json) -> tuple[int | None, str | None]:
    """The port and path a check asks for; None for a port that is the serving port, a path that is not looked at."""
    for block in ("httpHealthCheck", "http2HealthCheck", "httpsHealthCheck"):
        if block in check:
            return check[block].get("port"), check[block].get("requestPath")
    return check.get("tcpHealthCheck", {}).get("port"), None


def serving_ports(world: World, fleet: Fleet) -> set[int]:
    """The ports the group says it serves on: its named ports."""
    manager = records.resource(world, fleet.link) or {}
    return {int(entry["port"]) for entry in manager.get("namedPorts", [])}


def passes(world: World, fleet: Fleet, vm: Vm, check: Json) -> bool:
    """Whether the model server would answer this probe: a port the group names (any, if it names none), which the firewall lets it reach."""
    port, _ = probe_target(check)
    ports = serving_ports(world, fleet)
    if port is not None and ports and port not in ports:
        return False
    return let_in(world, vm.template, frozenset({port} if port is not None else ports))


def healthy_from(world: World, fleet: Fleet, vm: Vm, check: Json) -> int:
    """The instant from which the VM is healthy, faults aside; NEVER if it will not be."""
    if vm.ready is None or not passes(world, fleet, vm, check):
        return NEVER
    return vm.ready + interval(check, "healthyThreshold")


def faulty_since(world: World, fleet: Fleet, vm: Vm) -> int | None:
    """When a fault made the VM fail, or None."""
    return world.faults.unhealthy_since(vm.name, fleet.name)


def is_healthy(world: World, fleet: Fleet, vm: Vm, check: Json, now: int) -> bool:
    """Whether the VM passes the check now."""
    if healthy_from(world, fleet, vm, check) > now or vm.failed is not None:
        return False
    since = faulty_since(world, fleet, vm)
    return since is None or now < since + interval(check, "unhealthyThreshold")


def healing_check(world: World, fleet: Fleet) -> tuple[Json, int] | None:
    """The group's autohealing health check and its initial delay in microseconds."""
    policies = (records.resource(world, fleet.link) or {}).get("autoHealingPolicies") or []
    if not policies or not policies[0].get("healthCheck"):
        return None
    check = records.resource(world, policies[0]["healthCheck"])
    return (check, int(policies[0].get("initialDelaySec", 0)) * SECOND) if check else None


def heal_at(world: World, fleet: Fleet, vm: Vm, check: Json, delay: int) -> int:
    """When autohealing will recreate the VM if nothing changes; NEVER if it will not."""
    if vm.run is None or not vm.live or vm.failed is not None:
        return NEVER
    judged = max(vm.run + delay, vm.run + interval(check, "unhealthyThreshold"))
    if healthy_from(world, fleet, vm, check) > judged:
        return judged
    since = faulty_since(world, fleet, vm)
    return NEVER if since is None else max(judged, since + interval(check, "unhealthyThreshold"))
