"""Which plans a person has to agree to, and to what exactly.

1. Asked about: a plan that raises what is paid an hour by more than the profile's limit, and one that orders VMs of a tier the profile names.
What only shrinks asks nobody. Of a tier under an autoscaler the most it may hold is what is asked about. 2. The agreement is bound to a fingerprint of the plan, its prices and the quotas it counts on: where any of them
is another afterwards, it is void. 3. What changes by itself and costs nothing is no part of it: APIs, and when a lease ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from decimal import Decimal

from ironwood.cost.estimate import Estimate, cents
from ironwood.desired import order_of
from ironwood.plan import Change, Plan
from ironwood.profile import Profile
from ironwood.profile_regions import home_of
from ironwood.resources.autoscaler import ON, Autoscaler
from ironwood.resources.base import SERVICES, Resource
from ironwood.resources.group import InstanceGroup
from ironwood.resources.scheduler_job import SchedulerJob


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: `why` in sentences; `fingerprint`, to what a yes is bound."""

    why: tuple[str, ...]
    fingerprint: str


def question(profile: Profile, plan: Plan, before: Estimate, after: Estimate, quotas: Iterable[tuple[str, str]]) -> Question | None:
    """What a person has to be asked before `plan` is carried out; None where nobody has to be. `quotas`: what preflight found of each."""
    why = tuple(_reasons(profile, plan, before.most_usd, after.most_usd))
    if not why:
        return None
    digest = hashlib.sha256()
    for change in sorted(plan, key=lambda each: each.step):
        if change.address != SERVICES and not _renews_only(change):
            digest.update(repr((change.step, _essence(change.before), _essence(change.after))).encode())
    for line in after.at_most:
        digest.update(repr((str(line.address), line.what, line.hourly_usd, line.committed_usd)).encode())
    digest.update(repr(sorted(quotas)).encode())
    return Question(why=why, fingerprint=digest.hexdigest()[:16])


def _reasons(profile: Profile, plan: Plan, before: Decimal, after: Decimal) -> Iterator[str]:
    limit = profile.approval.above_usd_per_hour
    if limit is not None and after - before > Decimal(str(limit)):
        yield f"it adds ${cents(after - before):,.2f} an hour; profile {profile.name} lets runs add ${limit:,.2f} by themselves"
    for change in plan:
        group = change.after.group.name if isinstance(change.after, Autoscaler) else change.address.name
        if _grows(change) and (order := order_of(profile, group)) and {order[0], home_of(order[0])} & {*profile.approval.tiers}:
            yield f"it orders VMs of tier {order[0]} ({change.address.name}), which profile {profile.name} wants to be asked about"


def _grows(change: Change) -> bool:
    if isinstance(change.after, Autoscaler):
        before = change.before
        return change.after.mode == ON and change.after.most > (before.most if isinstance(before, Autoscaler) and before.mode == ON else 0)
    has = change.before.size if isinstance(change.before, InstanceGroup) else 0
    return isinstance(change.after, InstanceGroup) and change.after.size > has


def _renews_only(change: Change) -> bool:
    return (
        isinstance(change.before, SchedulerJob)
        and isinstance(change.after, SchedulerJob)
        and change.before.differences(change.after).keys() == {"schedule"}
    )


def _essence(resource: Resource | None) -> list[tuple[str, str]] | None:
    """What is compared of a resource; a lease's end moves with the clock, an autoscaler's group with its load."""
    if resource is None:
        return None
    moving = {"schedule"} if isinstance(resource, SchedulerJob) else set()
    if isinstance(resource, InstanceGroup) and resource.autoscaler:
        moving = {"size", "lacking"}
    return [(each.name, repr(getattr(resource, each.name))) for each in fields(resource) if each.compare and each.name not in moving]
