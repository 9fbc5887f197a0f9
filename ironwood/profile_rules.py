"""Rules between the keys of a profile, each a function that yields findings.

What a single key may hold is in `profile.py`; here stands what only several keys together can break.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ironwood import naming, tpu
from ironwood.errors import ProfileError

if TYPE_CHECKING:
    from ironwood.profile import Profile, Tier

MAX_NAME = 63
MAX_SERVICE_ACCOUNT_ID = 30


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A broken rule: the key it is told at, and the text."""

    path: tuple[str, ...]
    text: str


def cross_check(profile: Profile) -> list[Finding]:
    """Every broken rule of `profile`; empty when it is sound."""
    return [finding for rule in RULES for finding in rule(profile)]


def a_tier_is_enabled(profile: Profile) -> Iterator[Finding]:
    """At least one tier serves."""
    if not profile.enabled_tiers:
        yield Finding(path=("tiers",), text="no tier is enabled; set `enabled: true` on one of small, medium, large")


def sizes_are_ordered(profile: Profile) -> Iterator[Finding]:
    """min_replicas <= replicas <= max_replicas."""
    for name, tier in profile.tiers.items():
        if tier.min_replicas > tier.max_replicas:
            yield Finding(
                path=("tiers", name, "min_replicas"),
                text=f"{tier.min_replicas} is more than max_replicas {tier.max_replicas}; lower it or raise max_replicas",
            )
        elif not tier.min_replicas <= tier.replicas <= tier.max_replicas:
            yield Finding(
                path=("tiers", name, "replicas"),
                text=f"{tier.replicas} is outside min_replicas {tier.min_replicas} to max_replicas {tier.max_replicas}; choose a size between them",
            )


def a_probe_ends_before_the_next(profile: Profile) -> Iterator[Finding]:
    """The health check's timeout fits its interval."""
    check = profile.health_check
    if check.timeout_seconds > check.interval_seconds:
        yield Finding(
            path=("health_check", "timeout_seconds"),
            text=f"{check.timeout_seconds} is longer than interval_seconds {check.interval_seconds}; lower it or raise the interval",
        )


def zones_lie_in_the_region(profile: Profile) -> Iterator[Finding]:
    """The profile's zone and each tier's are zones of its region."""
    if not profile.zone.startswith(profile.region + "-"):
        yield Finding(path=("zone",), text=f"'{profile.zone}' is not in region {profile.region}; choose a zone of it")
    for name, tier in profile.tiers.items():
        if tier.zone != profile.zone and not tier.zone.startswith(profile.region + "-"):
            yield Finding(path=("tiers", name, "zone"), text=f"'{tier.zone}' is not in region {profile.region}; choose a zone of it")


def zones_host_the_chips(profile: Profile) -> Iterator[Finding]:
    """Each enabled tier's zone offers its machine type."""
    for name, tier in profile.enabled_tiers.items():
        generation = tpu.TPU7X
        if tier.zone.startswith(profile.region + "-") and tier.zone not in generation.zones:
            yield Finding(
                path=("tiers", name, "zone") if tier.zone != profile.zone else ("zone",),
                text=f"'{tier.zone}' has no {generation.machine_type}; {generation.name} is in {', '.join(generation.zones)}",
            )


def a_topology_exists(profile: Profile) -> Iterator[Finding]:
    """Some topology has exactly the tier's chips."""
    for name, tier in profile.tiers.items():
        try:
            tpu.slice_of(tier.chips)
        except ProfileError as error:
            yield Finding(path=("tiers", name, "chips"), text=str(error))


def the_suffix_counts_tensorcores(profile: Profile) -> Iterator[Finding]:
    """An accelerator type agrees with the chips: its suffix counts TensorCores, two a chip."""
    for name, tier in profile.tiers.items():
        if tier.accelerator_type is not None:
            yield from _suffix(name, tier, tier.accelerator_type)


def _suffix(name: str, tier: Tier, accelerator: str) -> Iterator[Finding]:
    path = ("tiers", name, "accelerator_type")
    chips = tpu.chips_of_accelerator(accelerator)
    if chips is None:
        yield Finding(path=path, text=f"'{accelerator}' is not a TPU we know; names look like tpu7x-512")
    elif chips != tier.chips:
        right = tpu.TPU7X.tensorcores_per_chip * tier.chips
        yield Finding(
            path=path,
            text=f"'{accelerator}' has {chips} chips, because its number counts TensorCores, two a chip; for {tier.chips} chips write tpu7x-{right}",
        )


def the_shape_is_built(profile: Profile) -> Iterator[Finding]:
    """Only what this version can provision is accepted."""
    for name, tier in profile.enabled_tiers.items():
        if tier.shape != "single_host":
            yield Finding(path=("tiers", name, "shape"), text=f"'{tier.shape}' cannot be provisioned yet; use single_host")
        if tier.consumption != "on_demand":
            yield Finding(path=("tiers", name, "consumption"), text=f"'{tier.consumption}' cannot be provisioned yet; use on_demand")


def names_fit(profile: Profile) -> Iterator[Finding]:
    """Every name the profile leads to is short enough for its kind."""
    account = naming.service_account_id(profile.name_prefix)
    if len(account) > MAX_SERVICE_ACCOUNT_ID:
        yield Finding(
            path=("name_prefix",),
            text=f"makes the service account id '{account}' {len(account)} characters long; at most {MAX_SERVICE_ACCOUNT_ID} are allowed, so the prefix may have "
            f"{MAX_SERVICE_ACCOUNT_ID - len(naming.service_account_id(''))}",
        )
    longest = max((naming.template(profile.name_prefix, tier, "0" * 8) for tier in profile.tiers), key=len)
    if len(longest) > MAX_NAME:
        yield Finding(
            path=("name_prefix",), text=f"makes the name '{longest}' {len(longest)} characters long; at most {MAX_NAME} are allowed"
        )


def the_subnet_is_private(profile: Profile) -> Iterator[Finding]:
    """The subnet's range is a private one, large enough for every VM of the enabled tiers at their largest."""
    cidr = profile.network.subnet_cidr
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError as error:
        yield Finding(path=("network", "subnet_cidr"), text=f"'{cidr}' is not an address range: {error}; write something like 10.0.0.0/16")
        return
    if not network.is_private:
        yield Finding(
            path=("network", "subnet_cidr"),
            text=f"'{cidr}' is not a private range; use one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
        )
    vms = sum(tier.chips // tpu.TPU7X.chips_per_vm * tier.max_replicas for tier in profile.enabled_tiers.values())
    if network.num_addresses - 4 < vms:
        yield Finding(
            path=("network", "subnet_cidr"),
            text=f"'{cidr}' has room for {network.num_addresses - 4} VMs, the enabled tiers may need {vms}; choose a shorter prefix",
        )


def the_default_tier_serves(profile: Profile) -> Iterator[Finding]:
    """Requests that match no path have somewhere to go, and no path leads to two tiers."""
    default = profile.load_balancer.default_tier
    if profile.enabled_tiers and default not in profile.enabled_tiers:
        yield Finding(
            path=("load_balancer", "default_tier"),
            text=f"'{default}' is not enabled; choose one of {', '.join(profile.enabled_tiers)} or enable it",
        )
    seen: dict[str, str] = {}
    for name, tier in profile.enabled_tiers.items():
        for path in tier.paths:
            if path in seen:
                yield Finding(path=("tiers", name, "paths"), text=f"'{path}' already leads to tier {seen[path]}; give it to one of them")
            seen.setdefault(path, name)


def https_has_a_port_of_its_own(profile: Profile) -> Iterator[Finding]:
    """HTTP and HTTPS listen on different ports, and no domain stands twice."""
    balancer = profile.load_balancer
    if balancer.domains and balancer.https_port == balancer.port:
        yield Finding(
            path=("load_balancer", "https_port"),
            text=f"{balancer.https_port} is the port of HTTP too; HTTP redirects, so give each its own",
        )
    for domain in sorted({each for each in balancer.domains if balancer.domains.count(each) > 1}):
        yield Finding(path=("load_balancer", "domains"), text=f"'{domain}' stands twice; keep one of the two")


RULES: tuple[Callable[[Profile], Iterator[Finding]], ...] = (
    a_tier_is_enabled,
    sizes_are_ordered,
    a_probe_ends_before_the_next,
    zones_lie_in_the_region,
    zones_host_the_chips,
    a_topology_exists,
    the_suffix_counts_tensorcores,
    the_shape_is_built,
    names_fit,
    the_subnet_is_private,
    the_default_tier_serves,
    https_has_a_port_of_its_own,
)
