"""What the load balancer's requests become: counts and latencies by the minute, and how long each VM was busy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.dataplane.played import front, target
from emulator.dataplane.served import Served
from emulator.services.monitoring.builtin import BACKEND, REQUESTS, TOTAL
from emulator.services.monitoring.series import BUSY

if TYPE_CHECKING:
    from emulator.world import World

MILLISECOND = 1000


def witness(world: World, served: Served) -> None:
    """Count one request, in the minute it was answered."""
    resource = {"type": "https_lb_rule", "labels": _resource(world, served)}
    milliseconds = (served.ended - served.begun) / MILLISECOND
    labels = {"protocol": "HTTP/1.1", "cache_result": "DISABLED", "response_code_class": str(served.status // 100 * 100)}
    world.minutes.add(REQUESTS, {**labels, "response_code": str(served.status)}, resource, served.ended)
    world.minutes.add(TOTAL, labels, resource, served.ended, value=milliseconds)
    if served.vm is not None:
        world.minutes.add(BACKEND, labels, resource, served.ended, value=milliseconds)
        world.minutes.spend(BUSY, served.vm.id, served.begun, served.ended)


def _resource(world: World, served: Served) -> dict[str, str]:
    labels = {**front(world, served.rule), **target(served.service or "", served.backend or "")}
    return {key: value for key, value in labels.items() if value}
