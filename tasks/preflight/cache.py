"""Can the cache be reached, is there room for its range, and what does it cost whatever the tiers do?"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from cloud import facts, service_networking
from cloud.drivers.private_access import listed
from ironwood.desired.network import Ground
from ironwood.errors import ApiDisabledError, PermissionDeniedError
from ironwood.resources.base import GLOBAL
from ironwood.resources.cache import PeeringRange, PrivateConnection, RedisInstance
from tasks.inputs import load_price_book
from tasks.preflight.check import Asked, Check


def cache(asked: Asked) -> Iterator[Check]:
    """Nothing where the profile wants none."""
    wanted = next((each for each in asked.wanted if isinstance(each, RedisInstance)), None)
    if wanted is None:
        return
    rate = load_price_book(asked.profile.price_book).redis_hour_usd(tier=wanted.tier, gib=wanted.memory_gib)
    told = (
        f"{wanted.memory_gib} GiB {wanted.tier}: ${rate:,.2f}/h whether it is used or not; no lease ends it, only `expires` and teardown do"
    )
    yield Check(subject="cache", found=told)
    ground = Ground(asked.profile)
    if wanted.connection is not None and ground.given:
        yield from _existing(asked, ground)
    elif wanted.connection is not None:
        yield from _range(asked, ground)


def _existing(asked: Asked, ground: Ground) -> Iterator[Check]:
    """An existing VPC's own connection is used; it has to be there."""
    network = ground.network
    subject = f"private connection of network {network.name}"
    try:
        if network.project:
            yield Check(
                subject=subject, found=f"is of project {network.project}: its owner has to have one with {service_networking.SERVICE}"
            )
            return
        found = listed(asked.connection, f"projects/{facts.project_number(asked.connection)}/global/networks/{network.name}")
    except (ApiDisabledError, PermissionDeniedError) as error:
        yield Check(subject=subject, found=f"cannot be read yet: {str(error).splitlines()[0]}")
        return
    if found is None:
        remedy = (
            f"Have one made (`gcloud services vpc-peerings connect --service=servicenetworking.googleapis.com --network={network.name} "
            "--ranges=…`), or write `redis: {connect_mode: direct_peering}`."
        )
        yield Check(subject=subject, found="is not there, and nothing of an existing network is changed", remedy=remedy)
    else:
        yield Check(subject=subject, found=f"is there, with {', '.join(found.get('reservedPeeringRanges', []))}")


def _range(asked: Asked, ground: Ground) -> Iterator[Check]:
    """The range told overlaps no other of the VPC; a connection somebody else made is not ours to change."""
    other = asked.live.get(PrivateConnection(name=ground.network.name, network=ground.network, ranges=()).address)
    if isinstance(other, PrivateConnection) and other.owner not in {"", asked.profile.name}:
        yield Check(subject=str(other.address), found=f"belongs to profile {other.owner}", remedy="Give this profile another name_prefix.")
    wanted = next((each for each in asked.wanted if isinstance(each, PeeringRange)), None)
    if wanted is None or not wanted.cidr:
        yield Check(subject="range for Google's services", found="Google chooses one that is free")
        return
    mine = ipaddress.IPv4Network(wanted.cidr)
    for each in asked.live:
        cidr = each.cidr if isinstance(each, PeeringRange) and each.network == ground.network and each.name != wanted.name else ""
        if cidr and mine.overlaps(ipaddress.IPv4Network(cidr)):
            remedy = "Choose another redis.range_cidr, or leave it out: Google then chooses one that is free."
            yield Check(subject=f"range {mine}", found=f"overlaps {cidr} of {each.name}", remedy=remedy)
            return
    yield Check(subject=f"range {mine}", found=f"is free in {GLOBAL} network {ground.network.name}")
