"""Long-running operations of Vertex AI: under the endpoint or the model they are about, and listed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed
from emulator.services.aiplatform.naming import TYPE, shown
from emulator.services.scoping import listed, own
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
FLAVOUR = "aiplatform"
STAGES = (
    "STARTING_DEPLOYMENT", "PREPARING_MODEL", "CREATING_SERVING_CLUSTER", "ADDING_NODES_TO_CLUSTER", "GETTING_CONTAINER_IMAGE",
    "STARTING_MODEL_SERVER", "FINISHING_UP",
)  # fmt: skip
assumed("vertex-stages", "A deployment spends an equal share of its time in each of its seven stages.")


def begin(call: Call, target: str, kind: str, *, duration: int, effect: Json | None, response: Json | None = None) -> Json:
    """Start an operation on ``target`` whose metadata is a ``kind``; answers it as the API does."""
    world = call.world
    key = f"{target}/operations/{world.identity.numeric()}"
    record = {"flavour": FLAVOUR, "target": target, "kind": kind, "response": response, "takes": duration}
    return view(world, world.operations.begin(key, record, duration=duration, effect=effect, now=call.now), call.now)


def running(world: World, target: str) -> list[Json]:
    """Operations on a target that are not done."""
    return [op for _, op in world.store.items("operations") if op["flavour"] == FLAVOUR and op["target"] == target and not op["done"]]


def view(world: World, operation: Json, now: int) -> Json:
    """A google.longrunning.Operation."""
    at = operation["end"] if operation["done"] else operation["begun"]
    metadata: Json = {"@type": TYPE + operation["kind"], "genericMetadata": {"createTime": utc(operation["begun"]), "updateTime": utc(at)}}
    if operation["kind"] == "DeployModelOperationMetadata":
        metadata["deploymentStage"] = _stage(operation, now)
    out: Json = {"name": shown(world, operation["key"]), "metadata": metadata}
    if not operation["done"]:
        return out
    if operation["error"]:
        return {**out, "done": True, "error": operation["error"]}
    return {**out, "done": True, "response": operation["response"] or {"@type": "type.googleapis.com/google.protobuf.Empty"}}


def _stage(operation: Json, now: int) -> str:
    passed = (now - operation["begun"]) / max(1, operation["takes"])
    return STAGES[-1] if operation["done"] else STAGES[min(len(STAGES) - 1, int(passed * len(STAGES)))]


def get(call: Call) -> Json:
    """Read an operation."""
    name = own(call.world, call.text("name"))
    operation = call.world.operations.get(name)
    if operation is None or operation["flavour"] != FLAVOUR:
        raise ApiError(404, f"Operation not found: {name}")
    return view(call.world, operation, call.now)


def list_(call: Call) -> Json:
    """The operations on an endpoint or a model, oldest first."""
    head = own(call.world, call.text("name")) + "/operations/"
    found = [op for key, op in call.world.store.items("operations") if op["flavour"] == FLAVOUR and key.startswith(head)]
    return listed(call, "operations", [view(call.world, op, call.now) for op in found], 100)
