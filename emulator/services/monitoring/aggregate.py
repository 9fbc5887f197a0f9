"""Alignment and reduction.

1. Windows of one alignment period end at the interval's end and go back from there [documented]. 2. A point belongs to the window its end lies
in. 3. An aligner that does not fit the metric's kind and type is refused in Google's words; one that is not emulated too, but says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.monitoring.distribution import Distribution
from emulator.services.monitoring.series import Point, Series, Value
from emulator.times import SECOND

Json = dict[str, Any]
documented(
    "aligner-fits",
    "An aligner that does not fit a metric is a 400 'The aligner cannot be applied to metrics with kind K and value type V'.",
)
documented("alignment-windows", "Alignment periods end at the end of the interval.")
assumed("aggregation-subset", "Aligners and reducers not listed in emulator/services/monitoring/aggregate.py are refused with 501.")

NUMBERS = ("INT64", "DOUBLE")
# aligner -> kinds and value types it is for
ALIGNERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ALIGN_NONE": (("GAUGE", "DELTA"), (*NUMBERS, "BOOL", "DISTRIBUTION", "STRING")),
    "ALIGN_DELTA": (("DELTA",), (*NUMBERS, "DISTRIBUTION")),
    "ALIGN_RATE": (("DELTA",), NUMBERS),
    "ALIGN_SUM": (("GAUGE", "DELTA"), (*NUMBERS, "DISTRIBUTION")),
    "ALIGN_MEAN": (("GAUGE",), NUMBERS),
    "ALIGN_MAX": (("GAUGE",), NUMBERS),
    "ALIGN_MIN": (("GAUGE",), NUMBERS),
    "ALIGN_COUNT": (("GAUGE", "DELTA"), (*NUMBERS, "BOOL")),
    "ALIGN_COUNT_TRUE": (("GAUGE",), ("BOOL",)),
    "ALIGN_COUNT_FALSE": (("GAUGE",), ("BOOL",)),
    "ALIGN_FRACTION_TRUE": (("GAUGE",), ("BOOL",)),
    "ALIGN_NEXT_OLDER": (("GAUGE",), (*NUMBERS, "BOOL")),
    **{f"ALIGN_PERCENTILE_{share}": (("GAUGE", "DELTA"), ("DISTRIBUTION",)) for share in ("99", "95", "50", "05")},
}
REDUCERS = ("REDUCE_NONE", "REDUCE_SUM", "REDUCE_MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_COUNT", "REDUCE_COUNT_TRUE", "REDUCE_COUNT_FALSE",
            "REDUCE_PERCENTILE_99", "REDUCE_PERCENTILE_95", "REDUCE_PERCENTILE_50", "REDUCE_PERCENTILE_05")  # fmt: skip
MINIMUM = 60 * SECOND


@dataclass(frozen=True, kw_only=True)
class Aggregation:
    """One aggregation, checked. ``period`` in microseconds."""

    period: int
    aligner: str
    reducer: str
    group_by: tuple[str, ...]


def parse(given: Json, where: str = "aggregation") -> Aggregation:
    """The aggregation of a request; raises ApiError."""
    aligner = given.get("perSeriesAligner", "ALIGN_NONE")
    reducer = given.get("crossSeriesReducer", "REDUCE_NONE")
    if aligner not in ALIGNERS or reducer not in REDUCERS:
        raise ApiError(501, f"{where}: {aligner if aligner not in ALIGNERS else reducer} is not emulated.")
    period = duration(given.get("alignmentPeriod", "0s"), f"{where}.alignmentPeriod")
    if aligner != "ALIGN_NONE" and period < MINIMUM:
        raise ApiError(400, f"Field {where}.alignmentPeriod had an invalid value of {period // SECOND}s: must be at least 60 seconds.")
    if aligner == "ALIGN_NONE" and reducer != "REDUCE_NONE":
        raise ApiError(400, f"Field {where}.perSeriesAligner must be specified when a crossSeriesReducer is.")
    groups = given.get("groupByFields") or []
    return Aggregation(period=period, aligner=aligner, reducer=reducer, group_by=tuple([groups] if isinstance(groups, str) else groups))


def duration(text: str, where: str) -> int:
    """Microseconds of a JSON duration like ``60s``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s", text or "0s")
    if match is None:
        raise ApiError(400, f"Field {where} had an invalid value of {text!r}: expected a duration like 60s.")
    return round(float(match[1]) * SECOND)


def check_fits(aggregation: Aggregation, kind: str, value_type: str, where: str = "aggregation") -> None:
    """Raise the 400 of an aligner that does not fit a metric."""
    kinds, types = ALIGNERS[aggregation.aligner]
    if kind not in kinds or value_type not in types:
        text = f"The aligner cannot be applied to metrics with kind {kind} and value type {value_type}."
        raise ApiError(400, f'Field {where}.perSeriesAligner had an invalid value of "{aggregation.aligner}": {text}')


def aggregated(found: list[Series], how: Aggregation, start: int, end: int) -> list[Series]:
    """Align each series, then reduce the groups."""
    if how.aligner == "ALIGN_NONE":
        return found
    for series in found:
        check_fits(how, series.kind, series.value_type)
    aligned = [aligned_series for series in found if (aligned_series := _aligned(series, how, start, end)).points]
    return aligned if how.reducer == "REDUCE_NONE" else _reduced(aligned, how)


def _aligned(series: Series, how: Aggregation, start: int, end: int) -> Series:
    periods: dict[int, list[Point]] = {}  # by how many periods they lie before the end
    for point in series.points:
        if start < point[1] <= end:
            periods.setdefault((end - point[1]) // how.period, []).append(point)
    points: list[Point] = []
    for ago in sorted(periods):
        at = end - ago * how.period
        points.append((at - how.period if how.aligner in {"ALIGN_DELTA"} else at, at, _value(how, periods[ago])))
    kind = "DELTA" if how.aligner == "ALIGN_DELTA" else "GAUGE"
    shape = points[0][2] if points else 0.0
    return Series(metric=series.metric, resource=series.resource, kind=kind, value_type=type_of(shape), points=tuple(reversed(points)))


def _value(how: Aggregation, inside: list[Point]) -> Value:
    values: list[Any] = [value for _, _, value in inside]
    aligner = how.aligner
    if aligner.startswith("ALIGN_PERCENTILE_"):
        return _merged(values).percentile(int(aligner.rpartition("_")[2]) / 100)
    return _ALIGN[aligner](values, how.period)


def _merged(values: list[Any]) -> Distribution:
    out = Distribution()
    for value in values:
        out += value
    return out


def _total(values: list[Any], _: int) -> Value:
    return _merged(values) if isinstance(values[0], Distribution) else sum(values)


_ALIGN: dict[str, Callable[[list[Any], int], Value]] = {
    "ALIGN_DELTA": _total,
    "ALIGN_SUM": _total,
    "ALIGN_RATE": lambda values, period: sum(values) / (period / SECOND),
    "ALIGN_MEAN": lambda values, _: sum(values) / len(values),
    "ALIGN_MAX": lambda values, _: max(values),
    "ALIGN_MIN": lambda values, _: min(values),
    "ALIGN_COUNT": lambda values, _: len(values),
    "ALIGN_COUNT_TRUE": lambda values, _: sum(map(bool, values)),
    "ALIGN_COUNT_FALSE": lambda values, _: sum(not value for value in values),
    "ALIGN_FRACTION_TRUE": lambda values, _: sum(map(bool, values)) / len(values),
    "ALIGN_NEXT_OLDER": lambda values, _: values[-1],
}


def _reduced(aligned: list[Series], how: Aggregation) -> list[Series]:
    groups: dict[tuple[str, ...], list[Series]] = {}
    for series in aligned:
        groups.setdefault(tuple(label(series, field) for field in how.group_by), []).append(series)
    out = []
    for key, members in groups.items():
        by_end: dict[int, list[Any]] = {}
        starts = {}
        for member in members:
            for begin, end, value in member.points:
                by_end.setdefault(end, []).append(value)
                starts[end] = begin
        points = tuple((starts[end], end, _reduce(how.reducer, by_end[end])) for end in sorted(by_end))
        kept = dict(zip(how.group_by, key, strict=True))
        metric = {"type": members[0].metric["type"], "labels": _labels(kept, "metric")}
        resource = {"type": members[0].resource["type"], "labels": _labels(kept, "resource")}
        out.append(Series(metric=metric, resource=resource, kind=members[0].kind, value_type=type_of(points[0][2]), points=points))
    return out


def _reduce(reducer: str, values: list[Any]) -> Value:
    if reducer.startswith("REDUCE_PERCENTILE_"):
        share = int(reducer.rpartition("_")[2]) / 100
        if isinstance(values[0], Distribution):
            return _merged(values).percentile(share)
        ordered = sorted(values)
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))
    if isinstance(values[0], Distribution):
        merged = _merged(values)
        return merged if reducer == "REDUCE_SUM" else merged.mean if reducer == "REDUCE_MEAN" else float(merged.count)
    table: dict[str, Value] = {
        "REDUCE_SUM": sum(values),
        "REDUCE_MEAN": sum(values) / len(values),
        "REDUCE_MAX": max(values),
        "REDUCE_MIN": min(values),
        "REDUCE_COUNT": len(values),
        "REDUCE_COUNT_TRUE": sum(map(bool, values)),
        "REDUCE_COUNT_FALSE": sum(not value for value in values),
    }
    return table[reducer]


def label(series: Series, field: str) -> str:
    """The value of ``resource.label.zone``, ``metric.labels.code``, ``project``, ``metric.type``."""
    head, _, rest = field.partition(".")
    if head == "project":
        return str(series.resource["labels"].get("project_id", ""))
    holder = {"metric": series.metric, "resource": series.resource}.get(head)
    if holder is None:
        raise ApiError(400, f"Field aggregation.groupByFields had an invalid value of {field!r}.")
    if rest == "type":
        return str(holder["type"])
    return str(holder.get("labels", {}).get(rest.removeprefix("labels.").removeprefix("label."), ""))


def _labels(kept: dict[str, str], head: str) -> Json:
    return {
        field.removeprefix(f"{head}.labels.").removeprefix(f"{head}.label."): value
        for field, value in kept.items()
        if field.startswith(f"{head}.label") and value
    }


def type_of(value: Value) -> str:
    """The value type of a point's value."""
    if isinstance(value, bool):
        return "BOOL"
    return {int: "INT64", float: "DOUBLE", str: "STRING"}.get(type(value), "DISTRIBUTION")
