"""Regions that are down: what of a plan has to wait until they are back, and what of a profile is not begun meanwhile.

1. A change in a region that is down waits, and so does every change that waits for it; everything else is carried out. 2. What Google repairs by itself
and what is only brought up to date there is no unfinished work; a size, a creation or a deletion is. 3. A further region that is down before anything of it
is there is left out, so that it holds up nothing of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ironwood.graph import Graph
from ironwood.plan import Change, Plan
from ironwood.profile import Profile
from ironwood.resources.base import Resource
from ironwood.resources.group import InstanceGroup
from ironwood.tpu import region_of


@dataclass(frozen=True, kw_only=True)
class Parted:
    """A plan parted: `now` is within reach, `later` waits for regions that are down."""

    now: Plan
    later: tuple[Change, ...] = ()

    @property
    def unfinished(self) -> tuple[Change, ...]:
        """Of what waits, what was asked for and is not done."""
        return tuple(change for change in self.later if not _kept_up(change))


def parted(plan: Plan, down: Collection[str]) -> Parted:
    """`plan` as far as it can be carried out while the regions `down` are down."""
    waits: set[str] = set()
    now: list[Change] = []
    later: list[Change] = []
    for change in plan:
        if region_of(change.address.scope) in down or not waits.isdisjoint(change.waits_for):
            waits.add(change.step)
            later.append(change)
        else:
            now.append(change)
    return Parted(now=Plan(tuple(now)), later=tuple(later))


def within_reach(profile: Profile, live: Graph, down: Collection[str]) -> Profile:
    """`profile` without the further regions that are down and in which nothing of it is there yet."""
    begun = regions_of(each for each in live if each.owner == profile.name)
    kept = {region: each for region, each in profile.regions.items() if region not in down or region in begun}
    return profile if len(kept) == len(profile.regions) else profile.model_copy(update={"regions": kept})


def regions_of(resources: Iterable[Resource]) -> frozenset[str]:
    """The regions in which some of `resources` stand."""
    return frozenset(region_of(each.scope) for each in resources) - {""}


def _kept_up(change: Change) -> bool:
    """Whether it only repairs or brings up to date what stays as large as it is."""
    before, after = change.before, change.after
    if change.action != "update":
        return False
    return not (isinstance(before, InstanceGroup) and isinstance(after, InstanceGroup)) or before.size == after.size
