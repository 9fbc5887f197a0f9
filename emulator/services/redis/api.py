"""Memorystore for Redis v1 and v1beta1 over REST.

Its operations have paths other APIs have too: a client tells which it means by the Host header or a leading `/redis.googleapis.com/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.call import Methods
from emulator.services.redis import instances, operations
from emulator.services.redis.usage import KIND
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.routes import Route, transport_routes

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "redis.googleapis.com"
HEAD = "redis.projects.locations."
RPCS = {
    "CreateInstance": HEAD + "instances.create", "GetInstance": HEAD + "instances.get", "ListInstances": HEAD + "instances.list",
    "UpdateInstance": HEAD + "instances.patch", "DeleteInstance": HEAD + "instances.delete", "FailoverInstance": HEAD + "instances.failover",
    "UpgradeInstance": HEAD + "instances.upgrade", "RescheduleMaintenance": HEAD + "instances.rescheduleMaintenance",
    "GetInstanceAuthString": HEAD + "instances.getAuthString", "GetOperation": HEAD + "operations.get", "ListOperations": HEAD + "operations.list",
}  # fmt: skip


def register(world: World, methods: Methods) -> None:
    """Add the handlers, the effects and the inventory."""
    world.inventories.append(_inventory)
    for name, effect in instances.EFFECTS.items():
        world.operations.effect(name, effect)
    handlers = {
        "create": instances.create, "get": instances.get, "list": instances.list_, "patch": instances.patch, "delete": instances.delete,
        "failover": instances.failover, "upgrade": instances.upgrade, "rescheduleMaintenance": instances.reschedule,
        "getAuthString": instances.auth_string,
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(f"{HEAD}instances.{verb}", handler)
    methods.add(HEAD + "operations.get", operations.get)
    methods.add(HEAD + "operations.list", operations.list_)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes, under both versions."""
    del methods
    for route in transport_routes(API, "google.cloud.redis_v1", "cloud_redis", RPCS.get):
        yield replace(route, pattern=re.compile(route.pattern.pattern.replace("/v1/", "/(?P<_version>v1|v1beta1)/", 1)))


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """None: it is served over REST."""
    return iter(())


def _inventory(world: World) -> Iterator[Json]:
    for name, row in world.store.items(instances.TAB):
        _, _, _, region, _, identifier = name.split("/")
        yield {
            "kind": KIND,
            "scope": f"regions/{region}",
            "name": identifier,
            "self_link": name,
            "description": "",
            "labels": row["instance"].get("labels", {}),
            "billing": True,
            "state": row["instance"]["state"],
        }
