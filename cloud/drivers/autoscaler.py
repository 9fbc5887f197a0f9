"""Driver of autoscalers.

1. One is made switched off, and switched on only after the job that would switch it off, when nobody of ours lives, has been seen to reach it. 2. A
change is finished when its group is within the bounds and at least the lower one serves; what it orders beyond that by itself nobody waits for.
3. A group is emptied with its autoscaler off (`switch_off`); one that is not ours is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from google.cloud import compute_v1

from cloud import progress
from cloud.autoscaler_lease import prove
from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of, url
from cloud.drivers.base import ONCE, ComputeDriver
from cloud.errors import translated
from cloud.journal import Attempt
from cloud.managed import POLL, healthy, managed_instances, told_errors
from ironwood.errors import NotFoundError, StockoutError
from ironwood.resources.autoscaler import OFF, ON, Autoscaler, Signal
from ironwood.resources.group import InstanceGroup

CPU, SCHEDULES, SCALE_IN = "CPU", "schedules", "scale-in control"


def _encode(connection: Connection, after: Autoscaler) -> compute_v1.Autoscaler:
    policy = compute_v1.AutoscalingPolicy(
        min_num_replicas=after.least,
        max_num_replicas=after.most,
        mode=after.mode,
        cool_down_period_sec=after.initialization_seconds,
        stabilization_period_sec=after.stabilization_seconds,
    )
    signal = after.signal
    if signal.metric:
        metric = compute_v1.AutoscalingPolicyCustomMetricUtilization(metric=signal.metric)
        if signal.filter:
            metric.filter = signal.filter
        if signal.per_vm:
            metric.single_instance_assignment = signal.per_vm
        else:
            metric.utilization_target, metric.utilization_target_type = signal.target, "GAUGE"
        policy.custom_metric_utilizations = [metric]
    else:
        policy.load_balancing_utilization = compute_v1.AutoscalingPolicyLoadBalancingUtilization(utilization_target=signal.target)
    return compute_v1.Autoscaler(
        name=after.name,
        description=marker.description(after.owner),
        target=url(connection.project, after.group),
        autoscaling_policy=policy,
    )


def _decode(message: compute_v1.Autoscaler, scope: str) -> Autoscaler:
    policy = message.autoscaling_policy
    return Autoscaler(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        group=address_of(message.target),
        least=policy.min_num_replicas,
        most=policy.max_num_replicas,
        mode=policy.mode or ON,
        signal=_signal(policy),
        others=tuple(_others(policy)),
        stabilization_seconds=policy.stabilization_period_sec or 600,
        initialization_seconds=policy.cool_down_period_sec or 60,
        status=message.status,
        told=tuple(each.type_ for each in message.status_details),
        created=message.creation_timestamp,
    )


def _signal(policy: compute_v1.AutoscalingPolicy) -> Signal:
    if policy.custom_metric_utilizations:
        first = policy.custom_metric_utilizations[0]
        return Signal(metric=first.metric, filter=first.filter, target=first.utilization_target, per_vm=first.single_instance_assignment)
    return Signal(target=policy.load_balancing_utilization.utilization_target)


def _others(policy: compute_v1.AutoscalingPolicy) -> Iterator[str]:
    """Signals and limits that none of ours has."""
    if "cpu_utilization" in policy:
        yield CPU
    if policy.scaling_schedules:
        yield SCHEDULES
    if "scale_in_control" in policy:
        yield SCALE_IN
    yield from (each.metric for each in policy.custom_metric_utilizations[1:])
    if policy.custom_metric_utilizations and "load_balancing_utilization" in policy:
        yield "load balancing"


class AutoscalerDriver(ComputeDriver[Autoscaler]):
    """Zonal autoscalers."""

    def create(self, connection: Connection, attempt: Attempt, after: Autoscaler) -> None:
        """Insert it switched off, and switch it on once it is proven that it can be switched off."""
        if after.lease is None or after.mode == OFF:
            super().create(connection, attempt, after)
        else:
            super().create(connection, attempt, replace(after, mode=OFF))
            prove(connection, attempt, after, after.lease)
            self._switched(connection, attempt, after, ON)
        self._within(connection, after)

    def accepts(self, found: Autoscaler, after: Autoscaler) -> bool:
        """One that an attempt before this one has switched on already is what is wanted too."""
        return found.owner == after.owner and not found.differences(after).keys() - {"mode"}

    def update(self, connection: Connection, attempt: Attempt, before: Autoscaler, after: Autoscaler) -> None:
        """Replace what differs; from off to on only behind the proof."""
        live = self.live(connection, after)
        if live.mode == OFF and after.mode == ON and after.lease is not None:
            if live.differences(after).keys() - {"mode"}:
                super().update(connection, attempt, before, replace(after, mode=OFF))
            prove(connection, attempt, after, after.lease)
            self._switched(connection, attempt, after, ON)
        elif live.differences(after):
            super().update(connection, attempt, before, after)
        self._within(connection, after)

    def switch_off(self, connection: Connection, attempt: Attempt, group: InstanceGroup) -> None:
        """Let `group` be resized by us: its autoscaler, where it has one of ours, goes off. One that has gone meanwhile is off."""
        found = next((each for each in self.observe(connection) if each.group == group.address and each.owner == group.owner), None)
        if found is not None and found.mode != OFF:
            try:
                self._switched(connection, attempt, found, OFF)
            except NotFoundError:
                return

    def _switched(self, connection: Connection, attempt: Attempt, autoscaler: Autoscaler, mode: str) -> None:
        client: Any = connection.client(self.client)
        policy = compute_v1.AutoscalingPolicy(mode=mode)
        request = self.place(connection, autoscaler) | {self.body: compute_v1.Autoscaler(autoscaling_policy=policy)}
        self.write(
            connection,
            attempt,
            f"switching {autoscaler.address} {mode.lower()}",
            lambda key: client.patch_unary(request=request | {"request_id": key}, **ONCE),
        )

    def _within(self, connection: Connection, after: Autoscaler) -> None:
        """Wait until the group of one that is on is within its bounds; raises StockoutError when it has come no closer for its `patience`."""
        if after.mode != ON:
            return
        began = since = connection.clock.now()
        nearest: int | None = None
        while True:
            target, serving = self._group(connection, after)
            progress.tell(min(serving, after.least), after.least)
            if after.least <= target <= after.most and serving >= after.least:
                return
            distance = max(0, after.least - serving) + max(0, target - after.most)
            if nearest is None or distance < nearest:
                nearest, since = distance, connection.clock.now()
            still = connection.clock.now() - since
            if still > after.patience:
                errors = told_errors(connection, after.group, began - POLL)
                reason = f"{errors[-1].code}: {errors[-1].message}" if errors else "Google tells no reason"
                raise StockoutError(
                    f"{after.group} has not come closer to the {after.least} VMs its autoscaler keeps for {still}: {reason}. It goes on trying; lower the tier's size to stop it."
                )
            sleep(connection.clock, POLL)

    def _group(self, connection: Connection, after: Autoscaler) -> tuple[int, int]:
        """The target of its group, and how many of its VMs serve."""
        where = {"project": connection.project, "zone": after.group.scope.partition("/")[2], "instance_group_manager": after.group.name}
        with translated(f"reading {after.group}"):
            live = connection.client(compute_v1.InstanceGroupManagersClient).get(request=where, **ONCE)
        there = managed_instances(connection, after.group)
        checked = bool(live.auto_healing_policies)
        return live.target_size, sum(healthy(each) if checked else each.instance_status == "RUNNING" for each in there)


AUTOSCALER = AutoscalerDriver(
    resource=Autoscaler,
    client=compute_v1.AutoscalersClient,
    item="autoscaler",
    body="autoscaler_resource",
    encode=_encode,
    decode=_decode,
    level="zones",
)
