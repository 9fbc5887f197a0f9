"""What an autoscaler goes by: the load balancer's rate against what a backend takes, and metrics of Cloud Monitoring."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.dataplane import played
from emulator.errors import ApiError
from emulator.minutes import MINUTE
from emulator.rules import assumed, documented
from emulator.services.compute import links, records
from emulator.services.compute.groups.fleet import Fleet, Vm, group_link
from emulator.services.monitoring import descriptors, filters, series
from emulator.services.monitoring.builtin import REQUESTS

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
YOUNG = 5 * MINUTE
PER_VM = "gce_instance"
NEAR = 1e-9
documented(
    "autoscaler-lb",
    "loadBalancingUtilization is the share of maxRatePerInstance that is kept, 0.8 where none is given; maxRate is refused in the status.",
)
documented(
    "autoscaler-lb-one",
    "A group that goes by a load balancer is the backend of one backend service; none or several is an error in the status.",
)
documented(
    "autoscaler-metric",
    "A metric of resource gce_instance is one of each VM; of any other it is the whole group's, and several series are summed.",
)
documented("autoscaler-assignment", "singleInstanceAssignment: the group is as many VMs as the metric holds so much.")
documented("autoscaler-initialization", "VMs that run for less than coolDownPeriodSec are not measured.")
assumed(
    "autoscaler-unmeasured", "Where no VM has passed its initialization period, the load balancer's rate and metrics of VMs say nothing."
)
assumed("autoscaler-lb-load", "The rate is of all requests a backend was sent in the last whole minute, those it refused (503) among them.")
assumed(
    "autoscaler-metric-point",
    "Of a metric the newest point of each series counts, if it is no older than five minutes; DELTA targets are read as GAUGE.",
)
assumed(
    "autoscaler-lb-balancing",
    "The load balancer's signal goes by RATE alone: a backend of balancing mode UTILIZATION or IN_FLIGHT says nothing.",
)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How many VMs one signal calls for, None where it says nothing; ``detail`` is what is to be told of it."""

    need: int | None = None
    detail: str = ""


def read(world: World, policy: Json, fleet: Fleet, measured: list[Vm], now: int) -> Iterator[Reading]:
    """What each signal of a policy says of the last whole minute; ``measured`` are the VMs that count."""
    if "loadBalancingUtilization" in policy:
        yield _balanced(world, policy["loadBalancingUtilization"], fleet, measured, now)
    for each in policy.get("customMetricUtilizations", []):
        yield _metric(world, each, measured, now)


def _balanced(world: World, signal: Json, fleet: Fleet, measured: list[Vm], now: int) -> Reading:
    group = group_link(fleet.link)
    backends = [
        backend
        for _, record in records.of_service(world, "backendServices")
        for backend in record["resource"].get("backends", [])
        if backend.get("group") == group
    ]
    if len(backends) != 1:
        return Reading(detail="MORE_THAN_ONE_BACKEND_SERVICE" if backends else "BACKEND_SERVICE_DOES_NOT_EXIST")
    if "maxRate" in backends[0]:
        return Reading(detail="UNSUPPORTED_MAX_RATE_LOAD_BALANCING_CONFIGURATION")
    each = float(backends[0].get("maxRatePerInstance") or 0) * float(backends[0].get("capacityScaler", 1))
    if not each or not measured:
        return Reading()
    begin = now - now % MINUTE - MINUTE
    sent = _sent(world, group, begin)
    need = _least(sent / 60 / (each * float(signal.get("utilizationTarget", 0.8))))
    return Reading(need=need, detail="" if sent else "MISSING_LOAD_BALANCING_DATA_POINTS")


def _sent(world: World, group: str, begin: int) -> int:
    """Requests the load balancer sent to a group in the whole minute that begins then."""
    name, zone = links.name_of(group), links.part(group, "zones")
    over_the_wire = sum(
        int(cell.value["count"])
        for cell in world.minutes.cells(REQUESTS, begin, begin + MINUTE)
        if (cell.resource["labels"].get("backend_name"), cell.resource["labels"].get("backend_scope")) == (name, zone)
    )
    shares = (share for _, minute in played.minutes(world, begin, begin + MINUTE) for share in minute.shares if share.backend == group)
    return over_the_wire + sum(share.served + share.refused for share in shares)


def _metric(world: World, signal: Json, measured: list[Vm], now: int) -> Reading:
    metric = str(signal.get("metric", ""))
    try:
        wanted = filters.parse(" AND ".join(filter(None, [f'metric.type="{metric}"' if metric else "", signal.get("filter", "")])))
    except ApiError:
        return Reading(detail="CUSTOM_METRIC_INVALID")
    if wanted.metric_type is None or descriptors.find(world, wanted.metric_type, now) is None:
        return Reading(detail="CUSTOM_METRIC_INVALID")
    found = series.read(world, wanted, now - YOUNG, now)
    per_vm = PER_VM in signal.get("filter", "") or "resource.type" not in signal.get("filter", "")
    if per_vm:
        ids = {vm.id for vm in measured}
        found = [
            each for each in found if each.resource["type"] == PER_VM and each.resource.get("labels", {}).get("instance_id", "") in ids
        ]
    if not found:
        return Reading(detail="MISSING_CUSTOM_METRIC_DATA_POINTS")
    total = sum(_number(each) for each in found)
    if assigned := float(signal.get("singleInstanceAssignment") or 0):
        return Reading(need=_least(total / assigned))
    target = float(signal.get("utilizationTarget") or 0)
    if not target:
        return Reading(detail="CUSTOM_METRIC_INVALID")
    return Reading(need=_least(total / target) if per_vm else _least(len(measured) * total / target))


def _number(found: series.Series) -> float:
    """The newest value of a series; a metric is of numbers [documented]."""
    value = found.points[-1][2]
    return float(value) if isinstance(value, int | float) else 0.0


def _least(share: float) -> int:
    return math.ceil(share - NEAR)
