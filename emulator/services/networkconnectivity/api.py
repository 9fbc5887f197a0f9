"""Network Connectivity v1: hubs and the spokes that join VPC networks to them; create, get, list, delete and their operations.

Private NAT between VPCs goes through a hub; it is here because recorded traffic of routers uses one. Nothing flows through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Call, Methods
from emulator.errors import ApiError
from emulator.identity import fingerprint
from emulator.rules import assumed, recorded
from emulator.services.compute import links, records
from emulator.services.compute.pages import page
from emulator.services.scoping import own
from emulator.times import utc
from emulator.wire.described import described_routes
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "networkconnectivity.googleapis.com"
TAB = "connectivity"
HEAD = "networkconnectivity.projects.locations."
HUBS, SPOKES = HEAD + "global.hubs.", HEAD + "spokes."
TYPE = "type.googleapis.com/google.cloud.networkconnectivity.v1."
EMPTY = "type.googleapis.com/google.protobuf.Empty"
recorded(
    "hub-operations", "Hubs and spokes are made and deleted by operations whose answer is the resource, or Empty; a missing one is a 404."
)
assumed("hub-in-use", "A hub with spokes is not deleted: 400 FAILED_PRECONDITION.")


def _missing(name: str) -> ApiError:
    return ApiError(404, f"Resource '{name}' was not found", status_name="NOT_FOUND")


def _existing(call: Call) -> tuple[str, Json]:
    name = own(call.world, call.text("name"))
    row = call.world.store.get(TAB, name)
    if row is None:
        raise _missing(name)
    return name, row


def _make(call: Call, name: str, content: Json) -> Json:
    world = call.world
    if world.store.get(TAB, name) is not None:
        raise ApiError(409, f"Resource '{name}' already exists", reason="alreadyExists")
    at = utc(call.now)
    row = {"name": name, "createTime": at, "updateTime": at, "uniqueId": world.identity.unique(), "state": "ACTIVE", **content}
    return _begin(call, name, "create", {"do": "connectivity.put", "row": row})


def create_hub(call: Call) -> Json:
    """Make a hub, a mesh of its spokes."""
    name = f"{own(call.world, call.text('parent'))}/hubs/{call.text('hubId')}"
    given = {key: value for key, value in (call.values.get("resource") or {}).items() if key in {"description", "labels", "exportPsc"}}
    fixed = {"exportPsc": False, "policyMode": "PRESET", "presetTopology": "MESH", "routeTables": [f"{name}/routeTables/default"]}
    return _make(call, name, {**fixed, **given})


def create_spoke(call: Call) -> Json:
    """Join a VPC network to a hub."""
    world, given = call.world, call.values.get("resource") or {}
    hub = own(world, str(given.get("hub", "")))
    if world.store.get(TAB, hub) is None:
        raise _missing(hub)
    vpc = given.get("linkedVpcNetwork")
    if not vpc:
        raise ApiError(501, "Only spokes of VPC networks are emulated.")
    network = links.relative(vpc.get("uri", ""), world.project, world.settings.project_number)
    if records.find(world, network) is None:
        raise _missing(network)
    content = {"hub": hub, "group": f"{hub}/groups/default", "spokeType": "VPC_NETWORK", "etag": fingerprint(given)}
    linked = {**vpc, "uri": links.absolute(network, "v1")}
    labels = {"labels": given["labels"]} if given.get("labels") else {}
    return _make(
        call, f"{own(world, call.text('parent'))}/spokes/{call.text('spokeId')}", {**content, "linkedVpcNetwork": linked, **labels}
    )


def get(call: Call) -> Json:
    """Read a hub or a spoke."""
    return _existing(call)[1]


def _listing(collection: str) -> Any:
    def list_(call: Call) -> Json:
        head = f"{own(call.world, call.text('parent'))}/{collection}/"
        found = [row for name, row in call.world.store.items(TAB) if name.startswith(head)]
        values = {"max_results": min(int(call.values.get("pageSize") or 100), 500), "page_token": call.values.get("pageToken")}
        chosen, token = page(values, found)
        return {**({collection: chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}

    return list_


def delete(call: Call) -> Json:
    """Delete a spoke, or a hub without spokes."""
    name, _ = _existing(call)
    if any(row.get("hub") == name for _, row in call.world.store.items(TAB)):
        raise ApiError(400, f"Hub '{name}' has spokes.", status_name="FAILED_PRECONDITION")
    return _begin(call, name, "delete", {"do": "connectivity.put", "name": name})


def _begin(call: Call, target: str, verb: str, effect: Json) -> Json:
    world = call.world
    key = f"{'/'.join(target.split('/')[:4])}/operations/{world.identity.operation(call.now // 1000)}"
    record = {"flavour": "connectivity", "target": target, "verb": verb}
    return shown(world.operations.begin(key, record, duration=world.durations.of(call.method), effect=effect, now=call.now))


def shown(operation: Json) -> Json:
    """A google.longrunning.Operation."""
    metadata = {
        "@type": TYPE + "OperationMetadata",
        "apiVersion": "v1",
        "createTime": utc(operation["begun"]),
        "target": operation["target"],
        "verb": operation["verb"],
    }
    if not operation["done"]:
        return {"name": operation["key"], "metadata": metadata}
    row = operation["effect"].get("row")
    kind = "Hub" if "/hubs/" in operation["target"] else "Spoke"
    response = {"@type": EMPTY} if row is None else {"@type": TYPE + kind, **{key: value for key, value in row.items() if key != "labels"}}
    return {"name": operation["key"], "done": True, "metadata": {**metadata, "endTime": utc(operation["end"])}, "response": response}


def get_operation(call: Call) -> Json:
    """Read an operation."""
    name = own(call.world, call.text("name"))
    operation = call.world.operations.get(name)
    if operation is None or operation["flavour"] != "connectivity":
        raise _missing(name)
    return shown(operation)


def _put(world: World, operation: Json, at: int) -> Json | None:
    del at
    row = operation["effect"].get("row")
    if row is not None:
        world.store.put(TAB, row["name"], row)
    else:
        world.store.delete(TAB, operation["effect"]["name"])
    return None


def _inventory(world: World) -> Iterator[Json]:
    for name, row in world.store.items(TAB):
        yield {
            "kind": f"networkconnectivity.{name.split('/')[-2]}",
            "scope": "global",
            "name": name.rpartition("/")[2],
            "self_link": name,
            "description": row.get("description", ""),
            "labels": row.get("labels", {}),
            "billing": False,
            "state": "READY",
        }


def register(world: World, methods: Methods) -> None:
    """Add the handlers, the effect and the inventory."""
    world.inventories.append(_inventory)
    world.operations.effect("connectivity.put", _put)
    methods.add(HUBS + "create", create_hub)
    methods.add(SPOKES + "create", create_spoke)
    for head, collection in ((HUBS, "hubs"), (SPOKES, "spokes")):
        methods.add(head + "get", get)
        methods.add(head + "list", _listing(collection))
        methods.add(head + "delete", delete)
    methods.add(HEAD + "operations.get", get_operation)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    served = frozenset(name for name in methods.names() if name.startswith("networkconnectivity."))
    return described_routes(API, "networkconnectivity.v1", served)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """None: it is served over REST."""
    return iter(())
