"""The section `redis` of a profile: a Memorystore for Redis beside the tiers, for answers worth keeping; off unless asked for. And its rules."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ironwood.finding import Finding
from ironwood.profile_section import Section

if TYPE_CHECKING:
    from ironwood.profile import Profile

SHORTEST, LONGEST = 8, 29


class RedisSettings(Section):
    """One instance. It bills from its creation until it is gone, whatever the tiers do: it cannot be scaled to zero.

    `private_service_access`: through a private connection of the VPC, with a range reserved for it (`range_cidr`, or one Google chooses); where the
    VPC is an existing one its own connection is used. `direct_peering`: Google peers the VPC for this instance alone.
    """

    enabled: bool = False
    memory_size_gb: Annotated[int, Field(ge=1, le=300)] = 100
    tier: Literal["STANDARD_HA", "BASIC"] = "STANDARD_HA"
    version: Literal["REDIS_6_X", "REDIS_7_0", "REDIS_7_2"] = "REDIS_7_0"
    auth: bool = True
    transit_encryption: bool = True
    maxmemory_policy: Literal[
        "noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"
    ] = "allkeys-lru"
    connect_mode: Literal["private_service_access", "direct_peering"] = "private_service_access"
    range_cidr: str = ""


def a_cache_can_be_reached(profile: Profile) -> Iterator[Finding]:
    """The reserved range is private, of a size Google takes, beside the subnet, and ours to reserve; a Shared VPC has its own connection."""
    cache, existing = profile.redis, profile.network.existing
    here = ("redis", "range_cidr")
    if existing is not None and existing.project not in {None, profile.project_id} and cache.connect_mode == "direct_peering":
        yield Finding(
            path=("redis", "connect_mode"),
            text="direct_peering cannot reach a Shared VPC (documented); write private_service_access: the host project's connection is used",
        )
    if not cache.range_cidr:
        return
    if existing is not None or cache.connect_mode == "direct_peering":
        yield Finding(path=here, text="has no effect: nothing is reserved for direct_peering or in an existing network; remove it")
        return
    try:
        wanted = ipaddress.IPv4Network(cache.range_cidr)
    except ValueError as error:
        yield Finding(path=here, text=f"'{cache.range_cidr}' is not an address range: {error}; write something like 10.100.0.0/24")
        return
    if not wanted.is_private:
        yield Finding(path=here, text=f"'{wanted}' is not a private range; use one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    if not SHORTEST <= wanted.prefixlen <= LONGEST:
        yield Finding(
            path=here, text=f"'{wanted}': Google reserves ranges from /{SHORTEST} to /{LONGEST}; write something like 10.100.0.0/24"
        )
    try:
        subnet = ipaddress.ip_network(profile.network.subnet_cidr)
    except ValueError:
        return  # told where it stands
    if wanted.overlaps(subnet):
        yield Finding(
            path=here, text=f"'{wanted}' overlaps network.subnet_cidr {subnet}; choose one beside it, or none: Google then chooses"
        )
