"""The section `autoscaling` of a tier: Google's autoscaler owns the tier's size, within bounds that are ours.

1. One size owner a tier: with this section the planner sets the autoscaler's bounds and never the size. 2. The signal is the load balancer's rate
against what a VM is said to take, or a metric of Cloud Monitoring; there is none for CPU, which says nothing of a TPU's load.
What the keys mean for Google is in `ironwood/resources/autoscaler.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ironwood import patterns, tpu
from ironwood.finding import Finding
from ironwood.profile_region_rules import every_tier
from ironwood.profile_section import Section

if TYPE_CHECKING:
    from ironwood.profile import Profile, Tier

DEFAULT_TARGET = 0.7
"""The seed's target, of the load balancer's capacity instead of the CPU."""
Positive = Annotated[float, Field(gt=0, strict=False)]


class Autoscaling(Section):
    """How the tier's autoscaler decides.

    `load_balancing`: it keeps the rate of requests at `target` of `load_balancer.max_rate_per_vm`. `metric`: it keeps `metric` at `target` on each VM
    (one series a VM, resource gce_instance), or a metric of the whole tier at `target_per_vm` for each VM; `filter` chooses the series.
    `scale_down_delay_seconds`: it shrinks to what the busiest moment of so long needed. `cooldown_seconds`: how long a new VM takes to serve as it should.
    """

    signal: Literal["load_balancing", "metric"] = "load_balancing"
    target: Positive | None = None
    metric: Annotated[str, Field(pattern=patterns.METRIC_TYPE)] | None = None
    target_per_vm: Positive | None = None
    filter: Annotated[str, Field(min_length=1)] | None = None
    scale_down_delay_seconds: Annotated[int, Field(ge=60, le=3_600)] = 600
    cooldown_seconds: Annotated[int, Field(ge=15, le=3_600)] = 300


def an_autoscaler_can_own_it(profile: Profile) -> Iterator[Finding]:
    """The tier is VMs that serve one by one, ordered in one way, in one group, and nobody else decides its size."""
    for place, _, tier in every_tier(profile):
        if tier.autoscaling is None:
            continue
        path = (*place, "autoscaling")
        if tier.shape == "multi_host":
            yield Finding(
                path=path, text="is for single_host tiers: a slice is all of its VMs or none; remove it, or write `shape: single_host`"
            )
        if tier.consumption == "flex_start":
            yield Finding(path=path, text="does not go with flex_start, whose VMs wait in a queue; choose on_demand, spot or reserved")
        if tier.fallbacks:
            yield Finding(
                path=(*place, "fallbacks"),
                text="an autoscaler sizes one group; remove the fallbacks, or `autoscaling`, and write windows",
            )
        vms = tier.max_replicas * (tier.chips // tpu.GENERATIONS[tier.generation].chips_per_vm)
        if vms > tpu.GROUP_VM_LIMIT:
            yield Finding(
                path=path,
                text=f"max_replicas {tier.max_replicas} are {vms:,} VMs, more than the {tpu.GROUP_VM_LIMIT:,} of the one group an autoscaler sizes; "
                "lower max_replicas, or remove it",
            )
        if profile.policy.between_plans == "optimized":
            yield Finding(
                path=path,
                text="and `policy.between_plans: optimized` would both decide the tier's size; keep one of the two",
            )


def its_bounds_are_the_tiers(profile: Profile) -> Iterator[Finding]:
    """It never goes below one pod by itself, and the baseline of its tier is its lower bound."""
    for place, _, tier in every_tier(profile):
        if tier.autoscaling is None:
            continue
        if tier.min_replicas < 1:
            text = "0: an autoscaler keeps at least one pod, because an empty tier is asked nothing it could scale by; write 1 or more, and windows of 0"
            yield Finding(path=(*place, "min_replicas"), text=text)
        elif tier.replicas != tier.min_replicas and tier.min_replicas <= tier.replicas <= tier.max_replicas:
            text = (
                f"{tier.replicas}: under an autoscaler the baseline is min_replicas, {tier.min_replicas}; remove it or raise min_replicas"
            )
            yield Finding(path=(*place, "replicas"), text=text)


def its_signal_is_whole(profile: Profile) -> Iterator[Finding]:
    """A metric has one target, and the load balancer's needs none of a metric's keys."""
    for place, _, tier in every_tier(profile):
        if tier.autoscaling is not None:
            yield from (Finding(path=(*place, "autoscaling", *path), text=text) for path, text in _signal(tier.autoscaling))


def _signal(own: Autoscaling) -> Iterator[tuple[tuple[str, ...], str]]:
    if own.signal == "load_balancing":
        for key in ("metric", "target_per_vm", "filter"):
            if getattr(own, key) is not None:
                yield (key,), "is for `signal: metric`; remove it or write that"
        if own.target is not None and own.target > 1:
            yield ("target",), f"{own.target:g} is more than all of what a VM takes; write a share of it such as {DEFAULT_TARGET}"
        return
    if own.metric is None:
        yield ("signal",), "'metric' needs the metric to go by; add `metric: custom.googleapis.com/…`"
    if (own.target is None) == (own.target_per_vm is None):
        yield ("signal",), "'metric' needs one target: `target` of a metric each VM has, or `target_per_vm` of one the whole tier has"


def share_of(tier: Tier) -> float:
    """The share of a VM's rate that the autoscaler of a tier keeps."""
    return DEFAULT_TARGET if tier.autoscaling is None or tier.autoscaling.target is None else tier.autoscaling.target


AUTOSCALING_RULES: tuple[Callable[[Profile], Iterator[Finding]], ...] = (
    an_autoscaler_can_own_it,
    its_bounds_are_the_tiers,
    its_signal_is_whole,
)
