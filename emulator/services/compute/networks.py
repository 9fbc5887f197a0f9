"""Networks and subnetworks. An auto-mode network has a subnetwork in every region; a custom one those that were made in it."""

# ruff: noqa: ARG002  # the hooks of a kind share one signature; each uses what it needs
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from emulator import errors
from emulator.call import Call
from emulator.rules import assumed, documented
from emulator.services.compute import links, records
from emulator.services.compute.catalog import REGIONS
from emulator.services.compute.kinds import Kind
from emulator.times import pacific, shown

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
documented("default-network", "A project whose Compute API is enabled gets an auto-mode network 'default' with four firewall rules.")
assumed("subnet-overlap", "A subnetwork whose range overlaps another of its network is refused with 400 at once.")
assumed("auto-network-in-use", "Subnetworks of an auto-mode network do not keep it from being deleted; they go with it.")

DEFAULT_FIREWALLS: dict[str, Json] = {
    "default-allow-internal": {
        "allowed": [{"IPProtocol": "tcp", "ports": ["0-65535"]}, {"IPProtocol": "udp", "ports": ["0-65535"]}, {"IPProtocol": "icmp"}],
        "sourceRanges": ["10.128.0.0/9"],
    },
    "default-allow-ssh": {"allowed": [{"IPProtocol": "tcp", "ports": ["22"]}], "sourceRanges": ["0.0.0.0/0"]},
    "default-allow-rdp": {"allowed": [{"IPProtocol": "tcp", "ports": ["3389"]}], "sourceRanges": ["0.0.0.0/0"]},
    "default-allow-icmp": {"allowed": [{"IPProtocol": "icmp"}], "sourceRanges": ["0.0.0.0/0"]},
}


NOT_OF_AUTO = frozenset(
    {"enableFlowLogs", "logConfig", "allowSubnetCidrRoutesOverlap"}
)  # an auto-mode subnetwork does not show them [recorded]


class Network(Kind):
    """A VPC network."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Auto mode unless said otherwise; routing is regional."""
        routing = {"routingMode": "REGIONAL", "bgpBestPathSelectionMode": "LEGACY", **resource.get("routingConfig", {})}
        order = resource.get("networkFirewallPolicyEnforcementOrder", "AFTER_CLASSIC_FIREWALL")
        if "IPv4Range" in resource:
            raise errors.invalid("resource.IPv4Range", resource["IPv4Range"], "Legacy networks are no longer supported.")
        return {
            **resource,
            "autoCreateSubnetworks": resource.get("autoCreateSubnetworks", True),
            "routingConfig": routing,
            "networkFirewallPolicyEnforcementOrder": order,
        }

    def view(self, world: World, resource: Json, link: str, now: int) -> Json:
        """Its subnetworks and its link by id."""
        out: Json = {"selfLinkWithId": f"projects/{world.project}/global/networks/{resource['id']}"}
        subnets = [sub for sub, record in records.of_service(world, "subnetworks") if record["resource"]["network"] == link]
        if subnets:
            out["subnetworks"] = subnets
        return out

    def users(self, world: World, link: str) -> Iterable[str]:
        """The networks it is peered with."""
        return [each["network"] for each in (records.resource(world, link) or {}).get("peerings", [])]

    def inserted(self, world: World, link: str, now: int) -> None:
        """An auto-mode network gets its subnetworks."""
        network = records.resource(world, link)
        if network and network["autoCreateSubnetworks"]:
            for index, region in enumerate(REGIONS):
                make_subnetwork(world, link, region, f"10.{128 + 2 * index}.0.0/20", now)

    def deleted(self, world: World, link: str, resource: Json, now: int) -> None:
        """An auto-mode network takes its subnetworks with it."""
        for sub, record in list(records.of_service(world, "subnetworks")):
            if record["resource"]["network"] == link:
                world.store.delete(records.TAB, sub)


class Subnetwork(Kind):
    """A subnetwork of one region."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Its range must be a private one, free in its network."""
        new = _network(resource["ipCidrRange"])
        for other, record in records.of_service(call.world, "subnetworks"):
            mine = record["resource"]
            if mine["network"] == resource["network"] and new.overlaps(ipaddress.ip_network(mine["ipCidrRange"])):
                why = f"IP cidr range overlaps with subnetwork '{other}' range {mine['ipCidrRange']}."
                raise errors.invalid("resource.ipCidrRange", resource["ipCidrRange"], why)
        return subnetwork_fields(resource, new)

    def users(self, world: World, link: str) -> Iterable[str]:
        """Groups with VMs in it, TPU VMs in it."""
        from emulator.services.compute.groups.fleet import fleets_in_subnetwork  # groups know templates, templates know us

        return chain(fleets_in_subnetwork(world, link), _tpus_in(world, link))

    def refuse_delete(self, world: World, link: str) -> errors.ApiError | None:
        """Those of an auto-mode network cannot be deleted alone."""
        subnet = records.resource(world, link) or {}
        network = records.resource(world, subnet.get("network", "")) or {}
        if network.get("autoCreateSubnetworks"):
            return errors.ApiError(400, f"Invalid resource usage: 'Cannot delete auto subnetwork: {link}'.", reason="invalidResourceUsage")
        return None

    def check_change(self, call: Call, old: Json, new: Json) -> Json:
        """Flow logs show in two places."""
        return subnetwork_fields(new, _network(new["ipCidrRange"]))


def _tpus_in(world: World, subnetwork: str) -> Iterator[str]:
    """TPU VMs in a subnetwork."""
    return (name for name, row in world.store.items("tpu_nodes") if row["fields"]["networkConfig"].get("subnetwork") == subnetwork)


def _network(text: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        raise errors.invalid("resource.ipCidrRange", text, "Must be a valid CIDR range.") from None


def subnetwork_fields(resource: Json, cidr: ipaddress.IPv4Network) -> Json:
    """The fields Google fills in [recorded]."""
    if resource.get("purpose") == "PRIVATE_NAT":  # it holds addresses of gateways, no VMs: no IP stack to choose [recorded]
        stack: Json = {}
    else:
        stack = {"stackType": "IPV4_ONLY"}
    logs = {"enable": bool(resource.get("enableFlowLogs")), **resource.get("logConfig", {})}
    if logs["enable"]:
        logs = {"aggregationInterval": "INTERVAL_5_SEC", "flowSampling": 0.5, "metadata": "INCLUDE_ALL_METADATA", **logs}
    return {
        "privateIpGoogleAccess": False,
        "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
        "purpose": "PRIVATE",
        **stack,
        "allowSubnetCidrRoutesOverlap": False,
        **resource,
        "gatewayAddress": str(cidr[1]),
        "enableFlowLogs": logs["enable"],
        "logConfig": logs,
    }


def make_subnetwork(world: World, network: str, region: str, cidr: str, now: int) -> None:
    """Put an auto-mode subnetwork in place."""
    link = f"projects/{world.project}/regions/{region}/subnetworks/{links.name_of(network)}"
    base = {"name": links.name_of(network), "network": network, "ipCidrRange": cidr, "state": "READY"}
    filled = subnetwork_fields(base, _network(cidr))
    shown_fields = {key: value for key, value in filled.items() if key not in NOT_OF_AUTO}
    _place(world, link, "subnetworks", shown_fields, now)


def _place(world: World, link: str, service: str, resource: Json, now: int) -> None:
    full = {"id": world.identity.numeric(), "creationTimestamp": pacific(now), **resource}
    records.put(
        world, link, {"service": service, "resource": full, "state": "READY", "op": None, "created": shown(now), "origin": "google"}
    )


def make_default_network(world: World, now: int) -> None:
    """What enabling the Compute API leaves in a new project."""
    link = f"projects/{world.project}/global/networks/default"
    if records.find(world, link):
        return
    resource = {
        "name": "default",
        "description": "Default network for the project",
        "autoCreateSubnetworks": True,
        "routingConfig": {"routingMode": "REGIONAL"},
        "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL",
    }
    _place(world, link, "networks", resource, now)
    for index, region in enumerate(REGIONS):
        make_subnetwork(world, link, region, f"10.{128 + 2 * index}.0.0/20", now)
    for name, rule in DEFAULT_FIREWALLS.items():
        fields = {"direction": "INGRESS", "priority": 65534, "disabled": False, "logConfig": {"enable": False}}
        firewall = {"name": name, "network": link, **fields, **rule}
        _place(world, f"projects/{world.project}/global/firewalls/{name}", "firewalls", firewall, now)
