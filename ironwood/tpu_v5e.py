"""v5e slices as the Cloud TPU API offers them: `v5litepod-N`, where N counts chips, one TensorCore each.

Source: Google's documentation of TPU v5e and of TPU zones. Up to eight chips are one VM; a larger slice is VMs of four.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FAMILY = "v5e"
"""What price books call it."""
HEAD = "v5litepod"
RUNTIME = "v2-alpha-tpuv5-lite"
ZONES = (
    "europe-west4-b",
    "us-central1-a",
    "us-east5-a",
    "us-east5-b",
    "us-east5-c",
    "us-south1-a",
    "us-west1-c",
    "us-west4-a",
)
"""Zones of v5e; those of us-east5 are for single tenants only."""
QUOTAS = {"on_demand": "TPUV5sLitepodPerProjectPerZoneForTPUAPI", "spot": "TPUV5sPreemptibleLitepodPerProjectPerZoneForTPUAPI"}
"""The quotas of its chips in a zone: of the Cloud TPU API, none of Compute's."""

_TOPOLOGIES = {1: "1x1", 4: "2x2", 8: "2x4", 16: "4x4", 32: "4x8", 64: "8x8", 128: "8x16", 256: "16x16"}
_ONE_VM = 8
_CHIPS_A_VM = 4
_NAME = re.compile(r"v5litepod-(\d+)")


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A v5e slice: `chips` in `topology`, spread over `vms` VMs."""

    chips: int
    topology: str
    vms: int


SLICES = {
    f"{HEAD}-{chips}": Slice(chips=chips, topology=topology, vms=1 if chips <= _ONE_VM else chips // _CHIPS_A_VM)
    for chips, topology in _TOPOLOGIES.items()
}
"""Every accelerator type, smallest first."""


def chips_of(accelerator_type: str) -> int:
    """Chips behind a name such as `v5litepod-4`; 0 for another generation's."""
    match = _NAME.fullmatch(accelerator_type)
    return int(match[1]) if match else 0


def zones_in(region: str) -> tuple[str, ...]:
    """The zones of a region that have v5e."""
    return tuple(zone for zone in ZONES if zone.rpartition("-")[0] == region)
