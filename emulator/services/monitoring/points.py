"""Time series over the API: points written and lists read."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from emulator.call import Call, Handler
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.monitoring import aggregate, descriptors, filters, series
from emulator.services.monitoring.distribution import Distribution
from emulator.services.scoping import own
from emulator.times import SECOND, parse, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
AT_ONCE = 200
OLDEST = 25 * 3600 * SECOND
FASTEST = 5 * SECOND
KEPT = 10_000
VALUES = {"boolValue": "BOOL", "int64Value": "INT64", "doubleValue": "DOUBLE", "stringValue": "STRING"}
documented("points-in-order", "Points of a series are written in order, at most one each 5 seconds, none older than 25 hours.")
documented("points-partly", "Of a write, the points that can follow those of their series are written, whatever becomes of the others.")
documented("series-at-once", "One request writes at most 200 series, one point each.")
assumed("written-kinds", "Custom metrics are written as GAUGE of BOOL, INT64, DOUBLE or STRING; others are refused with 501.")


def create(call: Call) -> Json:
    """Write points."""
    own(call.world, call.text("name"))
    given = call.values.get("timeSeries") or []
    if not 0 < len(given) <= AT_ONCE:
        raise ApiError(400, f"Field timeSeries must have between 1 and {AT_ONCE} entries.")
    checked = [_checked(call, each, index) for index, each in enumerate(given)]
    late: list[str] = []
    for index, (metric, resource, form, point) in enumerate(checked):
        if why := _late(call, metric, resource, point[1]):
            late.append(f"timeSeries[{index}]: {why}")
            continue
        descriptors.ensure(call.world, metric["type"], *form, call.now)
        series.append(call.world, metric, resource, form, point, KEPT)
    if late:
        raise ApiError(400, f"One or more TimeSeries could not be written: {'; '.join(late)}")
    return {}


def _checked(call: Call, given: Json, index: int) -> tuple[Json, Json, tuple[str, str], series.Point]:
    where = f"timeSeries[{index}]"
    metric_type = (given.get("metric") or {}).get("type", "")
    if not descriptors.CUSTOM.fullmatch(metric_type):
        raise ApiError(400, f"Field {where}.metric.type had an invalid value of {metric_type!r}: only custom metrics can be written.")
    points = given.get("points") or []
    if len(points) != 1:
        raise ApiError(400, f"Field {where}.points must have exactly one point.")
    kind = given.get("metricKind") or "GAUGE"
    found = [(VALUES[key], value) for key, value in points[0].get("value", {}).items() if key in VALUES]
    if not found or kind not in {"GAUGE", "METRIC_KIND_UNSPECIFIED"}:
        raise ApiError(501, f"{where}: only GAUGE points of BOOL, INT64, DOUBLE and STRING are emulated.")
    value_type, value = found[0]
    interval = points[0].get("interval", {})
    try:
        end = parse(interval["endTime"])
    except (KeyError, ValueError):
        raise ApiError(400, f"Field {where}.points[0].interval.endTime is missing or no timestamp.") from None
    resource = {"type": "global", "labels": {}, **(given.get("resource") or {})}
    resource = {"type": resource["type"], "labels": {"project_id": call.world.project, **resource["labels"]}}
    metric = {"type": metric_type, "labels": (given.get("metric") or {}).get("labels", {})}
    if end > call.now + 300 * SECOND or end < call.now - OLDEST:
        raise ApiError(400, f"Field {where}.points[0].interval.endTime had an invalid value of {utc(end)!r}: must be near the present.")
    return metric, resource, ("GAUGE", value_type), (end, end, int(value) if value_type == "INT64" else value)


def _late(call: Call, metric: Json, resource: Json, end: int) -> str:
    """Why a point cannot follow the last one of its series; empty where it can."""
    before = series.last_end(call.world, metric, resource)
    if before is not None and end <= before:
        return "Points must be written in order. One or more of the points specified had an older end time than the most recent point."
    if before is not None and end < before + FASTEST:
        return "One or more points were written more frequently than the maximum sampling period configured for the metric."
    return ""


def list_(call: Call) -> Json:
    """Read series, aligned and reduced as asked."""
    world = call.world
    own(world, call.text("name"))
    wanted = filters.of_series(call.values.get("filter") or "")
    interval = call.values.get("interval") or {}
    try:
        end = parse(interval["endTime"])
        start = parse(interval["startTime"]) if interval.get("startTime") else end - 1
    except (KeyError, ValueError):
        raise ApiError(400, "Field interval.endTime is missing or no timestamp.") from None
    if start > end:
        raise ApiError(400, "Field interval.startTime had an invalid value: must not be later than interval.endTime.")
    metric = str(wanted.metric_type)
    if descriptors.find(world, metric, call.now) is None:
        raise _unknown(metric)
    how = aggregate.parse(call.values.get("aggregation") or {})
    found = aggregate.aggregated(series.read(world, wanted, start, end), how, start, end)
    if call.values.get("secondaryAggregation"):
        raise ApiError(501, "secondaryAggregation is not emulated.")
    headers = call.values.get("view") == "HEADERS"
    return _page(call, [shown(each, headers=headers) for each in found])


def _unknown(metric: str) -> ApiError:
    return ApiError(
        404,
        f'Cannot find metric(s) that match type = "{metric}". If a metric was created recently, it could take up to 10 minutes to become '
        "available. Please try again soon.",
    )


def known(world: World, wanted: filters.Filter, now: int) -> Json:
    """The descriptor of the metric a filter names; raises the 404 of an unknown one [documented]."""
    metric = str(wanted.metric_type)
    found = descriptors.find(world, metric, now)
    if found is None:
        raise _unknown(metric)
    return found


def _page(call: Call, items: list[Json]) -> Json:
    size = int(call.values.get("pageSize") or 100_000)
    token = call.values.get("pageToken")
    start = int(base64.urlsafe_b64decode(token)) if token else 0
    out: Json = {"timeSeries": items[start : start + size]} if items[start : start + size] else {}
    if start + size < len(items):
        out["nextPageToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
    return out


def shown(each: series.Series, *, headers: bool) -> Json:
    """A series as Google prints it: newest point first."""
    out: Json = {
        "metric": _labelled(each.metric),
        "resource": _labelled(each.resource),
        "metricKind": each.kind,
        "valueType": each.value_type,
    }
    if not headers:
        out["points"] = [
            {"interval": {"startTime": utc(begin), "endTime": utc(end)}, "value": _value(value)}
            for begin, end, value in reversed(each.points)
        ]
    return out


def _labelled(holder: Json) -> Json:
    return {key: value for key, value in holder.items() if value}


def _value(value: series.Value) -> Json:
    if isinstance(value, Distribution):
        return {"distributionValue": value.shown()}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"int64Value": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


HANDLERS: dict[str, Handler] = {"create": create, "list": list_}
