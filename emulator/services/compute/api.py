"""Compute Engine put together: its routes, its handlers, its effects and agendas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.call import Methods
from emulator.certificates import Certificates
from emulator.services.compute import armor, effects, fixed, https, inventory, peering, setters, slices, special, vpc_routes
from emulator.services.compute.groups import instances, outage
from emulator.services.compute.groups import verbs as group_verbs
from emulator.services.compute.groups.reconcile import Groups
from emulator.services.compute.records import KINDS
from emulator.services.compute.scaling import Scaling
from emulator.services.compute.table import register_all
from emulator.services.compute.usages import register_usages
from emulator.services.compute.verbs import handlers
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.routes import Route, camel, transport_routes

if TYPE_CHECKING:
    from emulator.world import World

API = "compute.googleapis.com"
PACKAGE = "google.cloud.compute_v1"


def register(world: World, methods: Methods) -> None:
    """Add Compute's handlers to the book and its effects to the world."""
    register_all()
    world.groups = Groups(world)
    world.scaling = Scaling(world)
    world.agendas += [world.groups, Certificates(world), world.scaling]
    world.inventories.append(inventory.inventory)
    for service, kind in KINDS.items():
        for verb, handler in handlers(kind).items():
            methods.add(f"compute.{service}.{verb}", handler)
    tables = (
        fixed.HANDLERS,
        special.HANDLERS,
        setters.HANDLERS,
        slices.HANDLERS,
        https.HANDLERS,
        armor.HANDLERS,
        vpc_routes.HANDLERS,
        peering.HANDLERS,
        group_verbs.HANDLERS,
        instances.HANDLERS,
    )
    for group in tables:
        for method, handler in group.items():
            methods.add(method, handler)
    effects.register(world)
    world.strikes |= dict.fromkeys(("host_failure", "preemption"), world.groups.strike)
    world.strikes["region_lost"] = lambda spec, now: outage.lose_region(world, world.groups, spec, now)
    register_usages(world)
    world.meter.sources.append(lambda _now: armor.usages(world))


def routes(methods: Methods) -> Iterator[Route]:
    """Every route of the services that have handlers; those without a handler answer 501."""
    served = {name.split(".")[1] for name in methods.names() if name.startswith("compute.")}
    for service in sorted(served):
        snake = re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), service)
        yield from transport_routes(API, PACKAGE, snake, lambda rpc, service=service: f"compute.{service}.{camel(rpc)}")  # type: ignore[misc]


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """None: Compute speaks REST only."""
    return iter(())
