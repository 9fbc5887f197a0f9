"""Time series as they are read: from what was written, counted by the minute, or derived from the VMs there were.

1. A point is (start, end, value) with end > start for DELTA, start == end for GAUGE. 2. A series of TPU VMs or group sizes is worked out from
when VMs ran, so it costs nothing while nobody asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from emulator.billing import TAB as USAGE_TAB
from emulator.dataplane.model_server import SLOTS_PER_CHIP
from emulator.minutes import MINUTE
from emulator.services.compute import links
from emulator.services.compute.groups.fleet import group_link
from emulator.services.logging.metrics import PREFIX as LOG_PREFIX
from emulator.services.monitoring import played
from emulator.services.monitoring.builtin import BACKEND, GROUP_SIZE, METRICS, REQUESTS, TOTAL, TPU_WORKER, UTILIZATION
from emulator.services.monitoring.distribution import Distribution
from emulator.services.monitoring.filters import Filter

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
Value = bool | int | float | str | Distribution
Point = tuple[int, int, Value]
TAB = "series"
BUSY = "tpu busy"
COUNTED = {REQUESTS, TOTAL, BACKEND}


@dataclass(frozen=True, kw_only=True)
class Series:
    """One time series; points oldest first."""

    metric: Json
    resource: Json
    kind: str
    value_type: str
    points: tuple[Point, ...]


def read(world: World, wanted: Filter, start: int, end: int) -> list[Series]:
    """The series that pass, with their points that end in (start, end]."""
    metric = wanted.metric_type or ""
    found = [series for series in _of_type(world, metric, start, end) if wanted.passes(series.metric, series.resource)]
    cut = [replace(each, points=tuple(point for point in each.points if start < point[1] <= end)) for each in found]
    return [each for each in cut if each.points]


def _of_type(world: World, metric: str, start: int, end: int) -> Iterator[Series]:
    if metric in COUNTED or metric.startswith(LOG_PREFIX):
        return _counted(world, metric, start, end)
    if metric == UTILIZATION:
        return _utilization(world, start, end)
    if metric == GROUP_SIZE:
        return _group_sizes(world, start, end)
    return _written(world, metric)


def _counted(world: World, metric: str, start: int, end: int) -> Iterator[Series]:
    value_type = METRICS[metric].value_type if metric in METRICS else "INT64"
    rows: dict[str, list[Point]] = {}
    for cell in world.minutes.cells(metric, start - start % MINUTE, end):
        value: Value = Distribution.of(cell.value) if value_type == "DISTRIBUTION" else int(cell.value["count"])
        rows.setdefault(json.dumps([cell.labels, cell.resource], sort_keys=True), []).append((cell.minute, cell.minute + MINUTE, value))
    if metric in COUNTED:
        for key, point in played.points(world, metric, start - start % MINUTE, end):
            rows.setdefault(key, []).append(point)
    for key, points in rows.items():
        labels, resource = json.loads(key)
        yield Series(
            metric={"type": metric, "labels": labels},
            resource=resource,
            kind="DELTA",
            value_type=value_type,
            points=tuple(_by_minute(points)),
        )


def _by_minute(points: list[Point]) -> Iterator[Point]:
    """Oldest first; what was counted and what was played in the same minute is one point."""
    found: dict[int, Point] = {}
    for begin, end, value in points:
        # a counted series' values are all counts, or all histograms
        found[begin] = (begin, end, found[begin][2] + value if begin in found else value)  # type: ignore[operator]
    return (found[begin] for begin in sorted(found))


def _written(world: World, metric: str) -> Iterator[Series]:
    for _, row in world.store.items(TAB):
        if row["metric"]["type"] == metric:
            points = tuple((begin, end, value) for begin, end, value in row["points"])
            yield Series(metric=row["metric"], resource=row["resource"], kind=row["kind"], value_type=row["valueType"], points=points)


def _minutes_between(start: int, end: int) -> range:
    """The whole minutes that end in (start, end], by their ends."""
    return range(start - start % MINUTE + MINUTE, end + 1, MINUTE)


def _utilization(world: World, start: int, end: int) -> Iterator[Series]:
    ends = _minutes_between(start, end)
    rows = {at: world.minutes.spent(BUSY, at - MINUTE) for at in ends}
    loads = {at: played.loads(world, at - MINUTE) for at in ends}
    for fleet in world.groups.fleets.all():
        for vm in fleet.vms.values():
            chips = int(vm.shape()["chips"])
            if vm.ready is None or not chips:
                continue
            until = vm.removing if vm.removing is not None else end
            room = MINUTE * chips * SLOTS_PER_CHIP
            behind = group_link(fleet.link)
            points = [
                (at, at, min(100.0, 100.0 * (rows[at].get(vm.id, 0) / room + loads[at].get(behind, 0.0))))
                for at in ends
                if vm.ready + MINUTE <= at <= until
            ]
            labels = {"project_id": world.project, "location": fleet.zone, "instance_id": vm.id, "worker_id": vm.name}
            yield Series(
                metric={"type": UTILIZATION, "labels": {}},
                resource={"type": TPU_WORKER, "labels": labels},
                kind="GAUGE",
                value_type="DOUBLE",
                points=tuple(points),
            )


def _group_sizes(world: World, start: int, end: int) -> Iterator[Series]:
    ends = _minutes_between(start, end)
    spans: dict[tuple[str, str], list[tuple[int, int | None]]] = {}
    for fleet in world.groups.fleets.all():
        spans.setdefault((fleet.zone, fleet.name), [])
        for vm in fleet.vms.values():
            if vm.run is not None:
                spans[fleet.zone, fleet.name].append((vm.run, vm.gone))
    for _, row in world.store.items(USAGE_TAB):  # VMs that are gone: what they have billed says when they ran
        if row["kind"] == "compute.instances" and row["end"] is not None and row["end"] > start:
            zone = links.part(row["resource"], "zones") or ""
            spans.setdefault((zone, links.name_of(row["resource"]).rpartition("-")[0]), []).append((row["start"], row["end"]))
    for (zone, group), lives in spans.items():
        points = [(at, at, sum(run <= at and (gone is None or at < gone) for run, gone in lives)) for at in ends]
        labels = {"project_id": world.project, "location": zone, "instance_group_name": group}
        yield Series(
            metric={"type": GROUP_SIZE, "labels": {}},
            resource={"type": "instance_group", "labels": labels},
            kind="GAUGE",
            value_type="INT64",
            points=tuple(points),
        )


def append(world: World, metric: Json, resource: Json, form: tuple[str, str], point: Point, keep: int) -> None:
    """Keep a written point; ``form`` is (kind, value type), ``keep`` how many points the series holds."""
    key = json.dumps([metric, resource], sort_keys=True)
    row = world.store.get(TAB, key) or {"metric": metric, "resource": resource, "kind": form[0], "valueType": form[1], "points": []}
    world.store.put(TAB, key, {**row, "points": [*row["points"], list(point)][-keep:]})


def last_end(world: World, metric: Json, resource: Json) -> int | None:
    """When the newest point of a written series ends."""
    row = world.store.get(TAB, json.dumps([metric, resource], sort_keys=True))
    return int(row["points"][-1][1]) if row and row["points"] else None
