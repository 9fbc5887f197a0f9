"""A tier under an autoscaler is seen to grow by itself: on the embedded cloud, where demand can be played at the load balancer."""

from __future__ import annotations

from datetime import datetime, timedelta

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.autoscaler import AUTOSCALER
from cloud.drivers.instance_group import INSTANCE_GROUP
from flows.reconcile import API_NAMES, ours
from ironwood import naming
from ironwood.desired import order_of
from ironwood.errors import ProbeError
from ironwood.profile import Profile
from ironwood.profile_regions import home_of
from ironwood.resources.autoscaler import ON, Autoscaler
from ironwood.resources.group import InstanceGroup
from tasks import report
from tasks.observe import observe

WITHIN = timedelta(minutes=10)
"""In which a group follows its load: a minute until it is measured, and one until it is acted on."""
POLL = timedelta(seconds=15)
MINUTES = 30


def grow_by_load(connection: Connection, profile: Profile) -> None:
    """Play as much as each autoscaled tier takes at its largest, and wait until it is ordered; raises ProbeError where it is not. Nothing on the real cloud."""
    if connection.admin is None:
        return
    live = ours(observe(connection, API_NAMES).live, profile)
    for each in live:
        group = live.get(each.group) if isinstance(each, Autoscaler) and each.mode == ON else None
        order = order_of(profile, group.name) if group is not None else None
        if isinstance(each, Autoscaler) and isinstance(group, InstanceGroup) and order is not None and not each.signal.metric:
            _grown(connection, profile, order[0], each, group)


def _grown(connection: Connection, profile: Profile, tier: str, scaler: Autoscaler, group: InstanceGroup) -> None:
    admin = connection.admin
    assert admin is not None
    rate = profile.load_balancer.max_rate_per_vm * 60
    now = connection.clock.now()
    trace = {
        "since": _next_minute(now).isoformat(),
        "bin_minutes": 1,
        "requests": [scaler.most * rate] * MINUTES,
        "paths": [f"/{path}/v1/predict" for path in profile.enabled_tiers[home_of(tier)].paths] or ["/v1/predict"],
        "requests_per_chip_minute": rate,  # more than a VM is said to take, so that all of it is served meanwhile
    }
    domains = profile.load_balancer.domains
    prefix = profile.name_prefix
    rule = naming.https_forwarding_rule(prefix) if domains else naming.forwarding_rule(prefix)
    admin.put("/_emulator/traffic", json={rule: trace | ({"host": domains[0]} if domains else {})}).raise_for_status()
    try:
        while (size := INSTANCE_GROUP.live(connection, group).size) < scaler.most:
            if connection.clock.now() - now > WITHIN:
                told = ", ".join(AUTOSCALER.live(connection, scaler).told) or "nothing"
                raise ProbeError(f"{scaler.address} left its group at {size} of {scaler.most} VMs under load; it tells {told}")
            sleep(connection.clock, POLL)
    finally:
        admin.put("/_emulator/traffic", json={rule: None}).raise_for_status()
    took = report.duration(connection.clock.now() - now)
    report.say(
        "autoscale", f"{tier} {group.size} → {size} VMs by its autoscaler, {took} after {scaler.most * rate:,} requests a minute came"
    )


def _next_minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)
