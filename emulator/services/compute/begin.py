"""Compute operations: how a write starts one, what it looks like, and how it ends."""

from __future__ import annotations

from typing import Any

from emulator.call import Call
from emulator.services.compute import links
from emulator.times import pacific

Json = dict[str, Any]


def scope_of(link: str) -> str:
    """``projects/P/global``, ``projects/P/zones/Z`` or ``projects/P/regions/R`` of a link."""
    parts = link.split("/")
    return "/".join(parts[:3]) if parts[2] == "global" else "/".join(parts[:4])


def begin(call: Call, link: str, target_id: str, operation_type: str, effect: Json | None, *, duration: int | None = -1) -> Json:
    """Start the operation of a write and answer it rendered. ``duration`` -1 takes the method's own; None leaves it open."""
    world = call.world
    name = world.identity.operation(call.now // 1000)
    key = f"{scope_of(link)}/operations/{name}"
    record = {
        "flavour": "compute",
        "name": name,
        "id": world.identity.numeric(),
        "operationType": operation_type,
        "target": link,
        "targetId": target_id,
        "user": call.caller.partition(":")[2],
    }
    length = world.durations.of(call.method) if duration == -1 else duration
    operation = world.operations.begin(key, record, duration=length, effect=effect, now=call.now)
    world.operations.remember(call.method, call.request_id, key)
    return shown(operation, call.version)


def shown(operation: Json, version: str) -> Json:
    """An operation as Compute prints it [recorded]."""
    done = operation["done"]
    out: Json = {
        "kind": "compute#operation",
        "id": operation["id"],
        "name": operation["name"],
        "operationType": operation["operationType"],
        "targetLink": links.absolute(operation["target"], version),
        "targetId": operation["targetId"],
        "status": "DONE" if done else "RUNNING",
        "user": operation["user"],
        "progress": 100 if done else 0,
        "insertTime": pacific(operation["begun"]),
        "startTime": pacific(operation["begun"]),
        "selfLink": links.absolute(operation["key"], version),
    }
    if done:
        out["endTime"] = pacific(operation["end"])
    if operation["error"]:
        error = operation["error"]
        out["error"] = {"errors": [{"code": error["code"], "message": error["message"]}]}
        out["httpErrorStatusCode"] = error["http"]
        out["httpErrorMessage"] = error["http_message"]
    parts = operation["key"].split("/")
    if parts[2] in {"zones", "regions"}:
        out[parts[2].removesuffix("s")] = links.absolute("/".join(parts[:4]), version)
    return out
