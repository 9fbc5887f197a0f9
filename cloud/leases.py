"""Prove that a lease can stop its group: have its job call Google while the group is empty, and see the call arrive.

1. The group has no VMs yet, so a resize to zero changes nothing; a lease that leaves a floor orders no more than is wanted anyway. 2. An attempt without an error only means that the call was accepted; the proof
is the resize that the job's own account made, seen among the group's operations and done without an error. 3. What an account may do is known
everywhere only after minutes (documented), so a refusal is tried again for ten minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from google.cloud import compute_v1, scheduler_v1

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.errors import LeaseError
from ironwood.resources.base import Address
from ironwood.resources.group import InstanceGroup

POLL = timedelta(seconds=2)
ANSWERED = timedelta(minutes=2)
"""How long an attempt may take until its call is seen; the job's own deadline is longer, but a resize is accepted at once."""
KNOWN = timedelta(minutes=10)
RESIZE = "compute.instanceGroupManagers.resize"


def prove(connection: Connection, attempt: Attempt, group: InstanceGroup, lease: Address) -> None:
    """Run the job at `lease` and wait until its resize of the empty `group` is done; raises LeaseError, after which nothing may grow."""
    began = connection.clock.now()
    while True:
        code = _run(connection, attempt, group, lease)
        if code is None:
            return
        if connection.clock.now() - began > KNOWN:
            raise LeaseError(
                f"{group.address} was not given VMs, because the job that would empty it when nobody of ours lives does not reach it: "
                f"{lease.name} was answered {code}. Its account needs compute.instanceGroupManagers.update; undo what took that away, then run again."
            )
        sleep(connection.clock, POLL * 10)


def _run(connection: Connection, attempt: Attempt, group: InstanceGroup, lease: Address) -> str | None:
    """Run the job once; None when its call was carried out, else what was answered."""
    client = connection.client(scheduler_v1.CloudSchedulerClient)
    name = f"projects/{connection.project}/locations/{lease.scope.partition('/')[2]}/jobs/{lease.name}"
    started = connection.clock.now()
    doing = f"running {lease.name} against the empty {group.name}"
    with attempt.write(doing), translated(doing):
        job = client.run_job(name=name, **ONCE)
    account = job.http_target.oauth_token.service_account_email
    floor = int(job.http_target.uri.rpartition("size=")[2])
    while True:
        with translated(f"reading {lease.name}"):
            job = client.get_job(name=name, **ONCE)  # first, so that what a run needs does not depend on how fast the call arrives
        if _arrived(connection, group, account, started, floor):
            return None
        if job.status.code and job.last_attempt_time and job.last_attempt_time >= started - POLL:
            return f"code {job.status.code}{f' ({job.status.message})' if job.status.message else ''}"
        if connection.clock.now() - started > ANSWERED:
            return "nothing"
        sleep(connection.clock, POLL)


def _arrived(connection: Connection, group: InstanceGroup, account: str, since: datetime, floor: int) -> bool:
    """Whether a resize by `account` since then is done and the group's target is `floor` VMs."""
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
