"""Cloud Resource Manager v3, projects: get, getIamPolicy, setIamPolicy, testIamPermissions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.access import policies, roles
from emulator.access.callers import OWNER
from emulator.call import Call, Methods
from emulator.errors import ApiError
from emulator.identity import fingerprint
from emulator.rules import assumed
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods, policy_types
from emulator.wire.routes import Route, transport_routes

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "cloudresourcemanager.googleapis.com"
_HEAD = "cloudresourcemanager.projects."
RPCS = {
    "GetProject": _HEAD + "get",
    "GetIamPolicy": _HEAD + "getIamPolicy",
    "SetIamPolicy": _HEAD + "setIamPolicy",
    "TestIamPermissions": _HEAD + "testIamPermissions",
}
CREATED = "2026-08-01T00:00:00Z"
assumed("project-there", "The one project is ACTIVE, made on 2026-08-01; another project is a 403.")


def _resource(call: Call, field: str) -> str:
    """``projects/P`` when it is ours; raises 403."""
    settings = call.world.settings
    if call.text(field) not in {f"projects/{settings.project}", f"projects/{settings.project_number}"}:
        raise ApiError(403, "The caller does not have permission", reason="forbidden")
    return f"projects/{settings.project}"


def get(call: Call) -> Json:
    """The project."""
    settings = call.world.settings
    _resource(call, "name")
    out = {
        "name": f"projects/{settings.project_number}",
        "projectId": settings.project,
        "state": "ACTIVE",
        "displayName": settings.project,
        "createTime": CREATED,
        "updateTime": CREATED,
    }
    return {**out, "etag": fingerprint(out)}


def inventory(world: World) -> Iterator[Json]:
    """Every member of the project's policy but its first owner."""
    resource = f"projects/{world.project}"
    for role, member in policies.bound(world, resource):
        if member == OWNER:
            continue
        name = f"{role} {member}"
        link = f"{resource}#{name}"
        row = {"kind": "cloudresourcemanager.bindings", "scope": "global", "name": name, "self_link": link, "description": ""}
        yield {**row, "labels": {}, "billing": False, "state": "READY"}


def register(world: World, methods: Methods) -> None:
    """Add the handlers and the inventory."""
    world.inventories.append(inventory)
    methods.add(_HEAD + "get", get)
    methods.add(_HEAD + "getIamPolicy", lambda call: policies.read(call, _resource(call, "resource")))
    methods.add(_HEAD + "setIamPolicy", lambda call: policies.write(call, _resource(call, "resource")))
    methods.add(_HEAD + "testIamPermissions", lambda call: policies.test(call, _resource(call, "resource")))
    roles.predefined()  # a wrong table fails at the start


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    del methods
    return transport_routes(API, "google.cloud.resourcemanager_v3", "projects", RPCS.get)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    from google.cloud.resourcemanager_v3.services.projects.transports.grpc import ProjectsGrpcTransport  # slow import

    for method in grpc_methods(ProjectsGrpcTransport, policy_types()):
        if method.rpc in RPCS:
            yield API, RPCS[method.rpc], method
