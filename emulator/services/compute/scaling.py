"""What autoscalers do: once a minute, what each signal calls for, and the size of the group that follows from it.

1. A signal calls for so many VMs that each would be at its target; of several the largest counts. 2. A group shrinks to the most that was called for
within the stabilization period, and by no more than its scale-in control lets it. 3. minNumReplicas and maxNumReplicas bound it, whatever is called for;
a signal that says nothing leaves the group as it is within them. 4. OFF only recommends, ONLY_SCALE_OUT only adds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.minutes import MINUTE
from emulator.rules import assumed, documented
from emulator.services.compute import records
from emulator.services.compute.autoscalers import SERVICE
from emulator.services.compute.groups.fleet import Fleet, Vm
from emulator.services.compute.signals import Reading, read
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "autoscaling"
UP_ONLY = ("ONLY_SCALE_OUT", "ONLY_UP")
ERRORS = {
    "BACKEND_SERVICE_DOES_NOT_EXIST",
    "MORE_THAN_ONE_BACKEND_SERVICE",
    "UNSUPPORTED_MAX_RATE_LOAD_BALANCING_CONFIGURATION",
    "CUSTOM_METRIC_INVALID",
    "NOT_ENOUGH_QUOTA_AVAILABLE",
    "ZONE_RESOURCE_STOCKOUT",
}
SAYS = {
    "ALL_INSTANCES_UNHEALTHY": "All instances in the instance group are unhealthy (not in RUNNING state).",
    "BACKEND_SERVICE_DOES_NOT_EXIST": "There is no backend service attached to the instance group.",
    "CAPPED_AT_MAX_NUM_REPLICAS": "The autoscaler recommends a size greater than maxNumReplicas.",
    "CUSTOM_METRIC_INVALID": "The custom metric does not exist or does not have the necessary labels.",
    "MIN_EQUALS_MAX": "minNumReplicas is equal to maxNumReplicas: no instances can be added or removed.",
    "MISSING_CUSTOM_METRIC_DATA_POINTS": "No data came from the custom metric.",
    "MISSING_LOAD_BALANCING_DATA_POINTS": "The instance group has not received any requests from the load balancer.",
    "MODE_OFF": "Autoscaling is turned off.",
    "MODE_ONLY_UP": "Instances are added and not removed.",
    "MORE_THAN_ONE_BACKEND_SERVICE": "The instance group has more than one backend service.",
    "NOT_ENOUGH_QUOTA_AVAILABLE": "There is insufficient quota.",
    "UNSUPPORTED_MAX_RATE_LOAD_BALANCING_CONFIGURATION": "Autoscaling does not work with maxRate.",
    "ZONE_RESOURCE_STOCKOUT": "There is a resource stockout in the zone.",
}
FAILURES = {"QUOTA_EXCEEDED": "NOT_ENOUGH_QUOTA_AVAILABLE", "ZONE_RESOURCE_POOL_EXHAUSTED": "ZONE_RESOURCE_STOCKOUT"}
documented("autoscaler-largest", "Of several signals the one that calls for the most VMs decides.")
documented("autoscaler-stabilization", "A group shrinks to the peak of the last stabilizationPeriodSec, 600 where none is given.")
documented("autoscaler-scale-in", "scaleInControl: no more than maxScaledInReplicas below the peak of the last timeWindowSec.")
documented("autoscaler-modes", "OFF changes nothing and recommends, ONLY_SCALE_OUT adds only; recommendedSize is told in every mode.")
documented("autoscaler-bounds", "minNumReplicas and maxNumReplicas bound the size; both may be 0, max may not be lower than min.")
assumed("autoscaler-minute", "An autoscaler looks at the whole minute that has ended, and sets the group's size then.")
assumed("autoscaler-bounds-at-once", "A bound that is crossed moves the group at the next look, whatever the stabilization period.")
assumed("autoscaler-memory", "An autoscaler that is new or comes on counts the size it finds as the peak so far.")
assumed(
    "autoscaler-no-data",
    "A signal without data, or in error, leaves the group's size as it is, within the bounds; no requests are no load.",
)
assumed("autoscaler-schedules", "cpuUtilization, its prediction and scalingSchedules are kept and not followed: no CPU is measured here.")


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """How many VMs are called for (None: nothing is), the size that follows within bounds, and what is to be said of it."""

    need: int | None
    size: int
    details: tuple[str, ...]


class Scaling:
    """The autoscalers' agenda: every whole minute while there are any."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._generation = -1
        self._due: int | None = None

    def next_due(self) -> int | None:
        """The next whole minute, if anything is to be scaled."""
        world = self._world
        if world.generation != self._generation:
            self._generation = world.generation
            if next(records.of_service(world, SERVICE), None) is None:
                self._due = None
            elif self._due is None:
                self._due = _following(world.clock.now())
        return self._due

    def settle(self, now: int) -> None:
        """Let every autoscaler look."""
        self._due = _following(now)
        for link, record in list(records.of_service(self._world, SERVICE)):
            if record["state"] in {"READY", "UPDATING"}:
                self._look(link, record["resource"], now)

    def begun(self, link: str, target: str, now: int) -> None:
        """One is new, or comes on: the size it finds is the peak so far."""
        manager = records.resource(self._world, target) or {}
        self._world.store.put(TAB, link, {"called": [[now, int(manager.get("targetSize", 0))]]})
        self._world.changed()

    def ended(self, link: str) -> None:
        """One is gone."""
        self._world.store.delete(TAB, link)

    def shown(self, link: str, resource: Json, now: int) -> Json:
        """The fields of an autoscaler that tell what it makes of it."""
        judged = self.judged(link, resource, now)
        details = [{"type": each, "message": SAYS[each]} for each in judged.details]
        return {
            "recommendedSize": judged.size,
            "status": "ERROR" if any(each in ERRORS for each in judged.details) else "ACTIVE",
            **({"statusDetails": details} if details else {}),
        }

    def judged(self, link: str, resource: Json, now: int) -> Judgement:
        """What the autoscaler at a link makes of the last whole minute."""
        policy = resource["autoscalingPolicy"]
        manager = records.resource(self._world, resource["target"]) or {}
        size = int(manager.get("targetSize", 0))
        fleet = self._world.groups.fleets.get(resource["target"])
        readings = list(read(self._world, policy, fleet, self._measured(policy, fleet, now), now))
        need = max((each.need for each in readings if each.need is not None), default=None)
        low, high = int(policy.get("minNumReplicas", 0)), int(policy["maxNumReplicas"])
        peak = size if need is None else max(need, self._floor(link, policy, now))
        recommended = min(max(peak, low), high)
        details = dict.fromkeys(self._details(policy, fleet, readings, need, now))
        return Judgement(need=need, size=recommended, details=tuple(details))

    def _look(self, link: str, resource: Json, now: int) -> None:
        judged = self.judged(link, resource, now)
        policy = resource["autoscalingPolicy"]
        self._remember(link, policy, judged.need, now)
        record = records.find(self._world, resource["target"])
        if record is None or record["state"] in {"CREATING", "DELETING"} or policy["mode"] == "OFF":
            return
        size = int(record["resource"]["targetSize"])
        wanted = max(size, judged.size) if policy["mode"] in UP_ONLY else judged.size
        if wanted != size:
            records.put(self._world, resource["target"], {**record, "resource": {**record["resource"], "targetSize": wanted}})
            self._world.groups.act(resource["target"], now)

    def _measured(self, policy: Json, fleet: Fleet, now: int) -> list[Vm]:
        """The VMs whose initialization period is over."""
        initial = int(policy.get("coolDownPeriodSec", 60)) * SECOND
        return [vm for vm in fleet.vms.values() if vm.live and vm.run is not None and vm.failed is None and vm.run + initial <= now]

    def _remember(self, link: str, policy: Json, need: int | None, now: int) -> None:
        """Keep what was called for since when, as far back as it counts."""
        called = (self._world.store.get(TAB, link) or {"called": []})["called"]
        reach = max(_stabilization(policy), int((policy.get("scaleInControl") or {}).get("timeWindowSec", 0)) * SECOND)
        ends = [*(at for at, _ in called[1:]), now]
        kept = [each for each, end in zip(called, ends, strict=True) if end > now - reach]
        last = kept[-1][1] if kept else None
        new = kept if need is None or need == last else [*kept, [now, need]]
        if new != called:
            self._world.store.put(TAB, link, {"called": new})

    def _peak(self, link: str, since: int, now: int) -> int:
        called = (self._world.store.get(TAB, link) or {"called": []})["called"]
        ends = [*(at for at, _ in called[1:]), now]
        return max((size for (_, size), end in zip(called, ends, strict=True) if end > since), default=0)

    def _floor(self, link: str, policy: Json, now: int) -> int:
        """The size below which the group does not shrink yet."""
        floor = self._peak(link, now - _stabilization(policy), now)
        control = policy.get("scaleInControl") or {}
        allowed = control.get("maxScaledInReplicas")
        if not allowed:
            return floor
        peak = self._peak(link, now - int(control.get("timeWindowSec", 600)) * SECOND, now)
        less = int(allowed["fixed"]) if "fixed" in allowed else math.ceil(peak * int(allowed.get("percent", 0)) / 100)
        return max(floor, peak - less)

    def _details(self, policy: Json, fleet: Fleet, readings: list[Reading], need: int | None, now: int) -> Iterator[str]:
        if policy["mode"] == "OFF":
            yield "MODE_OFF"
        if policy["mode"] in UP_ONLY:
            yield "MODE_ONLY_UP"
        if int(policy.get("minNumReplicas", 0)) == int(policy["maxNumReplicas"]):
            yield "MIN_EQUALS_MAX"
        yield from (each.detail for each in readings if each.detail)
        if need is not None and need > int(policy["maxNumReplicas"]):
            yield "CAPPED_AT_MAX_NUM_REPLICAS"
        if fleet.vms and all(vm.run is None or vm.run > now or vm.failed is not None for vm in fleet.vms.values()):
            yield "ALL_INSTANCES_UNHEALTHY"
        yield from (FAILURES[vm.failure] for vm in fleet.vms.values() if vm.failure in FAILURES)


def _stabilization(policy: Json) -> int:
    return int(policy.get("stabilizationPeriodSec", 600)) * SECOND


def _following(now: int) -> int:
    return now - now % MINUTE + MINUTE
