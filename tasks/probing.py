"""The steps of `probe_cloud` that no lifecycle has, as tasks."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import httpx

from cloud import access, probing
from cloud.clock import sleep
from cloud.connection import Connection
from cloud.journal import Attempt
from ironwood.errors import ApiDisabledError, ProbeError
from ironwood.resources.base import Address
from ironwood.resources.group import InstanceGroup
from tasks.preflight.check import Check
from tasks.probe import QUESTION
from tasks.retries import google_task

ANSWERS_WITHIN = timedelta(minutes=15)
"""A new load balancer answers by itself for some minutes before its rules are everywhere."""
AUTOSCALER_PERMISSIONS = (
    "compute.autoscalers.create",
    "compute.autoscalers.delete",
    "compute.autoscalers.get",
    "compute.autoscalers.list",
    "compute.instanceGroupManagers.use",
)
POLL = timedelta(seconds=10)


@google_task(name="permissions", run_name="permissions for an autoscaler")
def autoscaler_permissions(connection: Connection) -> list[Check]:
    """What the caller lacks that no lifecycle of a profile without autoscalers uses."""
    try:
        with connection.clock.participating("permissions"):
            missing = sorted(set(AUTOSCALER_PERMISSIONS) - access.held(connection, AUTOSCALER_PERMISSIONS))
    except ApiDisabledError:
        return []
    if not missing:
        return []
    return [
        Check(
            subject="permissions",
            found=f"the probe also needs {', '.join(missing)}",
            remedy="Grant roles/compute.instanceAdmin.v1, which has them",
        )
    ]


@google_task(name="front end", run_name="ask {url}")
def answering(connection: Connection, url: str) -> timedelta:
    """Ask until the answer is 200; how long that took. Raises ProbeError."""
    with connection.clock.participating("front end"), httpx.Client(timeout=30.0) as client:
        began = connection.clock.now()
        while True:
            try:
                told = str(client.post(url, json=QUESTION).status_code)
            except httpx.HTTPError as error:
                told = type(error).__name__
            if told == "200":
                return connection.clock.now() - began
            if connection.clock.now() - began > ANSWERS_WITHIN:
                raise ProbeError(f"{url} answers {told} {ANSWERS_WITHIN} after all of its VMs were healthy")
            sleep(connection.clock, POLL)


@google_task(name="autoscaler", run_name="an autoscaler for {group.name}, and a resize")
def refused_resize(connection: Connection, group: InstanceGroup, run: UUID) -> str:
    """The words a resize is refused with while `group` has an autoscaler; it is gone again afterwards."""
    with connection.clock.participating("autoscaler"):
        return probing.refused_resize(connection, Attempt(run=run, step=f"probe {group.address}", number=1), group)


@google_task(name="lease", run_name="fire {lease.name}")
def emptied_by_its_lease(connection: Connection, group: InstanceGroup, lease: Address, run: UUID) -> timedelta:
    """Fire the lease of `group`; how long it took until the group was empty."""
    with connection.clock.participating("lease"):
        return probing.emptied_by_its_lease(connection, Attempt(run=run, step=f"lease {group.address}", number=1), group, lease)
