"""A decision about sizes as it is kept: what was in force, what was seen, what else there was, what was done and why.

Amounts are US dollars an hour at the profile's price book, of everything the profile would hold at those sizes. Where there was a forecast, each
choice says besides what the hour after it was expected to cost, what goes unserved included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from ironwood.capacity.expectation import HOUR_BINS, Shortage, shortage
from ironwood.capacity.live import SHARE, Outlook
from ironwood.cost.estimate import cents, estimate
from ironwood.cost.pricebook import PriceBook
from ironwood.desired import desired
from ironwood.errors import StockoutError
from ironwood.profile import Profile
from ironwood.sizes import told_most
from ironwood.windows.now import SizesNow

KIND = "decision"
"""What an entry of the ledger's log that keeps a decision calls itself."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Sizes (pods by tier) that could be held, and what they cost an hour; `short`: what was expected to go unserved in the next hour."""

    name: str
    sizes: Mapping[str, int]
    usd_hour: Decimal
    short: Shortage | None = None

    @property
    def expected_usd(self) -> Decimal | None:
        """What the next hour was expected to cost with what goes unserved; None without a forecast."""
        return None if self.short is None else self.usd_hour + Decimal(repr(self.short.usd))

    def content(self) -> dict[str, object]:
        """As plain values; amounts are decimal strings."""
        told: dict[str, object] = {"name": self.name, "sizes": dict(self.sizes), "usd_hour": str(self.usd_hour)}
        if most := told_most(self.sizes):
            told["most"] = dict(most)
        if self.short is not None:
            told["expected"] = {
                "usd": str(cents(self.usd_hour + Decimal(repr(self.short.usd)))),
                "short_units": round(self.short.units, 2),
                "short_share": round(self.short.share, 6),
            }
        return told


@dataclass(frozen=True, kw_only=True)
class Decision:
    """`scheduled`: the instant the look was due; `seen`: pods by tier as they were; `outlook`: the demand seen and expected, where the policy decided
    in this look; `choices`: the one taken first.
    """

    at: datetime
    scheduled: datetime
    profile: str
    in_force: str
    seen: Mapping[str, int]
    reasons: Mapping[str, str]
    choices: tuple[Choice, ...]
    done: str
    outlook: Outlook | None = None

    def content(self) -> dict[str, object]:
        """As the payload of a log entry; amounts are decimal strings."""
        return {
            "kind": KIND,
            "profile": self.profile,
            "scheduled": self.scheduled.isoformat(),
            "in_force": self.in_force,
            "seen": dict(self.seen),
            **({} if self.outlook is None else {"demand": _demand(self.outlook)}),
            "wanted": dict(self.choices[0].sizes),
            "reasons": dict(self.reasons),
            "choices": [each.content() for each in self.choices],
            "done": self.done,
        }


def _demand(outlook: Outlook) -> dict[str, float]:
    """Units told last, and expected of the next hour: on average, and what nine of ten paths stay below."""
    hour = outlook.paths[:, :HOUR_BINS].mean(axis=1)
    found = {"told": outlook.told_units, "next_hour": float(hour.mean()), "next_hour_below": float(np.quantile(hour, SHARE))}
    return {name: round(units, 2) for name, units in found.items()}


def choices(profile: Profile, now: SizesNow, seen: Mapping[str, int], book: PriceBook) -> tuple[Choice, ...]:
    """What was taken, and what else there was: leaving all as it was, what the windows want, the profile's replicas, everything at its largest."""
    largest = {name: tier.max_replicas for name, tier in profile.enabled_tiers.items()}
    named = {"taken": now.sizes, "as it was": seen}
    if now.windows is not None:
        named["the windows in force"] = now.windows
    named |= {"the profile's replicas": profile.baseline, "always the largest": largest}
    return tuple(
        Choice(name=name, sizes=sizes, usd_hour=_usd_hour(profile, sizes, book), short=_short(now.outlook, seen, sizes))
        for name, sizes in named.items()
    )


def _short(outlook: Outlook | None, seen: Mapping[str, int], sizes: Mapping[str, int]) -> Shortage | None:
    return None if outlook is None else shortage(outlook.rules, outlook.paths[:, :HOUR_BINS], seen, sizes)


def _usd_hour(profile: Profile, sizes: Mapping[str, int], book: PriceBook) -> Decimal:
    try:
        return estimate(desired(profile, sizes), book).hourly_usd
    except StockoutError:  # sizes no option of the profile can hold
        return Decimal(0)
