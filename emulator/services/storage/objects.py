"""Objects: written whole, each write a new generation.

1. Generations grow with time. 2. An object holds its bytes, their MD5 and their CRC32C. 3. A deleted or overwritten object is kept, unseen, for
as long as its bucket's soft delete policy says. 4. Reads may ask for a range of bytes.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from emulator.billing import Usage
from emulator.call import Call, Raw
from emulator.identity import fingerprint
from emulator.rules import assumed, documented
from emulator.services.compute.pages import page
from emulator.services.storage import buckets
from emulator.services.storage.conditions import NotModifiedError, check, invalid, no_object, not_modified
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = buckets.OBJECTS
GIB = 1 << 30
SETTABLE = (
    "contentType",
    "contentEncoding",
    "contentDisposition",
    "contentLanguage",
    "cacheControl",
    "metadata",
    "customTime",
    "storageClass",
)
documented("object-generation", "Every write of an object gives it a new, greater generation and metageneration 1.")
assumed("object-media-link", "An object's mediaLink names the emulator's own address: clients follow it.")
assumed("object-no-versions", "Object versioning and copies are not emulated: an overwritten object is only what soft delete keeps of it.")


def key_of(bucket: str, name: str) -> str:
    """Where a live object is kept."""
    return f"{bucket}/{name}"


def live(world: World, bucket: str, name: str) -> Json | None:
    """The live object, or None."""
    return world.store.get(TAB, key_of(bucket, name))


def usage(row: Json, end: int | None) -> Usage:
    """What a generation of an object bills."""
    name = f"{key_of(row['bucket'], row['name'])}#{row['generation']}"
    quantity = Decimal(row["size"]) / GIB
    return Usage(resource=name, kind="storage.objects", sku="storage.standard", quantity=quantity, start=row["created"], end=end)


def soft_deleted(row: Json, now: int) -> bool:
    """Whether a deleted object is still kept."""
    return row["deleted"] is not None and now < row["purge"]


def view(world: World, row: Json) -> Json:
    """The object as clients see it."""
    bucket, name, generation = row["bucket"], row["name"], row["generation"]
    path = f"{bucket}/o/{quote(name, safe='')}"
    return {
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{generation}",
        "selfLink": f"https://www.googleapis.com/storage/v1/b/{path}",
        "mediaLink": f"http://{world.settings.host}:{world.settings.port}/download/storage/v1/b/{path}?generation={generation}&alt=media",
        "name": name,
        "bucket": bucket,
        "generation": str(generation),
        "metageneration": str(row["metageneration"]),
        "storageClass": "STANDARD",
        "size": str(row["size"]),
        "md5Hash": row["md5"],
        "crc32c": row["crc32c"],
        "etag": fingerprint([row["generation"], row["metageneration"]]),
        "timeCreated": utc(row["created"]),
        "updated": utc(row["updated"]),
        "timeStorageClassUpdated": utc(row["created"]),
        "timeFinalized": utc(row["created"]),
        **row["body"],
    }


def put(call: Call, name: str, given: Json, data: bytes, content_type: str) -> Json:
    """Write an object whole, guarded by the request's preconditions."""
    world, bucket = call.world, call.text("bucket")
    kept = buckets.find(world, bucket)
    if not name or len(name.encode()) > 1024:
        raise invalid("Required: an object name of 1 to 1024 bytes.")
    before = live(world, bucket, name)
    check(call.values, before)
    crc32c: Any = importlib.import_module("google_crc32c")  # it ships no types
    row: Json = {
        "bucket": bucket,
        "name": name,
        "generation": max(call.now, before["generation"] + 1 if before else 0),
        "metageneration": 1,
        "created": call.now,
        "updated": call.now,
        "deleted": None,
        "size": len(data),
        "md5": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
        "crc32c": base64.b64encode(crc32c.value(data).to_bytes(4, "big")).decode(),
        "data": base64.b64encode(data).decode(),
        "body": {key: given[key] for key in SETTABLE if given.get(key)},
    }
    row["body"].setdefault("contentType", content_type or "application/octet-stream")
    for checksum in ("md5Hash", "crc32c"):
        if given.get(checksum) and given[checksum] != row["md5" if checksum == "md5Hash" else checksum]:
            raise invalid(f'Provided {checksum} "{given[checksum]}" doesn\'t match the calculated one.')
    if before:
        _keep(world, kept, before, call.now)
    world.store.put(TAB, key_of(bucket, name), row)
    return view(world, row)


def _keep(world: World, bucket: Json, row: Json, now: int) -> None:
    """What soft delete keeps of an object; what it does not keep has billed until now."""
    seconds = int(bucket["body"]["softDeletePolicy"]["retentionDurationSeconds"])
    if not seconds:
        world.meter.open(usage(row, now))
    else:
        old = {**row, "deleted": now, "purge": now + seconds * SECOND}
        world.store.put(TAB, f"{key_of(row['bucket'], row['name'])}#{row['generation']}", old)


def get(call: Call) -> Json | Raw:
    """Read an object, or its bytes."""
    row = _found(call)
    try:
        check(call.values, row)
    except NotModifiedError:
        return not_modified()
    if call.wire is None or call.wire.query.get("alt") != "media":
        return view(call.world, row)
    data = base64.b64decode(row["data"])
    headers = {
        "Content-Type": row["body"]["contentType"],
        "ETag": fingerprint([row["generation"], row["metageneration"]]),
        "X-Goog-Generation": str(row["generation"]),
        "X-Goog-Metageneration": str(row["metageneration"]),
        "X-Goog-Hash": f"crc32c={row['crc32c']},md5={row['md5']}",
        "X-Goog-Storage-Class": "STANDARD",
    }
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", call.wire.headers.get("range", ""))
    if asked is None:
        return Raw(status=200, content=data, headers=headers)
    first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
    if first > last:
        return Raw(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    return Raw(status=206, content=data[first : last + 1], headers=headers)


def _found(call: Call) -> Json:
    bucket, name = call.text("bucket"), call.text("object")
    buckets.find(call.world, bucket)
    row = live(call.world, bucket, name)
    if row is None or call.values.get("generation") not in {None, str(row["generation"])}:
        raise no_object(bucket, name)
    return row


def list_(call: Call) -> Json:
    """Objects of a bucket by prefix, what lies below a delimiter told as prefixes."""
    world, bucket = call.world, call.text("bucket")
    buckets.find(world, bucket)
    prefix, delimiter = call.values.get("prefix") or "", call.values.get("delimiter") or ""
    items, prefixes = [], set()
    softly = str(call.values.get("softDeleted")).lower() == "true"
    for _, row in sorted(world.store.items(TAB), key=lambda item: str(item[1]["name"])):
        if row["bucket"] != bucket or not row["name"].startswith(prefix):
            continue
        if (row["deleted"] is None) == softly or (softly and not soft_deleted(row, call.now)):
            continue
        head, found, _ = row["name"][len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if found:
            prefixes.add(prefix + head + delimiter)
        else:
            items.append(view(world, row))
    values = {"max_results": min(int(call.values.get("maxResults") or buckets.PAGE), 500), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, items)
    out: Json = {"kind": "storage#objects", **({"items": chosen} if chosen else {}), **({"prefixes": sorted(prefixes)} if prefixes else {})}
    return {**out, **({"nextPageToken": token} if token else {})}


def patch(call: Call) -> Json:
    """Change metadata."""
    row = _found(call)
    check(call.values, row)
    given = call.values.get("resource") or {}
    body = {**row["body"], **{key: given[key] for key in SETTABLE if key in given}}
    new = {
        **row,
        "body": {key: value for key, value in body.items() if value},
        "metageneration": row["metageneration"] + 1,
        "updated": call.now,
    }
    call.world.store.put(TAB, key_of(row["bucket"], row["name"]), new)
    return view(call.world, new)


def delete(call: Call) -> Raw:
    """Delete an object."""
    row = _found(call)
    check(call.values, row)
    _keep(call.world, buckets.find(call.world, row["bucket"]), row, call.now)
    call.world.store.delete(TAB, key_of(row["bucket"], row["name"]))
    return Raw(status=204)
