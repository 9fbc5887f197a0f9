"""Vertex AI v1 over REST: routes and types from its discovery document, so that a process that serves no model starts without its large package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.call import Methods
from emulator.services.aiplatform import deployments, endpoints, models, naming, operations
from emulator.services.aiplatform.naming import API, HEAD
from emulator.services.aiplatform.predicting import Predictions
from emulator.wire.described import described_routes
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]


def register(world: World, methods: Methods) -> None:
    """Add the handlers, the effects and the inventory."""
    for table in (models.HANDLERS, endpoints.HANDLERS, deployments.HANDLERS):
        for name, handler in table.items():
            methods.add(name, handler)
    methods.add(HEAD + "endpoints.predict", Predictions().predict)
    methods.add(HEAD + "list", naming.locations)
    for below in ("", "endpoints.", "models."):
        methods.add(f"{HEAD}{below}operations.get", operations.get)
    methods.add(HEAD + "endpoints.operations.list", operations.list_)
    world.operations.effect("vertex.model", models.put)
    world.operations.effect("vertex.endpoint", endpoints.put)
    world.operations.effect("vertex.deploy", deployments.deployed_now)
    world.operations.effect("vertex.undeploy", deployments.undeployed_now)
    world.operations.effect("vertex.mutate", deployments.mutated_now)
    world.inventories.append(_inventory)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes; operations and locations also under /ui/, where Google's REST clients ask for them."""
    for route in described_routes(API, "aiplatform.v1", frozenset(name for name in methods.names() if name.startswith(HEAD))):
        asked = route.method == HEAD + "list" or ".operations." in route.method
        yield replace(route, pattern=re.compile(route.pattern.pattern.replace("/v1/", "/(?:v1|ui)/", 1))) if asked else route


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """None: it is served over REST."""
    return iter(())


def _inventory(world: World) -> Iterator[Json]:
    for name, row in world.store.items(models.TAB):
        yield _row("models", name, row)
    for name, row in world.store.items(endpoints.TAB):
        yield _row("endpoints", name, row["endpoint"])
        for identifier in row["deployed"]:
            link = deployments.resource_of(name, identifier)
            yield {**_row("deployedModels", link, {}), "name": link.partition("/endpoints/")[2], "billing": True}


def _row(kind: str, name: str, row: Json) -> Json:
    return {
        "kind": f"aiplatform.{kind}",
        "scope": f"regions/{naming.region(name)}",
        "name": name.rpartition("/")[2],
        "self_link": name,
        "description": row.get("description", ""),
        "labels": row.get("labels", {}),
        "billing": False,
        "state": "READY",
    }
