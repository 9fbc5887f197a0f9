"""Is there room for what the plan creates?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from cloud import facts
from cloud.errors import QUOTA_HELP
from ironwood.tpu import region_of
from tasks.preflight.check import Asked, Check
from tasks.preflight.request import quota_id, request

QUOTA_OF: Mapping[str, str] = {
    "network": "NETWORKS",
    "subnetwork": "SUBNETWORKS",
    "firewall": "FIREWALLS",
    "router": "ROUTERS",
    "address": "STATIC_ADDRESSES",
    "health_check": "HEALTH_CHECKS",
    "instance_template": "INSTANCE_TEMPLATES",
    "workload_policy": "RESOURCE_POLICIES",
    "instance_group": "INSTANCE_GROUP_MANAGERS",
    "endpoint_group": "NETWORK_ENDPOINT_GROUPS",
    "security_policy": "SECURITY_POLICIES",
    "backend_service": "BACKEND_SERVICES",
    "url_map": "URL_MAPS",
    "http_proxy": "TARGET_HTTP_PROXIES",
    "certificate": "SSL_CERTIFICATES",
    "https_proxy": "TARGET_HTTPS_PROXIES",
    "forwarding_rule": "FORWARDING_RULES",
}
"""The quota a new object of each kind counts against."""


def quotas(asked: Asked) -> Iterator[Check]:
    """Objects to create against the count quotas of the project, of all of them, and of each region, of those that stand there."""
    connection, profile, plan = asked.connection, asked.profile, asked.plan
    needed: Counter[tuple[str, str]] = Counter()
    for change in plan:
        metric = QUOTA_OF.get(change.address.kind)
        if metric and (step := {"create": 1, "delete": -1}.get(change.action)):
            needed["global", metric] += step
            needed[region_of(change.address.scope), metric] += step
    short, requests = [], []
    checked = 0
    for quota in facts.quotas(connection, (profile.region, *profile.regions)):
        want = needed[quota.scope, quota.metric]
        checked += want > 0
        if want > quota.free:
            missing = want - quota.free
            short.append(f"{quota.metric} ({quota.scope}): {want} more needed, {quota.free:g} of {quota.limit:g} free, {missing:g} missing")
            where = {} if quota.scope == "global" else {"region": quota.scope}
            requests.append(request(connection.project, quota_id(quota.metric, quota.scope), int(quota.limit + missing), where))
    if short:
        yield Check(subject="quotas", found="; ".join(short), remedy=f"Ask with {', '.join(requests)}. {QUOTA_HELP}")
    elif checked:
        yield Check(subject="quotas", found=f"enough of all {checked} that this plan uses")
