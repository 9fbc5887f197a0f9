"""IAM v1 service accounts, their policies, and roles: gRPC ``google.iam.admin.v1.IAM``, and REST from the discovery document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.access import policies
from emulator.call import Methods
from emulator.services.iam import accounts, inventory, roles
from emulator.wire.discovery import discovery_routes
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods, policy_types
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

API = "iam.googleapis.com"
_HEAD = "iam.projects.serviceAccounts."
_ROLES = "iam.projects.roles."
RPCS = {
    "CreateServiceAccount": _HEAD + "create",
    "GetServiceAccount": _HEAD + "get",
    "ListServiceAccounts": _HEAD + "list",
    "DeleteServiceAccount": _HEAD + "delete",
    "UndeleteServiceAccount": _HEAD + "undelete",
    "PatchServiceAccount": _HEAD + "patch",
    "UpdateServiceAccount": _HEAD + "update",
    "GetIamPolicy": _HEAD + "getIamPolicy",
    "SetIamPolicy": _HEAD + "setIamPolicy",
    "TestIamPermissions": _HEAD + "testIamPermissions",
    "CreateRole": _ROLES + "create",
    "GetRole": _ROLES + "get",
    "ListRoles": _ROLES + "list",
    "UpdateRole": _ROLES + "patch",
    "DeleteRole": _ROLES + "delete",
    "UndeleteRole": _ROLES + "undelete",
}


def register(world: World, methods: Methods) -> None:
    """Add the handlers and the inventory."""
    world.inventories += [inventory.inventory, roles.inventory]
    handlers = {
        "create": accounts.create, "get": accounts.get, "list": accounts.list_, "delete": accounts.delete,
        "undelete": accounts.undelete, "patch": accounts.patch, "update": accounts.update,
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(_HEAD + verb, handler)
    methods.add(_HEAD + "getIamPolicy", lambda call: policies.read(call, accounts.policy_resource(call)))
    methods.add(_HEAD + "setIamPolicy", lambda call: policies.write(call, accounts.policy_resource(call)))
    methods.add(_HEAD + "testIamPermissions", lambda call: policies.test(call, accounts.policy_resource(call)))
    of_roles = {
        "create": roles.create, "get": roles.get, "list": roles.list_, "patch": roles.patch, "delete": roles.delete,
        "undelete": roles.undelete,
    }  # fmt: skip
    for verb, handler in of_roles.items():
        methods.add(_ROLES + verb, handler)
    methods.add("iam.roles.get", roles.get)
    methods.add("iam.roles.list", roles.list_)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    from google.cloud.iam_admin_v1.services.iam.transports.grpc import IAMGrpcTransport  # slow import

    for method in grpc_methods(IAMGrpcTransport, policy_types()):
        if method.rpc in RPCS:
            yield API, RPCS[method.rpc], method


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes, with the types of the gRPC methods."""
    del methods
    requests = {method: rpc.request.DESCRIPTOR for _, method, rpc in rpcs()}
    requests |= {"iam.roles.get": requests[_ROLES + "get"], "iam.roles.list": requests[_ROLES + "list"]}
    return discovery_routes(API, "iam.v1", requests)
