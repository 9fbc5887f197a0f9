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
    "workload_policy": "resourcePolicies",
    "instance_group": "instanceGroupManagers",
    "endpoint_group": "networkEndpointGroups",
    "security_policy": "securityPolicies",
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
    return f"projects/{address.project or project}/{address.scope}/{COLLECTIONS[address.kind]}/{address.name}"


def backend_url(project: str, group: Address) -> str:
    """What a backend refers to: an endpoint group, or the instance group a manager fills."""
    if group.kind == "endpoint_group":
        return url(project, group)
    return f"projects/{project}/{group.scope}/instanceGroups/{group.name}"


def address_of(url: str, beside: str = "") -> Address:
    """The address behind a full or partial URL; a kind we do not know keeps its collection's name, "" is NOWHERE.

    `beside` is the URL of the object that names it: a project other than that object's own is kept.
    """
    if not url:
        return NOWHERE
    *_, before, where, collection, name = ["", "", *url.split("/")]
    scope = GLOBAL if where == GLOBAL else f"{before}/{where}"
    project = _project(url) if beside and _project(url) != _project(beside) else ""
    return Address(kind=_KINDS.get(collection, collection), scope=scope, name=name, project=project)


def _project(url: str) -> str:
    _, _, rest = url.partition("projects/")
    return rest.partition("/")[0]
