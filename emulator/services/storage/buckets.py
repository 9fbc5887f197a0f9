"""Buckets.

1. A name belongs to the whole world. 2. A bucket that holds objects cannot be deleted. 3. Without a soft delete policy given, deleted objects are
kept for seven days. 4. ``metageneration`` grows by one with every change.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.call import Call, Raw
from emulator.identity import fingerprint
from emulator.rules import assumed, documented, recorded
from emulator.services.compute.pages import page
from emulator.services.storage.conditions import NotModifiedError, check, conflict, invalid, no_bucket, not_modified
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "buckets"
OBJECTS = "objects"
WEEK = 604_800
PAGE = 1000
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
SETTABLE = (
    "labels",
    "iamConfiguration",
    "softDeletePolicy",
    "versioning",
    "lifecycle",
    "storageClass",
    "website",
    "cors",
    "logging",
    "billing",
)
REGION = re.compile(r"[A-Z]+-[A-Z]+[0-9]+")
documented(
    "bucket-name",
    "A bucket's name has 3 to 63 of [a-z0-9._-], begins and ends with a letter or digit and holds neither 'goog' in front nor 'google'.",
)
documented(
    "bucket-taken",
    "Making a bucket one owns again is a 409 'Your previous request to create the named bucket succeeded and you already own it.'.",
)
documented("bucket-not-empty", "A bucket with objects cannot be deleted: 409 'The bucket you tried to delete is not empty.'.")
documented(
    "bucket-soft-delete", "Deleted objects are kept for seven days unless the bucket's soft delete policy says otherwise; 0 keeps none."
)
recorded(
    "bucket-patch-full",
    "A patch answers the access control lists too (projection full) unless access is uniform; inserts and reads do not.",
)
recorded("bucket-delete-204", "A deleted bucket or object is a 204 without a body.")
assumed("bucket-gone-at-once", "A deleted bucket is gone at once, its soft-deleted objects and their bill with it; its name is free again.")


def find(world: World, name: str) -> Json:
    """The bucket's record; raises 404."""
    row = world.store.get(TAB, name)
    if row is None:
        raise no_bucket()
    return row


def view(world: World, row: Json) -> Json:
    """The bucket as clients see it, without access control lists [recorded]."""
    name, body = row["name"], row["body"]
    region = bool(REGION.fullmatch(row["location"]))
    content = {
        "kind": "storage#bucket",
        "id": name,
        "name": name,
        "selfLink": f"https://www.googleapis.com/storage/v1/b/{name}",
        "projectNumber": world.settings.project_number,
        "location": row["location"],
        "locationType": "region" if region else "multi-region",
        "storageClass": "STANDARD",
        "metageneration": str(row["metageneration"]),
        "timeCreated": utc(row["created"]),
        "updated": utc(row["updated"]),
        **({} if region else {"rpo": "DEFAULT"}),
        **body,
    }
    return {**content, "etag": fingerprint([name, row["metageneration"]])}


def access_lists(world: World, row: Json) -> Json:
    """What projection ``full`` adds to a bucket without uniform access: its default access control lists [recorded]."""
    if row["body"]["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"]:
        return {}
    name, number = row["name"], world.settings.project_number
    mark = fingerprint([name, "acl"])

    def grant(team: str, role: str) -> Json:
        entity = f"project-{team}-{number}"
        return {"entity": entity, "etag": mark, "projectTeam": {"projectNumber": number, "team": team}, "role": role}

    grants = [grant(team, role) for team, role in (("owners", "OWNER"), ("editors", "OWNER"), ("viewers", "READER"))]
    return {
        "acl": [
            {
                **each,
                "kind": "storage#bucketAccessControl",
                "bucket": name,
                "id": f"{name}/{each['entity']}",
                "selfLink": f"https://www.googleapis.com/storage/v1/b/{name}/acl/{each['entity']}",
            }
            for each in grants
        ],
        "defaultObjectAcl": [{**each, "kind": "storage#objectAccessControl"} for each in grants],
        "owner": {"entity": f"project-owners-{number}"},
    }


def insert(call: Call) -> Json:
    """Make a bucket."""
    world = call.world
    body = call.values.get("resource") or {}
    name = body.get("name", "")
    if call.values.get("project") not in {world.project, world.settings.project_number}:
        raise invalid("Unknown project id: " + str(call.values.get("project", "")))
    if not NAME.fullmatch(name) or name.startswith("goog") or "google" in name:
        raise invalid(f"Invalid bucket name: '{name}'")
    if world.store.get(TAB, name):
        raise conflict("Your previous request to create the named bucket succeeded and you already own it.")
    row: Json = {
        "name": name,
        "location": str(body.get("location", "US")).upper(),
        "created": call.now,
        "updated": call.now,
        "metageneration": 1,
        "body": _settled({}, body, call.now),
    }
    world.store.put(TAB, name, row)
    return view(world, row)


def _settled(old: Json, new: Json, now: int) -> Json:
    """What a client may set, with Google's defaults."""
    kept = {key: new[key] for key in SETTABLE if key in new and new[key] not in ({}, None)}
    access = kept.get("iamConfiguration", {})
    uniform = access.get("uniformBucketLevelAccess", {"enabled": False})
    kept["iamConfiguration"] = {
        "publicAccessPrevention": access.get("publicAccessPrevention", "inherited"),
        "uniformBucketLevelAccess": {"enabled": bool(uniform.get("enabled"))},
        "bucketPolicyOnly": {"enabled": bool(uniform.get("enabled"))},
    }
    seconds = str(kept.get("softDeletePolicy", {}).get("retentionDurationSeconds", WEEK))
    before = old.get("softDeletePolicy", {})
    since = before["effectiveTime"] if before.get("retentionDurationSeconds") == seconds else utc(now)
    kept["softDeletePolicy"] = {"retentionDurationSeconds": seconds, "effectiveTime": since}
    return kept


def get(call: Call) -> Json | Raw:
    """Read a bucket."""
    row = find(call.world, call.text("bucket"))
    try:
        check(call.values, {"metageneration": row["metageneration"]})
    except NotModifiedError:
        return not_modified()
    return view(call.world, row)


def list_(call: Call) -> Json:
    """The project's buckets."""
    world = call.world
    if call.values.get("project") not in {world.project, world.settings.project_number}:
        raise invalid("Unknown project id: " + str(call.values.get("project", "")))
    prefix = call.values.get("prefix") or ""
    items = [view(world, row) for name, row in sorted(world.store.items(TAB)) if name.startswith(prefix)]
    values = {"max_results": min(int(call.values.get("maxResults") or PAGE), 500), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, items)
    return {"kind": "storage#buckets", **({"items": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def _change(call: Call, body: Json) -> Json | Raw:
    world = call.world
    row = find(world, call.text("bucket"))
    try:
        check(call.values, {"metageneration": row["metageneration"]})
    except NotModifiedError:
        return not_modified()
    new = {**row, "body": _settled(row["body"], body, call.now), "updated": call.now, "metageneration": row["metageneration"] + 1}
    world.store.put(TAB, row["name"], new)
    return {**view(world, new), **(access_lists(world, new) if call.values.get("projection") != "noAcl" else {})}


def patch(call: Call) -> Json | Raw:
    """Merge what is given into what is there; labels one by one."""
    row = find(call.world, call.text("bucket"))
    given = call.values.get("resource") or {}
    merged = {**row["body"], **given}
    if "labels" in given:
        merged["labels"] = {**row["body"].get("labels", {}), **given["labels"]}
    return _change(call, merged)


def update(call: Call) -> Json | Raw:
    """Replace all that can be set."""
    return _change(call, call.values.get("resource") or {})


def delete(call: Call) -> Raw:
    """Delete an empty bucket."""
    world, name = call.world, call.text("bucket")
    row = find(world, name)
    check(call.values, {"metageneration": row["metageneration"]})
    held = [(key, each) for key, each in world.store.items(OBJECTS) if each["bucket"] == name]
    if any(each["deleted"] is None for _, each in held):
        raise conflict("The bucket you tried to delete is not empty.")
    for key, _ in held:
        world.store.delete(OBJECTS, key)
    world.store.delete(TAB, name)
    return Raw(status=204)
