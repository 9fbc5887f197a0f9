"""What the drivers of groups and of autoscalers ask a managed instance group alike: its VMs, who of them is healthy, and what went wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from ironwood.resources.base import Address

POLL = timedelta(seconds=5)


def managed_instances(connection: Connection, group: Address) -> list[compute_v1.ManagedInstance]:
    """The VMs of `group` and what it is doing with them."""
    client = connection.client(compute_v1.InstanceGroupManagersClient)
    with translated(f"listing the VMs of {group}"):
        return list(client.list_managed_instances(request=_place(connection, group), **ONCE))


def told_errors(connection: Connection, group: Address, since: datetime) -> list[compute_v1.InstanceManagedByIgmErrorManagedInstanceError]:
    """The errors `group` has told since an instant, newest last."""
    client = connection.client(compute_v1.InstanceGroupManagersClient)
    with translated(f"reading the errors of {group}"):
        told = list(client.list_errors(request=_place(connection, group), **ONCE))
    return [each.error for each in told if datetime.fromisoformat(each.timestamp) >= since]


def healthy(instance: compute_v1.ManagedInstance) -> bool:
    """Whether its group finds a VM healthy."""
    return any(each.detailed_health_state == "HEALTHY" for each in instance.instance_health)


def _place(connection: Connection, group: Address) -> dict[str, str]:
    return {"project": connection.project, "zone": group.scope.partition("/")[2], "instance_group_manager": group.name}
