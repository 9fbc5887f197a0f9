"""Service Networking v1 over REST, as its discovery document has it: there is no google-cloud package of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Methods
from emulator.services.servicenetworking import connections
from emulator.wire.described import described_routes
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "servicenetworking.googleapis.com"
HEAD = "servicenetworking.services.connections."


def register(world: World, methods: Methods) -> None:
    """Add the handlers, the effects and the inventory."""
    world.inventories.append(_inventory)
    world.operations.effect("connection.put", connections.put_connection)
    world.operations.effect("connection.delete", connections.delete_connection)
    methods.add(HEAD + "create", connections.create)
    methods.add(HEAD + "list", connections.list_)
    methods.add(HEAD + "patch", connections.patch)
    methods.add(HEAD + "deleteConnection", connections.delete)
    methods.add("servicenetworking.operations.get", connections.get_operation)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    served = frozenset(name for name in methods.names() if name.startswith("servicenetworking."))
    return described_routes(API, "servicenetworking.v1", served)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """None: it is served over REST."""
    return iter(())


def _inventory(world: World) -> Iterator[Json]:
    for network in (name for name, _ in world.store.items(connections.TAB)):
        yield {
            "kind": "servicenetworking.connections",
            "scope": "global",
            "name": network.rpartition("/")[2],
            "self_link": network,
            "description": "",
            "labels": {},
            "billing": False,
            "state": "READY",
            **({} if network.startswith(f"projects/{world.project}/") else {"origin": "host"}),
            "held": connections.users(world, network, world.clock.now()),
        }
