"""Between our addresses and Compute's URLs."""

from __future__ import annotations

from collections.abc import Mapping

from ironwood.resources.base import GLOBAL, Address

COLLECTIONS: Mapping[str, str] = {
    "network": "networks",
    "subnetwork": "subnetworks",
    "firewall": "firewalls",
    "router": "routers",
    "address": "addresses",
    "health_check": "healthChecks",
    "instance_template": "instanceTemplates",
    "instance_group": "instanceGroupManagers",
    "backend_service": "backendServices",
    "url_map": "urlMaps",
    "http_proxy": "targetHttpProxies",
    "certificate": "sslCertificates",
    "https_proxy": "targetHttpsProxies",
    "forwarding_rule": "forwardingRules",
    "stray_instance": "instances",
}

_KINDS = {collection: kind for kind, collection in COLLECTIONS.items()} | {"instanceGroups": "instance_group"}


NOWHERE = Address(kind="", scope="", name="")
"""What a reference that is not set leads to; other people's objects may have such."""


def url(project: str, address: Address) -> str:
    """The partial URL of `address`: `projects/P/zones/Z/instanceGroupManagers/N`."""
    return f"projects/{project}/{address.scope}/{COLLECTIONS[address.kind]}/{address.name}"


def instance_group_url(project: str, manager: Address) -> str:
    """The URL of the instance group a manager fills: what a backend refers to."""
    return f"projects/{project}/{manager.scope}/instanceGroups/{manager.name}"


def address_of(url: str) -> Address:
    """The address behind a full or partial URL; a kind we do not know keeps its collection's name, "" is NOWHERE."""
    if not url:
        return NOWHERE
    *_, before, where, collection, name = ["", "", *url.split("/")]
    scope = GLOBAL if where == GLOBAL else f"{before}/{where}"
    return Address(kind=_KINDS.get(collection, collection), scope=scope, name=name)
