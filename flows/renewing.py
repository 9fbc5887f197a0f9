"""Renew the dead-man leases of what is there, and nothing else: whoever looks that all is well says so to Google."""

from __future__ import annotations

from cloud.connection import Connection
from cloud.observe import Observation
from flows.reconcile import against, carry_out, ours
from ironwood.cost.budget import pods_of
from ironwood.desired import desired
from ironwood.profile import Profile
from ironwood.resources.scheduler_job import SchedulerJob


def renew_leases(connection: Connection, profile: Profile, seen: Observation) -> int:
    """Bring every lease of `profile` that is there and short to its full length; answers how many were."""
    if not profile.lease.enabled:
        return 0
    held = pods_of(profile, ours(seen.live, profile))
    plan = against(seen, profile, desired(profile, held, seen.live, now=connection.clock.now())).parted.now
    short = plan.of_kind(SchedulerJob.kind, "update")
    return len(carry_out(connection, short)) if len(short) else 0
