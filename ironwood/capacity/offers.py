"""The tiers of a profile as the capacity model buys them.

1. Prices are the price book's, of each tier's first option. 2. A lead the profile states counts before one that was learned, and that before the
standard tier's of the same name. 3. What serves a unit and the least times up and down are the standard tiers'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ironwood.capacity.replay import STANDARD_OFFERS, PodOffer, Rules, make_rules
from ironwood.cost.pricebook import PriceBook
from ironwood.profile import Profile, Tier
from ironwood.profile_regions import home_of
from ironwood.tpu import region_of


def offers(profile: Profile, book: PriceBook, learned_minutes: Mapping[str, float]) -> tuple[PodOffer, ...]:
    """The enabled tiers, smallest first; `learned_minutes`: leads by tier, where they are known. Raises ProfileError for a price the book lacks."""
    return tuple(_offer(name, tier, book, learned_minutes.get(name)) for name, tier in profile.enabled_tiers.items())


def rules_of(profile: Profile, book: PriceBook, learned_minutes: Mapping[str, float], decide_every_minutes: int) -> Rules:
    """The rules under which a policy decides for `profile`, replayed or in force."""
    return make_rules(
        offers(profile, book, learned_minutes),
        shortfall_usd_per_unit_hour=profile.policy.shortfall_usd_per_unit_hour,
        decide_every_minutes=decide_every_minutes,
        told_after_minutes=profile.policy.told_after_minutes if profile.policy.between_plans == "optimized" else 0,
    )


def _offer(name: str, tier: Tier, book: PriceBook, learned_minutes: float | None) -> PodOffer:
    standard = next((offer for offer in STANDARD_OFFERS if offer.name == home_of(name)), STANDARD_OFFERS[0])
    region = region_of(tier.zone)
    usd = book.chip_hour_usd(family=tier.generation, consumption=tier.consumption, pod_chips=tier.chips, region=region)
    stated = tier.lead_minutes if tier.lead_minutes is not None else learned_minutes
    return replace(
        standard,
        name=name,
        chips=tier.chips,
        max_pods=tier.max_replicas,
        usd_per_chip_hour=float(usd),
        lead_minutes=standard.lead_minutes if stated is None else float(stated),
    )
