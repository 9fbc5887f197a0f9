"""The VMs that bill, as the cloud tells of them: those that are there, and, by the operations on them, those that are gone.

1. A VM bills from `lastStartTimestamp` until the end of its delete operation; one that stands still, until `lastStopTimestamp`.
2. Compute keeps operations for a while only (documented; about two weeks): what ended earlier is told by nobody.
3. A group's name is the head of its VMs' names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.drivers.instance_group import STOPPED
from cloud.errors import translated
from ironwood import tpu
from ironwood.cost.ledger import Make, Vm
from ironwood.desired.marks import LABEL_KEY
from ironwood.resources.group import PROVISIONING_MODELS

MARGIN = timedelta(hours=2)
"""How long before its end an operation may have begun: draining, then removal."""
KEPT = timedelta(days=13)
"""For how long operations are asked for at the most."""
BEGAN, GONE = "insert", "delete"
ENDED = (GONE, "stop", "compute.instances.preempted", "compute.instances.hostError")
"""Operations at whose end a VM bills no more."""
CREATED_BY = "created-by"
_CONSUMPTION = {model: consumption for consumption, model in PROVISIONING_MODELS.items()}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A VM operations tell of: its group and zone by name, when it began to run and when it ended, as far as they say."""

    id: str
    group: str
    zone: str
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Told:
    """What operations tell, by the VM's number."""

    vms: Mapping[str, Ended] = field(default_factory=dict)

    @property
    def ends(self) -> dict[str, datetime]:
        """When VMs ended, by number."""
        return {number: each.end for number, each in self.vms.items() if each.end is not None}


def running(connection: Connection, owner: str) -> list[Vm]:
    """Every VM that bears the marker of `owner` and has begun to bill."""
    request = compute_v1.AggregatedListInstancesRequest(project=connection.project, filter=f'labels.{LABEL_KEY} = "{owner}"')
    client = connection.client(compute_v1.InstancesClient)
    with translated("listing the VMs that bill"):
        pages = client.aggregated_list(request=request, **ONCE)
        return [vm for scope, scoped in pages for message in scoped.instances for vm in _vm(message, scope)]


def of_group(connection: Connection, *, zone: str, group: str) -> list[Vm]:
    """The VMs of one group that have begun to bill."""
    request = compute_v1.ListInstancesRequest(project=connection.project, zone=zone, filter=f'name eq "{group}-.*"')
    client = connection.client(compute_v1.InstancesClient)
    with translated(f"listing the VMs of {group}"):
        return [vm for message in client.list(request=request, **ONCE) for vm in _vm(message, f"zones/{zone}")]


def told(connection: Connection, *, zones: Iterable[str], head: str, since: datetime) -> Told:
    """What operations on VMs whose names begin with `head` tell of the time since an instant."""
    client = connection.client(compute_v1.ZoneOperationsClient)
    oldest = since - MARGIN
    found: dict[str, Ended] = {}
    for zone in sorted(set(zones)):
        request = compute_v1.ListZoneOperationsRequest(
            project=connection.project, zone=zone, filter=f'targetLink eq ".*/instances/{head}.*"', order_by="creationTimestamp desc"
        )
        with translated(f"listing operations on VMs in {zone}"):
            for operation in client.list(request=request, **ONCE):
                if _instant(operation.insert_time) < oldest:
                    break
                _note(found, operation, zone)
    return Told(vms=found)


def _note(found: dict[str, Ended], operation: compute_v1.Operation, zone: str) -> None:
    if operation.status != compute_v1.Operation.Status.DONE or operation.error.errors or not operation.end_time:
        return
    number, kind = str(operation.target_id), operation.operation_type
    known = found.get(number) or Ended(id=number, group=operation.target_link.rpartition("/")[2].rpartition("-")[0], zone=zone)
    at = _instant(operation.end_time)
    if kind == BEGAN:
        known = Ended(id=number, group=known.group, zone=zone, start=at, end=known.end)
    elif kind in ENDED:
        known = Ended(id=number, group=known.group, zone=zone, start=known.start, end=at if known.end is None else min(known.end, at))
    found[number] = known


def _vm(message: compute_v1.Instance, scope: str) -> Iterator[Vm]:
    machine = message.machine_type.rpartition("/")[2]
    if not message.last_start_timestamp or machine not in tpu.BY_MACHINE_TYPE:
        return
    generation = tpu.BY_MACHINE_TYPE[machine]
    zone = scope.partition("/")[2]
    maker = next((item.value for item in message.metadata.items if item.key == CREATED_BY), "").rpartition("/")[2]
    make = Make(
        group=f"instance_group/{scope}/{maker or message.name.rpartition('-')[0]}",
        tier=message.labels.get("tier", ""),
        zone=zone,
        consumption=_CONSUMPTION.get(message.scheduling.provisioning_model, "on_demand"),
        family=generation.name,
        pod_chips=int(message.labels.get("pod-chips", generation.chips_per_vm)),
        chips=generation.chips_per_vm,
        disk_gib=sum(disk.disk_size_gb for disk in message.disks),
    )
    stopped = message.status in STOPPED and message.last_stop_timestamp
    end = _instant(message.last_stop_timestamp) if stopped else None
    yield Vm(id=str(message.id), make=make, start=_instant(message.last_start_timestamp), end=end)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
