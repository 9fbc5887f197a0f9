"""Versions of a secret, which hold its values, and how a VM reads one.

1. Versions are numbered from 1; `latest` is the newest, whatever its state. 2. Only an enabled one is read; a destroyed one has lost its value for good.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import google_crc32c

from emulator.access import roles
from emulator.call import Call
from emulator.errors import ApiError
from emulator.identity import fingerprint
from emulator.rules import documented
from emulator.services.scoping import listed, own
from emulator.services.secretmanager.secrets import NUMBERS, SPANS, TAB, VERSIONS, billed_until, found, told
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
MOST = 65_536
documented("secret-latest", "versions/latest is the newest version, even where that is disabled or destroyed.")
documented("secret-disabled", "Reading a version that is not enabled is a 400 FAILED_PRECONDITION.")
documented("secret-size", "A version holds at most 64 KiB; its checksum is checked where one is sent.")


def add(call: Call) -> Json:
    """Add an enabled version with the value given."""
    full, _ = found(call, call.text("parent"))
    payload = call.values.get("payload") or {}
    try:
        data = base64.b64decode(payload.get("data", ""))
    except (ValueError, binascii.Error) as error:
        raise ApiError(400, "The payload's data is not base64.") from error
    if not data or len(data) > MOST:
        raise ApiError(400, f"The payload must have 1 to {MOST} bytes of data.")
    if payload.get("dataCrc32c") and int(payload["dataCrc32c"]) != google_crc32c.value(data):
        raise ApiError(400, "The checksum sent does not fit the data.")
    store = call.world.store
    number = int((store.get(NUMBERS, full) or {"last": 0})["last"]) + 1
    store.put(NUMBERS, full, {"last": number})
    row = {"state": "ENABLED", "data": base64.b64encode(data).decode(), "made": call.now, "states": [[call.now, "ENABLED"]]}
    name = f"{full}/versions/{number}"
    store.put(VERSIONS, name, row)
    store.put(SPANS, f"{name} {call.now}", {"start": call.now, "end": None})
    return _view(call, name, row)


def access(call: Call) -> Json:
    """The value of an enabled version."""
    name, row = _version(call, call.text("name"))
    if row["state"] != "ENABLED":
        raise ApiError(400, f"Secret Version [{told(call, name)}] is in {row['state']} state.", status_name="FAILED_PRECONDITION")
    check = google_crc32c.value(base64.b64decode(row["data"]))
    return {"name": told(call, name), "payload": {"data": row["data"], "dataCrc32c": str(check)}}


def get(call: Call) -> Json:
    """A version without its value."""
    return _view(call, *_version(call, call.text("name")))


def list_(call: Call) -> Json:
    """The versions of a secret, newest first; the filter `state:ENABLED` is served, no other."""
    full, _ = found(call, call.text("parent"))
    wanted = str(call.values.get("filter") or "").replace("=", ":").replace(" ", "").removeprefix("state:")
    rows = [(name, row) for name, row in call.world.store.items(VERSIONS) if name.startswith(f"{full}/versions/")]
    rows.sort(key=lambda each: -_number(each[0]))
    shown = [_view(call, name, row) for name, row in rows if not wanted or row["state"] == wanted]
    return {**listed(call, "versions", shown), "totalSize": len(shown)}


def into(state: str) -> Any:
    """The handler that brings a version into a state."""

    def handler(call: Call) -> Json:
        name, row = _version(call, call.text("name"))
        if row["state"] == "DESTROYED" and state != "DESTROYED":
            raise ApiError(400, f"Secret Version [{told(call, name)}] is in DESTROYED state.", status_name="FAILED_PRECONDITION")
        # Its value is kept for those who had read it before, and read by nobody any more.
        states = {"state": state, "states": [*row["states"], [call.now, state]]}
        changed = {**row, **states, **({"destroyed": call.now} if state == "DESTROYED" else {})}
        call.world.store.put(VERSIONS, name, changed)
        if state == "DESTROYED":
            billed_until(call, name, row)
        return _view(call, name, changed)

    return handler


def read_at_start(world: World, secret: str, member: str, started: int) -> bytes | None:
    """What a program that reads the newest version of `secret` (`projects/P/secrets/S`) as `member` holds when it started at `started`.

    None where it could not: no such secret, none of its versions enabled then or not that account's to read.
    """
    full = own(world, secret)
    if world.store.get(TAB, full) is None or not roles.may(world, member, "secretmanager.versions.access", full):
        return None
    rows = [(_number(name), row) for name, row in world.store.items(VERSIONS) if name.startswith(f"{full}/versions/")]
    there = {number: row for number, row in rows if row["made"] <= started}
    if not there:
        return None
    newest = there[max(there)]
    state = next(state for at, state in reversed(newest["states"]) if at <= started)
    return base64.b64decode(newest["data"]) if state == "ENABLED" else None


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


def _version(call: Call, name: str) -> tuple[str, Json]:
    secret, _, which = name.rpartition("/versions/")
    full, _ = found(call, secret)
    rows = {_number(key): row for key, row in call.world.store.items(VERSIONS) if key.startswith(f"{full}/versions/")}
    number = max(rows, default=0) if which == "latest" else int(which) if which.isdigit() else 0
    if number not in rows:
        raise ApiError(404, f"Secret Version [{told(call, full)}/versions/{which}] not found.")
    return f"{full}/versions/{number}", rows[number]


def _view(call: Call, name: str, row: Json) -> Json:
    destroyed = {"destroyTime": utc(row["destroyed"])} if row.get("destroyed") else {}
    secret = call.world.store.get(TAB, name.partition("/versions/")[0]) or {}
    kind = "automatic" if "automatic" in secret.get("replication", {}) else ""
    return {
        "name": told(call, name),
        "createTime": utc(row["made"]),
        "state": row["state"],
        "etag": fingerprint([row["state"], row["made"]]),
        **({"replicationStatus": {kind: {}}} if kind else {}),
        **destroyed,
    }
