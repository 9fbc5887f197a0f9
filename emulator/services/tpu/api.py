"""Cloud TPU v2 over REST and gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Methods
from emulator.rules import assumed
from emulator.services.tpu import catalog, nodes, operations, queued, quota
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods
from emulator.wire.routes import Route, transport_routes

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "tpu.googleapis.com"
_HEAD = "tpu.projects.locations."
RPCS = {
    "CreateNode": "nodes.create", "GetNode": "nodes.get", "ListNodes": "nodes.list", "DeleteNode": "nodes.delete", "StopNode": "nodes.stop",
    "StartNode": "nodes.start", "GetGuestAttributes": "nodes.getGuestAttributes", "CreateQueuedResource": "queuedResources.create",
    "GetQueuedResource": "queuedResources.get", "ListQueuedResources": "queuedResources.list", "DeleteQueuedResource": "queuedResources.delete",
    "GetAcceleratorType": "acceleratorTypes.get", "ListAcceleratorTypes": "acceleratorTypes.list",
    "GetRuntimeVersion": "runtimeVersions.get", "ListRuntimeVersions": "runtimeVersions.list",
}  # fmt: skip
MIXED_IN = {"ListLocations": "list", "GetLocation": "get", "ListOperations": "operations.list", "GetOperation": "operations.get"}
assumed("tpu-permissions", "Queued resources need the permissions of nodes, and so do guest attributes; roles/tpu.admin holds all of them.")
assumed("tpu-grpc", "Over gRPC the API's own methods are served; its locations and operations, whose paths all APIs share, over REST only.")


def _method(rpc: str) -> str | None:
    found = RPCS.get(rpc) or MIXED_IN.get(rpc)
    return _HEAD + found if found else None


def register(world: World, methods: Methods) -> None:
    """Add the handlers, the effects, the agenda and the inventory."""
    operations.know_metadata()
    world.agendas.append(queued.Queue(world))
    world.inventories.append(_inventory)
    world.strikes["tpu_preemption"] = lambda spec, now: queued.strike(world, spec, now)
    for name, effect in (
        ("node.create", nodes.created), ("node.stop", nodes.switched), ("node.start", nodes.switched), ("node.delete", queued.node_deleted),
        ("queued.delete", queued.deleted),
    ):  # fmt: skip
        world.operations.effect(f"tpu.{name}", effect)
    handlers = {
        "nodes.create": nodes.create, "nodes.get": nodes.get, "nodes.list": nodes.list_, "nodes.delete": queued.delete_node,
        "nodes.stop": nodes.stop, "nodes.start": nodes.start, "nodes.getGuestAttributes": nodes.attributes,
        "queuedResources.create": queued.create, "queuedResources.get": queued.get, "queuedResources.list": queued.list_,
        "queuedResources.delete": queued.delete, "acceleratorTypes.get": catalog.get_type, "acceleratorTypes.list": catalog.list_types,
        "runtimeVersions.get": catalog.get_runtime, "runtimeVersions.list": catalog.list_runtimes, "list": catalog.locations,
        "get": catalog.get_location, "operations.get": operations.get, "operations.list": operations.list_,
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(_HEAD + verb, handler)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    del methods
    return transport_routes(API, "google.cloud.tpu_v2", "tpu", _method)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    from google.cloud.tpu_v2.services.tpu.transports.grpc import TpuGrpcTransport  # slow import

    for rpc in grpc_methods(TpuGrpcTransport):
        if rpc.rpc in RPCS:
            yield API, _HEAD + RPCS[rpc.rpc], rpc


def _inventory(world: World) -> Iterator[Json]:
    for kind, tab in (("tpu.queuedResources", quota.QUEUED), ("tpu.nodes", nodes.TAB)):
        for name, row in world.store.items(tab):
            yield {
                "kind": kind,
                "scope": f"zones/{row['zone']}",
                "name": name.rpartition("/")[2],
                "self_link": name,
                "description": "",
                "labels": row.get("wanted", row)["fields"].get("labels", {}),
                "billing": kind == "tpu.nodes",
                "state": "READY",
            }
