"""What every tier stands on: APIs, account, network, health check."""

from __future__ import annotations

from ironwood import naming
from ironwood.desired.apis import REQUIRED_APIS
from ironwood.profile import Profile
from ironwood.resources.base import SERVICES, Resource
from ironwood.resources.load_balancer import HealthCheck
from ironwood.resources.network import Allow, Firewall, Network, Router, Subnetwork
from ironwood.resources.service_account import ServiceAccount
from ironwood.resources.service_set import ServiceSet

TARGET_TAG = "tpu-inference"
HEALTH_CHECK_RANGES = ("130.211.0.0/22", "35.191.0.0/16")
"""Where Google's health checks and load balancers come from (documented)."""


class Base:
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
