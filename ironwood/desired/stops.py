"""Tiers that stop by themselves at a cron time: one Cloud Scheduler job a group, as an account of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ironwood import naming
from ironwood.desired.access import bindings
from ironwood.profile import Profile
from ironwood.resources.base import Resource
from ironwood.resources.group import InstanceGroup
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.service_account import ServiceAccount

EMPTY = "resize?size=0"
STOPPER_ROLES = ("roles/compute.instanceAdmin.v1",)
"""The narrowest predefined role with compute.instanceGroupManagers.update."""


def stops(profile: Profile, groups: Iterable[InstanceGroup]) -> Iterator[Resource]:
    """Nothing where the profile has no `stop_at`. What a job has stopped is drift; provision starts it again."""
    if profile.stop_at is None:
        return
    account = ServiceAccount(
        name=naming.stopper_account_id(profile.name_prefix), owner=profile.name, display_name="Stops tiers at their time"
    )
    yield account
    yield from bindings(account, STOPPER_ROLES)
    for group in groups:
        yield SchedulerJob(
            name=naming.stop_job(group.name),
            scope=f"regions/{profile.region}",
            owner=profile.name,
            schedule=profile.stop_at.cron,
            time_zone=profile.stop_at.time_zone,
            target=group.address,
            call=EMPTY,
            account=account.address,
        )
