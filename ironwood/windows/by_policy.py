"""The policy among the windows: its sizes take the place of the baseline's and the capacity plan's, and what is above them bounds it.

1. The profile's windows and overrides count over it: it may choose between what would hold if it asked for nothing and if it asked for all.
2. What binds it now from above and what binds it from below within its horizon it knows when it decides, so that other tiers make up for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from ironwood.capacity.live import BIN, Bound
from ironwood.capacity.policies.optimized import HORIZON
from ironwood.decided import Decided
from ironwood.profile import Profile
from ironwood.windows.occurrences import Layer, Occurrence
from ironwood.windows.timeline import AHEAD, wanted

NAME = "policy optimized"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Between which sizes the policy may choose, by tier; `told`: why, in a sentence for each that is narrower than the profile's own."""

    tiers: Mapping[str, Bound]
    told: tuple[str, ...]


def asked(profile: Profile, decided: Decided, moment: datetime) -> tuple[Occurrence, ...]:
    """What was decided as something that wants sizes from `moment` on, tier by tier; a tier that is not enabled any more is left out."""
    return tuple(
        _asking({tier: pods}, f"{NAME} at {decided.at:%H:%M} UTC: {decided.why.get(tier, '')}", moment, AHEAD * 2)
        for tier, pods in decided.sizes.items()
        if tier in profile.enabled_tiers
    )


def bounds(profile: Profile, moment: datetime) -> Bounds:
    """What windows and overrides leave the policy from `moment` on."""
    tiers = profile.enabled_tiers
    ahead = HORIZON * BIN
    nothing = wanted(profile, None, moment, moment + ahead, (_asking(dict.fromkeys(tiers, 0), NAME, moment, ahead),))
    everything = {name: tier.max_replicas for name, tier in tiers.items()}
    most = wanted(profile, None, moment, moment + BIN, (_asking(everything, NAME, moment, ahead),))[0].decision
    found, told = {}, []
    for name, tier in tiers.items():
        low = np.zeros(HORIZON, dtype=np.int64)
        for stretch in nothing:
            bins = slice((stretch.begin - moment) // BIN, -((moment - stretch.end) // BIN))
            low[bins] = np.maximum(low[bins], stretch.decision.sizes[name])
        found[name] = Bound(low=low, high=most.sizes[name])
        least = nothing[0].decision.sizes[name]
        if (least, most.sizes[name]) != (tier.min_replicas, tier.max_replicas):
            reason = most.reasons[name] if NAME not in most.reasons[name] else nothing[0].decision.reasons[name]
            told.append(f"{name}: {reason} leaves the policy {_between(least, most.sizes[name])}")
    return Bounds(tiers=found, told=tuple(told))


def _asking(sizes: Mapping[str, int], said: str, begin: datetime, lasts: timedelta) -> Occurrence:
    return Occurrence(begin=begin, end=begin + lasts, layer=Layer.POLICY, order=0, zone="Etc/UTC", said=said, exact=sizes)


def _between(low: int, high: int) -> str:
    return f"no choice but {low}" if low == high else f"{low} to {high} pods"
