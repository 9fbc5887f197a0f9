"""What a profile means: the graph of everything that should exist at given sizes.

Each module makes one part; `desired` is their union. Nobody writes an order of steps: it follows from the references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ironwood.desired.access import VM_ROLES, bindings
from ironwood.desired.analytics import PUBLISHER, analytics
from ironwood.desired.base import Base
from ironwood.desired.billed import entered
from ironwood.desired.cache import cache, given
from ironwood.desired.development import development_tpus
from ironwood.desired.driving import driving
from ironwood.desired.front import front_end
from ironwood.desired.memory import memory
from ironwood.desired.observability import logs
from ironwood.desired.regions import services
from ironwood.desired.security import given as given_secrets
from ironwood.desired.security import security
from ironwood.desired.spending import spending
from ironwood.desired.stops import lease_job, off_job, stops
from ironwood.desired.tiers import Serving, option_of
from ironwood.desired.vertex import deployments, vertex
from ironwood.desired.watching import watching
from ironwood.graph import Graph
from ironwood.placement import options_of
from ironwood.profile import Profile
from ironwood.resources.autoscaler import OFF, Autoscaler
from ironwood.resources.base import Resource
from ironwood.resources.cache import RedisInstance
from ironwood.resources.group import InstanceGroup
from ironwood.resources.queued_tpu import QueuedTpu, StrayTpu
from ironwood.resources.vertex import DeployedModel, EndpointTraffic
from ironwood.sizes import most_of


@dataclass(frozen=True, kw_only=True)
class Footing:
    """What the parts around the tiers stand on: the profile, its base and its tiers by name, what is live, and the time, where it matters."""

    profile: Profile
    base: Base
    tiers: Mapping[str, Serving]
    live: Graph
    now: datetime | None


NOTHING = Graph()
Part = Callable[[Footing], Iterator[Resource]]


def _base(footing: Footing) -> Iterator[Resource]:
    yield from footing.base.resources


def _access(footing: Footing) -> Iterator[Resource]:
    yield from bindings(footing.base.account, VM_ROLES)


def _analytics(footing: Footing) -> Iterator[Resource]:
    yield from analytics(footing.profile)
    if footing.profile.analytics.enabled:
        yield from bindings(footing.base.account, (PUBLISHER,))


def _tiers(footing: Footing) -> Iterator[Resource]:
    yield from services(footing.tiers).values()
    for tier in footing.tiers.values():
        for each in tier.resources:
            if isinstance(each, InstanceGroup):
                yield replace(each, lease=lease_job(footing.profile, each))
            else:
                yield replace(each, lease=off_job(footing.profile, each)) if isinstance(each, Autoscaler) else each


def _development(footing: Footing) -> Iterator[Resource]:
    yield from development_tpus(footing.profile, footing.base)


def _front(footing: Footing) -> Iterator[Resource]:
    yield from front_end(footing.profile, services(footing.tiers))


def _memory(footing: Footing) -> Iterator[Resource]:
    yield from memory(footing.profile)


def _cache(footing: Footing) -> Iterator[Resource]:
    yield from cache(footing.profile, footing.base.ground)


def _logs(footing: Footing) -> Iterator[Resource]:
    yield from logs(footing.profile)


def _spending(footing: Footing) -> Iterator[Resource]:
    yield from spending(footing.profile)


def _watching(footing: Footing) -> Iterator[Resource]:
    yield from watching(footing.profile)


def _vertex(footing: Footing) -> Iterator[Resource]:
    yield from vertex(footing.profile, footing.base.account)


def _security(footing: Footing) -> Iterator[Resource]:
    yield from security(footing.profile, footing.base.account)


def _stops(footing: Footing) -> Iterator[Resource]:
    groups = (each for tier in footing.tiers.values() for each in tier.leased)
    deployed = deployments(footing.profile, footing.base.account)
    yield from stops(
        footing.profile,
        groups,
        footing.live,
        footing.now,
        deployed=deployed,
        tpus=development_tpus(footing.profile, footing.base),
        autoscalers=[each for tier in footing.tiers.values() for each in tier.autoscalers],
    )


def _driving(footing: Footing) -> Iterator[Resource]:
    yield from driving(footing.profile)


PARTS: tuple[Part, ...] = (
    _base,
    _access,
    _analytics,
    _tiers,
    _development,
    _front,
    _cache,
    _logs,
    _memory,
    _security,
    _spending,
    _watching,
    _vertex,
    _stops,
    _driving,
)


Exhausted = frozenset[tuple[str, int]]
"""Ways to order that gave nothing by their deadline: (tier, number of the option)."""


def desired(
    profile: Profile, sizes: Mapping[str, int], live: Graph = NOTHING, exhausted: Exhausted = frozenset(), now: datetime | None = None
) -> Graph:
    """Everything `profile` wants while its tiers hold `sizes` pods (tier -> pods; every enabled tier).

    What `live` holds decides where the VMs of a tier with fallbacks stand; `exhausted` where none are to be ordered, `Sizes` how far autoscalers may go; `now` whether leases are
    renewed. Raises StockoutError when a tier has to grow and has no option left.
    """
    base = Base(profile)
    most = most_of(profile, sizes)
    tiers = {
        name: Serving(profile, base, name, tier, sizes[name], live, {number for of, number in exhausted if of == name}, most.get(name, 0))
        for name, tier in profile.enabled_tiers.items()
    }
    footing = Footing(profile=profile, base=base, tiers=tiers, live=live, now=now)
    return Graph.of([each for part in PARTS for each in part(footing)]).closed(
        (*base.ground.given, *given(profile, base.ground), *given_secrets(profile))
    )


def order_of(profile: Profile, group: str) -> tuple[str, int] | None:
    """The tier and the number of the option that a group of this name belongs to, or None."""
    for name, tier in profile.enabled_tiers.items():
        found = option_of(profile, name, options_of(tier), group)
        if found is not None:
            return name, found[0]
    return None


def at_rest(live: Graph) -> Graph:
    """`live` with every group at zero VMs and its autoscaler off, without development TPUs and the cache, and with nothing deployed at Vertex AI.

    It is what teardown wants first, because it is what stops the billing.
    """
    stopped = QueuedTpu | StrayTpu | DeployedModel | EndpointTraffic | RedisInstance
    standing = (each for each in entered(live) if not isinstance(each, stopped))
    return Graph.of(_at_rest(each) for each in standing)


def _at_rest(each: Resource) -> Resource:
    if isinstance(each, InstanceGroup):
        return replace(each, size=0, lacking=0, autoscaler="")
    return replace(each, mode=OFF) if isinstance(each, Autoscaler) else each
