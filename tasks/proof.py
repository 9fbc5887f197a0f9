"""The proof of zero: every registered kind listed again, in every zone and region, after a teardown.

Three columns: gone; pending deletion (kept by Google for a while, $0); kept by choice. Nothing is inferred from what was
deleted: it is a fresh listing. What stands under the profile's names and is not its is told beside it: a profile that was
renamed, or a marker somebody removed, finds nothing of its own, and that alone is no proof that nothing bills.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cloud.connection import Connection
from cloud.drivers.logs import pending_buckets
from cloud.observe import Observation, observe
from ironwood.claim import claimed
from ironwood.cost.estimate import cents, estimate
from ironwood.desired import desired
from ironwood.diff import under_our_names
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.budget import Budget
from ironwood.resources.group import InstanceGroup
from ironwood.resources.registry import KINDS
from ironwood.tpu import region_of
from tasks.inputs import load_price_book
from tasks.retries import google_task

PENDING = {"service_account": "purged by Google within 30 days, $0"}
"""Kinds that Google keeps, unseen and unbilled, for a while after their deletion (documented)."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The table, what is still there by address (empty when the proof holds), and a line on whatever is not the profile's under its names;
    `outage`: which region that is down holds it.
    """

    rows: tuple[tuple[str, str, str, str, str], ...]
    left: tuple[str, ...]
    kinds: int
    outage: str = ""
    not_ours: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line of it."""
        return (
            f"{self.kinds} kinds listed in every zone and region, {len(self.left)} ours, $0.00/h"
            if not self.left
            else f"{len(self.left)} left"
        )


@google_task(name="proof of zero", run_name="prove zero")
def prove_zero(connection: Connection, profile: Profile) -> Proof:
    """List every kind afresh and say what of `profile` is left."""
    with connection.clock.participating("proof of zero"):
        seen = observe(connection)
        waiting = {"log_bucket": _waiting(pending_buckets(connection, profile.name))} if "log_bucket" not in seen.unlisted else {}
    left: dict[str, list[str]] = {}
    for resource in claimed(seen.live, profile):
        if resource.owner == profile.name:
            left.setdefault(resource.kind, []).append(str(resource.address))
    rows = []
    for kind, form in KINDS.items():
        where = "API off: nothing can be there" if kind in seen.unlisted else "everywhere"
        if kind in seen.hidden:
            where = "nowhere: this account may not list it"
        kept = "enabled APIs stay, $0" if form.marking == "none" else ""
        if kind in seen.hidden and kind == Budget.kind and profile.billing_account:
            left.setdefault(kind, []).append(f"{kind}/billingAccounts/{profile.billing_account}/unknown, because it may not be listed")
        gone = f"LEFT: {', '.join(left[kind])}" if kind in left else "" if kept or kind in seen.hidden else "yes"
        rows.append((kind, where, gone, waiting.get(kind) or PENDING.get(kind, ""), kept))
    still = tuple(address for found in left.values() for address in found)
    return Proof(
        rows=tuple(rows), left=still, kinds=len(rows), not_ours=tuple(_not_ours(seen.live, profile)), outage=_outage(seen, profile)
    )


def _not_ours(live: Graph, profile: Profile) -> Iterator[str]:
    """A line for each other profile that has names of this one's, and for each object there that nobody marked."""
    found = under_our_names(desired(profile, profile.baseline), live, owner=profile.name)
    for owner in sorted({each.owner for each in found if each.owner}):
        theirs = [str(each.address) for each in found if each.owner == owner]
        hourly = cents(estimate(Graph.of(live.owned_by(owner)), load_price_book(profile.price_book)).hourly_usd)
        yield (
            f"profile {owner} has {len(theirs)} of the names, {theirs[0]} first, and goes on at ${hourly:,.2f}/h: "
            f"if it is this one renamed, tear it down under `name: {owner}`"
        )
    for each in found:
        if not each.owner:
            yield (
                f"{each.address} carries no marker of ours: delete it yourself, or write `adopt: [{each.address}]`, "
                "provision, and tear down again"
            )


def _outage(seen: Observation, profile: Profile) -> str:
    """What of the profile a region that is down holds back, and what comes back with it; "" where none does."""
    held = [each for each in seen.live if each.owner == profile.name and region_of(each.scope) in seen.down]
    if not held:
        return ""
    vms = sum(each.size for each in held if isinstance(each, InstanceGroup))
    back = f"its {vms} VMs come back with it and bill again" if vms else "nothing of it bills"
    lost = ", ".join(sorted({region_of(each.scope) for each in held}))
    return f"{lost} is down, and nothing can be deleted there: nothing there bills now, {back}. As soon as it is up"


def _waiting(pending: list[tuple[str, datetime]]) -> str:
    return ", ".join(f"{name} purged by Google by {when:%Y-%m-%d}, $0" for name, when in pending)
