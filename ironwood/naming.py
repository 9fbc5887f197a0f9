"""Names: deterministic, so that what a killed run left behind is found again.

Every name is `name_prefix` followed by the name the seed gave the thing; a name that carries a content hash belongs to a
kind that can be neither changed nor deleted in use.
"""

from __future__ import annotations


def service_account_id(prefix: str) -> str:
    """The account the VMs run as."""
    return f"{prefix}tpu-inference-sa"


def iam_binding(account_id: str, role: str) -> str:
    """One role of one account on the project."""
    return f"{account_id}--{role.removeprefix('roles/').replace('/', '.')}"


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


def redirect(prefix: str) -> str:
    """The URL map that sends HTTP to HTTPS."""
    return f"{prefix}ai-inference-https-redirect"


def certificate(prefix: str, content: str) -> str:
    """The managed certificate; `content` is the hash of its domains."""
    return f"{prefix}ai-inference-cert-{content}"


def numbered(name: str, number: int) -> str:
    """The `number`-th name, from 1, of something that had to be made anew under another one."""
    return name if number == 1 else f"{name}-{number}"


def https_proxy(prefix: str) -> str:
    """The proxy that terminates TLS."""
    return f"{prefix}ai-inference-https-proxy"


def https_forwarding_rule(prefix: str) -> str:
    """The rule that opens the address for HTTPS."""
    return f"{prefix}ai-inference-https-forwarding-rule"


def forwarding_rule(prefix: str) -> str:
    """The rule that opens the address."""
    return f"{prefix}ai-inference-forwarding-rule"
