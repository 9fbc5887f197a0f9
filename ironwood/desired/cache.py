"""The cache: a Memorystore instance and, in a VPC of our own, the range and the private connection it is reached through.

In an existing VPC only the instance is made: its owner's private connection is used, or the instance is peered directly.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ironwood import naming
from ironwood.desired.marks import labels
from ironwood.desired.network import Ground
from ironwood.profile import Profile
from ironwood.resources.base import GLOBAL, Address, Resource
from ironwood.resources.bucket import Bucket
from ironwood.resources.cache import PeeringRange, PrivateConnection, RedisInstance

PREFIX_LENGTH = 24
"""Of the range reserved where the profile names none; an instance takes a /29 of it."""


def cache(profile: Profile, ground: Ground) -> Iterator[Resource]:
    """Nothing unless the profile wants it."""
    wanted = profile.redis
    if not wanted.enabled:
        return
    private = connection_of(profile, ground)
    range_name = ""
    if private is not None and not ground.given:
        reserved = PeeringRange(
            name=naming.peering_range(profile.name_prefix),
            owner=profile.name,
            network=ground.network,
            prefix_length=ipaddress.IPv4Network(wanted.range_cidr).prefixlen if wanted.range_cidr else PREFIX_LENGTH,
            cidr=wanted.range_cidr,
            labels=labels(profile),
        )
        range_name = reserved.name
        bucket = Address(kind=Bucket.kind, scope=GLOBAL, name=naming.bucket(profile.name_prefix, profile.project_id))
        yield reserved
        yield PrivateConnection(name=private.name, owner=profile.name, network=ground.network, ranges=(reserved.address,), memory=bucket)
    yield RedisInstance(
        name=naming.cache(profile.name_prefix),
        scope=f"regions/{profile.region}",
        owner=profile.name,
        network=ground.network,
        connection=private,
        memory_gib=wanted.memory_size_gb,
        tier=wanted.tier,
        version=wanted.version,
        auth=wanted.auth,
        transit_encryption=wanted.transit_encryption,
        maxmemory_policy=wanted.maxmemory_policy,
        labels=labels(profile),
        range=range_name,
    )


def connection_of(profile: Profile, ground: Ground) -> Address | None:
    """The private connection the cache is reached through; None where it needs none."""
    if not profile.redis.enabled or profile.redis.connect_mode == "direct_peering":
        return None
    return Address(kind=PrivateConnection.kind, scope=GLOBAL, name=ground.network.name, project=ground.network.project)


def given(profile: Profile, ground: Ground) -> tuple[Address, ...]:
    """What of it is not ours to make."""
    private = connection_of(profile, ground)
    return (private,) if private is not None and ground.given else ()
