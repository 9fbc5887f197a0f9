"""Cloud Logging v2: gRPC (configuration, metrics, entries), and REST from the discovery document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.call import Methods
from emulator.services.logging import buckets, entries, inventory, metrics, requests, sinks
from emulator.wire.discovery import discovery_routes
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

API = "logging.googleapis.com"
_BUCKETS, _SINKS, _METRICS = "logging.projects.locations.buckets.", "logging.projects.sinks.", "logging.projects.metrics."
RPCS = {
    "CreateBucket": _BUCKETS + "create",
    "GetBucket": _BUCKETS + "get",
    "ListBuckets": _BUCKETS + "list",
    "UpdateBucket": _BUCKETS + "patch",
    "DeleteBucket": _BUCKETS + "delete",
    "UndeleteBucket": _BUCKETS + "undelete",
    "CreateSink": _SINKS + "create",
    "GetSink": _SINKS + "get",
    "ListSinks": _SINKS + "list",
    "UpdateSink": _SINKS + "update",
    "DeleteSink": _SINKS + "delete",
    "CreateLogMetric": _METRICS + "create",
    "GetLogMetric": _METRICS + "get",
    "ListLogMetrics": _METRICS + "list",
    "UpdateLogMetric": _METRICS + "update",
    "DeleteLogMetric": _METRICS + "delete",
    "WriteLogEntries": "logging.entries.write",
    "ListLogEntries": "logging.entries.list",
}
_ALIASES = {_SINKS + "patch": _SINKS + "update"}
"""REST methods with the request of another."""


def register(world: World, methods: Methods) -> None:
    """Add the handlers and the inventory."""
    world.inventories.append(inventory.inventory)
    world.witnesses.append(lambda served: requests.witness(world, served))
    for head, handlers in ((_BUCKETS, buckets.HANDLERS), (_SINKS, sinks.HANDLERS), (_METRICS, metrics.HANDLERS)):
        for verb, handler in handlers.items():
            methods.add(head + verb, handler)
    for verb, handler in entries.HANDLERS.items():
        methods.add(f"logging.entries.{verb}", handler)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    # slow imports
    from google.cloud.logging_v2.services.config_service_v2.transports.grpc import ConfigServiceV2GrpcTransport
    from google.cloud.logging_v2.services.logging_service_v2.transports.grpc import LoggingServiceV2GrpcTransport
    from google.cloud.logging_v2.services.metrics_service_v2.transports.grpc import MetricsServiceV2GrpcTransport

    for transport in (ConfigServiceV2GrpcTransport, MetricsServiceV2GrpcTransport, LoggingServiceV2GrpcTransport):
        for method in grpc_methods(transport):
            if method.rpc in RPCS:
                yield API, RPCS[method.rpc], method


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes, with the types of the gRPC methods."""
    del methods
    requests = {method: rpc.request.DESCRIPTOR for _, method, rpc in rpcs()}
    requests |= {rest: requests[like] for rest, like in _ALIASES.items()}
    return discovery_routes(API, "logging.v2", requests)
