"""The section `regions` of a profile: further regions, each with its tiers behind the one global address.

1. A region's tier is a tier of its own, called TIER-REGION (`small-europe-west4`): it is sized, leased, paid and planned by that name. 2. It is a further
backend of the tier of the same name in the profile's own region, whose paths, timeout, draining and shape it shares. 3. What a region's tier does not
write it has from that tier, but its zone: the first of its region that has its generation.
"""

from __future__ import annotations

from collections.abc import Mapping

from ironwood import tpu

SHARED = ("timeout_seconds", "draining_seconds", "shape")
"""Keys that one backend service has once, whatever its regions."""
_FROM_HOME = ("generation", "chips", "max_replicas", *SHARED)


def name_of(tier: str, region: str) -> str:
    """What a region's tier is called."""
    return f"{tier}-{region}"


def home_of(name: str) -> str:
    """The tier of the profile's own region a tier serves with: `small` of `small-europe-west4`, and of `small`."""
    return name.partition("-")[0]


def key_of(name: str) -> str:
    """Where a tier stands in the profile: `tiers.small`, `regions.europe-west4.tiers.small`."""
    home, _, region = name.partition("-")
    return f"regions.{region}.tiers.{home}" if region else f"tiers.{home}"


def fill_regions(values: Mapping[str, object]) -> None:
    """Give each region's tiers what they have from the profile's own, in place; what is not of the right form is left for the model to refuse."""
    regions, home = values.get("regions"), values.get("tiers")
    if not isinstance(regions, dict) or not isinstance(home, dict):
        return
    for region, section in regions.items():
        tiers = section.get("tiers") if isinstance(section, dict) else None
        if isinstance(tiers, dict):
            for name, tier in tiers.items():
                if isinstance(tier, dict):
                    _fill(tier, str(region), section.get("zone"), home.get(name))


def _fill(tier: dict[str, object], region: str, zone: object, home: object) -> None:
    home = home if isinstance(home, dict) else {}
    tier.setdefault("enabled", True)
    for key in _FROM_HOME:
        if key in home:
            tier.setdefault(key, home[key])
    tier.setdefault("zone", zone or _zone(region, str(tier.get("generation", tpu.TPU7X.name))))
    tier.setdefault("consumption", "flex_start" if tier.get("shape") == "multi_host" else "on_demand")
    least = tier.setdefault("min_replicas", 0 if tier.get("autoscaling") is None else 1)
    tier.setdefault("replicas", max(1, least) if isinstance(least, int) else 1)
    for key in ("paths", "fallbacks"):
        given = tier.setdefault(key, ())
        if isinstance(given, list):
            tier[key] = tuple(given)


def _zone(region: str, generation: str) -> str:
    """The first zone of a region that has a generation; where none has, one to name in the error."""
    known = tpu.GENERATIONS.get(generation)
    return next((zone for zone in (known.zones if known else ()) if tpu.region_of(zone) == region), f"{region}-a")
