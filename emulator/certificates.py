"""Managed certificates on their way: attempted again and again until they are ACTIVE, or given up.

1. An attempt succeeds when a forwarding rule leads to a proxy that bears the certificate, every domain's A records are that rule's address (no
AAAA elsewhere) and no CAA record forbids. 2. What fails is told by domain; the next attempt comes ``ssl.attempt`` later. 3. After
``ssl.give_up`` it is PROVISIONING_FAILED_PERMANENTLY: only a new certificate helps. 4. A signed certificate is really signed, by `emulator/authority.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from emulator import authority, zone
from emulator.rules import assumed, documented
from emulator.times import pacific

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "certificates"
PENDING = ("PROVISIONING",)
ISSUERS = ("pki.goog", "letsencrypt.org")
LASTS = timedelta(days=90)
documented(
    "certificate-visible",
    "A managed certificate becomes ACTIVE once its domains lead to a load balancer that bears it; else FAILED_NOT_VISIBLE.",
)
documented("certificate-caa", "A CAA record that names neither pki.goog nor letsencrypt.org is FAILED_CAA_FORBIDDEN.")
assumed(
    "certificate-attempts", "Attempts come every ssl.attempt from the insert on; after ssl.give_up it is PROVISIONING_FAILED_PERMANENTLY."
)
assumed("certificate-kept", "An ACTIVE certificate stays so: renewal, and domains that lead elsewhere later, are not emulated.")


def begin(world: World, link: str, now: int) -> None:
    """A certificate was made."""
    due = now + world.durations.of("ssl.attempt")
    world.store.put(TAB, link, {"status": "PROVISIONING", "domains": {}, "since": now, "due": due, "pem": "", "expires": ""})
    world.changed()


def shown(world: World, link: str, resource: Json) -> Json:
    """What reading the certificate tells of it."""
    row = world.store.get(TAB, link) or {"status": "PROVISIONING", "domains": {}, "expires": ""}
    domains = resource["managed"]["domains"]
    status = {domain: row["domains"].get(domain, "PROVISIONING") for domain in domains}
    managed = {"domains": domains, "status": row["status"], "domainStatus": status}
    signed = {"expireTime": row["expires"], "subjectAlternativeNames": domains, "certificate": row["pem"]} if row["expires"] else {}
    return {"managed": managed, **signed}


def bearers(world: World, link: str) -> Iterator[str]:
    """Addresses of the forwarding rules that lead to a proxy which bears the certificate."""
    records = [record["resource"] | {"_link": key, "_service": record["service"]} for key, record in world.store.items("compute")]
    proxies = {each["_link"] for each in records if each["_service"] == "targetHttpsProxies" and link in each.get("sslCertificates", [])}
    for each in records:
        if each["_service"] == "globalForwardingRules" and each.get("target") in proxies:
            yield str(each["IPAddress"])


class Certificates:
    """The agenda of attempts."""

    def __init__(self, world: World) -> None:
        self._world = world

    def next_due(self) -> int | None:
        """When the next attempt is due."""
        return min((row["due"] for _, row in self._world.store.items(TAB) if row["status"] in PENDING), default=None)

    def settle(self, now: int) -> None:
        """Make the attempt that is due first."""
        world = self._world
        due = [(row["due"], link) for link, row in world.store.items(TAB) if row["status"] in PENDING]
        _, link = min(due)
        row = world.store.get(TAB, link) or {}
        domains = world.store.get("compute", link)["resource"]["managed"]["domains"]  # type: ignore[index]  # it is there as long as its row
        addresses = set(bearers(world, link))
        found = {domain: _attempt(world, domain, addresses) for domain in domains}
        new = {**row, "domains": found, "due": now + world.durations.of("ssl.attempt")}
        if all(status == "ACTIVE" for status in found.values()):
            key, chain = authority.of(world).sign(domains)
            new |= {"status": "ACTIVE", "key": key, "pem": chain, "expires": pacific(now + int(LASTS.total_seconds()) * 1_000_000)}
        elif now >= row["since"] + world.durations.of("ssl.give_up"):
            new["status"] = "PROVISIONING_FAILED_PERMANENTLY"
        world.store.put(TAB, link, new)
        world.changed()


def _attempt(world: World, domain: str, addresses: set[str]) -> str:
    if not addresses:
        return "PROVISIONING"
    labels = domain.rstrip(".").split(".")
    above = (zone.records(world, ".".join(labels[start:]), "CAA") for start in range(len(labels) - 1))
    caa = next((found for found in above if found), [])
    if caa and not any(issuer in text for text in caa for issuer in ISSUERS):
        return "FAILED_CAA_FORBIDDEN"
    leads = set(zone.records(world, domain, "A")) | set(zone.records(world, domain, "AAAA"))
    return "ACTIVE" if leads and leads <= addresses else "FAILED_NOT_VISIBLE"
