"""What an instance may be: names, sizes, versions, and the fields Google fills in."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from emulator import authority
from emulator.errors import ApiError
from emulator.rules import assumed, documented, recorded
from emulator.services.compute.catalog import REGIONS

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?")
VERSIONS = ("REDIS_3_2", "REDIS_4_0", "REDIS_5_0", "REDIS_6_X", "REDIS_7_0", "REDIS_7_2")
LATEST = "REDIS_7_0"
TIERS = ("BASIC", "STANDARD_HA")
POLICIES = ("noeviction", "allkeys-lru", "volatile-lru", "allkeys-random", "volatile-random", "volatile-ttl", "allkeys-lfu", "volatile-lfu")
CONFIGS = frozenset(
    {
        "maxmemory-policy", "notify-keyspace-events", "activedefrag", "lfu-decay-time", "lfu-log-factor", "maxmemory-gb", "maxmemory-clients",
        "stream-node-max-bytes", "stream-node-max-entries", "lazyfree-lazy-user-del", "lazyfree-lazy-user-flush", "timeout",
    }
)  # fmt: skip
PORT, TLS_PORT = 6379, 6378
MAINTENANCE_VERSION, NEWER = "20230821_00_00", ["20231114_00_00", "20240220_00_00", "20240328_00_00"]
MAX_GB = 300
documented(
    "redis-name",
    "An instance's id has 1 to 40 lower-case letters, digits and hyphens, begins with a letter and ends with none of the hyphens.",
)
documented("redis-size", "An instance has 1 to 300 GiB.")
documented("redis-tls-port", "With transit encryption an instance listens on 6378, else on 6379; its authority is in serverCaCerts.")
recorded(
    "redis-defaults",
    "Without being told an instance is of the newest usual version, peered directly, not persistent, without read replicas.",
)
assumed(
    "redis-zones",
    "An instance is placed in the first zones of its region that offer machines; a highly available one has a node in each of two.",
)
assumed("redis-configs", "Configuration parameters outside the emulator's list are refused with 400.")
assumed("redis-features", "Read replicas, RDB persistence, customer-managed keys, import and export are refused with 501.")


def checked(given: Json) -> None:
    """Raise 400 or 501 for what cannot be made."""
    gib = given.get("memorySizeGb", 0)
    if not 1 <= gib <= MAX_GB:
        raise ApiError(400, f"memory_size_gb: {gib} is not between 1 and {MAX_GB}.")
    if given.get("tier") not in TIERS:
        raise ApiError(400, f"tier: one of {', '.join(TIERS)} is required.")
    if given.get("redisVersion", LATEST) not in VERSIONS:
        raise ApiError(400, f"redis_version: {given['redisVersion']} is none of {', '.join(VERSIONS)}.")
    configs = given.get("redisConfigs", {})
    unknown = sorted(set(configs) - CONFIGS)
    if unknown:
        raise ApiError(400, f"redis_configs: {', '.join(unknown)} cannot be set.")
    if configs.get("maxmemory-policy", POLICIES[0]) not in POLICIES:
        raise ApiError(400, f"redis_configs: maxmemory-policy {configs['maxmemory-policy']} is none of {', '.join(POLICIES)}.")
    wants = given.get("readReplicasMode", "READ_REPLICAS_DISABLED") != "READ_REPLICAS_DISABLED" or given.get("customerManagedKey")
    if wants or given.get("persistenceConfig", {}).get("persistenceMode", "DISABLED") not in {"DISABLED", "PERSISTENCE_MODE_UNSPECIFIED"}:
        raise ApiError(501, "Read replicas, persistence and customer-managed keys are not emulated.")


def placed(region: str, given: Json) -> Json:
    """Where its nodes are."""
    zones = [zone for zone in REGIONS[region] if "-ai" not in zone]
    first = given.get("locationId") or zones[0]
    other = given.get("alternativeLocationId") or next(zone for zone in zones if zone != first)
    if first not in zones or other not in zones:
        raise ApiError(400, f"location_id: {first}, {other} are not both zones of {region}.")
    nodes = [{"id": "node-0", "zone": first}]
    out: Json = {"locationId": first, "currentLocationId": first}
    if given.get("tier") == "STANDARD_HA":
        out["alternativeLocationId"] = other
        nodes.append({"id": "node-1", "zone": other})
    return {**out, "nodes": nodes}


def certificate_authority(world: World) -> Json:
    """The authority that signed the server's certificate, as serverCaCerts shows it."""
    pem = authority.of(world).pem
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return {
        "serialNumber": str(certificate.serial_number),
        "cert": pem,
        "createTime": _instant(certificate.not_valid_before_utc),
        "expireTime": _instant(certificate.not_valid_after_utc),
        "sha1Fingerprint": certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303  # what the API calls it
    }


def block_of(taken: list[str], within: str) -> str | None:
    """The first free /29 of a range; None where it is full."""
    used = [ipaddress.IPv4Network(each) for each in taken]
    for block in ipaddress.IPv4Network(within).subnets(new_prefix=29):
        if not any(block.overlaps(each) for each in used):
            return str(block)
    return None


def direct_range(name: str) -> str:
    """Where Google would look first for a block for a directly peered instance: it chooses."""
    number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=1).digest(), "big")
    return f"10.{216 + number % 32}.{number}.0/24"


def _instant(at: Any) -> str:
    return str(at.strftime("%Y-%m-%dT%H:%M:%SZ"))
