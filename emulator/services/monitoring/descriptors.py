"""Metric descriptors: Google's own, those of log-based metrics, and custom ones.

1. A new descriptor cannot be read, nor a policy name it, for a short while, and a deleted one can still be read for as long [recorded].
2. A point of a custom type without a descriptor makes one, without a description [documented].
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.call import Call, Handler
from emulator.errors import ApiError
from emulator.rules import assumed, documented, recorded
from emulator.services.logging import metrics as log_metrics
from emulator.services.monitoring import filters
from emulator.services.monitoring.builtin import METRICS
from emulator.services.scoping import listed, named, own
from emulator.times import parse

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "metric_descriptors"
CUSTOM = re.compile(r"custom\.googleapis\.com(/[A-Za-z0-9_.-]+)+")
RESOURCES = ("gce_instance", "generic_node", "generic_task", "global", "k8s_cluster", "k8s_container", "k8s_node", "k8s_pod")
ALLOWED = {"GAUGE": {"BOOL", "INT64", "DOUBLE", "STRING", "DISTRIBUTION"}, "CUMULATIVE": {"INT64", "DOUBLE", "DISTRIBUTION"}}
recorded(
    "descriptor-eventual",
    "A new metric descriptor is a 404 for a short while, a deleted one a 200; a STRING label's value type is not shown.",
)
documented("descriptor-by-writing", "Writing a custom metric without a descriptor makes one, without description.")
assumed("descriptor-visible", "All readers see a new or deleted descriptor at the same instant; see durations.yaml.")


def find(world: World, metric: str, now: int) -> Json | None:
    """The descriptor of a metric type that can be seen, or None."""
    if metric in METRICS:
        return METRICS[metric].descriptor(world.project)
    if metric.startswith(log_metrics.PREFIX):
        row = world.store.get(log_metrics.TAB, metric.removeprefix(log_metrics.PREFIX))
        lag = world.durations.of("monitoring.descriptor.visible")
        seen = row is not None and now >= parse(row["createTime"]) + lag
        return row["metricDescriptor"] if row and seen else None
    row = world.store.get(TAB, metric)
    return row["descriptor"] if row and _seen(row, now) else None


def _seen(row: Json, now: int) -> bool:
    return bool(now >= row["visible"] and (row["hidden"] is None or now < row["hidden"]))


def every(world: World, now: int) -> list[Json]:
    """Every descriptor that can be seen."""
    out = [metric.descriptor(world.project) for metric in METRICS.values()]
    out += [row["descriptor"] for _, row in world.store.items(TAB) if _seen(row, now)]
    types = [log_metrics.PREFIX + row["name"] for row in log_metrics.every(world)]
    return out + [found for each in types if (found := find(world, each, now))]


def shown(descriptor: Json) -> Json:
    """As Google prints it: without what is empty or default."""
    labels = [{key: value for key, value in label.items() if value != "STRING"} for label in descriptor.get("labels", [])]
    out = {**descriptor, "labels": labels}
    return {key: value for key, value in out.items() if value not in ("", [], None)}


def ensure(world: World, metric: str, kind: str, value_type: str, now: int) -> Json:
    """The descriptor a writer's points need; makes it where there is none. Raises 400 when the points do not fit it."""
    row = world.store.get(TAB, metric)
    if row is None or (row["hidden"] is not None and now >= row["hidden"]):
        descriptor = {"type": metric, "metricKind": kind, "valueType": value_type, "labels": [], "description": ""}
        row = _keep(world, descriptor, now)
    found: Json = row["descriptor"]
    if (found["metricKind"], found["valueType"]) != (kind, value_type):
        text = f"{found['metricKind']}, {found['valueType']}"
        raise ApiError(400, f"Metric {metric} must be written as its descriptor says ({text}), not as {kind}, {value_type}.")
    return found


def _keep(world: World, descriptor: Json, now: int) -> Json:
    whole = {
        **descriptor,
        "name": f"projects/{world.project}/metricDescriptors/{descriptor['type']}",
        "monitoredResourceTypes": list(RESOURCES),
    }
    row = {"descriptor": whole, "visible": now + world.durations.of("monitoring.descriptor.visible"), "hidden": None}
    world.store.put(TAB, descriptor["type"], row)
    return row


def create(call: Call) -> Json:
    """Make a descriptor; one that is there is changed where it may be."""
    own(call.world, call.text("name"))
    given = call.values.get("metricDescriptor") or {}
    metric, kind, value_type = given.get("type", ""), given.get("metricKind", ""), given.get("valueType", "")
    if not CUSTOM.fullmatch(metric):
        raise ApiError(400, f"Field metricDescriptor.type had an invalid value of {metric!r}: must be custom.googleapis.com/NAME.")
    if value_type not in ALLOWED.get(kind, set()):
        raise ApiError(400, f"Field metricDescriptor.valueType had an invalid value of {value_type!r} for metric kind {kind!r}.")
    old = call.world.store.get(TAB, metric)
    if old and old["hidden"] is None and (old["descriptor"]["metricKind"], old["descriptor"]["valueType"]) != (kind, value_type):
        raise ApiError(400, f"Field metricDescriptor.metricKind of {metric} cannot be changed; delete the descriptor first.")
    row = _keep(call.world, given, call.now)
    if old and _seen(old, call.now):
        row = {**row, "visible": old["visible"]}
        call.world.store.put(TAB, metric, row)
    return shown({key: value for key, value in row["descriptor"].items() if key != "monitoredResourceTypes"})


def _type(call: Call) -> str:
    return named(call, "name").partition("/metricDescriptors/")[2]


def get(call: Call) -> Json:
    """Read a descriptor."""
    found = find(call.world, _type(call), call.now)
    if found is None:
        raise ApiError(404, f"Could not find descriptor for metric '{_type(call)}'.")
    kept = {key: value for key, value in found.items() if key not in {"launchStage", "metadata"}}  # these are not shown again [recorded]
    return shown({**kept, "labels": sorted(found.get("labels", []), key=lambda label: label["key"])})


def list_(call: Call) -> Json:
    """Descriptors, those that pass the filter."""
    own(call.world, call.text("name"))
    wanted = filters.parse(call.values.get("filter") or "")
    found = [each for each in every(call.world, call.now) if wanted.passes({"type": each["type"]}, {"type": ""})]
    return listed(call, "metricDescriptors", [shown(each) for each in found])


def delete(call: Call) -> Json:
    """Remove a custom descriptor, with what was written under it."""
    from emulator.services.monitoring.series import TAB as SERIES  # series reads descriptors' tables

    metric = _type(call)
    row = call.world.store.get(TAB, metric)
    if row is None or row["hidden"] is not None:
        raise ApiError(404, f"Could not find descriptor for metric '{metric}'.")
    hidden = call.now + call.world.durations.of("monitoring.descriptor.visible")
    call.world.store.put(TAB, metric, {**row, "hidden": hidden})
    for key, series in call.world.store.items(SERIES):
        if series["metric"]["type"] == metric:
            call.world.store.delete(SERIES, key)
    return {}


HANDLERS: dict[str, Handler] = {"create": create, "get": get, "list": list_, "delete": delete}
