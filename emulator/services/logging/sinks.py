"""Sinks: which entries go where.

1. ``_Default`` and ``_Required`` route what no other rule says. 2. A sink to a bucket of its own project has no writer identity
[documented]; one to elsewhere shows the service account that would write [recorded]. 3. Only log buckets and datasets of this project really get entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Call, Handler
from emulator.errors import ApiError
from emulator.rules import assumed, documented, recorded
from emulator.services.logging.filters import matcher
from emulator.services.scoping import listed, masked, named, own
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "log_sinks"
HOST = "logging.googleapis.com/"
BIGQUERY = "bigquery.googleapis.com/"
FIELDS = ("name", "destination", "filter", "description", "disabled", "bigqueryOptions")
AUDIT = 'LOG_ID("cloudaudit.googleapis.com/activity") OR LOG_ID("cloudaudit.googleapis.com/system_event")'
recorded("sink-writer", "A sink to Pub/Sub shows writerIdentity service-N@gcp-sa-logging; createTime and updateTime are shown.")
documented("sink-same-project", "A sink whose destination is a log bucket of its own project has no writer identity.")
assumed("sink-destination", "A sink's destination is not looked up; entries for a bucket that is missing or not ACTIVE are dropped.")
assumed("sink-fields", "Exclusions and includeChildren of a sink are refused with 501.")
assumed("sink-default-recreated", "_Default and _Required sinks exist in every project; they cannot be changed or deleted here.")


def _built_in(world: World) -> dict[str, Json]:
    head = f"{HOST}projects/{world.project}/locations/global/buckets/"
    return {
        "_Default": {"name": "_Default", "destination": head + "_Default", "filter": f"NOT ({AUDIT})"},
        "_Required": {"name": "_Required", "destination": head + "_Required", "filter": AUDIT},
    }


def every(world: World) -> Iterator[Json]:
    """Every sink."""
    yield from _built_in(world).values()
    yield from added(world)


def added(world: World) -> Iterator[Json]:
    """The sinks somebody made."""
    for _, row in world.store.items(TAB):
        yield row


def _name(call: Call) -> str:
    body = (call.values.get("sink") or {}).get("name", "")
    return named(call, "sinkName").rpartition("/")[2] or str(body)


def _existing(call: Call, name: str) -> Json:
    found = call.world.store.get(TAB, name) or _built_in(call.world).get(name)
    if found is None:
        raise ApiError(404, f"Sink {name} does not exist")
    return found


def _own(call: Call, name: str) -> Json:
    found = _existing(call, name)
    if name in _built_in(call.world):
        raise ApiError(400, f"Sink {name} cannot be changed")
    return found


def _checked(call: Call, sink: Json) -> Json:
    unserved = [field for field in sink if field not in {*FIELDS, "createTime", "updateTime", "writerIdentity"}]
    if unserved:
        raise ApiError(501, f"Sink field {unserved[0]} is not emulated.")
    name = sink.get("name", "")
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", name):
        raise ApiError(400, f"Sink name {name!r} must be 1 to 100 letters, digits, underscores, hyphens and periods.")
    host, _, rest = str(sink.get("destination", "")).partition("/")
    if host not in {"logging.googleapis.com", "storage.googleapis.com", "bigquery.googleapis.com", "pubsub.googleapis.com"} or not rest:
        raise ApiError(400, f"Invalid sink destination {sink.get('destination', '')!r}")
    matcher(sink.get("filter", ""))
    if sink.get("bigqueryOptions") and host != "bigquery.googleapis.com":
        raise ApiError(400, "bigquery_options can only be set for a sink whose destination is BigQuery")
    if host == "bigquery.googleapis.com" and not re.fullmatch(r"projects/[^/]+/datasets/\w+", rest):
        raise ApiError(400, f"Invalid sink destination {sink['destination']!r}")
    out = {key: sink[key] for key in FIELDS if sink.get(key)}
    if not rest.startswith(f"projects/{call.world.project}/locations/"):
        number = call.world.settings.project_number
        out["writerIdentity"] = f"serviceAccount:service-{number}@gcp-sa-logging.iam.gserviceaccount.com"
    return out


def create(call: Call) -> Json:
    """Make a sink."""
    own(call.world, call.text("parent"))
    sink = _checked(call, call.values.get("sink") or {})
    if call.world.store.get(TAB, sink["name"]) or sink["name"] in _built_in(call.world):
        raise ApiError(409, f"Sink {sink['name']} already exists")
    out = {**sink, "createTime": utc(call.now), "updateTime": utc(call.now)}
    call.world.store.put(TAB, sink["name"], out)
    return out


def get(call: Call) -> Json:
    """Read a sink."""
    return _existing(call, _name(call))


def list_(call: Call) -> Json:
    """All sinks."""
    own(call.world, call.text("parent"))
    return listed(call, "sinks", list(every(call.world)))


def update(call: Call) -> Json:
    """Change a sink: the fields of the mask; without a mask destination, filter and includeChildren [documented]."""
    name = _name(call)
    old = _own(call, name)
    mask = call.values.get("updateMask") or "destination,filter"
    sink = _checked(call, {**masked(old, call.values.get("sink") or {}, mask), "name": name})
    out = {**sink, "createTime": old["createTime"], "updateTime": utc(call.now)}
    call.world.store.put(TAB, name, out)
    return out


def delete(call: Call) -> Json:
    """Remove a sink."""
    name = _name(call)
    _own(call, name)
    call.world.store.delete(TAB, name)
    return {}


HANDLERS: dict[str, Handler] = {"create": create, "get": get, "list": list_, "update": update, "patch": update, "delete": delete}
