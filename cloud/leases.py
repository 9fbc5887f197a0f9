"""Prove that a lease can stop its group: have its job call Google while the group is empty, and see the call arrive.

1. The group has no VMs yet, so a resize to zero changes nothing; a lease that leaves a floor orders no more than is wanted anyway. 2. The proof is the
resize that the job's own account made (`cloud/zone_calls.py`). 3. What an account may do is known everywhere only after minutes (documented), so a
refusal is tried again for ten minutes.
"""

from __future__ import annotations

from datetime import datetime

from google.cloud import compute_v1, scheduler_v1

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.journal import Attempt
from cloud.lease_runs import until_it_arrives, until_it_reaches
from cloud.zone_calls import carried_out
from ironwood.resources.base import Address
from ironwood.resources.group import InstanceGroup

RESIZE = "compute.instanceGroupManagers.resize"


def prove(connection: Connection, attempt: Attempt, group: InstanceGroup, lease: Address) -> None:
    """Run the job at `lease` and wait until its resize of the empty `group` is done; raises LeaseError, after which nothing may grow."""
    until_it_reaches(
        connection,
        lambda: until_it_arrives(
            connection,
            attempt,
            f"running {lease.name} against the empty {group.name}",
            lease,
            lambda job, started: _arrived(connection, group, job, started),
        ),
        lambda answer: (
            f"{group.address} was not given VMs, because the job that would empty it when nobody of ours lives does not reach it: "
            f"{lease.name} was answered {answer}. Its account needs compute.instanceGroupManagers.update; undo what took that away, then run again."
        ),
    )


def _arrived(connection: Connection, group: InstanceGroup, job: scheduler_v1.Job, since: datetime) -> bool:
    """Whether a resize by the job's account since then is done and the group's target is the number of VMs the job leaves."""
    if not carried_out(connection, job, group.address, "instanceGroupManagers", since, f'operationType = "{RESIZE}"'):
        return False
    floor = int(job.http_target.uri.rpartition("size=")[2])
    with translated(f"reading {group.address}"):
        live = connection.client(compute_v1.InstanceGroupManagersClient).get(
            project=connection.project, zone=group.scope.removeprefix("zones/"), instance_group_manager=group.name, **ONCE
        )
    return live.target_size == floor
