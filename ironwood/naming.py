"""Names: deterministic, so that what a killed run left behind is found again.

Every name is `name_prefix` followed by the name the seed gave the thing; a name that carries a content hash belongs to a
kind that can be neither changed nor deleted in use.
"""

from __future__ import annotations

MARKER = "ironwood-profile"
"""The key of the marker, in labels and in texts."""


def service_account_id(prefix: str) -> str:
    """The account the VMs run as."""
    return f"{prefix}tpu-inference-sa"


def network(prefix: str) -> str:
    """The VPC."""
    return f"{prefix}ai-inference-network"


def subnetwork(prefix: str) -> str:
    """The VPC's one subnet."""
    return f"{prefix}ai-inference-subnet"


def firewall(prefix: str, purpose: str) -> str:
    """One rule by its purpose."""
    return f"{prefix}ai-inference-allow-{purpose}"


def router(prefix: str) -> str:
    """The router that carries the NAT."""
    return f"{prefix}ai-inference-router"


def address(prefix: str) -> str:
    """The global address users reach."""
    return f"{prefix}ai-inference-ip"


def health_check(prefix: str) -> str:
    """The one health check of load balancer and groups."""
    return f"{prefix}tpu-health-check"


def template(prefix: str, tier: str, content: str) -> str:
    """An instance template; `content` is the hash of everything in it."""
    return f"{prefix}ironwood-cluster-{tier}-{content}"


def group(prefix: str, tier: str, number: int) -> str:
    """The `number`-th group of a tier, from 1."""
    return f"{prefix}ironwood-cluster-{tier}-{number:03d}"


def backend_service(prefix: str, tier: str) -> str:
    """The backend service of a tier."""
    return f"{prefix}inference-backend-{tier}"


def url_map(prefix: str) -> str:
    """The routes from paths to tiers."""
    return f"{prefix}ai-inference-url-map"


def http_proxy(prefix: str) -> str:
    """The proxy between address and routes."""
    return f"{prefix}ai-inference-http-proxy"


def bucket(prefix: str, project: str) -> str:
    """The bucket of the state object; bucket names belong to the whole world."""
    return f"{prefix}ironwood-state-{project}"


def budget_topic(prefix: str) -> str:
    """The topic budgets publish on."""
    return f"{prefix}ai-inference-budget"


def budget_inbox(prefix: str) -> str:
    """The subscription that keeps what budgets published."""
    return f"{prefix}ai-inference-budget-inbox"


def budget(prefix: str) -> str:
    """The month's budget; Google names it, this stands in its display name."""
    return f"{prefix}ai-budget"


def marker(owner: str) -> str:
    """The marker as text: what stands in descriptions and display names."""
    return f"{MARKER}={owner}"


def display_name(name: str, owner: str) -> str:
    """The display name of a thing that has no other place for the marker."""
    return f"{name} ({marker(owner)})"


def stopper_account_id(prefix: str) -> str:
    """The account that stops tiers at their time."""
    return f"{prefix}tpu-stopper-sa"


def stop_job(group: str) -> str:
    """The job that empties a group at its time; the group's name has the prefix."""
    return f"{group}-stop"


def forwarding_rule(prefix: str) -> str:
    """The rule that opens the address."""
    return f"{prefix}ai-inference-forwarding-rule"
