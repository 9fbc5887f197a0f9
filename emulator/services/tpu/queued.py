"""Queued resources: an order of a TPU that waits for capacity, and what becomes of it.

1. CREATING, ACCEPTED, WAITING_FOR_RESOURCES, PROVISIONING, ACTIVE; FAILED when its time is up; SUSPENDING and SUSPENDED once its node is taken or
deleted; DELETING. It stays, whatever its state, until it is deleted. 2. Each state ends at an instant of its own; ACTIVE, FAILED, SUSPENDED do not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.faults import BadFaultError
from emulator.rules import assumed, documented
from emulator.services.compute.pages import page
from emulator.services.scoping import own
from emulator.services.tpu import catalog, nodes, operations, quota
from emulator.services.tpu.quota import QUEUED as TAB
from emulator.times import SECOND, parse, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
DATA = {
    "CREATING": "creatingData", "ACCEPTED": "acceptedData", "PROVISIONING": "provisioningData", "FAILED": "failedData",
    "DELETING": "deletingData", "ACTIVE": "activeData", "SUSPENDING": "suspendingData", "SUSPENDED": "suspendedData",
}  # fmt: skip
DELETABLE = ("ACCEPTED", "WAITING_FOR_RESOURCES", "FAILED", "SUSPENDED")
documented("tpu-queued-states", "CREATING, ACCEPTED, WAITING_FOR_RESOURCES, PROVISIONING, ACTIVE; FAILED; SUSPENDING, SUSPENDED; DELETING.")
documented(
    "tpu-queued-delete",
    "delete without force needs nodes that are gone, or the state ACCEPTED (now WAITING_FOR_RESOURCES), FAILED or SUSPENDED; with force its nodes go first.",
)
documented("tpu-queued-until", "A queued resource whose valid-until has passed without resources is FAILED, and stays until it is deleted.")
documented("tpu-spot-suspended", "A preempted Spot node suspends its queued resource: SUSPENDING, then SUSPENDED, its node deleted.")
assumed("tpu-queued-failed", "The error of one that failed for want of resources is code 8, 'There is no more capacity in the zone ...'.")
assumed("tpu-queued-one-node", "A queued resource holds one node; several, and reservations, are refused with 501.")
assumed(
    "tpu-node-deleted", "Deleting the node of an active queued resource suspends it; a second delete of one that is being deleted is a 409."
)
assumed("tpu-queued-times", "How long each state lasts: tpu.* in emulator/durations.yaml.")


def create(call: Call) -> Json:
    """Order one."""
    world = call.world
    zone = catalog.location(call, call.text("parent"))
    identifier = str(call.values.get("queuedResourceId") or "")
    name = f"projects/{world.project}/locations/{zone}/queuedResources/{identifier}"
    if not nodes.ID.fullmatch(identifier):
        raise ApiError(400, f"Invalid queued resource id '{identifier}': it must match {nodes.ID.pattern}")
    if world.store.get(TAB, name) is not None:
        raise ApiError(409, f"Resource '{name}' already exists")
    given = call.values.get("queuedResource") or {}
    specs = (given.get("tpu") or {}).get("nodeSpec") or []
    if len(specs) != 1 or specs[0].get("multisliceParams") or given.get("reservationName"):
        raise ApiError(501, "Only queued resources of one node, without a reservation, are emulated.")
    spot = "spot" in given
    wanted = nodes.checked(call, zone, str(specs[0].get("nodeId") or ""), specs[0].get("node") or {}, spot=spot)
    if any(row["wanted"]["name"] == wanted["name"] for _, row in world.store.items(TAB)):
        raise ApiError(409, f"Resource '{wanted['name']}' already exists")
    quota.require(call, zone, wanted["kind"], spot=spot)
    duration = world.durations.of("tpu.queued.create")
    row = {
        "name": name,
        "zone": zone,
        "kind": wanted["kind"],
        "spot": spot,
        "given": {key: given[key] for key in ("tpu", "spot", "guaranteed", "queueingPolicy") if key in given},
        "wanted": wanted,
        "created": call.now,
        "until": _until(given.get("queueingPolicy") or {}, call.now),
        "state": "CREATING",
        "due": call.now + duration,
        "initiator": "USER",
        "error": None,
    }
    _keep(world, row)
    operation = operations.begin(world, call.now, name, "create", duration=duration, of="QueuedResource")
    operations.answered(world, operation["key"], view(world, row))
    return operations.shown(operation)


def _until(policy: Json, now: int) -> int | None:
    if unknown := set(policy) - {"validUntilDuration", "validUntilTime"}:
        raise ApiError(501, f"Of queueing policies only valid-until is emulated, not {', '.join(unknown)}.")
    if "validUntilTime" in policy:
        return parse(policy["validUntilTime"])
    if "validUntilDuration" in policy:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)s", policy["validUntilDuration"])
        if match is None:
            raise ApiError(400, f"Invalid duration {policy['validUntilDuration']!r}")
        return now + int(float(match[1]) * SECOND)
    return None


def _keep(world: World, row: Json) -> None:
    world.store.put(TAB, row["name"], row)
    world.changed()


def find(call: Call) -> Json:
    """The queued resource a call is about; raises 404."""
    catalog.location(call, call.text("name"))
    name = own(call.world, call.text("name"))
    row = call.world.store.get(TAB, name)
    if row is None:
        raise ApiError(404, f"Resource '{name}' was not found")
    return row


def view(world: World, row: Json) -> Json:
    """The queued resource as clients see it."""
    del world
    state: Json = {"state": row["state"], "stateInitiator": row["initiator"]}
    if row["state"] in DATA:
        state[DATA[row["state"]]] = {"error": row["error"]} if row["error"] else {}
    return {"name": row["name"], "createTime": utc(row["created"]), **row["given"], "state": state}


def get(call: Call) -> Json:
    """Read one."""
    return view(call.world, find(call))


def list_(call: Call) -> Json:
    """Those of a zone."""
    zone = catalog.location(call, call.text("parent"))
    rows = [view(call.world, row) for _, row in call.world.store.items(TAB) if row["zone"] == zone]
    size = min(int(call.values.get("pageSize") or 100), 500)
    chosen, token = page({"max_results": size, "page_token": call.values.get("pageToken")}, rows)
    return {**({"queuedResources": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def delete(call: Call) -> Json:
    """Delete one, with ``force`` and its node."""
    world, row = call.world, find(call)
    force = str(call.values.get("force", "")).lower() == "true"
    if row["state"] == "DELETING":
        raise ApiError(409, f"Resource '{row['name']}' is being deleted.", status_name="ABORTED")
    node = world.store.get(nodes.TAB, row["wanted"]["name"])
    if not force and row["state"] not in DELETABLE and (node is not None or row["state"] != "ACTIVE"):
        what = f"Queued resource '{row['name']}' is {row['state']}; delete its nodes first, or set force."
        raise ApiError(400, what, status_name="FAILED_PRECONDITION")
    if node is not None:
        nodes.leave(world, node["name"], "DELETING", call.now)
        operations.begin(world, call.now, node["name"], "delete", duration=world.durations.of("tpu.queued.delete"), of="")
    _keep(world, {**row, "state": "DELETING", "initiator": "USER", "due": None})
    effect = {"do": "tpu.queued.delete", "name": row["name"]}
    operation = operations.begin(
        world, call.now, row["name"], "delete", duration=world.durations.of("tpu.queued.delete"), effect=effect, of=""
    )
    return operations.shown(operation)


def deleted(world: World, operation: Json, at: int) -> Json | None:
    """The end of a delete."""
    row = world.store.get(TAB, operation["effect"]["name"])
    if row is not None:
        nodes.remove(world, row["wanted"]["name"], at)
        world.store.delete(TAB, row["name"])
    return None


def delete_node(call: Call) -> Json:
    """Delete a node; one of a queued resource suspends it."""
    world, node = call.world, nodes.find(call)
    duration = world.durations.of("tpu.node.delete")
    operation = operations.begin(
        world, call.now, node["name"], "delete", duration=duration, effect={"do": "tpu.node.delete", "name": node["name"]}, of=""
    )
    nodes.leave(world, node["name"], "DELETING", call.now)
    row = world.store.get(TAB, node["queued"])
    if row is not None and row["state"] == "ACTIVE":
        _keep(world, {**row, "state": "SUSPENDING", "initiator": "USER", "due": call.now + duration})
    return operations.shown(operation)


def node_deleted(world: World, operation: Json, at: int) -> Json | None:
    """The end of a node's delete."""
    node = world.store.get(nodes.TAB, operation["effect"]["name"])
    if node is not None:
        world.faults.return_stock(node["zone"], node["kind"])
        nodes.remove(world, node["name"], at)
    return None


class Queue:
    """The agenda of all queued resources."""

    def __init__(self, world: World) -> None:
        self._world = world

    def next_due(self) -> int | None:
        """When the next state ends."""
        return min((row["due"] for _, row in self._world.store.items(TAB) if row["due"] is not None), default=None)

    def settle(self, now: int) -> None:
        """End the states that are due."""
        for _, row in self._world.store.items(TAB):
            if row["due"] is not None and row["due"] <= now:
                _keep(self._world, self._after(row, row["due"]))

    def _after(self, row: Json, at: int) -> Json:
        durations, state = self._world.durations, row["state"]
        if state == "CREATING":
            return {**row, "state": "ACCEPTED", "initiator": "SERVICE", "due": at + durations.of("tpu.queued.accept")}
        if state == "ACCEPTED":
            return {**row, "state": "WAITING_FOR_RESOURCES", "due": self._no_later(row, at + durations.of("tpu.queued.wait"))}
        if state == "WAITING_FOR_RESOURCES":
            return self._fetched(row, at)
        if state == "PROVISIONING":
            nodes.become_ready(self._world, row["wanted"]["name"], at)
            return {**row, "state": "ACTIVE", "due": None}
        nodes.remove(self._world, row["wanted"]["name"], at)
        return {**row, "state": "SUSPENDED", "due": None}

    def _no_later(self, row: Json, at: int) -> int:
        return at if row["until"] is None else min(at, row["until"])

    def _fetched(self, row: Json, at: int) -> Json:
        """What becomes of one that waits: it fails, is provisioned, or waits on."""
        world = self._world
        if row["until"] is not None and at >= row["until"]:
            return {**row, "state": "FAILED", "due": None, "error": nodes.no_capacity(row["zone"])}
        if not world.faults.take_stock(row["zone"], row["kind"]):
            return {**row, "due": self._no_later(row, at + world.durations.of("tpu.queued.retry"))}
        operation = operations.begin(world, at, row["wanted"]["name"], "create", duration=None)
        nodes.make(world, row["wanted"], at, queued=row["name"], operation=operation["key"])
        return {**row, "state": "PROVISIONING", "due": at + world.durations.of("tpu.queued.provision")}


def strike(world: World, spec: Json, now: int) -> None:
    """A ``tpu_preemption`` fault: Google takes the node of a Spot one; raises BadFaultError where there is none to take."""
    for _, row in world.store.items(TAB):
        if row["name"].rpartition("/")[2] == spec["queued_resource"] and row["state"] == "ACTIVE" and row["spot"]:
            duration = world.durations.of("tpu.suspend")
            nodes.leave(world, row["wanted"]["name"], "PREEMPTED", now)
            operations.begin(world, now, row["wanted"]["name"], "delete", duration=duration, of="")
            _keep(world, {**row, "state": "SUSPENDING", "initiator": "SERVICE", "due": now + duration})
            return
    raise BadFaultError(f"{spec['queued_resource']!r} is no active Spot queued resource")
