"""What happened to VMs, for whoever asks why some are missing: the groups' own errors and members, operations on VMs, where TPU VMs stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from ironwood import tpu
from ironwood.desired.marks import LABEL_KEY
from ironwood.diagnosis.tier import Complaint

PREEMPTED, HOST = "compute.instances.preempted", "compute.instances.hostError"
LOST = (PREEMPTED, HOST)
STOPPED = ("TERMINATED", "STOPPED", "SUSPENDED")
CREATED_BY = "created-by"


@dataclass(frozen=True, kw_only=True)
class Member:
    """A VM as its group tells of it: Compute's words for its status, what the group does to it, and the health its own check found ("" for none)."""

    name: str
    status: str
    action: str
    health: str


@dataclass(frozen=True, kw_only=True)
class Event:
    """An operation on a VM; `end` is None while it goes on."""

    vm: str
    kind: str
    begun: datetime
    end: datetime | None


@dataclass(frozen=True, kw_only=True)
class TpuVm:
    """A TPU VM of the project that holds its chips: whose marker it bears ("" for none), its group, and since when it runs."""

    name: str
    zone: str
    machine_type: str
    spot: bool
    reserved: bool
    owner: str
    group: str
    started: datetime | None


def complaints(connection: Connection, *, zone: str, group: str) -> list[Complaint]:
    """What a group told of itself (`listErrors`), oldest first."""
    client = connection.client(compute_v1.InstanceGroupManagersClient)
    request = compute_v1.ListErrorsInstanceGroupManagersRequest(project=connection.project, zone=zone, instance_group_manager=group)
    with translated(f"reading the errors of {group}"):
        told = [
            Complaint(at=_instant(each.timestamp), code=each.error.code, message=each.error.message)
            for each in client.list_errors(request=request, **ONCE)
        ]
    return sorted(told, key=lambda each: each.at)


def members(connection: Connection, *, zone: str, group: str) -> list[Member]:
    """The VMs of a group."""
    client = connection.client(compute_v1.InstanceGroupManagersClient)
    request = compute_v1.ListManagedInstancesInstanceGroupManagersRequest(
        project=connection.project, zone=zone, instance_group_manager=group
    )
    with translated(f"listing the VMs of {group}"):
        return [
            Member(
                name=each.instance.rpartition("/")[2],
                status=each.instance_status,
                action=each.current_action,
                health=next((health.detailed_health_state for health in each.instance_health), ""),
            )
            for each in client.list_managed_instances(request=request, **ONCE)
        ]


def events(connection: Connection, *, zones: Iterable[str], head: str, since: datetime) -> list[Event]:
    """Operations on VMs whose names begin with `head` since an instant: those by which it was lost, and those that go on."""
    client = connection.client(compute_v1.ZoneOperationsClient)
    found: list[Event] = []
    for zone in sorted(set(zones)):
        request = compute_v1.ListZoneOperationsRequest(
            project=connection.project, zone=zone, filter=f'targetLink eq ".*/instances/{head}.*"', order_by="creationTimestamp desc"
        )
        with translated(f"listing operations on VMs in {zone}"):
            for operation in client.list(request=request, **ONCE):
                if _instant(operation.insert_time) < since:
                    break
                found.extend(_event(operation))
    return found


def _event(operation: compute_v1.Operation) -> Iterator[Event]:
    done = operation.status == compute_v1.Operation.Status.DONE
    if done and operation.operation_type not in LOST:
        return
    yield Event(
        vm=operation.target_link.rpartition("/")[2],
        kind=operation.operation_type,
        begun=_instant(operation.insert_time),
        end=_instant(operation.end_time) if done and operation.end_time else None,
    )


def tpu_vms(connection: Connection) -> list[TpuVm]:
    """Every TPU VM of the project that holds chips, anybody's."""
    client = connection.client(compute_v1.InstancesClient)
    with translated("listing the TPU VMs of the project"):
        pages = client.aggregated_list(request=compute_v1.AggregatedListInstancesRequest(project=connection.project), **ONCE)
        return [vm for scope, scoped in pages for message in scoped.instances for vm in _vm(message, scope)]


def _vm(message: compute_v1.Instance, scope: str) -> Iterator[TpuVm]:
    machine = message.machine_type.rpartition("/")[2]
    if machine not in tpu.BY_MACHINE_TYPE or message.status in STOPPED:
        return
    maker = next((item.value for item in message.metadata.items if item.key == CREATED_BY), "").rpartition("/")[2]
    yield TpuVm(
        name=message.name,
        zone=scope.partition("/")[2],
        machine_type=machine,
        spot=message.scheduling.provisioning_model == "SPOT",
        reserved=message.scheduling.provisioning_model == "RESERVATION_BOUND",
        owner=message.labels.get(LABEL_KEY, ""),
        group=maker or message.name.rpartition("-")[0],
        started=_instant(message.last_start_timestamp) if message.last_start_timestamp else None,
    )


def zone_status(connection: Connection, zone: str) -> str:
    """UP or DOWN, as Google says it."""
    with translated(f"reading how {zone} stands"):
        return str(connection.client(compute_v1.ZonesClient).get(project=connection.project, zone=zone, **ONCE).status)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
