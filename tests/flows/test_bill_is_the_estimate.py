"""The embedded cloud's bill, from its own prices and its own meter, is our estimate for the same interval: kind by kind, and to the cent."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from google.cloud import compute_v1, scheduler_v1

from cloud.connection import Connection, connect
from cloud.observe import observe
from flows.provision import provision
from flows.reconcile import ours
from flows.scale import scale
from ironwood.cost.estimate import Estimate, cents, estimate
from ironwood.profile import Profile
from running import EmbeddedCloud
from tasks.inputs import load_price_book, load_profile

HOURS = 5
LEAST = Decimal("0.0001")
"""The bill rounds each of its lines to a millionth of a dollar; a sum of them may be off by a hundredth of this."""
KINDS = {
    ("instance_group", "chips"): "compute.instances",
    ("instance_group", "disks"): "compute.disks",
    ("router", "gateway"): "compute.routers",
    ("forwarding_rule", "rule"): "compute.globalForwardingRules",
    ("address", "use"): "compute.addresses",
    ("bucket", "stored"): "storage.objects",
    ("scheduler_job", "job"): "cloudscheduler.jobs",
    ("security_policy", "policy"): "compute.securityPolicies",
    ("alert_policy", "condition"): "monitoring.alertPolicies",
}
"""What the emulator calls that for which our lines charge: the kind of address and the last word of the line."""


def estimated(found: Estimate) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in found.lines:
        sums[KINDS[line.address.kind, line.what.rpartition(" ")[2]]] += line.hourly_usd * HOURS
    return dict(sums)


def billed(cloud: EmbeddedCloud, start: datetime, end: datetime) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in cloud.ask("bill", **{"from": start.isoformat(), "until": end.isoformat()})["lines"]:
        sums[line["kind"]] += Decimal(line["amount_usd"])
    return dict(sums)


def hold_and_compare(cloud: EmbeddedCloud, connection: Connection, profile: Profile) -> set[str]:
    """Hold what is there for hours; the bill of those hours must be the estimate. Answers the kinds that billed."""
    cloud.tell("clock/advance", {"seconds": 3600})
    start = connection.clock.now()
    cloud.tell("clock/advance", {"seconds": HOURS * 3600})
    end = connection.clock.now()
    found = estimate(ours(observe(connection).live, profile), load_price_book("list"))
    mine, theirs = estimated(found), billed(cloud, start, end)
    for kind in mine.keys() | theirs.keys():
        assert abs(mine.get(kind, Decimal(0)) - theirs.get(kind, Decimal(0))) < LEAST, (
            f"{kind}: {mine.get(kind)} here, {theirs.get(kind)} billed"
        )
    assert cents(sum(mine.values(), Decimal(0))) == cents(sum(theirs.values(), Decimal(0)))
    assert abs(found.hourly_usd - Decimal(cloud.ask("bill")["usd_per_hour"])) < LEAST
    return {kind for kind, usd in theirs.items() if usd}


def more_of_what_bills(cloud: EmbeddedCloud, connection: Connection, profile: Profile) -> None:
    """An address nobody uses and jobs beyond the free ones, marked as ours."""
    mark = f"ironwood-profile={profile.name}"
    address = compute_v1.Address(name="spare", description=mark)
    connection.client(compute_v1.GlobalAddressesClient).insert_unary(project=connection.project, address_resource=address)
    jobs = connection.client(scheduler_v1.CloudSchedulerClient)
    parent = f"projects/{connection.project}/locations/us-east5"
    for number in range(60):
        target = {"uri": "https://example.com/"}
        job = {"name": f"{parent}/jobs/more-{number}", "description": mark, "schedule": "0 0 1 1 *", "http_target": target}
        jobs.create_job(parent=parent, job=job)
    cloud.tell("clock/advance", {"seconds": 60})


def test_the_bill_of_an_interval_is_the_estimate_of_what_was_held(stepped_cloud: EmbeddedCloud, whole_profile: Path):
    text = whole_profile.read_text().replace("medium: {chips: 16}", "medium: {chips: 64}")
    whole_profile.write_text(text + 'stop_at: {cron: "0 0 1 1 *"}\n')
    provision(str(whole_profile))
    profile = load_profile(str(whole_profile))
    connection = connect(profile)
    held = {"compute.instances", "compute.disks", "compute.routers", "compute.globalForwardingRules", "monitoring.alertPolicies"}
    held |= {"cloudscheduler.jobs"}  # two groups, each with a stop and a lease: one more than is free
    assert hold_and_compare(stepped_cloud, connection, profile) == held
    scale(str(whole_profile), {"small": 2, "medium": 3})  # past 32 VMs the gateway has one price
    more_of_what_bills(stepped_cloud, connection, profile)
    assert hold_and_compare(stepped_cloud, connection, profile) == held | {"compute.addresses"}
