"""Private connections: a VPC peered with the network of Google's services, which take their addresses from ranges reserved in it.

1. A network has one connection of `servicenetworking.googleapis.com`. 2. It stays while a service still uses it, and some time after the last has gone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.compute import links, records

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "connections"
SERVICE = "services/servicenetworking.googleapis.com"
PEERING = "servicenetworking-googleapis-com"
EMPTY = "type.googleapis.com/google.protobuf.Empty"
TYPE = "type.googleapis.com/google.cloud.servicenetworking.v1.Connection"
STILL_USED = "Failed to delete connection; Producer services (e.g. CloudSQL, Cloud Memstore, etc.) are still using this connection."
documented(
    "connection-still-used",
    "A connection some service still uses: its delete operation ends with code 9 'Producer services ... are still using this connection'.",
)
documented(
    "connection-released-late",
    "After the last instance is gone the connection counts as used for a while yet: minutes here (duration servicenetworking.release), hours or days as reported.",
)
documented("connection-once", "A second create on a network with a connection is refused: the ranges are changed with a patch.")
assumed(
    "connection-create-again", "That refusal is an operation that ends with code 9 'Cannot modify allocated ranges in CreateConnection.'"
)
assumed(
    "connection-peering", "A connection's peering shows in the network as servicenetworking-googleapis-com and goes with the connection."
)
assumed(
    "connection-ranges",
    "A connection's ranges are global internal addresses with purpose VPC_PEERING in its network: 400 otherwise; of another project's network nothing is checked.",
)


def ranges_of(world: World, network: str) -> dict[str, str] | None:
    """The ranges services may take addresses from, by name; None without a connection."""
    row = world.store.get(TAB, network)
    if row is None:
        return None
    if not network.startswith(f"projects/{world.project}/"):
        return {"of-the-host": "10.250.0.0/24"}
    out = {}
    for name in row["reservedPeeringRanges"]:
        resource = records.resource(world, f"projects/{world.project}/global/addresses/{name}")
        if resource is not None:
            out[name] = f"{resource['address']}/{resource['prefixLength']}"
    return out


def let_go(world: World, network: str, at: int) -> None:
    """An instance on the network is gone; Google's side takes its time to know."""
    row = world.store.get(TAB, network)
    if row is not None:
        world.store.put(TAB, network, {**row, "held": at + world.durations.of("servicenetworking.release")})


def users(world: World, network: str, now: int) -> bool:
    """Whether some service still uses the connection."""
    rows = (row["instance"] for _, row in world.store.items("redis.instances"))
    mine = any(each["authorizedNetwork"] == network and each["connectMode"] == "PRIVATE_SERVICE_ACCESS" for each in rows)
    return mine or int((world.store.get(TAB, network) or {}).get("held", 0)) > now


def using_range(world: World, name: str) -> str | None:
    """The network whose connection has this range."""
    return next((network for network, row in world.store.items(TAB) if name in row["reservedPeeringRanges"]), None)


def _network(call: Call, given: str) -> str:
    """The relative link of a network given by project number or id; raises 400."""
    world = call.world
    if not re.fullmatch(r"projects/[^/]+/global/networks/[^/]+", given):
        raise ApiError(400, f"Invalid network {given!r}: expected projects/PROJECT/global/networks/NETWORK.")
    network = links.relative(given, world.project, world.settings.project_number)
    if records.find(world, network) is None:
        raise ApiError(400, f"Network {given} was not found.", status_name="FAILED_PRECONDITION")
    return network


def _shown(world: World, network: str, row: Json) -> Json:
    number = network.replace(f"projects/{world.project}/", f"projects/{world.settings.project_number}/", 1)
    return {"network": number, "reservedPeeringRanges": row["reservedPeeringRanges"], "peering": PEERING, "service": SERVICE}


def _ranges(call: Call, network: str) -> list[str]:
    """The ranges a request names; raises 400 for what is none."""
    names = list((call.values.get("resource") or {}).get("reservedPeeringRanges") or [])
    if not names:
        raise ApiError(400, "reserved_peering_ranges: at least one is required.")
    for name in names:
        resource = records.resource(call.world, f"projects/{call.world.project}/global/addresses/{name}") or {}
        if resource.get("purpose") != "VPC_PEERING" or resource.get("network") != network:
            raise ApiError(400, f"reserved_peering_ranges: {name} is no range reserved for VPC_PEERING in {network}.")
    return names


def create(call: Call) -> Json:
    """Connect a network."""
    network = _network(call, str((call.values.get("resource") or {}).get("network", "")))
    return _begin(call, network, {"do": "connection.put", "network": network, "ranges": _ranges(call, network), "fresh": True})


def patch(call: Call) -> Json:
    """Other ranges for a connection that is there, or, with `force`, is made."""
    network = _network(call, str((call.values.get("resource") or {}).get("network", "")))
    if call.world.store.get(TAB, network) is None and str(call.values.get("force", "")).lower() != "true":
        raise ApiError(404, f"There is no connection on {network}.")
    return _begin(call, network, {"do": "connection.put", "network": network, "ranges": _ranges(call, network), "fresh": False})


def list_(call: Call) -> Json:
    """The connections of a network."""
    network = _network(call, str(call.values.get("network") or ""))
    row = call.world.store.get(TAB, network)
    return {"connections": [_shown(call.world, network, row)]} if row else {}


def delete(call: Call) -> Json:
    """Disconnect a network."""
    network = _network(call, str((call.values.get("resource") or {}).get("consumerNetwork", "")))
    if call.world.store.get(TAB, network) is None:
        raise ApiError(404, f"There is no connection on {network}.")
    return _begin(call, network, {"do": "connection.delete", "network": network})


def _begin(call: Call, network: str, effect: Json) -> Json:
    world = call.world
    key = f"operations/pssn.p24-{world.settings.project_number}-{world.identity.uuid()}"
    record = {"flavour": "servicenetworking", "network": network}
    return shown(world, world.operations.begin(key, record, duration=world.durations.of(call.method), effect=effect, now=call.now))


def shown(world: World, operation: Json) -> Json:
    """A google.longrunning.Operation."""
    if not operation["done"]:
        return {"name": operation["key"]}
    if operation["error"]:
        return {
            "name": operation["key"],
            "done": True,
            "error": {"code": operation["error"]["code"], "message": operation["error"]["message"]},
        }
    row = world.store.get(TAB, operation["network"])
    answer = {"@type": EMPTY} if row is None else {"@type": TYPE, **_shown(world, operation["network"], row)}
    return {"name": operation["key"], "done": True, "response": answer}


def get_operation(call: Call) -> Json:
    """Read an operation."""
    operation = call.world.operations.get(call.text("name"))
    if operation is None or operation["flavour"] != "servicenetworking":
        raise ApiError(404, f"Operation not found: {call.text('name')}")
    return shown(call.world, operation)


def put_connection(world: World, operation: Json, at: int) -> Json | None:
    """The connection is made, or has other ranges."""
    del at
    effect = operation["effect"]
    network, row = effect["network"], world.store.get(TAB, effect["network"])
    if effect["fresh"] and row is not None:
        return {"code": 9, "message": "Cannot modify allocated ranges in CreateConnection. Please use UpdateConnection."}
    world.store.put(TAB, network, {"held": 0, **(row or {}), "reservedPeeringRanges": effect["ranges"]})
    _peer(world, network, [{"name": PEERING, "network": "projects/servicenetworking-tenant/global/networks/servicenetworking", "state": "ACTIVE",
                            "autoCreateRoutes": True, "exchangeSubnetRoutes": True}])  # fmt: skip
    return None


def delete_connection(world: World, operation: Json, at: int) -> Json | None:
    """The connection is gone, or still used."""
    network = operation["effect"]["network"]
    if users(world, network, at):
        return {"code": 9, "message": STILL_USED}
    world.store.delete(TAB, network)
    _peer(world, network, [])
    return None


def _peer(world: World, network: str, peerings: list[Json]) -> None:
    record = records.find(world, network)
    if record is None:
        return
    others = [each for each in record["resource"].get("peerings", []) if each["name"] != PEERING]
    resource = {key: value for key, value in record["resource"].items() if key != "peerings"}
    all_of_them = [*others, *peerings]
    records.put(world, network, {**record, "resource": {**resource, **({"peerings": all_of_them} if all_of_them else {})}})
