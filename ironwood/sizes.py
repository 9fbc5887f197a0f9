"""Sizes of tiers, in pods: what flows hand each other.

A plain mapping says them all. Of a tier under an autoscaler the number is the least it may hold, and `most` the most; without that it is the
tier's max_replicas. At 0 the autoscaler is off and the tier is empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ironwood.profile import Profile


@dataclass(frozen=True, eq=False)
class Sizes(Mapping[str, int]):
    """`least` pods by tier, and the `most` of some of them; beside a plain mapping only `least` counts."""

    least: Mapping[str, int]
    most: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def __getitem__(self, tier: str) -> int:
        return self.least[tier]

    def __iter__(self) -> Iterator[str]:
        return iter(self.least)

    def __len__(self) -> int:
        return len(self.least)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Sizes):
            return dict(self.least) == dict(other.least) and dict(self.most) == dict(other.most)
        return isinstance(other, Mapping) and dict(self.least) == dict(other)

    def __hash__(self) -> int:
        return hash(frozenset(self.least.items()))

    def __reduce__(self) -> tuple[type[Sizes], tuple[dict[str, int], dict[str, int]]]:
        return Sizes, (dict(self.least), dict(self.most))


def sizes_of(least: Mapping[str, int], most: Mapping[str, int]) -> Mapping[str, int]:
    """`least` pods by tier, with the `most` of those under an autoscaler; a plain mapping where there are none."""
    return Sizes(dict(least), MappingProxyType({tier: max(pods, least[tier]) for tier, pods in most.items()})) if most else dict(least)


def told_most(sizes: Mapping[str, int]) -> Mapping[str, int]:
    """The most of the tiers `sizes` says one of."""
    return sizes.most if isinstance(sizes, Sizes) else {}


def most_of(profile: Profile, sizes: Mapping[str, int]) -> dict[str, int]:
    """The most pods each tier under an autoscaler may hold."""
    told = told_most(sizes)
    return {name: told.get(name, tier.max_replicas) for name, tier in profile.enabled_tiers.items() if tier.autoscaling is not None}


def below(profile: Profile, sizes: Mapping[str, int], held: Mapping[str, int]) -> Mapping[str, int]:
    """`sizes` without any growth over what is `held`: nothing is ordered, and no autoscaler orders either."""
    most = {tier: min(pods, max(held[tier], 1)) for tier, pods in most_of(profile, sizes).items()}
    return sizes_of({tier: min(pods, held[tier]) for tier, pods in sizes.items()}, most)


def shrinks(profile: Profile, sizes: Mapping[str, int], held: Mapping[str, int]) -> bool:
    """Whether any tier holds more than `sizes` lets it."""
    most = most_of(profile, sizes)
    return any(held[tier] > (max(pods, most.get(tier, 0)) if pods else 0) for tier, pods in sizes.items())


def between(sizes: Mapping[str, int], tier: str) -> str:
    """`1…3` of a tier whose autoscaler chooses, else its pods."""
    most = told_most(sizes).get(tier, 0)
    return f"{sizes[tier]}…{most}" if sizes[tier] and most > sizes[tier] else str(sizes[tier])


def shown(profile: Profile, sizes: Mapping[str, int]) -> str:
    """`small 1…3 (autoscaler), medium 2`."""
    most = most_of(profile, sizes)
    return ", ".join(
        f"{tier} {pods}…{most[tier]} (autoscaler)" if tier in most and pods else f"{tier} {pods}" for tier, pods in sizes.items()
    )
