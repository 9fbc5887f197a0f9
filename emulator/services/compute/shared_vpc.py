"""A Shared VPC: a network and a subnet of a host project that our project may use. Made through the admin surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.services.compute import records
from emulator.services.compute.catalog import HOSTS
from emulator.times import pacific

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
FIELDS = ("project", "network", "subnetwork", "region", "cidr")


def share(world: World, given: Any) -> Json:
    """Make the network and the subnet; raises ValueError."""
    if not isinstance(given, dict) or any(not isinstance(given.get(name), str) for name in FIELDS):
        raise ValueError(f"expected {', '.join(FIELDS)}, each a text")
    now = pacific(world.clock.now())
    network = f"projects/{given['project']}/global/networks/{given['network']}"
    subnetwork = f"projects/{given['project']}/regions/{given['region']}/subnetworks/{given['subnetwork']}"
    world.store.put(HOSTS, given["project"], {})
    world.store.put("connections", network, {"held": 0, "reservedPeeringRanges": ["of-the-host"]})  # its owner has connected it
    fixed: Json = {"creationTimestamp": now}
    found: Json = {
        network: ("networks", {"name": given["network"], "autoCreateSubnetworks": False, "mtu": 8896}),
        subnetwork: (
            "subnetworks",
            {
                "name": given["subnetwork"],
                "network": network,
                "ipCidrRange": given["cidr"],
                "privateIpGoogleAccess": given.get("private", True),
            },
        ),
    }
    for link, (service, resource) in found.items():
        record = {"service": service, "resource": {**fixed, **resource, "id": world.identity.numeric()}, "state": "READY", "op": None}
        records.put(world, link, {**record, "origin": "host"})
    return {"network": network, "subnetwork": subnetwork}
