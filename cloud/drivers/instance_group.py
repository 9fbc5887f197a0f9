"""Driver of managed instance groups.

1. Creating or growing is finished when every VM is healthy, not when the operation is.
2. Shrinking names the VMs and deletes those: Google drains their connections first, and the group does not choose others.
   `deleteInstances` is not idempotent, so after a lost response the target size is read again before anything is repeated.
3. Google never says "no stock": a group keeps trying. What it says in `listErrors` becomes our error when it stands still.
4. The size of one that its autoscaler sizes is not touched; where it is to be ours again, the autoscaler is switched off first.
5. A slice is all of its VMs or none, and grows only from none: a broken one is emptied and ordered anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from google.cloud import compute_v1

from cloud import progress
from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of, url
from cloud.drivers.autoscaler import AUTOSCALER
from cloud.drivers.base import ONCE, ComputeDriver
from cloud.drivers.load_balancer import PORT_NAME
from cloud.errors import QUOTA_HELP
from cloud.journal import Attempt
from cloud.leases import prove
from cloud.managed import POLL, healthy, managed_instances, told_errors
from ironwood.errors import ProbeError, QuotaError, StockoutError
from ironwood.resources.group import Canary, InstanceGroup

AT_ONCE = 1_000
"""VMs one `deleteInstances` may name (documented)."""
ASKED_WHY = POLL * 6
"""How often a group that is not there yet is asked what stands in its way."""
UNHEALTHY = timedelta(minutes=45)
"""How long VMs that are there may take to become healthy: several times what loading a model takes."""
STOPPED = ("TERMINATED", "STOPPED", "SUSPENDED")
QUOTA_CODE = "QUOTA_EXCEEDED"


def _group(connection: Connection, resource: InstanceGroup) -> compute_v1.InstanceGroupManager:
    message = compute_v1.InstanceGroupManager(
        name=resource.name,
        description=marker.description(resource.owner),
        base_instance_name=resource.base_instance_name,
        target_size=resource.size,
        versions=_versions(connection, resource),
        named_ports=[compute_v1.NamedPort(name=PORT_NAME, port=resource.port)],
    )
    if resource.health_check is not None:
        message.auto_healing_policies = [
            compute_v1.InstanceGroupManagerAutoHealingPolicy(
                health_check=url(connection.project, resource.health_check), initial_delay_sec=resource.startup_grace_seconds
            )
        ]
    else:
        message.instance_lifecycle_policy = compute_v1.InstanceGroupManagerInstanceLifecyclePolicy(default_action_on_failure="DO_NOTHING")
    if resource.workload_policy is not None:
        message.resource_policies = compute_v1.InstanceGroupManagerResourcePolicies(
            workload_policy=url(connection.project, resource.workload_policy)
        )
        message.target_size_policy = compute_v1.InstanceGroupManagerTargetSizePolicy(mode="BULK")
    message.update_policy = compute_v1.InstanceGroupManagerUpdatePolicy(
        # There is rarely quota to surge with: a tenth of the group is replaced at a time. A slice is replaced whole, by us.
        type_="OPPORTUNISTIC" if resource.workload_policy else "PROACTIVE",
        minimal_action="REPLACE",
        max_surge=compute_v1.FixedOrPercent(fixed=0),
        max_unavailable=compute_v1.FixedOrPercent(fixed=max(1, resource.size // 10)),
    )
    return message


def _versions(connection: Connection, resource: InstanceGroup) -> list[compute_v1.InstanceGroupManagerVersion]:
    versions = [compute_v1.InstanceGroupManagerVersion(instance_template=url(connection.project, resource.template))]
    if resource.canary is not None:
        canary = compute_v1.InstanceGroupManagerVersion(
            name="canary",
            instance_template=url(connection.project, resource.canary.template),
            target_size=compute_v1.FixedOrPercent(fixed=resource.canary.vms),
        )
        versions.append(canary)
    return versions


def _canary(message: compute_v1.InstanceGroupManager) -> Canary | None:
    if len(message.versions) < 2:
        return None
    canary = next((each for each in message.versions if "target_size" in each), message.versions[-1])
    return Canary(template=address_of(canary.instance_template), vms=canary.target_size.fixed)


def _main_template(message: compute_v1.InstanceGroupManager) -> str:
    """The template of the version without a target size; groups of one version tell it as their own."""
    rest = [each.instance_template for each in message.versions if "target_size" not in each]
    return str(rest[0] if rest else message.instance_template)


def _read_group(message: compute_v1.InstanceGroupManager, scope: str) -> InstanceGroup:
    healing = message.auto_healing_policies[0] if message.auto_healing_policies else compute_v1.InstanceGroupManagerAutoHealingPolicy()
    policy = message.resource_policies.workload_policy
    return InstanceGroup(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        template=address_of(_main_template(message)),
        canary=_canary(message),
        health_check=address_of(healing.health_check) if healing.health_check else None,
        base_instance_name=message.base_instance_name,
        startup_grace_seconds=healing.initial_delay_sec,
        port=next((port.port for port in message.named_ports if port.name == PORT_NAME), 0),
        size=message.target_size,
        workload_policy=address_of(policy) if policy else None,
        autoscaler=message.status.autoscaler.rpartition("/")[2],
        lacking=max(0, message.target_size - there(message)),
        stable=message.status.is_stable,
        created=message.creation_timestamp,
    )


def there(message: compute_v1.InstanceGroupManager) -> int:
    """VMs that exist and stay, whether they are healthy yet or not."""
    actions = message.current_actions
    return int(actions.none + actions.verifying + actions.refreshing + actions.restarting)


class InstanceGroupDriver(ComputeDriver[InstanceGroup]):
    """Zonal managed instance groups."""

    def observe(self, connection: Connection) -> Iterator[InstanceGroup]:
        """List them; of those Google does not repair, VMs that stand still, and a slice's VMs of another template, count as lacking."""
        for each in super().observe(connection):
            yield self._seen(connection, each)

    def live(self, connection: Connection, resource: InstanceGroup) -> InstanceGroup:
        """The live group, with what it lacks."""
        return self._seen(connection, super().live(connection, resource))

    def _seen(self, connection: Connection, group: InstanceGroup) -> InstanceGroup:
        if not group.owner or group.health_check is not None or not group.size:
            return group
        instances = self._instances(connection, group)
        dead = sum(each.instance_status in STOPPED for each in instances)
        old = sum(_template(each) != group.template.name for each in instances) if group.workload_policy is not None else 0
        return replace(group, lacking=min(group.size, group.lacking + max(dead, old)))

    def create(self, connection: Connection, attempt: Attempt, after: InstanceGroup) -> None:
        """Insert it and wait until all its VMs serve; one with a lease is empty until the lease is proven."""
        if after.lease is None:
            super().create(connection, attempt, after)
        else:
            super().create(connection, attempt, replace(after, size=0))
            self._grow(connection, attempt, after, 0)
        self._settled(connection, after)

    def update(self, connection: Connection, attempt: Attempt, before: InstanceGroup, after: InstanceGroup) -> None:
        """Patch what differs, grow or shrink, and wait until the group stands as wanted."""
        client: Any = connection.client(self.client)
        if {*before.differences(after)} - {"size"}:
            wanted = _group(connection, after)
            patch = compute_v1.InstanceGroupManager(
                versions=wanted.versions,
                named_ports=wanted.named_ports,
                auto_healing_policies=wanted.auto_healing_policies,
                update_policy=wanted.update_policy,
            )
            request = self.place(connection, after) | {self.body: patch}
            self.write(
                connection,
                attempt,
                f"updating {after.address}",
                lambda key: client.patch_unary(request=request | {"request_id": key}, **ONCE),
            )
        live = self.live(connection, after)
        size = live.size
        if after.workload_policy is not None and size > 0 and (live.lacking or size != after.size):
            self._resize(connection, attempt, after, size, 0)
            size = 0
            self._emptied(connection, after)
        if after.workload_policy is None and live.lacking:
            self._recreate(connection, attempt, after)
        if not after.autoscaler:
            self._sized(connection, attempt, after, size, live.autoscaler)
        self._settled(connection, after)

    def _sized(self, connection: Connection, attempt: Attempt, after: InstanceGroup, size: int, autoscaler: str) -> None:
        """From `size` VMs to what is wanted; where it has an autoscaler, ours goes off first."""
        if autoscaler and size != after.size:
            AUTOSCALER.switch_off(connection, attempt, after)
            size = self.live(connection, after).size
        if size < after.size:
            self._grow(connection, attempt, after, size)
        elif size > after.size:
            self._shrink(connection, attempt, after, size - after.size)

    def abandon(self, connection: Connection, attempt: Attempt, group: InstanceGroup) -> int:
        """Give up what `group` was ordered and has not got: its target becomes what is there, none for a slice; answers that number.

        It is read back until nothing more is being created, so that no second fleet arrives late.
        """
        while True:
            live = self.read(connection, group)
            has = 0 if group.workload_policy is not None else there(live)
            if live.target_size != has:
                self._resize(connection, attempt, group, live.target_size, has)
            elif live.status.is_stable or not (live.current_actions.creating or live.current_actions.creating_without_retries):
                return has
            sleep(connection.clock, POLL)

    def _recreate(self, connection: Connection, attempt: Attempt, group: InstanceGroup) -> None:
        """Have VMs that stand still made anew, where Google does not do it by itself."""
        client: Any = connection.client(self.client)
        dead = [each.instance for each in self._instances(connection, group) if each.instance_status in STOPPED]
        if not dead:
            return
        body = compute_v1.InstanceGroupManagersRecreateInstancesRequest(instances=dead)
        request = self.place(connection, group) | {"instance_group_managers_recreate_instances_request_resource": body}
        doing = f"recreating {len(dead)} VMs of {group.address} that stand still"
        self.write(connection, attempt, doing, lambda key: client.recreate_instances_unary(request=request | {"request_id": key}, **ONCE))

    def _resize(self, connection: Connection, attempt: Attempt, group: InstanceGroup, size: int, to: int) -> None:
        client: Any = connection.client(self.client)
        request = self.place(connection, group) | {"size": to}
        self.write(
            connection,
            attempt,
            f"resizing {group.address} from {size} to {to} VMs",
            lambda key: client.resize_unary(request=request | {"request_id": key}, **ONCE),
        )

    def _grow(self, connection: Connection, attempt: Attempt, group: InstanceGroup, size: int) -> None:
        """From `size` VMs to what is wanted; out of nothing only under a lease that has been seen to reach the group."""
        if group.lease is not None and size == 0 and group.size > 0:
            prove(connection, attempt, group, group.lease)
        if size < group.size:
            self._resize(connection, attempt, group, size, group.size)

    def _emptied(self, connection: Connection, group: InstanceGroup) -> None:
        """Wait until the last VM is gone: a slice grows only from none."""
        while list(self._instances(connection, group)):
            sleep(connection.clock, POLL)

    def _shrink(self, connection: Connection, attempt: Attempt, after: InstanceGroup, fewer: int) -> None:
        client: Any = connection.client(self.client)
        chosen = self._victims(connection, after)[:fewer]
        for first in range(0, len(chosen), AT_ONCE):
            urls = chosen[first : first + AT_ONCE]
            body = compute_v1.InstanceGroupManagersDeleteInstancesRequest(instances=urls, skip_instances_on_validation_error=True)
            request = self.place(connection, after) | {"instance_group_managers_delete_instances_request_resource": body}
            names = ", ".join(each.rpartition("/")[2] for each in urls)
            doing = f"draining and deleting {len(urls)} VMs of {after.address}: {names}"
            self.write(connection, attempt, doing, partial(_delete_instances, client, request))
        # One that was just being made anew is no member at that moment: it is passed over, and would come back.
        left = self.live(connection, after).size
        if left > after.size:
            self._resize(connection, attempt, after, left, after.size)

    def _victims(self, connection: Connection, group: InstanceGroup) -> list[str]:
        """VM URLs in the order they may go: those already going, those that do not serve, then the rest."""
        staying = [each for each in self._instances(connection, group) if each.current_action != "DELETING"]
        return [each.instance for each in sorted(staying, key=lambda each: (healthy(each), each.instance))]

    def _instances(self, connection: Connection, group: InstanceGroup) -> list[compute_v1.ManagedInstance]:
        return managed_instances(connection, group.address)

    def _settled(self, connection: Connection, group: InstanceGroup) -> None:
        """Wait until the group has `size` VMs, all healthy, and does nothing.

        Raises QuotaError within half a minute of Google's telling of a quota, StockoutError when VMs are missing and nothing has happened for the group's
        `patience`, ProbeError when all are there and do not become healthy.
        """
        began = since = asked = connection.clock.now()
        nearest: int | None = None
        while True:
            live = self.read(connection, group)
            if group.autoscaler:
                group = replace(group, size=live.target_size)
            if group.size:
                progress.tell(min(live.current_actions.none, group.size), group.size)
            reached = live.status.version_target.is_reached or group.workload_policy is not None
            settled = live.status.is_stable and live.target_size == group.size == live.current_actions.none and reached
            if settled and (group.health_check is None or all(healthy(each) for each in self._instances(connection, group))):
                return
            distance = abs(group.size - live.current_actions.none) + (0 if reached else self._outdated(connection, group))
            if nearest is None or distance < nearest:
                nearest, since = distance, connection.clock.now()
            if connection.clock.now() - asked >= ASKED_WHY:
                asked = connection.clock.now()
                self._complain(connection, group, live, began, since)
            sleep(connection.clock, POLL)

    def _outdated(self, connection: Connection, group: InstanceGroup) -> int:
        """VMs of a template the group is to have no more; they weigh double, so that replacing one is progress while it is on its way."""
        templates = {group.template.name} | ({group.canary.template.name} if group.canary else set())
        return 2 * sum(_template(each) not in templates for each in self._instances(connection, group))

    def _complain(
        self, connection: Connection, group: InstanceGroup, live: compute_v1.InstanceGroupManager, began: datetime, since: datetime
    ) -> None:
        """Raise what stands in the way of `live`, as the group has told it since `began`; older errors are of older attempts."""
        still = connection.clock.now() - since
        errors = told_errors(connection, group.address, began - POLL)
        for error in errors:
            if error.code == QUOTA_CODE:
                raise QuotaError(f"{group.address} cannot grow to {group.size} VMs: {error.message} {QUOTA_HELP}")
        if there(live) >= group.size and still > UNHEALTHY:
            raise ProbeError(
                f"{group.address}: its {group.size} VMs are there and not all of them healthy for {still}; look at the serial output of one, "
                "and at the serving image and readiness path of the profile"
            )
        if there(live) < group.size and still > group.patience:
            reason = f"{errors[-1].code}: {errors[-1].message}" if errors else "Google tells no reason"
            raise StockoutError(f"{group.address} has not come closer to {group.size} VMs for {still}: {reason}.")


def _delete_instances(client: Any, request: dict[str, Any], key: str) -> compute_v1.Operation:
    operation: compute_v1.Operation = client.delete_instances_unary(request=request | {"request_id": key}, **ONCE)
    return operation


def _template(instance: compute_v1.ManagedInstance) -> str:
    """The name of the template a VM was made from."""
    return str(instance.version.instance_template).rpartition("/")[2]


INSTANCE_GROUP = InstanceGroupDriver(
    resource=InstanceGroup,
    client=compute_v1.InstanceGroupManagersClient,
    item="instance_group_manager",
    body="instance_group_manager_resource",
    encode=_group,
    decode=_read_group,
    level="zones",
)
