"""Service Usage v1: get, list, batchGet, enable, batchEnable, disable, operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.access import orgpolicies
from emulator.call import Call, Methods
from emulator.errors import ApiError
from emulator.rules import assumed
from emulator.services.compute.networks import make_default_network
from emulator.services.compute.pages import page
from emulator.services.iam.accounts import make_default_account
from emulator.services.serviceusage.state import IMPLIES, TITLES, is_enabled, set_enabled
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods
from emulator.wire.routes import Route, transport_routes

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "serviceusage.googleapis.com"
RPCS = {
    "EnableService": "serviceusage.services.enable",
    "DisableService": "serviceusage.services.disable",
    "GetService": "serviceusage.services.get",
    "ListServices": "serviceusage.services.list",
    "BatchEnableServices": "serviceusage.services.batchEnable",
    "BatchGetServices": "serviceusage.services.batchGet",
    "GetOperation": "serviceusage.operations.get",
    "ListOperations": "serviceusage.operations.list",
}
TYPE = "type.googleapis.com/google.api.serviceusage.v1."
assumed("unknown-api", "Enabling an API the emulator does not know is a 403 'Not found or permission denied for service(s)'.")
assumed("disable-in-use", "An API can be disabled while its resources exist; they stay and bill.")


def service(world: World, name: str) -> Json:
    """One API as Service Usage prints it; names carry the project's number."""
    parent = f"projects/{world.settings.project_number}"
    return {
        "name": f"{parent}/services/{name}",
        "parent": parent,
        "config": {"name": name, "title": TITLES[name]},
        "state": "ENABLED" if is_enabled(world, name) else "DISABLED",
    }


def _project(call: Call, name: str) -> str:
    """The rest of ``projects/P/...`` when P is our project; raises 403."""
    settings = call.world.settings
    parts = name.split("/")
    if parts[0] != "projects" or parts[1] not in {settings.project, settings.project_number}:
        raise ApiError(403, f"Permission denied to list services for consumer container [{name}]", reason="forbidden")
    return parts[-1]


def _known(names: list[str]) -> None:
    unknown = [name for name in names if name not in TITLES]
    if unknown:
        raise ApiError(403, f"Not found or permission denied for service(s): {', '.join(unknown)}.", reason="forbidden")


def get(call: Call) -> Json:
    """Read one API."""
    name = _project(call, call.text("name"))
    _known([name])
    return service(call.world, name)


def list_(call: Call) -> Json:
    """All APIs, or those a ``state:ENABLED`` filter leaves."""
    _project(call, call.text("parent"))
    wanted = (call.values.get("filter") or "").strip()
    if wanted not in {"", "state:ENABLED", "state:DISABLED"}:
        raise ApiError(400, "Invalid filter expression. The only supported filters are state:ENABLED and state:DISABLED.")
    items = [service(call.world, name) for name in sorted(TITLES)]
    items = [item for item in items if item["state"] in (wanted.removeprefix("state:") or item["state"])]
    values = {"max_results": min(int(call.values.get("pageSize") or 50), 200), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, items)
    return {**({"services": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def batch_get(call: Call) -> Json:
    """Several APIs."""
    names = call.values.get("names") or []
    names = [names] if isinstance(names, str) else names
    short = [_project(call, name) for name in names]
    _known(short)
    return {"services": [service(call.world, name) for name in short]}


def enable(call: Call) -> Json:
    """Enable one API."""
    name = _project(call, call.text("name"))
    return _begin(call, [name], "EnableServiceResponse", enabled=True)


def batch_enable(call: Call) -> Json:
    """Enable up to 20 APIs."""
    _project(call, call.text("parent"))
    names = list(call.values.get("serviceIds") or [])
    if not 0 < len(names) <= 20:
        raise ApiError(400, "Between 1 and 20 service ids must be given.")
    return _begin(call, names, "BatchEnableServicesResponse", enabled=True)


def disable(call: Call) -> Json:
    """Disable one API."""
    name = _project(call, call.text("name"))
    return _begin(call, [name], "DisableServiceResponse", enabled=False)


def _begin(call: Call, names: list[str], response: str, *, enabled: bool) -> Json:
    _known(names)
    world = call.world
    if any(op["flavour"] == "serviceusage" and not op["done"] for _, op in world.store.items("operations")):
        raise ApiError(400, "Another activation or deactivation is in progress.", status_name="FAILED_PRECONDITION")
    change = all(is_enabled(world, name) == enabled for name in names)
    key = f"operations/acat.p2-{world.settings.project_number}-{world.identity.uuid()}"
    record = {"flavour": "serviceusage", "names": names, "response": response}
    effect = {"do": "serviceusage.set", "names": names, "enabled": enabled}
    duration = 0 if change else world.durations.of(call.method)
    return shown(world, world.operations.begin(key, record, duration=duration, effect=effect, now=call.now))


def shown(world: World, operation: Json) -> Json:
    """A google.longrunning.Operation; ``response`` carries the API."""
    parent = f"projects/{world.settings.project_number}"
    names = [f"{parent}/services/{name}" for name in operation["names"]]
    out: Json = {"name": operation["key"], "metadata": {"@type": TYPE + "OperationMetadata", "resourceNames": names}}
    if operation["done"]:
        services = [service(world, name) for name in operation["names"]]
        body: Json = {"services": services} if operation["response"].startswith("Batch") else {"service": services[0]}
        out |= {"done": True, "response": {"@type": TYPE + operation["response"], **body}}
    return out


def get_operation(call: Call) -> Json:
    """Read an operation."""
    operation = call.world.operations.get(call.text("name"))
    if operation is None or operation["flavour"] != "serviceusage":
        raise ApiError(404, f"Operation not found: {call.text('name')}")
    return shown(call.world, operation)


def list_operations(call: Call) -> Json:
    """All operations."""
    rows = call.world.store.items("operations")
    return {"operations": [shown(call.world, op) for _, op in rows if op["flavour"] == "serviceusage"]}


def _set(world: World, operation: Json, at: int) -> Json | None:
    """What an activation leaves: the APIs, those they bring along, and what enabling Compute makes."""
    effect = operation["effect"]
    for name in effect["names"]:
        for each in (name, *(IMPLIES.get(name, ()) if effect["enabled"] else ())):
            set_enabled(world, each, enabled=effect["enabled"])
        if name == "compute.googleapis.com" and effect["enabled"]:
            if not orgpolicies.enforced(world, "compute.skipDefaultNetworkCreation"):
                make_default_network(world, at)
            make_default_account(world, at)
    return None


def register(world: World, methods: Methods) -> None:
    """Add the handlers and the effect."""
    handlers = {
        "enable": enable, "disable": disable, "get": get, "list": list_, "batchEnable": batch_enable, "batchGet": batch_get,
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(f"serviceusage.services.{verb}", handler)
    methods.add("serviceusage.operations.get", get_operation)
    methods.add("serviceusage.operations.list", list_operations)
    world.operations.effect("serviceusage.set", _set)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    del methods
    return transport_routes(API, "google.cloud.service_usage_v1", "service_usage", RPCS.get)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    from google.cloud.service_usage_v1.services.service_usage.transports.grpc import ServiceUsageGrpcTransport  # slow import

    for method in grpc_methods(ServiceUsageGrpcTransport):
        if method.rpc in RPCS:
            yield API, RPCS[method.rpc], method
