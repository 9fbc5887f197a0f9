"""What only `probe_cloud` does to a group: gives it an autoscaler for a moment, fires its lease, and asks for an account that was deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from google.api_core import exceptions as google
from google.cloud import iam_admin_v1

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.autoscaler import AUTOSCALER
from cloud.drivers.base import ONCE
from cloud.drivers.instance_group import INSTANCE_GROUP
from cloud.errors import translated
from cloud.journal import Attempt
from cloud.lease_runs import failed_since, read, said, start
from ironwood.errors import LeaseError, NotFoundError, ProbeError
from ironwood.resources.autoscaler import Autoscaler, Signal
from ironwood.resources.base import Address
from ironwood.resources.group import InstanceGroup

POLL = timedelta(seconds=5)
WITHIN = timedelta(minutes=15)
"""How long a lease may take until the group it empties is empty, draining included."""


def refused_resize(connection: Connection, attempt: Attempt, group: InstanceGroup) -> str:
    """Give `group` an autoscaler that keeps its size, try to resize it, take the autoscaler away again; answers the words it was refused with.

    Raises ProbeError where the resize was let through. The autoscaler carries the marker: one that is left behind goes with a teardown.
    """
    autoscaler = Autoscaler(
        name=group.name,
        scope=group.scope,
        owner=group.owner,
        group=group.address,
        least=group.size,
        most=group.size,
        signal=Signal(target=0.8),
        stabilization_seconds=600,
        initialization_seconds=60,
    )
    AUTOSCALER.create(connection, attempt, autoscaler)
    try:
        return _refusal(connection, attempt, group)
    finally:
        AUTOSCALER.delete(connection, attempt, autoscaler)


def _refusal(connection: Connection, attempt: Attempt, group: InstanceGroup) -> str:
    client: Any = connection.client(INSTANCE_GROUP.client)
    doing = f"resizing {group.address}, which has an autoscaler"
    request = INSTANCE_GROUP.place(connection, group) | {"size": group.size + 1}
    try:
        with translated(doing), attempt.write(doing) as key:
            try:
                client.resize_unary(request=request | {"request_id": key}, **ONCE)
            except google.PreconditionFailed as error:
                return str(error.message)
    finally:
        live = INSTANCE_GROUP.live(connection, group)
    raise ProbeError(f"{doing} was not refused: its target is {live.size}; nobody else may size a group that has an autoscaler")


def emptied_by_its_lease(connection: Connection, attempt: Attempt, group: InstanceGroup, lease: Address) -> timedelta:
    """Fire the job at `lease` once and wait until `group` is empty; answers how long that took. Raises LeaseError where the job was refused."""
    began = start(connection, attempt, f"running {lease.name} against {group.name}", lease)
    while True:
        live = INSTANCE_GROUP.read(connection, group)
        if live.target_size == 0 and live.status.is_stable and live.current_actions.none == 0:
            return connection.clock.now() - began
        job = read(connection, lease)
        if failed_since(job, began):
            raise LeaseError(f"{lease.name} does not reach {group.address}: it was answered {said(job)}")
        if connection.clock.now() - began > WITHIN:
            raise LeaseError(f"{lease.name} was fired and {group.address} still has {live.target_size} VMs after {WITHIN}")
        sleep(connection.clock, POLL)


def unique_id(connection: Connection, email: str) -> str:
    """The number of the account at an address, which is nobody else's ever."""
    with translated(f"reading {email}"):
        return str(_account(connection, email).unique_id)


def deleted_account(connection: Connection, number: str) -> str:
    """What is said of an account that was deleted, "" where it is there."""
    try:
        with translated(f"reading account {number}"):
            _account(connection, number)
    except NotFoundError as error:
        return str(error).partition(": ")[2]
    return ""


def _account(connection: Connection, name: str) -> iam_admin_v1.ServiceAccount:
    client = connection.client(iam_admin_v1.IAMClient)
    return client.get_service_account(name=f"projects/{connection.project}/serviceAccounts/{name}", **ONCE)
