"""Endpoints: where predictions are asked for, free by themselves.

1. An endpoint's id may be the client's. 2. Its traffic split names what is deployed and adds up to 100, or is empty. 3. One with deployed
models, or with one on its way, is not deleted; an empty one is gone at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.identity import fingerprint
from emulator.rules import assumed, documented, recorded
from emulator.services.aiplatform import operations
from emulator.services.aiplatform.naming import HEAD, TYPE, failed, missing, parent, shown
from emulator.services.scoping import listed, masked, own
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "vertex_endpoints"
ID = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,8}")
ALL = 100
recorded("vertex-delete-empty", "Deleting an endpoint without deployed models is an operation that is done in the answer.")
documented("vertex-delete-in-use", "Deleting an endpoint with deployed or being-deployed models is a 400 FAILED_PRECONDITION.")
documented("vertex-endpoint-id", "An endpoint's id is up to 63 of [a-z0-9-] beginning with a letter, or up to 9 digits.")
documented("vertex-traffic", "A traffic split names deployed models and adds up to 100, or is empty: then the endpoint takes no traffic.")
assumed("vertex-endpoint-twice", "Creating an endpoint under an id that is there, or on its way, is a 409 ALREADY_EXISTS.")


def create(call: Call) -> Json:
    """Make an endpoint."""
    world, where, given = call.world, parent(call), call.values.get("resource") or {}
    identifier = call.values.get("endpointId") or world.identity.numeric()
    if call.values.get("endpointId") and ID.fullmatch(identifier) is None:
        raise ApiError(400, f"Invalid endpoint_id {identifier!r}: up to 63 of [a-z0-9-] after a letter, or up to 9 digits.")
    if not given.get("displayName"):
        raise ApiError(400, "Required field endpoint.display_name is not set.")
    if given.get("deployedModels") or given.get("trafficSplit"):
        raise ApiError(400, "deployed_models and traffic_split cannot be set when an endpoint is created.")
    name = f"{where}/endpoints/{identifier}"
    if world.store.get(TAB, name) is not None or operations.running(world, name):
        raise ApiError(409, f"Endpoint {name} already exists.")
    row = {"endpoint": {**given, "name": name}, "deployed": {}, "split": {}, "created": call.now, "updated": call.now, "asked": 0}
    response = {"@type": TYPE + "Endpoint", **view(world, row)}
    effect = {"do": "vertex.endpoint", "row": row}
    duration = world.durations.of(call.method)
    return operations.begin(call, name, "CreateEndpointOperationMetadata", duration=duration, effect=effect, response=response)


def get(call: Call) -> Json:
    """Read an endpoint."""
    return view(call.world, find(call, call.text("name")))


def list_(call: Call) -> Json:
    """The endpoints of a location."""
    if call.values.get("filter"):
        raise ApiError(501, "Filters of endpoints.list are not emulated.")
    head = f"{parent(call)}/endpoints/"
    return listed(call, "endpoints", [view(call.world, row) for name, row in call.world.store.items(TAB) if name.startswith(head)])


def patch(call: Call) -> Json:
    """Change labels, texts or the traffic split."""
    row, given = find(call, call.text("name")), call.values.get("resource") or {}
    fields = {field.strip().replace("traffic_split", "trafficSplit") for field in str(call.values.get("updateMask") or "").split(",")}
    new = {**row, "endpoint": masked(row["endpoint"], given, ",".join(fields - {"trafficSplit"})), "updated": call.now}
    if "trafficSplit" in fields:
        new["split"] = checked(given.get("trafficSplit") or {}, row["deployed"])
    save(call.world, new)
    return view(call.world, new)


def delete(call: Call) -> Json:
    """Delete an empty endpoint."""
    world, row = call.world, find(call, call.text("name"))
    name = row["endpoint"]["name"]
    held = [
        *row["deployed"],
        *(op["effect"]["deployed"]["id"] for op in operations.running(world, name) if "deployed" in (op["effect"] or {})),
    ]
    if held:
        raise failed(
            f"Endpoint {shown(world, name)} has deployed or being-deployed DeployedModel(s): {', '.join(held)}. Undeploy them first."
        )
    return operations.begin(call, name, "DeleteOperationMetadata", duration=0, effect={"do": "vertex.endpoint", "name": name})


def find(call: Call, given: str) -> Json:
    """An endpoint's row; raises 404."""
    name = own(call.world, given)
    row = call.world.store.get(TAB, name)
    if row is None:
        raise missing("Endpoint", name)
    return row


def save(world: World, row: Json) -> None:
    """Keep an endpoint's row."""
    world.store.put(TAB, row["endpoint"]["name"], row)


def checked(split: Json, deployed: Json) -> dict[str, int]:
    """A traffic split as numbers, if it is one over what is deployed; raises 400."""
    found = {str(key): int(value) for key, value in split.items() if int(value)}
    for key in found:
        if key not in deployed:
            raise ApiError(400, f"traffic_split refers to DeployedModel {key}, which is not deployed on this endpoint.")
    if found and (sum(found.values()) != ALL or min(found.values()) < 0):
        raise ApiError(400, f"The traffic percentages must add up to {ALL}, or traffic_split be empty.")
    return found


def view(world: World, row: Json) -> Json:
    """An endpoint as the API prints it."""
    out = {
        **row["endpoint"],
        "name": shown(world, row["endpoint"]["name"]),
        "etag": fingerprint([row["endpoint"], row["split"], sorted(row["deployed"])]),
        "createTime": utc(row["created"]),
        "updateTime": utc(row["updated"]),
    }
    if row["deployed"]:
        out["deployedModels"] = [deployed_view(world, each) for each in row["deployed"].values()]
    if row["split"]:
        out["trafficSplit"] = row["split"]
    return out


def deployed_view(world: World, deployed: Json) -> Json:
    """A deployed model as the API prints it."""
    return {**{key: value for key, value in deployed.items() if key != "zones"}, "model": shown(world, deployed["model"])}


def put(world: World, operation: Json, at: int) -> Json | None:
    """The effect of a create or a delete."""
    row = operation["effect"].get("row")
    if row is not None:
        save(world, {**row, "created": at, "updated": at})
    else:
        world.store.delete(TAB, operation["effect"]["name"])
    return None


HANDLERS = {HEAD + f"endpoints.{verb}": handler for verb, handler in
            {"create": create, "get": get, "list": list_, "patch": patch, "delete": delete}.items()}  # fmt: skip
