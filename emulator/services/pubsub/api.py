"""Pub/Sub v1 over REST and gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Methods
from emulator.rules import documented
from emulator.services.pubsub import subscriptions, to_bigquery, topics
from emulator.services.pubsub.names import SUBSCRIPTIONS, TOPICS
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods
from emulator.wire.routes import Route, transport_routes

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "pubsub.googleapis.com"
PUBLISHER = {
    "CreateTopic": "create", "GetTopic": "get", "ListTopics": "list", "UpdateTopic": "patch", "DeleteTopic": "delete", "Publish": "publish",
}  # fmt: skip
SUBSCRIBER = {
    "CreateSubscription": "create", "GetSubscription": "get", "ListSubscriptions": "list", "UpdateSubscription": "patch",
    "DeleteSubscription": "delete", "Pull": "pull", "Acknowledge": "acknowledge",
}  # fmt: skip
documented("bill-pubsub", "The first 10 GiB of messages a month are free: nothing here bills.")


def _method(rpc: str) -> str | None:
    if rpc in PUBLISHER:
        return f"pubsub.projects.topics.{PUBLISHER[rpc]}"
    return f"pubsub.projects.subscriptions.{SUBSCRIBER[rpc]}" if rpc in SUBSCRIBER else None


def register(world: World, methods: Methods) -> None:
    """Add the handlers and the inventory."""
    world.inventories.append(_inventory)
    world.agendas.append(to_bigquery.Writing(world))
    handlers = {
        "topics.create": topics.create, "topics.get": topics.get, "topics.list": topics.list_, "topics.patch": topics.patch,
        "topics.delete": topics.delete, "topics.publish": topics.publish, "subscriptions.create": subscriptions.create,
        "subscriptions.get": subscriptions.get, "subscriptions.list": subscriptions.list_, "subscriptions.patch": subscriptions.patch,
        "subscriptions.delete": subscriptions.delete, "subscriptions.pull": subscriptions.pull,
        "subscriptions.acknowledge": subscriptions.acknowledge,
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(f"pubsub.projects.{verb}", handler)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    del methods
    for service in ("publisher", "subscriber"):
        yield from transport_routes(API, "google.pubsub_v1", service, _method)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    from google.pubsub_v1.services.publisher.transports.grpc import PublisherGrpcTransport  # slow import
    from google.pubsub_v1.services.subscriber.transports.grpc import SubscriberGrpcTransport  # the same

    for transport in (PublisherGrpcTransport, SubscriberGrpcTransport):
        for rpc in grpc_methods(transport):
            method = _method(rpc.rpc)
            if method is not None:
                yield API, method, rpc


def _inventory(world: World) -> Iterator[Json]:
    for collection in (TOPICS, SUBSCRIPTIONS):
        for name, row in world.store.items(collection):
            yield {
                "kind": f"pubsub.{collection}",
                "scope": "global",
                "name": name.rpartition("/")[2],
                "self_link": name,
                "description": "",
                "labels": row.get("labels", {}),
                "billing": False,
                "state": "READY",
            }
