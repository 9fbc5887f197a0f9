"""Rules of the section `regions` of a profile, each a function that yields findings; what every tier must keep is in `profile_rules.py`."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from ironwood import tpu
from ironwood.errors import ProfileError
from ironwood.finding import Finding
from ironwood.profile_regions import SHARED

if TYPE_CHECKING:
    from ironwood.profile import Profile, Tier

Path = tuple[str | int, ...]


def every_tier(profile: Profile) -> Iterator[tuple[Path, str, Tier]]:
    """Every tier written, in use or not: where it stands, its region, the tier."""
    for name, tier in profile.tiers.items():
        yield ("tiers", name), profile.region, tier
    for region, each in profile.regions.items():
        for name, tier in each.tiers.items():
            yield ("regions", region, "tiers", name), region, tier


def every_zone(profile: Profile) -> Iterator[tuple[Path, str, str, Tier]]:
    """Every zone tiers name: where it stands, the zone, the region it is to be in, the tier."""
    for path, region, tier in every_tier(profile):
        yield (*path, "zone"), tier.zone, region, tier
        for number, each in enumerate(tier.fallbacks):
            if each.zone is not None:
                yield (*path, "fallbacks", number, "zone"), each.zone, region, tier


def what_there_is(region: str) -> str:
    """`it has v6e in europe-west4-a, v5p in europe-west4-b`."""
    found = [f"{name} in {' and '.join(zones)}" for name, zones in tpu.offered_in(region).items()]
    return f"it has {', '.join(found)}" if found else "it has no TPUs that tiers can use"


def a_region_has_the_generation(profile: Profile) -> Iterator[Finding]:
    """Some zone of a further region has what each of its tiers is made of."""
    for region, each in profile.regions.items():
        there = tpu.offered_in(region)
        for name, tier in each.tiers.items():
            if not tier.enabled or tier.generation in there:
                continue
            if there:
                fits = [other for other in there if _fits(tier.chips, other)]
                would = f"write `generation: {(fits or list(there))[0]}`{'' if fits else ' and fewer chips'}, or remove it"
            else:
                places = sorted({tpu.region_of(zone) for zone in tpu.GENERATIONS[tier.generation].zones})
                would = f"{tier.generation} is in {', '.join(places)}; choose one of them, or remove it"
            text = f"{region} has no {tier.generation}; {what_there_is(region)}: {would}"
            yield Finding(path=("regions", region, "tiers", name, "generation"), text=text)


def _fits(chips: int, generation: str) -> bool:
    try:
        tpu.slice_of(chips, tpu.GENERATIONS[generation])
    except ProfileError:
        return False
    return True


def a_region_is_another(profile: Profile) -> Iterator[Finding]:
    """A further region is not the profile's own, its zone is its own, and it has tiers."""
    for region, each in profile.regions.items():
        if not each.tiers:
            yield Finding(
                path=("regions", region, "tiers"), text="is empty; write a tier, such as `small: {generation: v6e}`, or remove the region"
            )
        if region == profile.region:
            yield Finding(path=("regions", region), text="is the profile's own region; its tiers stand under `tiers`")
        if each.zone is not None and tpu.region_of(each.zone) != region:
            yield Finding(path=("regions", region, "zone"), text=f"'{each.zone}' is not in region {region}; choose a zone of it")


def a_regions_tier_has_a_home(profile: Profile) -> Iterator[Finding]:
    """A region's tier stands behind the backend service of the tier of that name, and shares what that has once."""
    for region, each in profile.regions.items():
        for name, tier in each.tiers.items():
            path, home = ("regions", region, "tiers", name), profile.tiers[name]
            if not tier.enabled:
                continue
            if not home.enabled:
                text = f"serves behind tiers.{name}, which is not enabled; write `enabled: true` there, with `replicas: 0` where {profile.region} is to have none"
                yield Finding(path=path, text=text)
            for key in SHARED:
                mine, its = getattr(tier, key), getattr(home, key)
                if mine != its:
                    text = f"{mine!r} is not {its!r} of tiers.{name}, with which it shares a backend service; remove it here, or change it there"
                    yield Finding(path=(*path, key), text=text)
            if tier.paths:
                yield Finding(path=(*path, "paths"), text=f"lead to the tier in every region; write them under tiers.{name}")


def subnets_are_apart(profile: Profile) -> Iterator[Finding]:
    """The ranges of all regions are private, large enough for their VMs, and do not overlap."""
    told: list[tuple[Path, str, str]] = [(("network", "subnet_cidr"), profile.region, profile.network.subnet_cidr)]
    told += [(("regions", region, "subnet_cidr"), region, each.subnet_cidr) for region, each in profile.regions.items()]
    ranges: list[tuple[Path, str, ipaddress.IPv4Network | ipaddress.IPv6Network]] = []
    for path, region, cidr in told:
        try:
            ranges.append((path, region, network := ipaddress.ip_network(cidr)))
        except ValueError as error:
            yield Finding(path=path, text=f"'{cidr}' is not an address range: {error}; write something like 10.0.0.0/16")
            continue
        if not network.is_private:
            yield Finding(path=path, text=f"'{cidr}' is not a private range; use one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
        vms = sum(_most_vms(tier) for _, where, tier in every_tier(profile) if where == region and tier.enabled)
        if network.num_addresses - 4 < vms:
            text = f"'{cidr}' has room for {network.num_addresses - 4} VMs, the enabled tiers may need {vms}; choose a shorter prefix"
            yield Finding(path=path, text=text)
    for (_, region, one), (path, _, other) in combinations(ranges, 2):
        if one.overlaps(other):
            yield Finding(path=path, text=f"'{other}' overlaps {one} of {region}; choose another range")


def _most_vms(tier: Tier) -> int:
    return tier.chips // tpu.GENERATIONS[tier.generation].chips_per_vm * tier.max_replicas


def a_subnet_is_made_or_named(profile: Profile) -> Iterator[Finding]:
    """In an existing VPC every region names the subnet that is there; in one of our own none does."""
    for region, each in profile.regions.items():
        path = ("regions", region, "subnetwork")
        if profile.network.existing is not None and each.subnetwork is None:
            text = f"is required: {profile.network.existing.network} is there already, so name its subnet in {region}; add `subnetwork: …`"
            yield Finding(path=path, text=text)
        if profile.network.existing is None and each.subnetwork is not None:
            yield Finding(path=path, text=f"'{each.subnetwork}' would be made by us; remove it, or write network.existing")


def approval_names_tiers(profile: Profile) -> Iterator[Finding]:
    """A region's tier that is asked about is one."""
    for number, name in enumerate(profile.approval.tiers):
        if "-" in name and name not in profile.enabled_tiers:
            text = f"'{name}' is not enabled; choose of {', '.join(profile.enabled_tiers)}"
            yield Finding(path=("approval", "tiers", number), text=text)


REGION_RULES: tuple[Callable[[Profile], Iterator[Finding]], ...] = (
    a_region_is_another,
    a_region_has_the_generation,
    a_regions_tier_has_a_home,
    subnets_are_apart,
    a_subnet_is_made_or_named,
    approval_names_tiers,
)
