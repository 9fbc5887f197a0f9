"""Regions that are lost: what a ``region_lost`` fault does beside taking their VMs.

1. Nothing of a lost region can be written; what is known of it can still be read. 2. It says of itself that it is DOWN, its zones too. 3. Jobs of Cloud
Scheduler there do not fire. 4. Its groups go on wanting their VMs and have them again some time after the fault is lifted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.errors import ApiError
from emulator.rules import assumed, documented

if TYPE_CHECKING:
    from emulator.call import Call
    from emulator.world import World

_LOCATION = re.compile(r"^projects/[^/]+/locations/([^/]+)")
_ZONE = re.compile(r"^([a-z]+-[a-z]+[0-9]+)-[a-z0-9]+$")
documented("region-status", "Regions and zones say of themselves whether they are UP or DOWN.")
assumed("region-lost-status", "A lost region and its zones say DOWN at once.")
assumed("region-lost-writes", "What is written in a lost region is answered 503 backendError; reads go on and tell what was known.")
assumed("region-lost-jobs", "Cloud Scheduler jobs of a lost region do not fire; a time that was missed is not made up for.")
assumed(
    "region-lost-vms",
    "A lost region's VMs are gone at once, unbilled, and out of the load balancing without a probe; their groups try to replace them until it is back. "
    "TPU VMs of the Cloud TPU API, Vertex AI and caches stay as they are.",
)


def status(world: World, place: str) -> str:
    """``UP`` or ``DOWN``, of a region or a zone."""
    return "DOWN" if world.faults.lost(region_of(place)) else "UP"


def region_of(place: str) -> str:
    """The region of a zone, or the region itself."""
    zone = _ZONE.match(place)
    return zone[1] if zone else place


def location_of(name: str) -> str:
    """The location in a resource's name, "" where it has none."""
    found = _LOCATION.match(name)
    return found[1] if found else ""


def refuse(world: World, call: Call) -> None:
    """Raise 503 for a write in a lost region."""
    for place in _places(call):
        if world.faults.lost(region_of(place)):
            raise ApiError(503, f"The service is currently unavailable in {region_of(place)}.", reason="backendError")


def _places(call: Call) -> Iterator[str]:
    values: Any = call.values
    for key in ("zone", "region"):
        if isinstance(values.get(key), str):
            yield values[key]
    for value in values.values():
        name = value.get("name") if isinstance(value, dict) else value
        if isinstance(name, str) and (place := location_of(name)):
            yield place
