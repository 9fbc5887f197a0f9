"""What holds where several want sizes at once, tier by tier.

1. Baseline < capacity plan < policy < the profile's windows < its overrides: a higher layer's exact size takes the place of everything below.
2. Within a layer the larger of two exact sizes counts; then `at_least` raises what is below it, then overrides `add`.
3. Nothing goes above max_replicas; the capacity plan and the policy never go below min_replicas, people may.
4. Of a tier under an autoscaler it is the least: what a person wants exactly is its most too, what a plan or policy wants leaves it room above.
5. Whoever does not get what he asked for within his layer, or at a bound, is told: a conflict is never silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ironwood.profile import Profile, Tier
from ironwood.sizes import sizes_of
from ironwood.windows.occurrences import Layer, Occurrence

BASELINE = "baseline"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Sizes (pods by tier, every enabled tier), why each, and the sentences of what could not be had as it was asked for."""

    sizes: Mapping[str, int]
    reasons: Mapping[str, str]
    conflicts: tuple[str, ...] = ()


def merge(profile: Profile, active: Iterable[Occurrence]) -> Decision:
    """The sizes while all of `active` hold."""
    listed = sorted(active, key=lambda each: (each.layer, each.order, each.begin))
    sizes: dict[str, int] = {}
    reasons: dict[str, str] = {}
    conflicts: list[str] = []
    most: dict[str, int] = {}
    for name, tier in profile.enabled_tiers.items():
        one = _Tier(name, tier)
        for layer in Layer:
            one.raised_by([each for each in listed if each.layer is layer])
        sizes[name], reasons[name] = one.pods, one.reason
        if tier.autoscaling is not None:
            most[name] = max(one.pods, one.most)
        conflicts += one.conflicts
    strangers = {name: each.said for each in listed for name in each.exact if name not in sizes and each.layer is Layer.PLAN}
    conflicts += [
        f"{said} sizes tier {name}, which profile {profile.name} has not enabled: it is left out" for name, said in strangers.items()
    ]
    return Decision(sizes=sizes_of(sizes, most), reasons=reasons, conflicts=tuple(conflicts))


class _Tier:
    """One tier's size on its way up through the layers."""

    def __init__(self, name: str, tier: Tier) -> None:
        self.name, self.tier = name, tier
        self.pods, self.reason = tier.replicas, BASELINE
        self.most = tier.max_replicas
        self.conflicts: list[str] = []

    def raised_by(self, wanting: Sequence[Occurrence]) -> None:
        exact = [(each.exact[self.name], each.said) for each in wanting if self.name in each.exact]
        least = [(each.least[self.name], each.said) for each in wanting if self.name in each.least]
        if exact:
            self.pods, self.reason = max(exact, key=lambda each: each[0])
            self.most = self.pods if wanting[0].layer not in (Layer.PLAN, Layer.POLICY) else self.most
            self._tell([each for each in exact if each[0] != self.pods], "wants exactly")
        if least and max(least)[0] > self.pods:
            below = [(self.pods, self.reason)] if exact else []
            self.pods, self.reason = max(least, key=lambda each: each[0])
            self._tell(below, "wants exactly")
        for each in wanting:
            if self.name in each.more:
                self.pods += each.more[self.name]
                self.reason = f"{self.reason}; +{each.more[self.name]} {each.said}"
        if wanting:
            self._bound(wanting[0].layer)

    def _tell(self, others: list[tuple[int, str]], asked: str) -> None:
        for pods, said in dict.fromkeys(others):
            self.conflicts.append(f"{self.name}: {said} {asked} {pods}, {self.reason} wants {self.pods}: the larger, {self.pods}, counts")

    def _bound(self, layer: Layer) -> None:
        low = self.tier.min_replicas if layer in (Layer.PLAN, Layer.POLICY) else 0
        for bound, key, beyond in (
            (self.tier.max_replicas, "max_replicas", self.pods > self.tier.max_replicas),
            (low, "min_replicas", self.pods < low),
        ):
            if beyond:
                self.conflicts.append(f"{self.name}: {self.reason} wants {self.pods}: {key} {bound} counts")
                self.pods = bound
