"""Names: deterministic, so that what a killed run left behind is found again.

Every name is `name_prefix` followed by the name the seed gave the thing; a name that carries a content hash belongs to a
kind that can be neither changed nor deleted in use.
"""

from __future__ import annotations


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


def forwarding_rule(prefix: str) -> str:
    """The rule that opens the address."""
    return f"{prefix}ai-inference-forwarding-rule"


def ledger(prefix: str) -> str:
    """The log of the ledger, the bucket it is kept in and the sink between the two."""
    return f"{prefix}ironwood-ledger"


def runs_metric(prefix: str) -> str:
    """The count of the runs the ledger's log has."""
    return f"{prefix}ironwood-runs"


def unhealthy_metric(prefix: str) -> str:
    """The count of VMs that fell ill."""
    return f"{prefix}ironwood-unhealthy"


def group_head(prefix: str) -> str:
    """What the name of every group of the profile begins with."""
    return f"{prefix}ironwood-cluster-"


def channel(prefix: str) -> str:
    """The notification channel, by its display name."""
    return f"{prefix}ironwood notifications"


def uptime_check(prefix: str) -> str:
    """The uptime check, by its display name."""
    return f"{prefix}ironwood front end"


def alarm(prefix: str, what: str) -> str:
    """An alert policy, by its display name."""
    return f"{prefix}ironwood {what}"


def dashboard(prefix: str) -> str:
    """The dashboard, by its id."""
    return f"{prefix}ironwood"
