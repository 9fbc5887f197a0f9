"""Sizes over time: what is wanted, what is held for it, and when that changes.

1. A stretch is half-open and has one decision. Stretches touch, and neighbours differ in their sizes, reasons or conflicts.
2. Held is what is wanted now or within the tier's lead from now, whichever is largest: a pod is ordered a lead before its window and never
   given back for a pause shorter than that.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from types import MappingProxyType
from zoneinfo import ZoneInfo

from ironwood.placement import lead_of
from ironwood.profile import Profile
from ironwood.sizes import sizes_of, told_most
from ironwood.windows.merge import Decision, merge
from ironwood.windows.now import SizesNow
from ironwood.windows.occurrences import InForce, Occurrence, occurrences, zone_of

AHEAD = timedelta(days=40)
"""How far a next change is looked for."""
_MOMENT = timedelta(microseconds=1)
Leads = Mapping[str, timedelta]


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """[begin, end) under one decision."""

    begin: datetime
    end: datetime
    decision: Decision


@dataclass(frozen=True, kw_only=True)
class Change:
    """At `at` the sizes go from `before` to `after` (pods by tier)."""

    at: datetime
    before: Mapping[str, int]
    after: Mapping[str, int]


def leads_of(profile: Profile, learned: Leads = MappingProxyType({})) -> dict[str, timedelta]:
    """How long before its window a pod of each tier is ordered: its `lead_minutes`, else what was `learned` (by tier), else what is usual."""
    tiers = profile.enabled_tiers.items()
    return {name: learned[name] if name in learned and tier.lead_minutes is None else lead_of(tier) for name, tier in tiers}


def wanted(profile: Profile, plan: InForce | None, begin: datetime, end: datetime, also: Sequence[Occurrence] = ()) -> list[Stretch]:
    """What is wanted in [begin, end), in stretches that cover it; `also` wants sizes besides what stands in the profile and the plan."""
    within = (each for each in also if each.begin < end and each.end > begin)
    found = sorted((*occurrences(profile, plan, begin, end), *within), key=lambda each: each.begin)
    edges = sorted({begin, end, *(each.begin for each in found), *(each.end for each in found)})
    active: list[tuple[datetime, int, Occurrence]] = []
    coming = iter(enumerate(found))
    following = next(coming, None)
    stretches = []
    for start, stop in pairwise(edge for edge in edges if begin <= edge <= end):
        while following is not None and following[1].begin <= start:
            heapq.heappush(active, (following[1].end, following[0], following[1]))
            following = next(coming, None)
        while active and active[0][0] <= start:
            heapq.heappop(active)
        stretches.append(Stretch(begin=start, end=stop, decision=merge(profile, (each for _, _, each in active))))
    return _joined(stretches)


def sizes_at(profile: Profile, plan: InForce | None, moment: datetime) -> Decision:
    """What is wanted at `moment`."""
    return wanted(profile, plan, moment, moment + _MOMENT)[0].decision


def held(
    profile: Profile, plan: InForce | None, begin: datetime, end: datetime, leads: Leads, also: Sequence[Occurrence] = ()
) -> list[Stretch]:
    """What is held in [begin, end) so that every tier's wanted size is there in time; conflicts are those of what is wanted."""
    later = max(leads.values(), default=timedelta())
    ahead = wanted(profile, plan, begin, end + later + _MOMENT, also)
    edges = {begin, end}
    for each in ahead:
        edges |= {each.begin, each.end, *(each.begin - lead for lead in leads.values())}
    inside = sorted(edge for edge in edges if begin <= edge <= end)
    first = 0
    stretches = []
    for start, stop in pairwise(inside):
        while ahead[first].end <= start:
            first += 1
        last = first
        while last + 1 < len(ahead) and ahead[last + 1].begin <= start + later:
            last += 1
        stretches.append(Stretch(begin=start, end=stop, decision=_held(profile, ahead[first : last + 1], start, leads)))
    return _joined(stretches)


def changes_between(profile: Profile, plan: InForce | None, begin: datetime, end: datetime) -> list[Change]:
    """The moments in (begin, end) at which what is wanted changes its sizes, in order."""
    return list(changes_of(wanted(profile, plan, begin, end)))


def sizes_of_now(profile: Profile, plan: InForce | None, moment: datetime, leads: Leads, also: Sequence[Occurrence] = ()) -> SizesNow:
    """What is to be held at `moment`, and when that changes next."""
    stretches = held(profile, plan, moment, moment + AHEAD, leads, also)
    now = stretches[0].decision
    following = next(changes_of(stretches), None)
    return SizesNow(
        sizes=now.sizes,
        reasons=now.reasons,
        moment=moment,
        next_change=None if following is None else following.at,
        told=(*now.conflicts, *without_effect(profile, plan, moment)),
        in_force=plan.said if plan is not None and plan.since <= moment and (plan.until is None or moment < plan.until) else "the profile",
    )


def without_effect(profile: Profile, plan: InForce | None, moment: datetime) -> tuple[str, ...]:
    """What stands in the profile or was put in force and has no effect any more at `moment`, in a sentence each."""
    told = []
    for override in profile.overrides:
        zone = zone_of(profile, override)
        expires, until = override.expires.end(zone), override.until.end(zone)
        if expires <= moment:
            told.append(
                f"override {override.name} of {override.owner} has expired on {_local(expires, profile)} and has no effect; remove it"
            )
        elif until <= moment:
            told.append(f"override {override.name} of {override.owner} ended on {_local(until, profile)}; remove it")
    if plan is not None and plan.until is not None and plan.until <= moment:
        told.append(f"{plan.said} ran out on {_local(plan.until, profile)}: the baseline holds in its place; put another in force")
    return tuple(told)


def _local(moment: datetime, profile: Profile) -> str:
    return f"{moment.astimezone(ZoneInfo(profile.time_zone)):%a %d %b %Y %H:%M %Z}"


def _held(profile: Profile, ahead: list[Stretch], start: datetime, leads: Leads) -> Decision:
    now = ahead[0].decision
    sizes, reasons = dict(now.sizes), dict(now.reasons)
    for tier, lead in leads.items():
        for later in ahead[1:]:
            if later.begin <= start + lead and later.decision.sizes[tier] > sizes[tier]:
                sizes[tier] = later.decision.sizes[tier]
                reasons[tier] = f"ahead of {_local(later.begin, profile)}: {later.decision.reasons[tier]}"
    return Decision(sizes=sizes_of(sizes, told_most(now.sizes)), reasons=reasons, conflicts=now.conflicts)


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    """Neighbours of one decision as one stretch."""
    joined = []
    for _, group in groupby(stretches, key=lambda each: each.decision):
        same = list(group)
        joined.append(Stretch(begin=same[0].begin, end=same[-1].end, decision=same[0].decision))
    return joined


def changes_of(stretches: list[Stretch]) -> Iterator[Change]:
    """The moments between stretches at which sizes change."""
    for before, after in pairwise(stretches):
        if before.decision.sizes != after.decision.sizes:
            yield Change(at=after.begin, before=before.decision.sizes, after=after.decision.sizes)
