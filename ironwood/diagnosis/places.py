"""Is a zone or region itself in trouble?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ironwood.diagnosis.finding import Finding
from ironwood.diagnosis.tier import GroupSeen

STATUS_PAGE = "https://status.cloud.google.com"


@dataclass(frozen=True, kw_only=True)
class PlaceSeen:
    """A zone, and what Google says of it: UP or DOWN."""

    zone: str
    status: str


def judge(places: Iterable[PlaceSeen], groups: Iterable[GroupSeen], healthy: Mapping[str, int]) -> Iterator[Finding]:
    """Zones that are DOWN, or serve nothing of several groups; `healthy`: servers that answer, by group."""
    held: dict[str, list[GroupSeen]] = {}
    for group in groups:
        held.setdefault(group.zone, []).append(group)
    for place in places:
        there = [each for each in held.get(place.zone, []) if each.wanted and each.ordered]
        told = f"{sum(each.ordered for each in there)} VMs of {len(there)} groups are ordered there"
        remedies = (STATUS_PAGE, f"profile: another zone in `fallbacks` of the tiers in {place.zone}; the other zones go on serving")
        if place.status != "UP":
            yield Finding(
                check="place",
                severity="error",
                subject=place.zone,
                what=f"Google says it is {place.status}",
                evidence=(told,),
                remedies=remedies,
            )
        elif len(there) > 1 and not any(healthy.get(each.name, 0) or each.young for each in there):
            what = "nothing in it answers, of no group"
            yield Finding(check="place", severity="error", subject=place.zone, what=what, evidence=(told,), remedies=remedies)
