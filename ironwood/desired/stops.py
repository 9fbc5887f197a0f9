"""Tiers that Google stops by itself: Cloud Scheduler jobs that empty a group, as an account of their own.

1. `stop_at`: at a cron time. 2. The dead-man lease: when nobody has renewed it (`ironwood/lease.py`); every group refers to the job of its lease,
so the job is made before the group has VMs and deleted after it. It leaves the tier's `lease_floor`, if it has one. 3. A model
deployed at Vertex AI has the same two jobs, which undeploy it, a development TPU too: they delete its queued resource with its node. Neither lease is
tried again within five minutes: the call that proves it finds nothing. 4. A group under an autoscaler has each job twice: Google refuses to resize it until
the autoscaler is off. The one that switches it off is written after the one that empties, so that it never fires the later of the two.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from ironwood import naming, tpu
from ironwood.desired.access import bindings
from ironwood.desired.autoscaling import autoscalers as by_group
from ironwood.graph import Graph
from ironwood.lease import Lease, lease_of
from ironwood.profile import Profile
from ironwood.resources.autoscaler import OFF, Autoscaler
from ironwood.resources.base import Address, Resource
from ironwood.resources.group import InstanceGroup
from ironwood.resources.iam_binding import IamBinding
from ironwood.resources.queued_tpu import QueuedTpu
from ironwood.resources.scheduler_job import TPU, SchedulerJob, vertex_host
from ironwood.resources.service_account import ServiceAccount
from ironwood.resources.vertex import DeployedModel

VERTEX_STOPPER_ROLES = ("roles/aiplatform.user",)
"""The narrowest predefined role with aiplatform.endpoints.undeploy."""
STOPPER_ROLES = ("roles/compute.instanceAdmin.v1",)
"""The narrowest predefined role with compute.instanceGroupManagers.update."""
TPU_STOPPER_ROLES = ("roles/tpu.admin",)
"""The narrowest predefined role that may delete TPU VMs and queued resources."""
UTC = "Etc/UTC"


def stops(
    profile: Profile,
    groups: Iterable[tuple[InstanceGroup, int]],
    live: Graph,
    now: datetime | None,
    *,
    deployed: Iterable[DeployedModel] = (),
    tpus: Iterable[QueuedTpu] = (),
    autoscalers: Iterable[Autoscaler] = (),
) -> Iterator[Resource]:
    """The jobs, their account and what it may do; nothing where the profile wants neither. What a job has stopped is drift.

    With each of `groups` comes how many of its VMs stay when its lease ends.

    `now` decides whether a lease is renewed; without it every lease stays as it is.
    """
    if profile.stop_at is None and not profile.lease.enabled:
        return
    account = ServiceAccount(
        name=naming.stopper_account_id(profile.name_prefix), owner=profile.name, display_name="Stops tiers at their time"
    )
    models = tuple(deployed)
    roles = (*STOPPER_ROLES, *(VERTEX_STOPPER_ROLES if models else ()), *(TPU_STOPPER_ROLES if profile.development else ()))
    granted = tuple(bindings(account, roles))
    yield account
    yield from granted
    scaled = by_group(autoscalers)
    for group, stays in groups:
        job = SchedulerJob(
            name=naming.stop_job(group.name),
            scope=f"regions/{tpu.region_of(group.scope)}",
            owner=profile.name,
            schedule="",
            time_zone=UTC,
            target=f"{group.scope}/instanceGroupManagers/{group.name}",
            call="resize?size=0",
            account=account.address,
            granted=tuple(each.address for each in granted),
        )
        if profile.stop_at is not None:
            stop = replace(job, schedule=profile.stop_at.cron, time_zone=profile.stop_at.time_zone)
            yield stop
            yield from _autoscaler_off(stop, naming.stop_off_job(group.name), group, live, scaled)
        if profile.lease.enabled:
            lease = _lease(profile, replace(job, name=naming.lease_job(group.name), call=f"resize?size={stays}"), live, now)
            yield lease
            for off in _autoscaler_off(lease, naming.lease_off_job(group.name), group, live, scaled):
                yield replace(off, schedule=lease.schedule)
    for queued in tpus:
        yield from _of_tpu(profile, queued, account, granted, live, now)
    for each in models:
        yield from _of_deployed(profile, each, account, granted, live, now)


def _of_tpu(
    profile: Profile, queued: QueuedTpu, account: ServiceAccount, granted: tuple[IamBinding, ...], live: Graph, now: datetime | None
) -> Iterator[SchedulerJob]:
    job = SchedulerJob(
        name=naming.stop_job(queued.name),
        scope=f"regions/{profile.region}",
        owner=profile.name,
        schedule="",
        time_zone=UTC,
        endpoint=TPU,
        target=f"locations/{queued.scope.partition('/')[2]}/queuedResources",
        call=f"{queued.name}?force=true",
        method="DELETE",
        account=account.address,
        granted=tuple(each.address for each in granted),
    )
    if profile.stop_at is not None:
        yield replace(job, schedule=profile.stop_at.cron, time_zone=profile.stop_at.time_zone)
    if profile.lease.enabled:
        yield _lease(profile, replace(job, name=naming.lease_job(queued.name), retries=0), live, now)


def _of_deployed(
    profile: Profile, deployed: DeployedModel, account: ServiceAccount, granted: tuple[IamBinding, ...], live: Graph, now: datetime | None
) -> Iterator[SchedulerJob]:
    """The same two jobs for a deployed model, which undeploy it; a run that finds nothing deployed is answered 404, and not tried again."""
    job = SchedulerJob(
        name=naming.stop_job(deployed.name),
        scope=deployed.scope,
        owner=profile.name,
        schedule="",
        time_zone=UTC,
        endpoint=vertex_host(profile.region),
        target=f"locations/{profile.region}/endpoints",
        call=f"{deployed.endpoint.name}:undeployModel",
        body=json.dumps({"deployedModelId": deployed.id}),
        account=account.address,
        granted=tuple(each.address for each in granted),
        retries=0,
    )
    if profile.stop_at is not None:
        yield replace(job, schedule=profile.stop_at.cron, time_zone=profile.stop_at.time_zone)
    if profile.lease.enabled:
        yield _lease(profile, replace(job, name=naming.lease_job(deployed.name)), live, now)


def _autoscaler_off(
    emptying: SchedulerJob, name: str, group: InstanceGroup, live: Graph, scaled: Mapping[str, Autoscaler]
) -> Iterator[SchedulerJob]:
    """The job that switches the group's autoscaler off, ours or one that somebody gave it, so that `emptying` is let through."""
    own = scaled.get(group.name)
    autoscaler = own.name if own is not None else _theirs(group, live)
    if autoscaler:
        yield replace(
            emptying,
            name=name,
            target=group.scope,
            call=f"autoscalers?autoscaler={autoscaler}",
            method="PATCH",
            body=json.dumps({"autoscalingPolicy": {"mode": OFF}}, separators=(",", ":")),
            after=emptying.address,
        )


def _theirs(group: InstanceGroup, live: Graph) -> str:
    """The autoscaler that somebody gave the group, "" for none; one of ours that is not wanted any more goes by itself."""
    found = live.get(group.address)
    name = found.autoscaler if isinstance(found, InstanceGroup) else ""
    known = live.get(Address(kind=Autoscaler.kind, scope=group.scope, name=name))
    return "" if isinstance(known, Autoscaler) and known.owner == group.owner else name


def _lease(profile: Profile, job: SchedulerJob, live: Graph, now: datetime | None) -> SchedulerJob:
    held = live.get(job.address)
    schedule = held.schedule if isinstance(held, SchedulerJob) else ""
    if now is None:
        return replace(job, schedule=schedule or Lease.UNKNOWN)
    return replace(job, schedule=lease_of(schedule, now=now, length=profile.lease.length).cron)


def lease_job(profile: Profile, group: InstanceGroup) -> Address | None:
    """The job that empties `group` when its lease ends; None for a profile without leases."""
    if not profile.lease.enabled:
        return None
    return Address(kind=SchedulerJob.kind, scope=f"regions/{tpu.region_of(group.scope)}", name=naming.lease_job(group.name))


def off_job(profile: Profile, autoscaler: Autoscaler) -> Address | None:
    """The job that switches `autoscaler` off when its group's lease ends; None for a profile without leases."""
    if not profile.lease.enabled:
        return None
    return Address(
        kind=SchedulerJob.kind, scope=f"regions/{tpu.region_of(autoscaler.scope)}", name=naming.lease_off_job(autoscaler.group.name)
    )
