"""VPC peering as private services access needs it: ranges reserved for it, and a peering taken out of a network.

A range is a global internal address with a prefix; it bills nothing. Where no address is given Google chooses one that is free.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator import errors
from emulator.call import Call, Handler
from emulator.rules import assumed, documented
from emulator.services.compute import records
from emulator.services.compute.records import KINDS
from emulator.services.compute.verbs import free, repeated, start_change

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
POOL = ipaddress.IPv4Network("10.0.0.0/8")
SHORTEST, LONGEST = 8, 29
documented(
    "peering-range",
    "A range for VPC_PEERING needs a network and a prefix length of 8 to 29, and overlaps no subnetwork and no other range of it.",
)
documented("peering-range-chosen", "Without an address Google chooses a free range.")
assumed("remove-peering", "networks.removePeering takes a peering out of the network whatever stands behind it; an unknown name is a 400.")
assumed(
    "peered-network-in-use",
    "A network with a peering is in use: its delete operation ends with RESOURCE_IN_USE_BY_ANOTHER_RESOURCE naming the peer.",
)


def reserved_range(world: World, resource: Json) -> Json:
    """An internal range as it is kept; raises 400 for one that cannot be."""
    network, length = resource.get("network"), int(resource.get("prefixLength") or 0)
    if not network:
        raise errors.required("resource.network")
    if not SHORTEST <= length <= LONGEST:
        raise errors.invalid("resource.prefixLength", length, f"Must be between {SHORTEST} and {LONGEST}.")
    taken = list(_taken(world, network))
    fixed = {**resource, "addressType": "INTERNAL", "prefixLength": length}
    if resource.get("address"):
        try:
            wanted = ipaddress.IPv4Network(f"{resource['address']}/{length}")
        except ValueError:
            raise errors.invalid("resource.address", resource["address"], "Must be the first address of the range.") from None
        for other, name in taken:
            if wanted.overlaps(other):
                why = f"Requested range {wanted} conflicts with {other} of '{name}'."
                raise errors.invalid("resource.address", resource["address"], why)
        return fixed
    for each in reversed(list(POOL.subnets(new_prefix=max(length, 16)))):
        first = next(each.subnets(new_prefix=length)) if length > each.prefixlen else each
        if not any(first.overlaps(other) for other, _ in taken):
            return {**fixed, "address": str(first.network_address)}
    raise errors.invalid("resource.prefixLength", length, "No range of this length is free in the network.")


def _taken(world: World, network: str) -> Iterator[tuple[ipaddress.IPv4Network, str]]:
    for link, record in records.of_service(world, "subnetworks"):
        if record["resource"]["network"] == network:
            yield ipaddress.IPv4Network(record["resource"]["ipCidrRange"]), link
    for link, record in records.of_service(world, "globalAddresses"):
        resource = record["resource"]
        if resource.get("purpose") == "VPC_PEERING" and resource.get("network") == network:
            yield ipaddress.IPv4Network(f"{resource['address']}/{resource['prefixLength']}"), link


def remove_peering(call: Call) -> Json:
    """Take a peering out of a network."""
    if earlier := repeated(call):
        return earlier
    link, record = free(KINDS["networks"], call)
    name, old = call.body.get("name"), record["resource"]
    if not name:
        raise errors.required("name")
    there = old.get("peerings", [])
    left = [each for each in there if each["name"] != name]
    if len(left) == len(there):
        raise errors.invalid("name", name, f"There is no peering {name} in {link}.")
    new = {**{key: value for key, value in old.items() if key != "peerings"}, **({"peerings": left} if left else {})}
    return start_change(call, link, record, new, "removePeering")


HANDLERS: dict[str, Handler] = {"compute.networks.removePeering": remove_peering}
