"""Log entries: written through the sinks into buckets, read by filter.

1. An entry goes to the bucket of every sink whose filter it passes, and is read from buckets: a project's read looks into ``_Default`` and
``_Required``, a view into its bucket. 2. Same timestamp and insertId is the same entry [documented]. 3. What was written is read a little later.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.call import Call, Handler
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.compute.pages import page
from emulator.services.logging import buckets, metrics, sinks
from emulator.services.logging.filters import SEVERITIES, matcher
from emulator.services.scoping import own
from emulator.times import SECOND, parse, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "log_entries"
KEPT = 20_000
LARGEST = 1000
VIEW = re.compile(r"(projects/[^/]+/locations/[^/]+/buckets/[^/]+)/views/(_AllLogs|_Default)")
documented("log-entry-once", "Entries of one log with the same timestamp and insertId are one entry.")
documented("log-read-project", "Reading projects/P reads the buckets _Default and _Required; another bucket is read through its view.")
documented("log-entry-age", "An entry older than the bucket's retention, or more than a day in the future, is not kept.")
assumed("log-read-lag", "An entry can be read a few seconds after it was written, at one instant for all readers: see durations.yaml.")
assumed("log-entries-kept", "The emulator keeps the last 20,000 entries.")


def write(call: Call) -> Json:
    """Take entries in."""
    common = {key: call.values[key] for key in ("logName", "resource") if call.values.get(key)}
    if not call.values.get("entries"):
        raise ApiError(400, "Log entries must be given")
    complete = [_completed(call, {**common, **entry}) for entry in call.values["entries"]]
    if not call.values.get("dryRun"):
        for entry in complete:
            take(call.world, entry, call.now)
    return {}


def take(world: World, entry: Json, now: int) -> None:
    """Route one whole entry into the buckets, and let the metrics count it."""
    new = False
    for sink in sinks.every(world):
        if sink.get("disabled") or not sink["destination"].startswith(sinks.HOST) or not matcher(sink.get("filter", ""))(entry):
            continue
        bucket = sink["destination"].removeprefix(sinks.HOST)
        if not buckets.is_active(world, bucket, now):
            continue
        key = f"{bucket} {entry['logName']} {entry['timestamp']} {entry['insertId']}"
        if world.store.get(TAB, key) is None:
            new = True
            world.store.put(TAB, key, {"bucket": bucket, "entry": entry, "visible": now + world.durations.of("logging.entries.visible")})
    if new:
        metrics.count(world, entry, now)
    if world.store.count(TAB) > KEPT:
        for key, _ in list(world.store.items(TAB))[: KEPT // 10]:
            world.store.delete(TAB, key)


def _completed(call: Call, entry: Json) -> Json:
    """The entry with what the service fills in; raises 400 for one it would not take."""
    name = str(entry.get("logName", ""))
    if "/logs/" not in name:
        raise ApiError(400, f"Invalid log name {name!r}: expected projects/PROJECT/logs/LOG_ID")
    if not (entry.get("resource") or {}).get("type"):
        raise ApiError(400, "A log entry needs a resource with a type")
    if sum(key in entry for key in ("textPayload", "jsonPayload", "protoPayload")) > 1:
        raise ApiError(400, "A log entry has one payload")
    if entry.get("severity", "DEFAULT") not in SEVERITIES:
        raise ApiError(400, f"Invalid severity {entry['severity']!r}")
    at = parse(entry["timestamp"]) if entry.get("timestamp") else call.now
    if at > call.now + 86_400 * SECOND:
        raise ApiError(400, "Log entry is more than 24 hours in the future")
    resource = entry["resource"]
    return {
        **entry,
        "logName": own(call.world, name),
        "resource": {"type": resource["type"], "labels": {"project_id": call.world.project, **resource.get("labels", {})}},
        "labels": {**(call.values.get("labels") or {}), **(entry.get("labels") or {})},
        "timestamp": utc(at),
        "receiveTimestamp": utc(call.now),
        "insertId": entry.get("insertId") or call.world.identity.letters(14),
    }


def list_(call: Call) -> Json:
    """Entries of the asked-for buckets that pass the filter, by time."""
    names = list(call.values.get("resourceNames") or [])
    if not names:
        raise ApiError(400, "At least one resource name must be given")
    order = call.values.get("orderBy") or "timestamp asc"
    if order not in {"timestamp asc", "timestamp desc", "timestamp"}:
        raise ApiError(400, f"Invalid order_by {order!r}: timestamp asc or timestamp desc")
    wanted = [bucket for name in names for bucket in _read(call, name)]
    test = matcher(call.values.get("filter") or "")
    found = [row["entry"] for _, row in call.world.store.items(TAB) if row["bucket"] in wanted and _kept(call, row) and test(row["entry"])]
    seen: dict[tuple[str, str, str], Json] = {(each["logName"], each["timestamp"], each["insertId"]): each for each in found}
    ordered = sorted(seen.values(), key=lambda entry: (entry["timestamp"], entry["insertId"]), reverse=order.endswith("desc"))
    size = min(int(call.values.get("pageSize") or 50), LARGEST)
    chosen, token = page({"max_results": min(size, 500), "page_token": call.values.get("pageToken")}, ordered)
    return {**({"entries": [_shown(each) for each in chosen]} if chosen else {}), **({"nextPageToken": token} if token else {})}


def _read(call: Call, name: str) -> list[str]:
    """The buckets a resource name reads."""
    whole = own(call.world, name)
    match = VIEW.fullmatch(whole)
    if match:
        if not buckets.find(call.world, match[1], call.now):
            raise ApiError(404, f"Bucket `{match[1].rpartition('/')[2]}` does not exist")
        return [match[1]]
    if whole.count("/") > 1:
        raise ApiError(400, f"Resource name {name!r} is not understood: projects/P or projects/P/locations/L/buckets/B/views/_AllLogs")
    return [f"{whole}/locations/global/buckets/{bucket}" for bucket in buckets.BUILT_IN]


def _kept(call: Call, row: Json) -> bool:
    if call.now < row["visible"]:
        return False
    bucket = buckets.find(call.world, row["bucket"], call.now)
    return bucket is not None and parse(row["entry"]["timestamp"]) > call.now - bucket["bucket"]["retentionDays"] * buckets.DAY


def _shown(entry: Json) -> Json:
    return {key: value for key, value in entry.items() if value not in ({}, "")}


HANDLERS: dict[str, Handler] = {"write": write, "list": list_}
