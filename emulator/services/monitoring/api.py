"""Cloud Monitoring v3 (gRPC, and REST from the discovery document) and its dashboards (v1, the same)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.call import Methods
from emulator.dataplane.played import Played
from emulator.services.monitoring import channels, dashboards, descriptors, inventory, points, policies, traffic, uptime, watch
from emulator.wire.discovery import discovery_routes
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

API = "monitoring.googleapis.com"
_HEAD = "monitoring.projects."
KINDS = {
    "metricDescriptors": ("MetricDescriptor", descriptors.HANDLERS),
    "timeSeries": ("TimeSeries", points.HANDLERS),
    "dashboards": ("Dashboard", dashboards.HANDLERS),
    "alertPolicies": ("AlertPolicy", policies.HANDLERS),
    "notificationChannels": ("NotificationChannel", channels.HANDLERS),
    "uptimeCheckConfigs": ("UptimeCheckConfig", uptime.HANDLERS),
}
_PLURALS = {"AlertPolicy": "AlertPolicies", "TimeSeries": "TimeSeries"}
_VERBS = {"create": "Create", "get": "Get", "patch": "Update", "delete": "Delete"}


def _rpc(noun: str, verb: str) -> str:
    return f"List{_PLURALS.get(noun, noun + 's')}" if verb == "list" else _VERBS[verb] + noun


RPCS = {_rpc(noun, verb): f"{_HEAD}{kind}.{verb}" for kind, (noun, handlers) in KINDS.items() for verb in handlers}


def register(world: World, methods: Methods) -> None:
    """Add the handlers, the inventory, the agenda, and whoever counts requests."""
    world.inventories.append(inventory.inventory)
    world.agendas.append(Played(world))
    world.agendas.append(watch.Watch(world))
    world.witnesses.append(lambda served: traffic.witness(world, served))
    for kind, (_, handlers) in KINDS.items():
        for verb, handler in handlers.items():
            methods.add(f"{_HEAD}{kind}.{verb}", handler)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    # slow imports
    from google.cloud.monitoring_dashboard_v1.services.dashboards_service.transports.grpc import DashboardsServiceGrpcTransport
    from google.cloud.monitoring_v3.services.alert_policy_service.transports.grpc import AlertPolicyServiceGrpcTransport
    from google.cloud.monitoring_v3.services.metric_service.transports.grpc import MetricServiceGrpcTransport
    from google.cloud.monitoring_v3.services.notification_channel_service.transports.grpc import NotificationChannelServiceGrpcTransport
    from google.cloud.monitoring_v3.services.uptime_check_service.transports.grpc import UptimeCheckServiceGrpcTransport

    for transport in (
        MetricServiceGrpcTransport,
        DashboardsServiceGrpcTransport,
        AlertPolicyServiceGrpcTransport,
        NotificationChannelServiceGrpcTransport,
        UptimeCheckServiceGrpcTransport,
    ):
        for method in grpc_methods(transport):
            if method.rpc in RPCS:
                yield API, RPCS[method.rpc], method


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes, with the types of the gRPC methods."""
    del methods
    found = list(rpcs())
    requests = {method: rpc.request.DESCRIPTOR for _, method, rpc in found}
    responses = {method: rpc.response.DESCRIPTOR for _, method, rpc in found}
    yield from discovery_routes(API, "monitoring.v3", requests, responses)
    yield from discovery_routes(API, "monitoring.v1", requests, responses)
