"""What a profile means: the graph of everything that should exist at given sizes.

Each function makes one part; `desired` is their union. Nobody writes an order of steps: it follows from the references.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ironwood import naming, tpu
from ironwood.graph import Graph
from ironwood.profile import Profile, Tier
from ironwood.resources.base import SERVICES, Resource
from ironwood.resources.group import InstanceGroup, InstanceTemplate
from ironwood.resources.load_balancer import Backend, BackendService, ForwardingRule, HealthCheck, HttpProxy, Route, UrlMap
from ironwood.resources.network import Allow, Firewall, GlobalAddress, Network, Router, Subnetwork
from ironwood.resources.service_account import ServiceAccount
from ironwood.resources.service_set import ServiceSet
from ironwood.serving import startup_script

REQUIRED_APIS = (
    "cloudquotas.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "iam.googleapis.com",
    "serviceusage.googleapis.com",
)
"""The APIs the resources below are made through."""

TARGET_TAG = "tpu-inference"
HEALTH_CHECK_RANGES = ("130.211.0.0/22", "35.191.0.0/16")
"""Where Google's health checks and load balancers come from (documented)."""

LABEL_KEY = "ironwood-profile"
PROVISIONING_MODELS: Mapping[str, str] = {
    "on_demand": "STANDARD",
    "spot": "SPOT",
    "flex_start": "FLEX_START",
    "reserved": "RESERVATION_BOUND",
}


def desired(profile: Profile, sizes: Mapping[str, int]) -> Graph:
    """Everything `profile` wants while its tiers hold `sizes` pods (tier -> pods; every enabled tier)."""
    base = _Base(profile)
    tiers = {name: _Serving(profile, base, name, tier, sizes[name]) for name, tier in profile.enabled_tiers.items()}
    front = _front_end(profile, {name: tier.backend_service for name, tier in tiers.items()})
    return Graph.of([*base.resources, *(each for tier in tiers.values() for each in tier.resources), *front]).closed()


def at_rest(live: Graph) -> Graph:
    """`live` with every group at zero VMs: what teardown wants first, because it is what stops the billing."""
    return Graph.of(replace(each, size=0) if isinstance(each, InstanceGroup) else each for each in live)


def labels(profile: Profile, **more: str) -> tuple[tuple[str, str], ...]:
    """The profile's labels with the marker, as sorted pairs."""
    return tuple(sorted({**profile.labels, "environment": profile.environment, LABEL_KEY: profile.name, **more}.items()))


class _Base:
    """What every tier stands on: APIs, account, network, health check."""

    def __init__(self, profile: Profile) -> None:
        prefix, owner, region = profile.name_prefix, profile.name, f"regions/{profile.region}"
        self.services = ServiceSet(name=SERVICES.name, enabled=REQUIRED_APIS)
        self.account = ServiceAccount(name=naming.service_account_id(prefix), owner=owner, display_name="TPU inference VMs")
        self.network = Network(name=naming.network(prefix), owner=owner, mtu=profile.network.mtu)
        self.subnetwork = Subnetwork(
            name=naming.subnetwork(prefix),
            scope=region,
            owner=owner,
            network=self.network.address,
            cidr=profile.network.subnet_cidr,
            private_google_access=True,
            flow_logs=True,
        )
        self.internal = Firewall(
            name=naming.firewall(prefix, "internal"),
            owner=owner,
            network=self.network.address,
            allowed=(Allow(protocol="icmp"), Allow(protocol="tcp", ports=("22", str(profile.serving.port), "8888"))),
            source_ranges=(profile.network.subnet_cidr,),
            target_tag=TARGET_TAG,
        )
        self.probes = Firewall(
            name=naming.firewall(prefix, "health-checks"),
            owner=owner,
            network=self.network.address,
            allowed=(Allow(protocol="tcp", ports=(str(profile.serving.port),)),),
            source_ranges=HEALTH_CHECK_RANGES,
            target_tag=TARGET_TAG,
        )
        self.router = Router(
            name=naming.router(prefix), scope=region, owner=owner, network=self.network.address, nat_name=f"{naming.router(prefix)}-nat"
        )
        check = profile.health_check
        self.health_check = HealthCheck(
            name=naming.health_check(prefix),
            owner=owner,
            port=profile.serving.port,
            request_path=profile.serving.readiness_path,
            interval_seconds=check.interval_seconds,
            timeout_seconds=check.timeout_seconds,
            healthy_threshold=check.healthy_threshold,
            unhealthy_threshold=check.unhealthy_threshold,
        )

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All of it."""
        return (
            self.services,
            self.account,
            self.network,
            self.subnetwork,
            self.internal,
            self.probes,
            self.router,
            self.health_check,
        )


class _Serving:
    """One tier: template, groups, backend service."""

    def __init__(self, profile: Profile, base: _Base, name: str, tier: Tier, pods: int) -> None:
        prefix, owner = profile.name_prefix, profile.name
        self.template = _template(profile, base, name, tier)
        self.groups = tuple(
            InstanceGroup(
                name=naming.group(prefix, name, number),
                scope=f"zones/{tier.zone}",
                owner=owner,
                template=self.template.address,
                health_check=base.health_check.address,
                base_instance_name=naming.group(prefix, name, number),
                startup_grace_seconds=profile.health_check.startup_grace_seconds,
                port=profile.serving.port,
                size=size,
            )
            for number, size in enumerate(tpu.group_sizes(tpu.slice_of(tier.chips).vms * pods), start=1)
        )
        self.backend_service = BackendService(
            name=naming.backend_service(prefix, name),
            owner=owner,
            health_check=base.health_check.address,
            backends=tuple(Backend(group=group.address, max_rate_per_vm=profile.load_balancer.max_rate_per_vm) for group in self.groups),
            timeout_seconds=tier.timeout_seconds,
            draining_seconds=tier.draining_seconds,
        )

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All of it."""
        return (self.template, *self.groups, self.backend_service)


def _template(profile: Profile, base: _Base, name: str, tier: Tier) -> InstanceTemplate:
    generation = tpu.TPU7X
    unnamed = InstanceTemplate(
        name="",
        owner=profile.name,
        machine_type=generation.machine_type,
        image_family=generation.image_family,
        boot_disk_gib=profile.serving.boot_disk_gib,
        provisioning_model=PROVISIONING_MODELS[tier.consumption],
        network=base.network.address,
        subnetwork=base.subnetwork.address,
        service_account=base.account.address,
        tags=(TARGET_TAG,),
        labels=labels(profile, **{"tier": name, "pod-chips": str(tier.chips)}),
        startup_script=startup_script(profile),
    )
    content = hashlib.sha256(repr(unnamed).encode()).hexdigest()[:8]
    return replace(unnamed, name=naming.template(profile.name_prefix, name, content))


def _front_end(profile: Profile, services: Mapping[str, BackendService]) -> Iterator[Resource]:
    """Address, routes, proxy and forwarding rule in front of the tiers' backend services."""
    prefix, owner = profile.name_prefix, profile.name
    address = GlobalAddress(name=naming.address(prefix), owner=owner, labels=labels(profile))
    url_map = UrlMap(
        name=naming.url_map(prefix),
        owner=owner,
        default_service=services[profile.load_balancer.default_tier].address,
        routes=tuple(
            Route(prefixes=tier.paths, service=services[name].address) for name, tier in profile.enabled_tiers.items() if tier.paths
        ),
    )
    proxy = HttpProxy(name=naming.http_proxy(prefix), owner=owner, url_map=url_map.address)
    rule = ForwardingRule(
        name=naming.forwarding_rule(prefix),
        owner=owner,
        ip_address=address.address,
        target=proxy.address,
        port=profile.load_balancer.port,
        labels=labels(profile),
    )
    yield from (address, url_map, proxy, rule)
