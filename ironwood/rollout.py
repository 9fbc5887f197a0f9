"""Rollout: a new template reaches a tier in stages; each stage is a desired graph.

1. A canary first: a share of the VMs of each tier's first group in use; of a tier of slices, its first slice.
2. Then the rest: a group replaces a tenth of itself at a time, within the quota it has; slices one after the other.
3. A slice is made anew whole, so it leaves the traffic before and takes it again after; a tier's only slice cannot, and its stage says so.
4. Going back is the graph as it was: the old templates are kept until the last stage is done.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ironwood.graph import Graph
from ironwood.resources.base import Address, Resource
from ironwood.resources.group import Canary, EndpointGroup, InstanceGroup, InstanceTemplate
from ironwood.resources.load_balancer import BackendService


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of a rollout: what is wanted when it is done, and how a person would call it."""

    name: str
    wanted: Graph


def stages(wanted: Graph, live: Graph, *, canary_percent: int) -> tuple[Stage, ...]:
    """The stages from `live` to `wanted`, the canary of `canary_percent` of a group's VMs first; none where no VM's template changes."""
    moving = [each for each in wanted if isinstance(each, InstanceGroup) and _moves(each, live)]
    if not moving:
        return ()
    olds = _templates(live, (_live(live, each).template for each in moving))
    held = Graph.of(
        [*(each for each in wanted if each not in moving), *(_as_it_is(each, live) for each in moving), *_missing(olds, wanted)]
    )
    first = _first_of_each_tier(moving)
    canaries = [_canary(each, live, canary_percent) for each in first if each.workload_policy is None]
    out = []
    reached = _with(held, canaries)
    if canaries:
        count = sum(each.canary.vms if each.canary else each.size for each in canaries)
        out.append(Stage(name=f"canary of {count} VMs", wanted=reached))
    slices = sorted((each for each in moving if each.workload_policy is not None), key=lambda each: each not in first)
    for each in slices:
        name = f"{'canary: ' if each in first else ''}slice {each.name}"
        out.extend(_slice(name, each, reached))
        reached = out[-1].wanted
    out.append(Stage(name="all VMs", wanted=wanted))
    return tuple(out)


def _slice(name: str, group: InstanceGroup, graph: Graph) -> Iterator[Stage]:
    """The stages in which one slice of `graph` is made anew."""
    ways = {each.address for each in graph if isinstance(each, EndpointGroup) and each.group == group.address}
    left = [(each, tuple(way for way in each.backends if way.group not in ways)) for each in graph if isinstance(each, BackendService)]
    leaving = [replace(service, backends=others) for service, others in left if others != service.backends]
    if any(not each.backends for each in leaving):
        yield Stage(name=f"{name}, the only one of its tier, which does not serve meanwhile", wanted=_with(graph, [group]))
        return
    yield Stage(name=f"{name} leaves the traffic", wanted=_with(graph, leaving))
    yield Stage(name=f"{name} is made anew", wanted=_with(graph, [*leaving, group]))
    yield Stage(name=f"{name} takes traffic again", wanted=_with(graph, [group]))


def back(wanted: Graph, before: Graph) -> Graph:
    """`wanted` with every group on the template it had in `before`."""
    moving = [each for each in wanted if isinstance(each, InstanceGroup) and _moves(each, before)]
    olds = _templates(before, (_live(before, each).template for each in moving))
    news = {each.template for each in moving}
    kept = [each for each in wanted if each not in moving and each.address not in news]
    restored = [replace(each, template=_live(before, each).template) for each in moving]
    return Graph.of([*kept, *restored, *_missing(olds, Graph.of(kept))])


def _moves(group: InstanceGroup, live: Graph) -> bool:
    """Whether a group that has VMs is to have them of another template."""
    found = live.get(group.address)
    return isinstance(found, InstanceGroup) and found.size > 0 and group.size > 0 and found.template != group.template


def _live(live: Graph, group: InstanceGroup) -> InstanceGroup:
    found = live.get(group.address)
    assert isinstance(found, InstanceGroup)
    return found


def _as_it_is(group: InstanceGroup, live: Graph) -> InstanceGroup:
    return replace(group, template=_live(live, group).template)


def _canary(group: InstanceGroup, live: Graph, percent: int) -> InstanceGroup:
    """The group with its canary: a share of its VMs, at least one; a single VM is replaced whole."""
    vms = max(1, math.ceil(group.size * percent / 100))
    if vms >= group.size:
        return group
    return replace(_as_it_is(group, live), canary=Canary(template=group.template, vms=vms))


def _first_of_each_tier(groups: Iterable[InstanceGroup]) -> list[InstanceGroup]:
    """The first group by name of those that share a new template's tier."""
    first: dict[str, InstanceGroup] = {}
    for each in sorted(groups, key=lambda group: group.name):
        first.setdefault(each.template.name.rpartition("-")[0], each)
    return list(first.values())


def _with(graph: Graph, resources: Iterable[Resource]) -> Graph:
    changed = {each.address: each for each in resources}
    return Graph.of(changed.get(each.address, each) for each in graph)


def _templates(graph: Graph, addresses: Iterable[Address]) -> list[Resource]:
    found = (graph.get(address) for address in dict.fromkeys(addresses))
    return [each for each in found if isinstance(each, InstanceTemplate)]


def _missing(resources: Iterable[Resource], graph: Graph) -> list[Resource]:
    return [each for each in resources if each.address not in graph]
