"""One tier: template, groups, backend service."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from ironwood import naming, tpu
from ironwood.desired.base import TARGET_TAG, Base
from ironwood.desired.marks import labels
from ironwood.profile import Profile, Tier
from ironwood.resources.base import Resource
from ironwood.resources.group import InstanceGroup, InstanceTemplate
from ironwood.resources.load_balancer import Backend, BackendService
from ironwood.serving import startup_script

PROVISIONING_MODELS: Mapping[str, str] = {
    "on_demand": "STANDARD",
    "spot": "SPOT",
    "flex_start": "FLEX_START",
    "reserved": "RESERVATION_BOUND",
}


class Serving:
    """One tier: template, groups, backend service."""

    def __init__(self, profile: Profile, base: Base, name: str, tier: Tier, pods: int) -> None:
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


def _template(profile: Profile, base: Base, name: str, tier: Tier) -> InstanceTemplate:
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
