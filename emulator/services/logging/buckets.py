"""Log buckets.

1. Every project has ``_Default`` (30 days) and ``_Required`` (400 days), which nobody can delete [documented].
2. A deleted bucket is DELETE_REQUESTED for 7 days; until then it can be undeleted, and nothing else can be done with its name.
3. Retention is 1 to 3650 days; a locked bucket cannot be changed, nor deleted while it holds entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Call, Handler
from emulator.errors import ApiError
from emulator.rules import assumed, documented, recorded
from emulator.services.scoping import listed, masked, named, own
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "log_buckets"
DAY = 86_400 * SECOND
PENDING = 7 * DAY
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
recorded("log-bucket", "A log bucket shows createTime, updateTime, lifecycleState, retentionDays; fields at their default are left out.")
documented("log-bucket-pending", "A deleted log bucket is DELETE_REQUESTED for 7 days and can be undeleted.")
documented(
    "log-bucket-active", "A write to a bucket that is DELETE_REQUESTED is a 400 'Buckets must be in an ACTIVE state to be modified'."
)
documented("log-bucket-defaults", "_Default and _Required exist in every project and cannot be deleted.")
assumed("log-bucket-recreate", "Creating a bucket whose name is DELETE_REQUESTED is the same 400 as changing it.")
assumed("log-bucket-fields", "Analytics, CMEK, indexes and restricted fields of a log bucket are refused with 501.")

UNSERVED = ("analyticsEnabled", "cmekSettings", "indexConfigs", "restrictedFields")
BUILT_IN: dict[str, Json] = {
    "_Default": {"description": "Default bucket", "retentionDays": 30},
    "_Required": {"description": "Audit bucket", "retentionDays": 400, "locked": True},
}


def _link(world: World, bucket: str, location: str = "global") -> str:
    return f"projects/{world.project}/locations/{location}/buckets/{bucket}"


def find(world: World, name: str, now: int) -> Json | None:
    """The row of a bucket that is not purged: {bucket, deleted}."""
    row = world.store.get(TAB, name)
    if row is None:
        built_in = BUILT_IN.get(name.rpartition("/")[2])
        return {"bucket": built_in, "deleted": None} if built_in and "/locations/global/" in name else None
    return None if row["deleted"] is not None and now >= row["deleted"] + PENDING else row


def rows(world: World, now: int) -> Iterator[tuple[str, Json]]:
    """Every bucket not purged, those every project has first."""
    names = [_link(world, bucket) for bucket in BUILT_IN]
    names += [name for name, _ in world.store.items(TAB) if name not in names]
    for name in names:
        row = find(world, name, now)
        if row:
            yield name, row


def is_active(world: World, name: str, now: int) -> bool:
    """Whether a bucket exists and takes entries."""
    row = find(world, name, now)
    return row is not None and row["deleted"] is None


def view(name: str, row: Json) -> Json:
    """The bucket as clients see it."""
    state = "ACTIVE" if row["deleted"] is None else "DELETE_REQUESTED"
    out = {"name": name, **row["bucket"], "lifecycleState": state}
    return {key: value for key, value in out.items() if value not in ("", False, None)}


def _existing(call: Call, name: str) -> Json:
    row = find(call.world, name, call.now)
    if row is None:
        raise ApiError(404, f"Bucket `{name.rpartition('/')[2]}` does not exist")
    return row


def _active(call: Call, name: str) -> Json:
    row = _existing(call, name)
    if row["deleted"] is not None:
        raise _not_active()
    return row


def _not_active() -> ApiError:
    return ApiError(400, "Buckets must be in an ACTIVE state to be modified", status_name="FAILED_PRECONDITION")


def _checked(bucket: Json) -> Json:
    for field in UNSERVED:
        if bucket.get(field):
            raise ApiError(501, f"Log bucket field {field} is not emulated.")
    days = int(bucket.get("retentionDays") or 30)
    if not 1 <= days <= 3650:
        raise ApiError(400, f"Retention days must be between 1 and 3650, got {days}")
    return {
        "description": bucket.get("description", ""),
        "retentionDays": days,
        **({"locked": True} if bucket.get("locked") else {}),
    }


def create(call: Call) -> Json:
    """Make a bucket."""
    world, bucket_id = call.world, str(call.values.get("bucketId", ""))
    if not ID.fullmatch(bucket_id):
        raise ApiError(400, f"Bucket id {bucket_id!r} must be 1 to 100 letters, digits, underscores, hyphens and periods.")
    name = f"{own(world, call.text('parent'))}/buckets/{bucket_id}"
    row = find(world, name, call.now)
    if row is not None:
        raise _not_active() if row["deleted"] is not None else ApiError(409, f"Bucket `{bucket_id}` already exists")
    times = {"createTime": utc(call.now), "updateTime": utc(call.now)}
    new = {"bucket": {**_checked(call.values.get("bucket") or {}), **times}, "deleted": None}
    world.store.put(TAB, name, new)
    return view(name, new)


def get(call: Call) -> Json:
    """Read a bucket, one that is to be deleted too."""
    name = named(call, "name")
    return view(name, _existing(call, name))


def list_(call: Call) -> Json:
    """The buckets of a location; ``-`` for all."""
    location = own(call.world, call.text("parent")).rpartition("/")[2]
    found = [view(name, row) for name, row in rows(call.world, call.now) if location in {"-", name.split("/")[3]}]
    return listed(call, "buckets", found)


def update(call: Call) -> Json:
    """Change description, retention or lock, as the mask says."""
    name = named(call, "name", "bucket")
    row = _active(call, name)
    if not call.values.get("updateMask"):
        raise ApiError(400, "The update mask must not be empty")
    if row["bucket"].get("locked"):
        raise ApiError(400, f"Bucket `{name.rpartition('/')[2]}` is locked", status_name="FAILED_PRECONDITION")
    content = _checked(masked(row["bucket"], call.values.get("bucket") or {}, call.values["updateMask"]))
    created = {"createTime": row["bucket"].get("createTime")}
    new = {**row, "bucket": {**content, **created, "updateTime": utc(call.now)}}
    call.world.store.put(TAB, name, new)
    return view(name, new)


def delete(call: Call) -> Json:
    """Ask for a bucket's deletion: 7 days later it is gone."""
    name = named(call, "name")
    row = _existing(call, name)
    if name.rpartition("/")[2] in BUILT_IN:
        raise ApiError(400, f"Bucket `{name.rpartition('/')[2]}` cannot be deleted")
    if row["bucket"].get("locked"):
        raise ApiError(400, f"Bucket `{name.rpartition('/')[2]}` is locked", status_name="FAILED_PRECONDITION")
    if row["deleted"] is None:
        call.world.store.put(TAB, name, {**row, "deleted": call.now})
    return {}


def undelete(call: Call) -> Json:
    """Take a deletion back."""
    name = named(call, "name")
    row = _existing(call, name)
    if row["deleted"] is None:
        raise ApiError(400, f"Bucket `{name.rpartition('/')[2]}` is not in a DELETE_REQUESTED state", status_name="FAILED_PRECONDITION")
    call.world.store.put(TAB, name, {**row, "deleted": None})
    return {}


HANDLERS: dict[str, Handler] = {"create": create, "get": get, "list": list_, "patch": update, "delete": delete, "undelete": undelete}
