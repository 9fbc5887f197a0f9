"""IAM v1 service accounts: gRPC ``google.iam.admin.v1.IAM``, and REST from the discovery document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.call import Methods
from emulator.services.iam import accounts, inventory
from emulator.wire.discovery import discovery_routes
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

API = "iam.googleapis.com"
_HEAD = "iam.projects.serviceAccounts."
RPCS = {
    "CreateServiceAccount": _HEAD + "create",
    "GetServiceAccount": _HEAD + "get",
    "ListServiceAccounts": _HEAD + "list",
    "DeleteServiceAccount": _HEAD + "delete",
    "UndeleteServiceAccount": _HEAD + "undelete",
    "PatchServiceAccount": _HEAD + "patch",
    "UpdateServiceAccount": _HEAD + "update",
}


def register(world: World, methods: Methods) -> None:
    """Add the handlers and the inventory."""
    world.inventories.append(inventory.inventory)
    handlers = {
        "create": accounts.create, "get": accounts.get, "list": accounts.list_, "delete": accounts.delete,
        "undelete": accounts.undelete, "patch": accounts.patch, "update": accounts.update,
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(_HEAD + verb, handler)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    from google.cloud.iam_admin_v1.services.iam.transports.grpc import IAMGrpcTransport  # slow import

    for method in grpc_methods(IAMGrpcTransport):
        if method.rpc in RPCS:
            yield API, RPCS[method.rpc], method


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes, with the types of the gRPC methods."""
    del methods
    return discovery_routes(API, "iam.v1", {method: rpc.request.DESCRIPTOR for _, method, rpc in rpcs()})
