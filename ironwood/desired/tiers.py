"""One tier: for each way to order its VMs a template and groups, and one backend service over all of them.

A `single_host` tier is groups of VMs that serve one by one. A `multi_host` tier is one group a pod, all of its VMs or none, placed as a
slice, with an endpoint group that leads to worker 0, the only one that serves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from ironwood import naming, tpu
from ironwood.desired.analytics import telemetry
from ironwood.desired.autoscaling import autoscaler, bounds, elastic
from ironwood.desired.base import Base
from ironwood.desired.billed import billed, ledger_of
from ironwood.desired.marks import labels
from ironwood.desired.network import TARGET_TAG
from ironwood.desired.security import policy, uses
from ironwood.graph import Graph
from ironwood.placement import Option, generation_of, options_of, place, pod_of, spread
from ironwood.profile import Profile, Tier
from ironwood.profile_regions import home_of
from ironwood.resources.base import Resource
from ironwood.resources.group import PROVISIONING_MODELS, EndpointGroup, InstanceGroup, InstanceTemplate, WorkloadPolicy
from ironwood.resources.load_balancer import Backend, BackendService
from ironwood.serving import startup_script

LONGEST_FLEX_HOURS = 7 * 24
"""Flex-start VMs are deleted after at most seven days (documented)."""


class Serving:
    """One tier while `live` holds what it holds and the options numbered in `exhausted` give nothing."""

    def __init__(
        self, profile: Profile, base: Base, name: str, tier: Tier, pods: int, live: Graph, exhausted: Collection[int], most: int = 0
    ) -> None:
        self._profile, self._base, self._name, self._tier = profile, base, name, tier
        self._slices, self._region = tier.shape == "multi_host", tpu.region_of(tier.zone)
        self._pod = pod_of(tier)
        options = options_of(tier)
        held = _held(profile, name, options, live)
        counts = place(name, pods * self._pod.vms, options, [sum(groups.values()) for groups in held], exhausted)
        capacity = self._pod.vms if self._slices else tpu.GROUP_VM_LIMIT
        self.templates = tuple(_template(profile, base, name, tier, option) for option in options)
        self.policy = self._policy()
        self.groups = tuple(
            self._group(option, template, number, size)
            for option, template, count, groups in zip(options, self.templates, counts, held, strict=True)
            for number, size in spread(count, groups, capacity).items()
        )
        within = bounds(tier, pods, most)
        if tier.autoscaling is not None:
            self.groups = tuple(elastic(each, within, live) for each in self.groups)
        self.endpoints = tuple(self._endpoint(group) for group in self.groups) if self._slices else ()
        self.backend_service = BackendService(
            name=naming.backend_service(profile.name_prefix, home_of(name)),
            owner=profile.name,
            health_check=base.health_check.address,
            backends=tuple(self._backends()),
            timeout_seconds=tier.timeout_seconds,
            draining_seconds=tier.draining_seconds,
            policy=policy(profile),
        )
        self.autoscalers = (
            (autoscaler(profile, tier, tier.autoscaling, self.groups[0], self.backend_service, within),) if tier.autoscaling else ()
        )

    @property
    def leased(self) -> Iterator[tuple[InstanceGroup, int]]:
        """Each group, and how many of its VMs stay when its lease ends: of the first groups, and never more than they hold."""
        floor = self._tier.lease_floor * self._pod.vms
        for group in self.groups:
            stays = min(group.size, floor)
            if self.autoscalers:
                stays = min(self._tier.min_replicas * self._pod.vms, floor) if group.size else 0
            floor -= stays
            yield group, stays

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All of it but the backend service, which it may share with other regions."""
        policy = (self.policy,) if self.policy else ()
        return (*self.templates, *policy, *self.groups, *self.endpoints, *self.autoscalers)

    def _policy(self) -> WorkloadPolicy | None:
        if not self._slices:
            return None
        return WorkloadPolicy(
            name=naming.workload_policy(self._profile.name_prefix, self._pod.topology),
            scope=f"regions/{self._region}",
            owner=self._profile.name,
            topology=self._pod.topology,
        )

    def _group(self, option: Option, template: InstanceTemplate, number: int, size: int) -> InstanceGroup:
        profile = self._profile
        # Google repairs neither slices nor flex-start VMs.
        repaired = not self._slices and option.consumption != "flex_start"
        name = naming.group(profile.name_prefix, self._name, number, option.label)
        return InstanceGroup(
            name=name,
            scope=f"zones/{option.zone}",
            owner=profile.name,
            template=template.address,
            health_check=self._base.health_check.address if repaired else None,
            base_instance_name=name,
            startup_grace_seconds=profile.health_check.startup_grace_seconds if repaired else 0,
            port=profile.serving.port,
            size=size,
            workload_policy=self.policy.address if self.policy else None,
            patience=option.deadline,
            billed=billed(template, ledger_of(profile)),
        )

    def _endpoint(self, group: InstanceGroup) -> EndpointGroup:
        return EndpointGroup(
            name=naming.endpoint_group(group.name),
            scope=group.scope,
            owner=self._profile.name,
            network=self._base.ground.network,
            subnetwork=self._base.ground.subnetwork_in(self._region),
            group=group.address,
            port=group.port,
        )

    def _backends(self) -> Iterator[Backend]:
        rate = self._profile.load_balancer.max_rate_per_vm
        if self._slices:
            yield from (Backend(group=each.address, max_rate_per_vm=rate * self._pod.vms) for each in self.endpoints)
        else:
            yield from (Backend(group=each.address, max_rate_per_vm=rate) for each in self.groups)


def option_of(profile: Profile, tier: str, options: Sequence[Option], group: str) -> tuple[int, int] | None:
    """The option's index and the number of the tier's group of this name, or None where the tier has no such group."""
    stem, _, digits = group.rpartition("-")
    if not digits.isdigit():
        return None
    index = _stems(profile, tier, options).get(stem)
    return (
        None
        if index is None or group != naming.group(profile.name_prefix, tier, int(digits), options[index].label)
        else (index, int(digits))
    )


def _stems(profile: Profile, tier: str, options: Sequence[Option]) -> dict[str, int]:
    """The names of each option's groups without their numbers, to the option's index."""
    return {naming.group(profile.name_prefix, tier, 0, option.label).rpartition("-")[0]: index for index, option in enumerate(options)}


def _held(profile: Profile, tier: str, options: Sequence[Option], live: Graph) -> list[dict[int, int]]:
    """VMs ordered by each option's groups as they stand, by the group's number."""
    held: list[dict[int, int]] = [{} for _ in options]
    stems = _stems(profile, tier, options)
    for each in live:
        stem, _, digits = each.name.rpartition("-")
        if isinstance(each, InstanceGroup) and each.owner == profile.name and stem in stems and digits.isdigit():
            index = stems[stem]
            if each.scope == f"zones/{options[index].zone}":
                held[index][int(digits)] = each.size
    return held


def _template(profile: Profile, base: Base, name: str, tier: Tier, option: Option) -> InstanceTemplate:
    generation = generation_of(tier)
    unnamed = InstanceTemplate(
        name="",
        owner=profile.name,
        machine_type=generation.machine_type,
        image_family=tier.image_family or generation.image_family,
        boot_disk_gib=profile.serving.boot_disk_gib,
        provisioning_model=PROVISIONING_MODELS[option.consumption],
        network=base.ground.network,
        subnetwork=base.ground.subnetwork_in(tpu.region_of(option.zone)),
        service_account=base.account.address,
        tags=(TARGET_TAG,),
        labels=labels(profile, **{"tier": name, "pod-chips": str(tier.chips)}),
        startup_script=startup_script(
            profile,
            pod_of(tier).topology if tier.shape == "multi_host" else tpu.slice_of(generation.chips_per_vm, generation).topology,
            telemetry(profile),
        ),
        reservation=option.reservation or "",
        longest_run_hours=LONGEST_FLEX_HOURS if option.consumption == "flex_start" else 0,
        secrets=uses(profile, base.account),
    )
    content = hashlib.sha256((repr(unnamed) + "".join(each.access.name for each in unnamed.secrets)).encode()).hexdigest()[:8]
    return replace(unnamed, name=naming.template(profile.name_prefix, name, content, option.label))
