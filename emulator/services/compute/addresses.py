"""External addresses, global and regional, and forwarding rules, which use them.

1. A global address comes from the emulator's pool, so a forwarding rule with it can really listen. A regional one is only a number.
2. ``portRange`` "80" reads back "80-80" [recorded]. 3. One address and port serve one rule.
"""

# ruff: noqa: ARG002  # the hooks of a kind share one signature; each uses what it needs
from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator import errors
from emulator.billing import Usage
from emulator.call import Call
from emulator.rules import assumed, documented, recorded
from emulator.services.compute import links, records
from emulator.services.compute.kinds import Kind, Scope
from emulator.services.compute.peering import reserved_range

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
recorded("port-range", "portRange '80' reads back '80-80'.")
recorded("forwarding-rule-labels", "forwardingRules.insert ignores labels: they are set with setLabels afterwards.")
documented(
    "address-in-use",
    "A second forwarding rule on the same address and port: 400 'Specified IP address is in-use and would result in a conflict.'",
)
assumed("address-pool", "A forwarding rule without an address takes a free one of the pool, as an ephemeral address.")
assumed(
    "http-proxy-ports",
    "A target HTTP proxy's rule takes any one port (Google: 1-65535 for EXTERNAL_MANAGED); an internal one is not listened on.",
)

EXTERNAL = {"EXTERNAL", "EXTERNAL_MANAGED"}


def _addresses_taken(world: World) -> set[str]:
    taken = {str(record["resource"].get("address")) for _, record in records.of_service(world, "globalAddresses")}
    taken |= {str(row["instance"].get("host")) for _, row in world.store.items("redis.instances")}
    return taken | {str(record["resource"].get("IPAddress")) for _, record in records.of_service(world, "globalForwardingRules")}


def free_address(world: World) -> str:
    """The next free address of the pool; raises 403 when all are taken."""
    taken = _addresses_taken(world)
    for index, address in enumerate(world.settings.address_pool.hosts()):
        if index > 0 and str(address) not in taken:  # the first host address is left to the emulator's own use
            return str(address)
    raise errors.ApiError(403, f"Quota 'IN_USE_ADDRESSES' exceeded.  Limit: {float(len(taken))} globally.", reason="quotaExceeded")


class Address(Kind):
    """A static address."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """External unless said otherwise; the address is given out."""
        if self.scope is Scope.GLOBAL and resource.get("purpose") == "VPC_PEERING":
            return reserved_range(call.world, {"description": "", **resource})
        if self.scope is Scope.GLOBAL:
            address = resource.get("address") or free_address(call.world)
            fields: Json = {"ipVersion": "IPV4"}
        else:
            number = records_count(call.world, self.service)
            address = resource.get("address") or str(ipaddress.IPv4Address("203.0.113.0") + number % 256)
            fields = {"networkTier": "PREMIUM"}
        return {"addressType": "EXTERNAL", "description": "", **fields, **resource, "address": address}

    def view(self, world: World, resource: Json, link: str, now: int) -> Json:
        """Who uses it."""
        users = users_of_address(world, resource["address"])
        record = records.find(world, link)
        if record and record["state"] == "CREATING":
            return {"status": "RESERVING"}
        return {"status": "IN_USE", "users": users} if users else {"status": "RESERVED"}

    def users(self, world: World, link: str) -> Iterator[str]:
        """Forwarding rules that have its number."""
        resource = records.resource(world, link) or {}
        yield from users_of_address(world, resource.get("address", ""))

    def inserted(self, world: World, link: str, now: int) -> None:
        """Reserved and unused, it bills."""
        meter_address(world, link, now)

    def deleted(self, world: World, link: str, resource: Json, now: int) -> None:
        """It bills no more."""
        world.meter.close(link, now)


def records_count(world: World, service: str) -> int:
    """How many resources of a service there are."""
    return sum(1 for _ in records.of_service(world, service))


def users_of_address(world: World, address: str) -> list[str]:
    """Links of the forwarding rules on an address."""
    rules = records.of_service(world, "globalForwardingRules")
    return [link for link, record in rules if record["resource"].get("IPAddress") == address]


def meter_address(world: World, link: str, now: int) -> None:
    """Open or close an address's usage as it is unused or used."""
    resource = records.resource(world, link)
    if resource is None or resource.get("addressType") != "EXTERNAL":
        return
    world.meter.close(link, now)
    if not users_of_address(world, resource["address"]):
        world.meter.open(Usage(resource=link, kind="compute.addresses", sku="address.unused", quantity=Decimal(1), start=now))


def meter_addresses(world: World, address: str, now: int) -> None:
    """The same for every reserved address with this number."""
    for link, record in list(records.of_service(world, "globalAddresses")):
        if record["resource"]["address"] == address:
            meter_address(world, link, now)


class ForwardingRule(Kind):
    """A global forwarding rule: an address and a port that lead to a target proxy."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Resolves the address, normalises the port, refuses a conflict."""
        world = call.world
        resource.pop("labels", None)
        scheme = resource.setdefault("loadBalancingScheme", "EXTERNAL")
        address = resource.get("IPAddress")
        if address and "/" in address:
            reserved = records.resource(world, links.relative(address, world.project, world.settings.project_number))
            if reserved is None:
                raise errors.not_found(links.relative(address, world.project, world.settings.project_number))
            address = reserved["address"]
        elif address:
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise errors.invalid("resource.IPAddress", address, "Must be an IP address or the URL of one.") from None
        if not address:
            address = free_address(world)
        ports = port_range(resource.get("portRange"))
        for other, record in records.of_service(world, "globalForwardingRules"):
            mine = record["resource"]
            same = mine["IPAddress"] == address and mine["portRange"] == ports and mine.get("network") == resource.get("network")
            if same and scheme in EXTERNAL and other != link:
                raise errors.ApiError(400, "Specified IP address is in-use and would result in a conflict.", reason="invalid")
        tier = {"networkTier": "PREMIUM"}
        return {"IPProtocol": "TCP", **tier, **resource, "IPAddress": address, "portRange": ports}

    def inserted(self, world: World, link: str, now: int) -> None:
        """It bills, and its address no longer does."""
        resource = records.resource(world, link) or {}
        spans = (world.store.get("rules_span", link) or {"spans": []})["spans"]
        world.store.put("rules_span", link, {"spans": [*spans, [now, None]]})
        meter_addresses(world, resource.get("IPAddress", ""), now)

    def deleted(self, world: World, link: str, resource: Json, now: int) -> None:
        """It bills no more, and a reserved address does."""
        row = world.store.get("rules_span", link)
        if row and row["spans"]:
            world.store.put("rules_span", link, {"spans": [*row["spans"][:-1], [row["spans"][-1][0], now]]})
        meter_addresses(world, resource["IPAddress"], now)


def port_range(text: str | None) -> str:
    """``80`` as ``80-80``; raises 400 for what is no port."""
    if not text:
        raise errors.required("resource.portRange")
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 0 < first <= last <= 65535:
        raise errors.invalid("resource.portRange", text, "Must be a port from 1 to 65535.")
    return f"{first}-{last}"
