"""A decision about sizes as it is kept: what was in force, what was seen, what else there was, what was done and why.

Amounts are US dollars an hour at the profile's price book, of everything the profile would hold at those sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ironwood.cost.estimate import estimate
from ironwood.cost.pricebook import PriceBook
from ironwood.desired import desired
from ironwood.errors import StockoutError
from ironwood.profile import Profile

KIND = "decision"
"""What an entry of the ledger's log that keeps a decision calls itself."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Sizes (pods by tier) that could be held, and what they cost an hour."""

    name: str
    sizes: Mapping[str, int]
    usd_hour: Decimal


@dataclass(frozen=True, kw_only=True)
class Decision:
    """`scheduled`: the instant the look was due; `seen`: pods by tier as they were; `choices`: the one taken first."""

    at: datetime
    scheduled: datetime
    profile: str
    in_force: str
    seen: Mapping[str, int]
    reasons: Mapping[str, str]
    choices: tuple[Choice, ...]
    done: str

    def content(self) -> dict[str, object]:
        """As the payload of a log entry; amounts are decimal strings."""
        return {
            "kind": KIND,
            "profile": self.profile,
            "scheduled": self.scheduled.isoformat(),
            "in_force": self.in_force,
            "seen": dict(self.seen),
            "wanted": dict(self.choices[0].sizes),
            "reasons": dict(self.reasons),
            "choices": [{"name": each.name, "sizes": dict(each.sizes), "usd_hour": str(each.usd_hour)} for each in self.choices],
            "done": self.done,
        }


def choices(profile: Profile, wanted: Mapping[str, int], seen: Mapping[str, int], book: PriceBook) -> tuple[Choice, ...]:
    """What was taken, and what else there was: leaving all as it was, the profile's replicas, everything at its largest."""
    largest = {name: tier.max_replicas for name, tier in profile.enabled_tiers.items()}
    named = {"taken": wanted, "as it was": seen, "the profile's replicas": profile.baseline, "always the largest": largest}
    return tuple(Choice(name=name, sizes=sizes, usd_hour=_usd_hour(profile, sizes, book)) for name, sizes in named.items())


def _usd_hour(profile: Profile, sizes: Mapping[str, int], book: PriceBook) -> Decimal:
    try:
        return estimate(desired(profile, sizes), book).hourly_usd
    except StockoutError:  # sizes no option of the profile can hold
        return Decimal(0)
