"""Prove that a lease can stop its group: have its job call Google while the group is empty, and see the call arrive.

1. The group has no VMs yet, so a resize to zero changes nothing; a lease that leaves a floor orders no more than is wanted anyway. 2. An attempt without an error only means that the call was accepted; the proof
is the resize that the job's own account made, seen among the group's operations and done without an error. 3. What an account may do is known
everywhere only after minutes (documented), so a refusal is tried again for ten minutes.
"""

from __future__ import annotations

from datetime import datetime

from google.cloud import compute_v1, scheduler_v1

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.journal import Attempt
from cloud.lease_runs import ANSWERED, POLL, failed_since, read, said, start, until_it_reaches
from ironwood.resources.base import Address
from ironwood.resources.group import InstanceGroup

RESIZE = "compute.instanceGroupManagers.resize"


def prove(connection: Connection, attempt: Attempt, group: InstanceGroup, lease: Address) -> None:
    """Run the job at `lease` and wait until its resize of the empty `group` is done; raises LeaseError, after which nothing may grow."""
    until_it_reaches(
        connection,
        lambda: _run(connection, attempt, group, lease),
        lambda answer: (
            f"{group.address} was not given VMs, because the job that would empty it when nobody of ours lives does not reach it: "
            f"{lease.name} was answered {answer}. Its account needs compute.instanceGroupManagers.update; undo what took that away, then run again."
        ),
    )


def _run(connection: Connection, attempt: Attempt, group: InstanceGroup, lease: Address) -> str | None:
    """Run the job once; None when its call was carried out, else what was answered."""
    started = start(connection, attempt, f"running {lease.name} against the empty {group.name}", lease)
    while True:
        job = read(connection, lease)  # first, so that what a run needs does not depend on how fast the call arrives
        if _arrived(connection, group, job, started):
            return None
        if failed_since(job, started):
            return said(job)
        if connection.clock.now() - started > ANSWERED:
            return "nothing"
        sleep(connection.clock, POLL)


def _arrived(connection: Connection, group: InstanceGroup, job: scheduler_v1.Job, since: datetime) -> bool:
    """Whether a resize by the job's account since then is done and the group's target is the number of VMs the job leaves."""
    account = job.http_target.oauth_token.service_account_email
    floor = int(job.http_target.uri.rpartition("size=")[2])
    zone = group.scope.removeprefix("zones/")
    kept = f'operationType = "{RESIZE}" AND user = "{account}"'
    with translated(f"listing the operations of {group.address}"):
        found = connection.client(compute_v1.ZoneOperationsClient).list(
            compute_v1.ListZoneOperationsRequest(project=connection.project, zone=zone, filter=kept), **ONCE
        )
        ours = [
            each
            for each in found
            if each.target_link.rpartition("/")[2] == group.name and datetime.fromisoformat(each.insert_time) >= since - POLL
        ]
    done = any(each.status == compute_v1.Operation.Status.DONE and not each.error.errors for each in ours)
    if not done:
        return False
    with translated(f"reading {group.address}"):
        live = connection.client(compute_v1.InstanceGroupManagersClient).get(
            project=connection.project, zone=zone, instance_group_manager=group.name, **ONCE
        )
    return live.target_size == floor
