"""Operations of the Cloud TPU API.

1. Their metadata has the type ``google.cloud.common.OperationMetadata``, which no client package ships: a client that unpacks it fails. 2. What
the service does by itself (nodes made for a queued resource, nodes preempted) is told by operations too.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, recorded
from emulator.services.compute.pages import page
from emulator.services.scoping import own
from emulator.services.tpu.catalog import location
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
FLAVOUR = "tpu"
METADATA = "google.cloud.common.OperationMetadata"
TYPE = "type.googleapis.com/"
EMPTY = TYPE + "google.protobuf.Empty"
recorded(
    "tpu-operation-metadata",
    "A TPU operation's metadata is of type google.cloud.common.OperationMetadata; its times are createTime and endTime.",
)
assumed(
    "tpu-node-operations",
    "Nodes a queued resource makes or loses are told by operations of verb create and delete, whose createTime is the node's and whose end is READY or gone.",
)


def know_metadata() -> None:
    """Describe the metadata's type in this process, so that the gRPC front can pack it; once."""
    # these modules make their classes when imported, so a type checker does not know them
    protos: Any = importlib.import_module("google.protobuf.descriptor_pb2")
    pool: Any = importlib.import_module("google.protobuf.descriptor_pool").Default()
    importlib.import_module("google.protobuf.timestamp_pb2")
    try:
        pool.FindMessageTypeByName(METADATA)
    except KeyError:
        kinds = protos.FieldDescriptorProto
        file = protos.FileDescriptorProto(
            name="google/cloud/common/operation_metadata.proto",
            package="google.cloud.common",
            syntax="proto3",
            dependency=["google/protobuf/timestamp.proto"],
        )
        message = file.message_type.add(name="OperationMetadata")
        fields = ("create_time", "end_time", "target", "verb", "status_detail", "cancel_requested", "api_version")
        for number, name in enumerate(fields, start=1):
            field = message.field.add(name=name, number=number, label=kinds.LABEL_OPTIONAL, type=kinds.TYPE_STRING)
            if name.endswith("_time"):
                field.type, field.type_name = kinds.TYPE_MESSAGE, ".google.protobuf.Timestamp"
            elif name == "cancel_requested":
                field.type = kinds.TYPE_BOOL
        pool.AddSerializedFile(file.SerializeToString())


def begin(world: World, now: int, target: str, verb: str, *, duration: int | None, effect: Json | None = None, of: str = "Node") -> Json:
    """Start an operation on ``target``; ``of`` is the type of what it answers, "" for nothing."""
    key = f"{'/'.join(target.split('/')[:4])}/operations/{world.identity.operation(now // 1000)}"
    record = {"flavour": FLAVOUR, "target": target, "verb": verb, "of": of, "answer": None}
    return world.operations.begin(key, record, duration=duration, effect=effect, now=now)


def shown(operation: Json) -> Json:
    """A google.longrunning.Operation."""
    metadata = {
        "@type": TYPE + METADATA,
        "createTime": utc(operation["begun"]),
        "target": operation["target"],
        "verb": operation["verb"],
        "apiVersion": "v2",
    }
    if not operation["done"]:
        return {"name": operation["key"], "metadata": metadata}
    metadata["endTime"] = utc(operation["end"])
    out: Json = {"name": operation["key"], "metadata": metadata, "done": True}
    if operation["error"]:
        return {**out, "error": operation["error"]}
    answer = operation["answer"]
    return {**out, "response": {"@type": EMPTY} if answer is None else {"@type": f"{TYPE}google.cloud.tpu.v2.{operation['of']}", **answer}}


def answered(world: World, key: str, answer: Json) -> None:
    """Note what an operation answers when it is done."""
    operation = world.operations.get(key)
    if operation is not None:
        world.store.put("operations", key, {**operation, "answer": answer})


def get(call: Call) -> Json:
    """Read an operation; a failed one is a 200."""
    name = own(call.world, call.text("name"))
    operation = call.world.operations.get(name)
    if operation is None or operation["flavour"] != FLAVOUR:
        raise ApiError(404, f"Resource '{name}' was not found")
    return shown(operation)


def list_(call: Call) -> Json:
    """The operations of a zone, oldest first."""
    zone = location(call, call.text("name"))
    head = f"projects/{call.world.project}/locations/{zone}/operations/"
    rows = [shown(op) for key, op in call.world.store.items("operations") if op["flavour"] == FLAVOUR and key.startswith(head)]
    size = min(int(call.values.get("pageSize") or 100), 500)
    chosen, token = page({"max_results": size, "page_token": call.values.get("pageToken")}, rows)
    return {**({"operations": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}
