"""What a profile holds, for the policy: pods as the groups are ordered, and what ordered them, by the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from cloud import audit
from cloud.connection import Connection
from cloud.drivers.registry import DRIVERS
from ironwood import naming
from ironwood.capacity.live import Holding
from ironwood.capacity.ordered import steps_of
from ironwood.capacity.replay import Rules
from ironwood.claim import claimed
from ironwood.cost.budget import pods_of
from ironwood.cost.ledger import CHANGE, Change, read_entry
from ironwood.desired import order_of
from ironwood.desired.observability import ledger_log
from ironwood.errors import NotFoundError
from ironwood.graph import Graph
from ironwood.placement import pod_of
from ironwood.profile import Profile
from ironwood.resources.group import InstanceGroup
from tasks.retries import google_task


@google_task(name="policy", run_name="see what {profile.name} holds, and since when")
def holding(connection: Connection, profile: Profile, rules: Rules, moment: datetime) -> Holding:
    """Pods by tier, those of them not there, and what was ordered and stopped as long ago as `rules` care. Raises CloudError."""
    with connection.clock.participating("policy"):
        live = claimed(Graph.of(DRIVERS[InstanceGroup.kind].observe(connection)), profile)
        since = moment - timedelta(minutes=max(tier.lead_minutes + max(tier.min_up_minutes, tier.min_down_minutes) for tier in rules.tiers))
        changes = [each for each in _entries(connection, profile, since) if isinstance(each, Change)]
    return Holding(pods=pods_of(profile, live), lacking=_lacking(profile, live), steps=steps_of(changes))


def _entries(connection: Connection, profile: Profile, since: datetime) -> list[object]:
    try:
        found = audit.read(connection, bucket=naming.ledger(profile.name_prefix), log=ledger_log(profile), since=since, kind=CHANGE)
    except NotFoundError:  # nothing was provisioned yet
        return []
    return [read_entry(each.at, each.content) for each in found]


def _lacking(profile: Profile, live: Graph) -> Mapping[str, int]:
    """Whole pods' worth of VMs that are ordered and not there."""
    vms = dict.fromkeys(profile.enabled_tiers, 0)
    for group in live:
        if isinstance(group, InstanceGroup) and group.owner == profile.name and (order := order_of(profile, group.name)) is not None:
            vms[order[0]] += group.lacking
    return {name: count // pod_of(profile.enabled_tiers[name]).vms for name, count in vms.items()}
