"""Log-based metrics: counters of the entries that pass a filter.

1. The metric's type is ``logging.googleapis.com/user/NAME``; its descriptor is made with it [recorded]. 2. An entry counts in the minute it was
received, whichever bucket it goes to. 3. Labels come from fields by ``EXTRACT(FIELD)``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.call import Call, Handler
from emulator.errors import ApiError
from emulator.rules import assumed, documented, recorded
from emulator.services.logging.filters import lookup, matcher
from emulator.services.scoping import listed, named, own
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "log_metrics"
PREFIX = "logging.googleapis.com/user/"
FIELDS = ("name", "description", "filter", "disabled", "labelExtractors", "metricDescriptor")
recorded(
    "log-metric", "A log-based metric shows the metricDescriptor made with it: DELTA, INT64, unit 1, type logging.googleapis.com/user/NAME."
)
documented("log-metric-counts", "A log-based metric counts entries received after it was made, not earlier ones.")
assumed("log-metric-subset", "Distribution metrics (valueExtractor, bucketOptions) and REGEXP_EXTRACT are refused with 501.")


def every(world: World) -> list[Json]:
    """Every log-based metric."""
    return [row for _, row in world.store.items(TAB)]


def _checked(call: Call, metric: Json) -> Json:
    unserved = [field for field in metric if field not in {*FIELDS, "createTime", "updateTime", "version"}]
    if unserved:
        raise ApiError(501, f"Log-based metric field {unserved[0]} is not emulated.")
    name = str(metric.get("name", ""))
    if not re.fullmatch(r"[A-Za-z0-9_.,+\-!*',()%/]{1,100}", name) or name.startswith("/"):
        raise ApiError(400, f"Metric name {name!r} is invalid: 1 to 100 characters, not beginning with a slash.")
    if not metric.get("filter"):
        raise ApiError(400, "A log-based metric needs a filter")
    matcher(metric["filter"])
    for key, extractor in (metric.get("labelExtractors") or {}).items():
        if not re.fullmatch(r"EXTRACT\([\w.]+\)", extractor):
            raise ApiError(501, f"Label extractor {key}: {extractor!r} is not emulated; EXTRACT(field) is.")
    return {**{key: metric[key] for key in FIELDS if metric.get(key)}, "metricDescriptor": _descriptor(call.world, metric)}


def _descriptor(world: World, metric: Json) -> Json:
    kind = {"metricKind": "DELTA", "valueType": "INT64", **(metric.get("metricDescriptor") or {})}
    if (kind["metricKind"], kind["valueType"]) != ("DELTA", "INT64"):
        raise ApiError(501, "Only counters (DELTA, INT64) are emulated as log-based metrics.")
    out: Json = {
        "name": f"projects/{world.project}/metricDescriptors/{PREFIX}{metric['name']}",
        "type": PREFIX + metric["name"],
        "metricKind": "DELTA",
        "valueType": "INT64",
        "unit": kind.get("unit", "1"),
        "description": metric.get("description", ""),
    }
    labels = [{"key": key} for key in sorted(metric.get("labelExtractors") or {})]
    if labels:
        out["labels"] = kind.get("labels") or labels
    return {key: value for key, value in out.items() if value}


def _name(call: Call) -> str:
    return named(call, "metricName").partition("/metrics/")[2]


def _existing(call: Call) -> Json:
    found = call.world.store.get(TAB, _name(call))
    if found is None:
        raise ApiError(404, f"Metric {_name(call)} does not exist.")
    return found


def create(call: Call) -> Json:
    """Make a metric."""
    own(call.world, call.text("parent"))
    metric = _checked(call, call.values.get("metric") or {})
    if call.world.store.get(TAB, metric["name"]):
        raise ApiError(409, f"Metric {metric['name']} already exists.")
    return _kept(call, metric, utc(call.now))


def _kept(call: Call, metric: Json, created: str) -> Json:
    out = {**metric, "createTime": created, "updateTime": utc(call.now)}
    call.world.store.put(TAB, metric["name"], out)
    return out


def get(call: Call) -> Json:
    """Read a metric."""
    return _existing(call)


def list_(call: Call) -> Json:
    """All metrics."""
    own(call.world, call.text("parent"))
    return listed(call, "metrics", every(call.world))


def update(call: Call) -> Json:
    """Replace a metric, or make it."""
    old = call.world.store.get(TAB, _name(call))
    metric = _checked(call, {**(call.values.get("metric") or {}), "name": _name(call)})
    return _kept(call, metric, old["createTime"] if old else utc(call.now))


def delete(call: Call) -> Json:
    """Remove a metric; its descriptor goes with it."""
    call.world.store.delete(TAB, _existing(call)["name"])
    return {}


def count(world: World, entry: Json, now: int) -> None:
    """Let every metric whose filter an entry passes count it."""
    for metric in every(world):
        if metric.get("disabled") or not matcher(metric["filter"])(entry):
            continue
        labels = {key: str(_extracted(entry, how)) for key, how in (metric.get("labelExtractors") or {}).items()}
        world.minutes.add(PREFIX + metric["name"], labels, entry["resource"], now)


def _extracted(entry: Json, extractor: str) -> Any:
    found = lookup(entry, extractor.removeprefix("EXTRACT(").removesuffix(")").split("."))
    return "" if found is None else found


HANDLERS: dict[str, Handler] = {"create": create, "get": get, "list": list_, "update": update, "delete": delete}
