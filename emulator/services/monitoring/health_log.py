"""Health check logging: an entry for each VM whose health changes, where the check asks for it (``logConfig.enable``).

The log is ``compute.googleapis.com/healthchecks``, the resource ``gce_instance_group``; the entry tells the state and the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.rules import assumed, documented
from emulator.services.compute import records
from emulator.services.compute.groups import health
from emulator.services.compute.groups.fleet import Fleet, Vm, manager_link
from emulator.services.logging.entries import take
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
LOGGED = "logged_checks"
SEEN = "health_seen"
documented(
    "health-check-log", "A health check with logConfig.enable logs each change of a VM's health, with healthState and previousHealthState."
)
assumed("health-log-minute", "A change of health is logged at the next whole minute; a change back within it is not seen.")


def wanted(world: World) -> bool:
    """Whether any health check logs."""
    return world.store.count(LOGGED) > 0


def look(world: World, now: int) -> None:
    """Log what has changed since the last look."""
    seen: set[str] = set()
    for _, record in records.of_service(world, "backendServices"):
        service = record["resource"]
        link = (service.get("healthChecks") or [""])[0]
        if world.store.get(LOGGED, link) is None:
            continue
        check = records.resource(world, link) or {}
        for backend in service.get("backends", []):
            fleet = world.groups.fleets.get(manager_link(backend["group"]))
            for vm in fleet.vms.values():
                if vm.run is None or vm.run > now:
                    continue
                seen.add(vm.id)
                _compare(world, fleet, vm, _state(world, fleet, vm, check, now), now)
    for key, _ in world.store.items(SEEN):
        if key not in seen:
            world.store.delete(SEEN, key)


def _state(world: World, fleet: Fleet, vm: Vm, check: Json, now: int) -> str:
    if health.is_healthy(world, fleet, vm, check, now):
        return "HEALTHY" if vm.live else "DRAINING"
    return "UNHEALTHY"


def _compare(world: World, fleet: Fleet, vm: Vm, state: str, now: int) -> None:
    before = (world.store.get(SEEN, vm.id) or {"state": "UNKNOWN"})["state"]
    if before == state:
        return
    world.store.put(SEEN, vm.id, {"state": state})
    entry = {
        "logName": f"projects/{world.project}/logs/compute.googleapis.com%2Fhealthchecks",
        "resource": {
            "type": "gce_instance_group",
            "labels": {"project_id": world.project, "location": fleet.zone, "instance_group_name": fleet.name},
        },
        "severity": "INFO",
        "labels": {},
        "timestamp": utc(now),
        "receiveTimestamp": utc(now),
        "insertId": world.identity.letters(14),
        "jsonPayload": {
            "healthCheckProbeResult": {
                "ipAddress": vm.ip,
                "healthState": state,
                "previousHealthState": before,
                "detailedHealthState": "HEALTHY" if state == "HEALTHY" else state,
            }
        },
    }
    take(world, entry, now)
