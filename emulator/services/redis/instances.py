"""Instances of Memorystore: made, read, changed, failed over, upgraded, maintained, deleted.

1. One administrative operation at a time. 2. A row is {instance, auth, node, empty}: `node` grows whenever another machine becomes the primary, which
is what the data path follows; `empty` where it begins without what the one before had. 3. A create that cannot be, where Google looks only later,
ends its operation with an error and leaves nothing.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented, recorded
from emulator.services.compute import links, records
from emulator.services.compute.catalog import REGIONS
from emulator.services.redis import shapes
from emulator.services.redis.operations import begin
from emulator.services.redis.usage import closed, opened
from emulator.services.scoping import listed, masked, named, own, paths
from emulator.services.servicenetworking import connections
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "redis.instances"
SETTABLE = frozenset(
    {"displayName", "labels", "memorySizeGb", "redisConfigs", "authEnabled", "maintenancePolicy", "persistenceConfig", "readReplicasMode", "replicaCount"}
)  # fmt: skip
GIVEN = (
    "displayName", "labels", "tier", "memorySizeGb", "redisConfigs", "connectMode", "transitEncryptionMode", "maintenancePolicy",
)  # fmt: skip
recorded("redis-updating", "While a change is under way the instance reads UPDATING, and as it was.")
documented("redis-one-at-a-time", "Only one administrative operation can run on an instance at a time.")
assumed("redis-busy", "A write on an instance that is not READY is a 400 FAILED_PRECONDITION naming its state.")
documented(
    "redis-failover",
    "Only a STANDARD_HA instance can be failed over; its clients are cut off and come back to the node that was the replica.",
)
assumed(
    "redis-failing-over",
    "Throughout a failover the instance reads FAILING_OVER and takes no connections; the nodes swap their zones at its end.",
)
assumed("redis-replicated", "The replica has every write the primary answered: a failover loses nothing, in either data protection mode.")
documented("redis-resize", "A change of size empties a BASIC instance and fails a STANDARD_HA one over.")
documented(
    "redis-no-connection", "An instance by private services access on a network without a connection: the operation ends with code 9."
)
documented("redis-auth-string", "The AUTH string is made by Google and read by a call of its own; without AUTH there is none.")
assumed("redis-immutable", "A mask that names a field that cannot be changed is a 400 naming it.")


def existing(call: Call) -> Json:
    """The row a call is about; raises 404."""
    name = named(call, "name", "instance")
    row = call.world.store.get(TAB, name)
    if row is None:
        raise ApiError(404, f"Resource '{name}' was not found", status_name="NOT_FOUND")
    return row


def free(call: Call) -> Json:
    """The same, where no operation is on its way; raises 400."""
    row = existing(call)
    instance = row["instance"]
    if instance["state"] != "READY":
        raise ApiError(
            400, f"Instance {instance['name']} is {instance['state']}: one operation at a time.", status_name="FAILED_PRECONDITION"
        )
    return row


def shown(row: Json) -> Json:
    """An instance as clients read it."""
    return {key: value for key, value in row["instance"].items() if value not in ({}, "", None)}


def put(world: World, row: Json, **fields: Any) -> Json:
    """Keep a row with some fields of its instance changed."""
    new = {**row, "instance": {**row["instance"], **fields}}
    world.store.put(TAB, new["instance"]["name"], new)
    world.changed()
    return new


def create(call: Call) -> Json:
    """Make an instance."""
    world, given = call.world, dict(call.values.get("instance") or {})
    parent, instance_id = own(world, call.text("parent")), str(call.values.get("instanceId") or "")
    region = parent.rpartition("/")[2]
    if region not in REGIONS:
        raise ApiError(400, f"Location {region} is not found or access is unauthorized.")
    if not shapes.NAME.fullmatch(instance_id):
        raise ApiError(400, f"instance_id: {instance_id!r} must be 1-40 lower-case letters, digits and hyphens, beginning with a letter.")
    name = f"{parent}/instances/{instance_id}"
    if world.store.get(TAB, name) is not None:
        raise ApiError(409, f"Resource '{name}' already exists", status_name="ALREADY_EXISTS")
    shapes.checked(given)
    network = links.relative(
        given.get("authorizedNetwork") or f"projects/{world.project}/global/networks/default", world.project, world.settings.project_number
    )
    if records.find(world, network) is None:
        raise ApiError(400, f"authorized_network: {network} was not found.")
    tls = given.get("transitEncryptionMode", "DISABLED") == "SERVER_AUTHENTICATION"
    instance = {
        "name": name,
        "connectMode": "DIRECT_PEERING",
        "transitEncryptionMode": "DISABLED",
        **{key: given[key] for key in GIVEN if key in given},
        **shapes.placed(region, given),
        "redisVersion": given.get("redisVersion") or shapes.LATEST,
        "port": shapes.TLS_PORT if tls else shapes.PORT,
        "createTime": utc(call.now),
        "state": "CREATING",
        "authorizedNetwork": network,
        "persistenceIamIdentity": f"serviceAccount:service-{world.settings.project_number}@cloud-redis.iam.gserviceaccount.com",
        "readReplicasMode": "READ_REPLICAS_DISABLED",
        "persistenceConfig": {"persistenceMode": "DISABLED"},
        "maintenanceVersion": shapes.MAINTENANCE_VERSION,
        "availableMaintenanceVersions": shapes.NEWER,
        **({"authEnabled": True} if given.get("authEnabled") else {}),
        **({"serverCaCerts": [shapes.certificate_authority(world)]} if tls else {}),
    }
    row = {"instance": instance, "auth": world.identity.uuid(), "node": 0, "empty": True}
    world.store.put(TAB, name, row)
    opened(world, instance, call.now)
    return begin(call, name, "create", {"do": "redis.created", "name": name, "wants": str(given.get("reservedIpRange") or "")})


def get(call: Call) -> Json:
    """Read an instance."""
    return shown(existing(call))


def list_(call: Call) -> Json:
    """The instances of a region; those of all for `-`."""
    parent = own(call.world, call.text("parent"))
    region = parent.rpartition("/")[2]
    found = [shown(row) for name, row in call.world.store.items(TAB) if region in {"-", name.split("/")[3]}]
    return listed(call, "instances", found)


def auth_string(call: Call) -> Json:
    """The AUTH string; the one call that tells it."""
    row = existing(call)
    if not row["instance"].get("authEnabled"):
        raise ApiError(400, f"AUTH is not enabled on {row['instance']['name']}.", status_name="FAILED_PRECONDITION")
    return {"authString": row["auth"]}


def patch(call: Call) -> Json:
    """Change what the mask names."""
    row = free(call)
    old, given = row["instance"], call.values.get("instance") or {}
    fields = [path[0] for path in paths(call.values.get("updateMask"))]
    wrong = [field for field in fields if field not in SETTABLE | {"redisConfig"}]
    if wrong or not fields:
        raise ApiError(400, f"update_mask: {', '.join(wrong) or 'it is empty'}: only {', '.join(sorted(SETTABLE))} can be changed.")
    mask = ",".join("redisConfigs" if field == "redisConfig" else field for field in fields)
    new = masked(old, given, mask)
    shapes.checked(new)
    put(call.world, row, state="UPDATING")
    return begin(
        call,
        old["name"],
        "update",
        {"do": "redis.changed", "name": old["name"], "new": {field: new.get(field) for field in mask.split(",")}},
    )


def failover(call: Call) -> Json:
    """Make the replica the primary."""
    row = free(call)
    instance = row["instance"]
    if instance["tier"] != "STANDARD_HA":
        raise ApiError(400, f"Failover is not supported for tier {instance['tier']}.", status_name="FAILED_PRECONDITION")
    put(call.world, row, state="FAILING_OVER")
    return begin(call, instance["name"], "failover", {"do": "redis.failed_over", "name": instance["name"]})


def upgrade(call: Call) -> Json:
    """A newer version of Redis."""
    row = free(call)
    instance, wanted = row["instance"], str(call.values.get("redisVersion") or "")
    if wanted not in shapes.VERSIONS or shapes.VERSIONS.index(wanted) <= shapes.VERSIONS.index(instance["redisVersion"]):
        raise ApiError(400, f"redis_version: {wanted!r} is no version above {instance['redisVersion']}.")
    put(call.world, row, state="UPDATING")
    return begin(call, instance["name"], "upgrade", {"do": "redis.changed", "name": instance["name"], "new": {"redisVersion": wanted}})


def reschedule(call: Call) -> Json:
    """Maintenance at once, or when it is told; the instance gets the newest maintenance version."""
    row = free(call)
    instance = row["instance"]
    if call.values.get("rescheduleType") != "IMMEDIATE":
        raise ApiError(501, "Only rescheduleType IMMEDIATE is emulated.")
    put(call.world, row, state="MAINTENANCE")
    return begin(call, instance["name"], "rescheduleMaintenance", {"do": "redis.maintained", "name": instance["name"]})


def delete(call: Call) -> Json:
    """Delete an instance with what it holds."""
    row = free(call)
    name = row["instance"]["name"]
    put(call.world, row, state="DELETING")
    return begin(call, name, "delete", {"do": "redis.deleted", "name": name})


def _created(world: World, operation: Json, at: int) -> Json | None:
    name, wants = operation["effect"]["name"], operation["effect"]["wants"]
    row = world.store.get(TAB, name)
    if row is None:
        return None
    instance = row["instance"]
    block, why = _block(world, instance, wants)
    if block is None:
        world.store.delete(TAB, name)
        closed(world, name, at)
        world.changed()
        return {"code": 9, "message": why}
    put(world, row, state="READY", reservedIpRange=block, host=_host(world))
    return None


def _block(world: World, instance: Json, wants: str) -> tuple[str | None, str]:
    """The /29 an instance gets, or why there is none."""
    taken = [row["instance"]["reservedIpRange"] for _, row in world.store.items(TAB) if row["instance"].get("reservedIpRange")]
    if instance["connectMode"] == "DIRECT_PEERING":
        return (wants if "/" in wants else shapes.block_of(taken, shapes.direct_range(instance["name"]))), "No free range."
    ranges = connections.ranges_of(world, instance["authorizedNetwork"])
    if ranges is None:
        return None, "Google private service access is not enabled. Enable privateServiceAccess and try again."
    for name, cidr in ranges.items():
        if wants in {"", name}:
            block = shapes.block_of([each for each in taken if _inside(each, cidr)], cidr)
            if block is not None:
                return block, ""
    return None, "Couldn't find free blocks in allocated IP ranges. Please allocate new ranges for this service provider."


def _inside(block: str, cidr: str) -> bool:
    return ipaddress.IPv4Network(block).subnet_of(ipaddress.IPv4Network(cidr))


def _host(world: World) -> str:
    taken = {row["instance"].get("host") for _, row in world.store.items(TAB)}
    return next(str(each) for each in reversed(list(world.settings.address_pool.hosts())) if str(each) not in taken)


def _changed(world: World, operation: Json, at: int) -> Json | None:
    name, new = operation["effect"]["name"], operation["effect"]["new"]
    row = world.store.get(TAB, name)
    if row is None:
        return None
    before = row["instance"]
    after = put(world, row, **new, state="READY")
    if after["instance"]["memorySizeGb"] != before["memorySizeGb"]:
        closed(world, name, at)
        opened(world, after["instance"], at)
        _moved(world, after)
    elif "redisVersion" in new:
        _moved(world, after)
    return None


def _moved(world: World, row: Json) -> Json:
    """Another machine is the primary; the only one of a BASIC instance begins empty."""
    empty = row["instance"]["tier"] == "BASIC"
    return put(world, {**row, "node": row["node"] + 1, "empty": empty})


def failed_over(world: World, row: Json) -> None:
    """The replica is the primary now."""
    instance = row["instance"]
    if instance["tier"] == "BASIC":
        put(world, _moved(world, row), state="READY")
        return
    other = instance["alternativeLocationId"] if instance["currentLocationId"] == instance["locationId"] else instance["locationId"]
    put(world, _moved(world, row), state="READY", currentLocationId=other, nodes=list(reversed(instance["nodes"])))


def lose_primary(world: World, identifier: str) -> None:
    """The primary of the instance of this id is lost; the replica takes over, or, where there is none, an empty machine."""
    for name, row in world.store.items(TAB):
        if name.rpartition("/")[2] == identifier and row["instance"]["state"] == "READY":
            put(world, row, state="FAILING_OVER")
            record = {"flavour": "within", "target": name, "verb": "failover"}
            duration = world.durations.of("redis.projects.locations.instances.failover")
            effect = {"do": "redis.failed_over", "name": name}
            world.operations.begin(f"within {world.identity.uuid()}", record, duration=duration, effect=effect, now=world.clock.now())


def _failed_over(world: World, operation: Json, at: int) -> Json | None:
    del at
    row = world.store.get(TAB, operation["effect"]["name"])
    if row is not None:
        failed_over(world, row)
    return None


def _maintained(world: World, operation: Json, at: int) -> Json | None:
    del at
    row = world.store.get(TAB, operation["effect"]["name"])
    if row is not None:
        put(world, _moved(world, row), state="READY", maintenanceVersion=shapes.NEWER[-1], availableMaintenanceVersions=[])
    return None


def _deleted(world: World, operation: Json, at: int) -> Json | None:
    name = operation["effect"]["name"]
    row = world.store.get(TAB, name)
    if row is not None:
        world.store.delete(TAB, name)
        closed(world, name, at)
        if row["instance"]["connectMode"] == "PRIVATE_SERVICE_ACCESS":
            connections.let_go(world, row["instance"]["authorizedNetwork"], at)
        world.changed()
    return None


EFFECTS = {
    "redis.created": _created,
    "redis.changed": _changed,
    "redis.failed_over": _failed_over,
    "redis.maintained": _maintained,
    "redis.deleted": _deleted,
}
