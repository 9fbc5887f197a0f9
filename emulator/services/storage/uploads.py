"""The three ways an object is uploaded.

1. ``media``: the body is the object. 2. ``multipart``: its metadata, then its bytes. 3. ``resumable``: a POST answers where to send the bytes, which
come in one PUT or several; each that is not the last is a 308 with the range kept [documented]. Preconditions are those of the POST.
"""

from __future__ import annotations

import base64
import email
import json
import re
from typing import Any

from emulator.call import Call, Raw, Wire
from emulator.errors import ApiError
from emulator.rules import documented
from emulator.services.storage import buckets, objects
from emulator.services.storage.conditions import check, invalid
from emulator.wire.described import RESOURCE, resource_type
from emulator.wire.schema import canonical

Json = dict[str, Any]
TAB = "uploads"
documented(
    "resumable-upload",
    "A resumable upload begins with a POST that answers a Location; each PUT that is not the last is a 308 with the range kept.",
)


def insert(call: Call) -> Json | Raw:
    """Write an object the way ``uploadType`` says."""
    wire = call.wire
    if wire is None:
        raise invalid("Upload requests must carry bytes.")
    kind = wire.query.get("uploadType", "media")
    if wire.query.get("upload_id"):
        return _more(call, wire, wire.query["upload_id"])
    if kind == "media":
        return objects.put(call, call.values.get("name", ""), {}, wire.payload, wire.headers.get("content-type", ""))
    if kind == "multipart":
        given, data, content_type = _parts(wire)
        return objects.put(call, call.values.get("name") or given.get("name", ""), given, data, content_type)
    if kind == "resumable":
        return _begin(call, wire)
    raise invalid(f"Invalid upload type: {kind}")


def _resource(text: bytes) -> Json:
    try:
        content = json.loads(text or b"{}")
    except ValueError as error:
        raise ApiError(400, "Parse Error", reason="parseError") from error
    found: Json = canonical(content, resource_type("storage.v1", "Object"), RESOURCE)
    return found


def _parts(wire: Wire) -> tuple[Json, bytes, str]:
    """Metadata, bytes and content type of a multipart/related body; gcloud quotes its boundary with ' and ends lines with LF alone."""
    boundary = re.search(r"""boundary=["']?([^"';]+)""", wire.headers.get("content-type", ""))
    if boundary is None:
        raise invalid("Multipart upload without a boundary.")
    parts = wire.payload.split(b"--" + boundary[1].encode())[1:-1]
    if len(parts) != 2:
        raise invalid("Multipart upload must contain two parts: metadata and media.")
    heads, bodies = zip(*(re.split(rb"\r?\n\r?\n", part.lstrip(b"\r\n"), maxsplit=1) for part in parts), strict=True)
    content_type = str(email.message_from_bytes(heads[1])["content-type"] or "")
    return _resource(bodies[0]), bodies[1].removesuffix(b"\n").removesuffix(b"\r"), content_type


def _begin(call: Call, wire: Wire) -> Raw:
    world, bucket = call.world, call.text("bucket")
    buckets.find(world, bucket)
    given = _resource(wire.payload)
    name = call.values.get("name") or given.get("name", "")
    check(call.values, objects.live(world, bucket, name))
    upload = world.identity.uuid()
    values = {key: value for key, value in call.values.items() if key.startswith("if")}
    kind = wire.headers.get("x-upload-content-type", "")
    world.store.put(TAB, upload, {"name": name, "given": given, "values": values, "type": kind, "data": ""})
    host = wire.headers.get("host", "storage.googleapis.com")
    where = f"http://{host}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={upload}"
    return Raw(status=200, headers={"Location": where, "X-GUploader-UploadID": upload})


def _more(call: Call, wire: Wire, upload: str) -> Json | Raw:
    world = call.world
    row = world.store.get(TAB, upload)
    if row is None:
        raise ApiError(404, "Upload not found.", reason="notFound")
    data = base64.b64decode(row["data"])
    told = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", wire.headers.get("content-range", ""))
    if told is None:  # all of it at once
        data, whole = wire.payload, True
    else:
        if told[1] is not None:
            if int(told[1]) > len(data):
                raise invalid("Invalid request.  The bytes sent do not follow those kept.")
            data = data[: int(told[1])] + wire.payload
        whole = told[3] != "*" and len(data) >= int(told[3])
    if not whole:
        world.store.put(TAB, upload, {**row, "data": base64.b64encode(data).decode()})
        return Raw(status=308, headers={"Range": f"bytes=0-{len(data) - 1}"} if data else {})
    world.store.delete(TAB, upload)
    guarded = Call(**{**vars(call), "values": {**row["values"], "bucket": call.text("bucket")}})
    return objects.put(guarded, row["name"], row["given"], data, row["type"])
