"""The outputs the seed's Terraform gives, told of what is live.

1. Every name is always there; null or empty where the profile has no such thing. 2. Values are plain: what JSON holds. 3. No secret: a cache's AUTH
string is no part of any resource; the command that reads it is told instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from ironwood import naming
from ironwood.desired import order_of
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.analytics import Dataset
from ironwood.resources.base import Resource
from ironwood.resources.budget import Budget, Topic
from ironwood.resources.cache import RedisInstance
from ironwood.resources.group import InstanceGroup
from ironwood.resources.https import ACTIVE, Certificate, HttpsProxy
from ironwood.resources.load_balancer import BackendService, ForwardingRule, HealthCheck
from ironwood.resources.monitoring import Dashboard
from ironwood.resources.network import Network, Subnetwork
from ironwood.resources.service_account import ServiceAccount
from ironwood.resources.vertex import DeployedModel, VertexEndpoint

Plain = str | int | float | None | Sequence["Plain"] | Mapping[str, "Plain"]
R = TypeVar("R", bound=Resource)
SEED_TIERS = ("small", "medium", "large")
"""Tiers the seed has outputs of, whether a profile has them or not."""


def outputs(profile: Profile, owned: Graph) -> dict[str, Plain]:
    """The seed's outputs of what `profile` owns, by name."""
    rule, url = _front(owned)
    groups = [each for each in owned if isinstance(each, InstanceGroup)]
    pods = {tier: [each.name for each in groups if _tier(profile, each) == tier] for tier in profile.enabled_tiers}
    cache, dataset = _first(owned, RedisInstance), _first(owned, Dataset)
    network, existing = _first(owned, Network), profile.network.existing
    subnet = next((each for each in owned if isinstance(each, Subnetwork) and each.scope == f"regions/{profile.region}"), None)
    topics = [each for each in owned if isinstance(each, Topic)]
    # The seed's topic is that of its analytics; without them there is the budget's.
    topics.sort(key=lambda each: each.name == naming.budget_topic(profile.name_prefix))
    account = next((each for each in owned if isinstance(each, ServiceAccount) and _serves(profile, each)), None)
    return {
        "load_balancer_ip": rule.ip if rule else None,
        "load_balancer_url": url,
        **{f"tpu_{tier}_pod_name": next(iter(pods.get(tier, ())), None) for tier in SEED_TIERS},
        "tpu_pod_names": pods,
        "tpu_pods_status": {each.name: _group(each) for each in groups},
        "vertex_ai_endpoints": {each.name: _endpoint(profile, owned, each) for each in owned if isinstance(each, VertexEndpoint)},
        "vpc_network_name": network.name if network else existing.network if existing else None,
        "vpc_subnet_name": subnet.name if subnet else existing.subnetwork if existing else None,
        "service_account_email": _email(profile, account) if account else None,
        "redis_cache_instance": _cache(cache) if cache else None,
        "bigquery_dataset_id": dataset.name if dataset else None,
        "pubsub_topic_name": topics[0].name if topics else None,
        "monitoring_dashboard_url": _dashboard(profile, _first(owned, Dashboard)),
        "backend_services": {each.name: _service(each) for each in owned if isinstance(each, BackendService)},
        "health_check_configuration": _health(_first(owned, HealthCheck)),
        "budget_configuration": _budget(_first(owned, Budget)),
        "connection_commands": _commands(profile, groups, rule, url, cache),
    }


def _first(owned: Graph, kind: type[R]) -> R | None:
    return next((each for each in owned if isinstance(each, kind)), None)


def _front(owned: Graph) -> tuple[ForwardingRule | None, str | None]:
    """The rule requests come in by, HTTPS before HTTP, and the URL of it: by the domain once its certificate is active."""
    rules = [each for each in owned if isinstance(each, ForwardingRule)]
    secure = next((each for each in rules if isinstance(owned.get(each.target), HttpsProxy)), None)
    if secure is not None:
        active = [each for each in owned if isinstance(each, Certificate) and each.status == ACTIVE]
        return secure, _url("https", active[0].domains[0] if active else secure.ip, secure.port, usual=443)
    if not rules:
        return None, None
    return rules[0], _url("http", rules[0].ip, rules[0].port, usual=80)


def _url(scheme: str, host: str, port: int, *, usual: int) -> str:
    return f"{scheme}://{host}{'' if port == usual else f':{port}'}"


def _tier(profile: Profile, group: InstanceGroup) -> str:
    order = order_of(profile, group.name)
    return order[0] if order else ""


def _serves(profile: Profile, account: ServiceAccount) -> bool:
    return account.name == naming.service_account_id(profile.name_prefix)


def _email(profile: Profile, account: ServiceAccount) -> str:
    return account.email or f"{account.name}@{profile.project_id}.iam.gserviceaccount.com"


def _group(group: InstanceGroup) -> Plain:
    return {
        "zone": group.scope.partition("/")[2],
        "vms": group.size,
        "vms_lacking": group.lacking,
        "state": "STABLE" if group.stable else "CHANGING",
    }


def _endpoint(profile: Profile, owned: Graph, endpoint: VertexEndpoint) -> Plain:
    region = endpoint.scope.partition("/")[2]
    deployed = [each for each in owned if isinstance(each, DeployedModel) and each.endpoint == endpoint.address]
    return {
        "id": f"projects/{profile.project_id}/locations/{region}/endpoints/{endpoint.name}",
        "location": region,
        "deployed_models": [each.id for each in deployed],
        "replicas": sum(each.replicas for each in deployed),
    }


def _cache(cache: RedisInstance) -> Plain:
    return {
        "name": cache.name,
        "host": cache.host,
        "port": cache.port,
        "tier": cache.tier,
        "memory_gb": cache.memory_gib,
        "state": cache.state,
    }


def _dashboard(profile: Profile, dashboard: Dashboard | None) -> str | None:
    if dashboard is None:
        return None
    return f"https://console.cloud.google.com/monitoring/dashboards/builder/{dashboard.name}?project={profile.project_id}"


def _service(service: BackendService) -> Plain:
    return {
        "backends": [each.group.name for each in service.backends],
        "timeout_seconds": service.timeout_seconds,
        "draining_seconds": service.draining_seconds,
        "health_check": service.health_check.name,
    }


def _health(check: HealthCheck | None) -> Plain:
    if check is None:
        return None
    return {
        "name": check.name,
        "port": check.port,
        "request_path": check.request_path,
        "interval_seconds": check.interval_seconds,
        "timeout_seconds": check.timeout_seconds,
        "healthy_threshold": check.healthy_threshold,
        "unhealthy_threshold": check.unhealthy_threshold,
    }


def _budget(budget: Budget | None) -> Plain:
    if budget is None:
        return None
    return {"name": budget.name, "amount_usd": float(budget.amount_usd), "thresholds": list(budget.thresholds), "topic": budget.topic.name}


def _commands(
    profile: Profile, groups: list[InstanceGroup], rule: ForwardingRule | None, url: str | None, cache: RedisInstance | None
) -> dict[str, Plain]:
    """How to reach what there is, by what it reaches; only what there is."""
    project = f"--project={profile.project_id}"
    found: dict[str, Plain] = {}
    if url and rule:
        key = naming.api_key(profile.name_prefix)
        shown = (
            f'-H "Authorization: Bearer $(gcloud secrets versions access latest --secret={key} {project})" '
            if profile.security.api_key
            else ""
        )
        question = """-H 'Content-Type: application/json' -d '{"instances": [{"text": "hello"}]}'"""
        found["predict"] = f"curl -X POST {url}/v1/predict {shown}{question}"
    for group in groups:
        zone = group.scope.partition("/")[2]
        found[f"vms_of_{group.name}"] = f"gcloud compute instance-groups managed list-instances {group.name} --zone={zone} {project}"
    if cache:
        where = f"--region={cache.scope.partition('/')[2]} {project}"
        found["redis"] = f"redis-cli -h {cache.host} -p {cache.port}{' --tls' if cache.transit_encryption else ''}"
        if cache.auth:
            found["redis_auth_string"] = f"gcloud redis instances get-auth-string {cache.name} {where}"
    return found
