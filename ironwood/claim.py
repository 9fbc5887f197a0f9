"""What the cloud does not say of a profile's things: whose bindings a deleted account left behind, what empties a group when its lease ends.

1. Two profiles never share an account's id (the second is refused while the first's account is there), so the id tells whose it was. 2. A group's
lease, and what the lease's account may do, are found by name: they are deleted after the group, because it refers to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ironwood.desired import desired
from ironwood.desired.billed import ledger_of
from ironwood.desired.development import billed_tpu, lease_of_tpu
from ironwood.desired.stops import lease_job, off_job
from ironwood.desired.vertex import known
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.base import Address, Resource
from ironwood.resources.group import InstanceGroup
from ironwood.resources.iam_binding import IamBinding
from ironwood.resources.queued_tpu import QueuedTpu
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.secret import SecretAccess
from ironwood.resources.service_account import ServiceAccount
from ironwood.resources.vertex import DeployedModel, VertexEndpoint


def claimed(live: Graph, profile: Profile) -> Graph:
    """`live` with the bindings of `profile`'s deleted accounts marked as its own, and its groups and jobs with what they stand on."""
    accounts = {each.address for each in desired(profile, profile.baseline) if isinstance(each, ServiceAccount)}

    def told(each: Resource) -> Resource:
        if isinstance(each, IamBinding | SecretAccess) and each.of_a_deleted_account and each.account in accounts:
            return replace(each, owner=profile.name)
        if each.owner == profile.name and isinstance(each, InstanceGroup):
            lease = lease_job(profile, each)
            return replace(each, lease=lease if lease is not None and lease in live else None)
        if each.owner == profile.name and isinstance(each, Autoscaler):
            off = off_job(profile, each)
            return replace(each, lease=off if off is not None and off in live else None)
        if each.owner == profile.name and isinstance(each, DeployedModel):
            return known(each, profile, live)
        if each.owner == profile.name and isinstance(each, VertexEndpoint) and each.holds:
            return replace(each, holds=(*each.holds, *_jobs_about(each, live)))
        if each.owner == profile.name and isinstance(each, QueuedTpu):
            deleting = lease_of_tpu(profile, each.name)
            ledger = ledger_of(profile)
            return replace(
                each,
                lease=deleting if deleting is not None and deleting in live else None,
                billed=billed_tpu(each, ledger if ledger is not None and ledger in live else None),
            )
        if each.owner == profile.name and isinstance(each, SchedulerJob):
            granted = (other.address for other in live if isinstance(other, IamBinding) and other.account == each.account)
            return replace(each, granted=tuple(granted))
        return each

    return Graph.of(map(told, live))


def _jobs_about(endpoint: VertexEndpoint, live: Graph) -> Iterator[Address]:
    """The jobs that undeploy something of an endpoint: while a deployment is on its way they outlive it."""
    for job in live:
        if isinstance(job, SchedulerJob) and job.owner == endpoint.owner and job.call == f"{endpoint.name}:undeployModel":
            yield job.address
