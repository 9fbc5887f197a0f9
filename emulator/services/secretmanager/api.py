"""Secret Manager v1 over REST and gRPC. Its first six active versions are free, and so are ten thousand readings a month."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator.billing import Usage, counted
from emulator.call import Methods
from emulator.rules import assumed, documented
from emulator.services.secretmanager import secrets, versions
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods, policy_types
from emulator.wire.routes import Route, transport_routes

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "secretmanager.googleapis.com"
SKU = "secret.version"
_HEAD = "secretmanager.projects.secrets."
RPCS = {
    "CreateSecret": _HEAD + "create", "GetSecret": _HEAD + "get", "ListSecrets": _HEAD + "list", "UpdateSecret": _HEAD + "patch",
    "DeleteSecret": _HEAD + "delete", "AddSecretVersion": _HEAD + "addVersion", "GetIamPolicy": _HEAD + "getIamPolicy",
    "SetIamPolicy": _HEAD + "setIamPolicy", "TestIamPermissions": _HEAD + "testIamPermissions",
    "AccessSecretVersion": _HEAD + "versions.access", "GetSecretVersion": _HEAD + "versions.get",
    "ListSecretVersions": _HEAD + "versions.list", "EnableSecretVersion": _HEAD + "versions.enable",
    "DisableSecretVersion": _HEAD + "versions.disable", "DestroySecretVersion": _HEAD + "versions.destroy",
}  # fmt: skip
documented("bill-secrets", "A version that is not destroyed costs 0.06 $ a month beyond the first six of a billing account.")
assumed("bill-secret-readings", "Readings of secrets stay in the free ten thousand a month and bill nothing.")


def register(world: World, methods: Methods) -> None:
    """Add the handlers, the usage and the inventory."""
    world.inventories.append(_inventory)
    world.meter.sources.append(lambda now: _usages(world, now))
    handlers = {
        "create": secrets.create, "get": secrets.get, "list": secrets.list_, "patch": secrets.patch, "delete": secrets.delete,
        "getIamPolicy": secrets.get_policy, "setIamPolicy": secrets.set_policy, "testIamPermissions": secrets.test_policy,
        "addVersion": versions.add, "versions.access": versions.access, "versions.get": versions.get, "versions.list": versions.list_,
        "versions.enable": versions.into("ENABLED"), "versions.disable": versions.into("DISABLED"),
        "versions.destroy": versions.into("DESTROYED"),
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(_HEAD + verb, handler)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    del methods
    return transport_routes(API, "google.cloud.secretmanager_v1", "secret_manager_service", RPCS.get)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports.grpc import (
        SecretManagerServiceGrpcTransport,
    )  # slow import

    for rpc in grpc_methods(SecretManagerServiceGrpcTransport, policy_types()):
        if rpc.rpc in RPCS:
            yield API, RPCS[rpc.rpc], rpc


def _usages(world: World, now: int) -> Iterator[Usage]:
    free = world.meter.prices.free(SKU)
    spans = [(row["start"], row["end"]) for _, row in world.store.items(secrets.SPANS)]
    for start, end, count in counted(spans, now):
        if count > free:
            resource = f"projects/{world.project}/secrets"
            yield Usage(resource=resource, kind="secretmanager.versions", sku=SKU, quantity=Decimal(count - free), start=start, end=end)


def _inventory(world: World) -> Iterator[Json]:
    for name, row in world.store.items(secrets.TAB):
        yield {
            "kind": "secretmanager.secrets",
            "scope": "global",
            "name": name.rpartition("/")[2],
            "self_link": name,
            "description": "",
            "labels": row.get("labels", {}),
            "billing": False,
            "state": "READY",
        }
