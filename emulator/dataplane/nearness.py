"""Which region is closer to a client: by the great circle between places that are near enough."""

from __future__ import annotations

import math
from collections.abc import Iterable

from emulator.rules import assumed
from emulator.services.compute.catalog import PLACES

HEADER = "x-emulated-client-region"
CLIENTS = "us-central1"
assumed("client-region", f"Clients are in {CLIENTS}; one whose request names a region in {HEADER} is there.")


def by_nearness(client: str, regions: Iterable[str]) -> list[str]:
    """`regions`, the closest to the client's region first; unknown ones last."""
    return sorted(set(regions), key=lambda region: (_radians(client, region), region))


def _radians(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one not in PLACES or other not in PLACES:
        return math.pi
    (north, east), (north2, east2) = (tuple(map(math.radians, PLACES[each])) for each in (one, other))
    half = math.sin((north2 - north) / 2) ** 2 + math.cos(north) * math.cos(north2) * math.sin((east2 - east) / 2) ** 2
    return 2 * math.asin(math.sqrt(half))
