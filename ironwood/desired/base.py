"""What every tier stands on: APIs, account, network, health check."""

from __future__ import annotations

from ironwood import naming
from ironwood.desired.apis import apis_of
from ironwood.desired.network import Ground
from ironwood.profile import Profile
from ironwood.resources.base import SERVICES, Resource
from ironwood.resources.load_balancer import HealthCheck
from ironwood.resources.service_account import ServiceAccount
from ironwood.resources.service_set import ServiceSet


class Base:
    """What every tier stands on: APIs, account, network, health check."""

    def __init__(self, profile: Profile) -> None:
        prefix, owner = profile.name_prefix, profile.name
        self.services = ServiceSet(name=SERVICES.name, enabled=apis_of(profile))
        self.account = ServiceAccount(name=naming.service_account_id(prefix), owner=owner, display_name="TPU inference VMs")
        self.ground = Ground(profile)
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
            *self.ground.resources,
            self.health_check,
        )
