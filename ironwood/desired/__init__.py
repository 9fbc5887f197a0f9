"""What a profile means: the graph of everything that should exist at given sizes.

Each module makes one part; `desired` is their union. Nobody writes an order of steps: it follows from the references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ironwood.desired.base import Base
from ironwood.desired.front import front_end
from ironwood.desired.memory import memory
from ironwood.desired.spending import spending
from ironwood.desired.stops import stops
from ironwood.desired.tiers import Serving
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.base import Resource
from ironwood.resources.group import InstanceGroup


@dataclass(frozen=True, kw_only=True)
class Footing:
    """What the parts around the tiers stand on: the profile, its base and its tiers by name."""

    profile: Profile
    base: Base
    tiers: Mapping[str, Serving]


Part = Callable[[Footing], Iterator[Resource]]


def _base(footing: Footing) -> Iterator[Resource]:
    yield from footing.base.resources


def _tiers(footing: Footing) -> Iterator[Resource]:
    for tier in footing.tiers.values():
        yield from tier.resources


def _front(footing: Footing) -> Iterator[Resource]:
    yield from front_end(footing.profile, {name: tier.backend_service for name, tier in footing.tiers.items()})


def _memory(footing: Footing) -> Iterator[Resource]:
    yield from memory(footing.profile)


def _spending(footing: Footing) -> Iterator[Resource]:
    yield from spending(footing.profile)


def _stops(footing: Footing) -> Iterator[Resource]:
    groups = (each for tier in footing.tiers.values() for each in tier.resources if isinstance(each, InstanceGroup))
    yield from stops(footing.profile, groups)


PARTS: tuple[Part, ...] = (_base, _tiers, _front, _memory, _spending, _stops)


def desired(profile: Profile, sizes: Mapping[str, int]) -> Graph:
    """Everything `profile` wants while its tiers hold `sizes` pods (tier -> pods; every enabled tier)."""
    base = Base(profile)
    tiers = {name: Serving(profile, base, name, tier, sizes[name]) for name, tier in profile.enabled_tiers.items()}
    footing = Footing(profile=profile, base=base, tiers=tiers)
    return Graph.of([each for part in PARTS for each in part(footing)]).closed()


def at_rest(live: Graph) -> Graph:
    """`live` with every group at zero VMs: what teardown wants first, because it is what stops the billing."""
    return Graph.of(replace(each, size=0) if isinstance(each, InstanceGroup) else each for each in live)
