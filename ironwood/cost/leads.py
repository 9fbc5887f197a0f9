"""How long growth takes, learned from the ledger: from the intent to the outcome, by tier and zone.

1. Only growth counts, and only where the outcome was written: an order that was given up taught nothing. 2. Below five observations the stated lead
times hold (`ironwood/placement.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from ironwood.cost.ledger import Change
from ironwood.placement import lead_of as stated_lead
from ironwood.profile import Profile

ENOUGH = 5


@dataclass(frozen=True, kw_only=True)
class Lead:
    """The lead time half and nineteen of twenty growths took at the most; `count` 0: stated, not learned."""

    p50: timedelta
    p95: timedelta
    count: int

    def __str__(self) -> str:
        """`p50 8.4 min, p95 9.0 min of 12`."""
        learned = f"of {self.count}" if self.count else "stated"
        return f"p50 {self.p50 / timedelta(minutes=1):.1f} min, p95 {self.p95 / timedelta(minutes=1):.1f} min {learned}"


Leads = Mapping[tuple[str, str], Lead]
"""By tier and zone."""
STATED = Lead(p50=timedelta(minutes=7), p95=timedelta(minutes=16), count=0)
"""What `LEAD_TIMES` says of VMs that are to be had at once."""
STATED_QUEUED = Lead(p50=timedelta(minutes=16), p95=timedelta(hours=20, minutes=16), count=0)
"""And of flex-start VMs, whose queue was seen at 20 h."""


def learned_leads(entries: Iterable[Change]) -> dict[tuple[str, str], Lead]:
    """What the ledger teaches of each tier and zone that grew five times or more."""
    intents: dict[str, Change] = {}
    took: dict[tuple[str, str], list[timedelta]] = {}
    for each in sorted(entries, key=lambda entry: entry.at):
        if each.after <= each.before:
            continue
        if each.phase == "intent":
            intents[each.key] = each
        elif each.key in intents:
            took.setdefault((each.make.tier, each.make.zone), []).append(each.at - intents.pop(each.key).at)
    return {place: _lead(times) for place, times in took.items() if len(times) >= ENOUGH}


def lead_of(leads: Leads, tier: str, zone: str, consumption: str) -> Lead:
    """The lead to reckon with: learned, else stated."""
    return leads.get((tier, zone)) or (STATED_QUEUED if consumption == "flex_start" else STATED)


def ahead_of(profile: Profile, leads: Leads) -> dict[str, timedelta]:
    """How long before its window a pod of each tier is to be ordered: as the profile says, else what nineteen of twenty growths took, else as stated."""
    found = {}
    for name, tier in profile.enabled_tiers.items():
        learned = leads.get((name, tier.zone)) if tier.lead_minutes is None else None
        found[name] = stated_lead(tier) if learned is None else learned.p95
    return found


def _lead(times: list[timedelta]) -> Lead:
    ordered = sorted(times)
    rank = [ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95)]
    return Lead(p50=rank[0], p95=rank[1], count=len(ordered))
