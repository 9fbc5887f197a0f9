"""The autoscaler of a tier, and how many VMs its group is wanted to have.

1. While the autoscaler is on, the group's size is its own: a group is wanted as it was found, and only the bounds are ours. 2. Where it is off or not
there yet, the group is brought within the bounds first, under its lease, and the autoscaler is switched on after. 3. An empty tier has its
autoscaler off. 4. It keeps the floor of its lease like any group, of the pods it always holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ironwood import naming
from ironwood.graph import Graph
from ironwood.placement import pod_of
from ironwood.profile import Profile, Tier
from ironwood.profile_autoscaling import Autoscaling, share_of
from ironwood.resources.autoscaler import OFF, ON, Autoscaler, Signal
from ironwood.resources.base import Resource
from ironwood.resources.group import InstanceGroup
from ironwood.resources.load_balancer import BackendService


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The VMs an autoscaler may choose between; both are 0 where the tier is to be empty."""

    least: int
    most: int

    def nearest(self, vms: int) -> int:
        """The size within them that is nearest."""
        return min(max(vms, self.least), self.most)


def bounds(tier: Tier, pods: int, most: int) -> Bounds:
    """Of a tier that is to hold at least `pods` pods and at most `most`."""
    vms = pod_of(tier).vms
    return Bounds(least=pods * vms, most=max(pods, most) * vms) if pods else Bounds(least=0, most=0)


def owner_of(group: InstanceGroup, live: Graph) -> str:
    """The name of our autoscaler that is on and sizes `group`, "" where none does."""
    return next((each.name for each in live if isinstance(each, Autoscaler) and _sizes(each, group)), "")


def others_on(live: Graph, owner: str) -> list[Autoscaler]:
    """Autoscalers that are not `owner`'s and are on over groups that are: what they order is ours to pay, and while they are on Google lets nobody else resize."""
    groups = {each.address for each in live if isinstance(each, InstanceGroup) and each.owner == owner}
    return [each for each in live if isinstance(each, Autoscaler) and each.owner != owner and each.group in groups and each.mode != OFF]


def _sizes(each: Autoscaler, group: InstanceGroup) -> bool:
    return each.group == group.address and each.owner == group.owner and each.mode == ON


def elastic(group: InstanceGroup, within: Bounds, live: Graph) -> InstanceGroup:
    """`group` with the size it is wanted to have."""
    found = live.get(group.address)
    held = found.size if isinstance(found, InstanceGroup) else 0
    owner = owner_of(group, live) if within.least else ""
    return replace(group, autoscaler=owner, size=held if owner else within.nearest(held))


def as_found(wanted: Graph, live: Graph) -> Graph:
    """`wanted` with every group that an autoscaler sizes at the size it has come to."""
    return Graph.of(_as_found(each, live.get(each.address)) for each in wanted)


def _as_found(each: Resource, found: Resource | None) -> Resource:
    sized = isinstance(each, InstanceGroup) and each.autoscaler and isinstance(found, InstanceGroup)
    return replace(each, size=found.size) if sized and isinstance(each, InstanceGroup) and isinstance(found, InstanceGroup) else each


def autoscaler(profile: Profile, tier: Tier, own: Autoscaling, group: InstanceGroup, service: BackendService, within: Bounds) -> Autoscaler:
    """The autoscaler of a tier's one group."""
    always = bounds(tier, tier.min_replicas, tier.max_replicas)
    kept = within if within.least else always
    return Autoscaler(
        name=naming.autoscaler(group.name),
        scope=group.scope,
        owner=profile.name,
        group=group.address,
        service=service.address,
        least=kept.least,
        most=kept.most,
        mode=ON if within.least else OFF,
        signal=_signal(tier, own),
        stabilization_seconds=own.scale_down_delay_seconds,
        initialization_seconds=own.cooldown_seconds,
        patience=group.patience,
    )


def _signal(tier: Tier, own: Autoscaling) -> Signal:
    if own.metric is None:
        return Signal(target=share_of(tier))
    per_vm = own.target_per_vm or 0.0
    # A metric of the whole tier is none of a VM: without a resource of another type Google takes it for one.
    chosen = own.filter or ('resource.type = "global"' if per_vm else "")
    return Signal(metric=own.metric, filter=chosen, target=own.target or 0.0, per_vm=per_vm)


def autoscalers(resources: Iterable[Resource]) -> dict[str, Autoscaler]:
    """Every autoscaler among `resources`, by its group's name."""
    return {each.group.name: each for each in resources if isinstance(each, Autoscaler)}
