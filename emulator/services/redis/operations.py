"""Operations of Memorystore: `done` is always there, metadata is of a type no Python package has, an error ends it like an answer.

The metadata's type is what the recording shows, for both versions of the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, recorded
from emulator.services.scoping import listed, named, own
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
FLAVOUR = "redis"
METADATA = "type.googleapis.com/google.cloud.common.OperationMetadata"
EMPTY = "type.googleapis.com/google.protobuf.Empty"
recorded("redis-operation", 'An operation says "done": false until it ends; its answer is the instance, or Empty after a delete.')
assumed("redis-operation-kept", "Operations of Memorystore are kept for as long as the emulator's state lives; cancelling one is a 501.")


def begin(call: Call, target: str, verb: str, effect: Json, *, duration: int | None = None) -> Json:
    """Start the operation of a write on an instance and answer it as it is shown."""
    world = call.world
    key = f"{'/'.join(target.split('/')[:4])}/operations/{world.identity.operation(call.now // 1000)}"
    record = {"flavour": FLAVOUR, "target": target, "verb": verb, "version": call.version}
    length = world.durations.of(call.method) if duration is None else duration
    return shown(world, world.operations.begin(key, record, duration=length, effect=effect, now=call.now))


def shown(world: World, operation: Json) -> Json:
    """A google.longrunning.Operation."""
    from emulator.services.redis.instances import shown as instance  # instances begin operations

    metadata: Json = {
        "@type": METADATA,
        "createTime": utc(operation["begun"]),
        "target": operation["target"],
        "verb": operation["verb"],
        "cancelRequested": False,
        "apiVersion": operation["version"],
    }
    out: Json = {"name": operation["key"], "metadata": metadata, "done": operation["done"]}
    if not operation["done"]:
        return out
    out["metadata"] = {**metadata, "endTime": utc(operation["end"])}
    if operation["error"]:
        return {**out, "error": {"code": operation["error"]["code"], "message": operation["error"]["message"]}}
    row = world.store.get("redis.instances", operation["target"])
    if operation["verb"] == "delete" or row is None:
        return {**out, "response": {"@type": EMPTY}}
    kind = f"type.googleapis.com/google.cloud.redis.{operation['version']}.Instance"
    return {**out, "response": {"@type": kind, **instance(row)}}


def get(call: Call) -> Json:
    """Read an operation."""
    name = named(call, "name")
    operation = call.world.operations.get(name)
    if operation is None or operation["flavour"] != FLAVOUR:
        raise ApiError(404, f"Resource '{name}' was not found", status_name="NOT_FOUND")
    return shown(call.world, operation)


def list_(call: Call) -> Json:
    """The operations of a location; `-` is every location."""
    head = own(call.world, call.text("name"))
    everywhere = head.endswith("/-")
    prefix = f"{head.removesuffix('-')}" if everywhere else f"{head}/"
    found = [
        shown(call.world, op) for key, op in call.world.store.items("operations") if op["flavour"] == FLAVOUR and key.startswith(prefix)
    ]
    return listed(call, "operations", found)
