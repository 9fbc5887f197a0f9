"""Quotas of the Cloud TPU API: chips by generation and zone, Spot ones apart; no part of Compute's.

1. They are checked when the request arrives: 429 RESOURCE_EXHAUSTED. 2. A queued resource counts from its creation until it is deleted,
suspended and failed ones too; a node made by hand while it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.tpu import catalog

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
DEFAULT = 128
QUEUED, NODES = "tpu_queued", "tpu_nodes"
documented("tpu-quota", "TPU quota is refused at once: 429 RESOURCE_EXHAUSTED \"Quota limit 'ID' has been exceeded. Limit: N in zone Z.\".")
documented("tpu-quota-held", "Suspended and failed queued resources count against the quota until they are deleted.")
documented(
    "tpu-quota-ids", "Quotas of v5e: TPUV5sLitepodPerProjectPerZoneForTPUAPI, for Spot TPUV5sPreemptibleLitepodPerProjectPerZoneForTPUAPI."
)
assumed("tpu-quota-default", f"{DEFAULT} chips of each generation in each zone, Spot and not, as many again.")


def quota_id(kind: str, *, spot: bool) -> str:
    """The quota an accelerator type counts against."""
    return catalog.BY_NAME[kind].quota.format("Preemptible" if spot else "") + "PerProjectPerZoneForTPUAPI"


def limit(world: World, identifier: str, zone: str) -> int:
    """Chips allowed in a zone; changed as ``ZONE/QUOTA_ID`` through the admin surface."""
    changes: dict[str, float] = (world.store.get("meta", "quotas") or {}).get("limits", {})
    return int(changes.get(f"{zone}/{identifier}", DEFAULT))


def used(world: World, identifier: str, zone: str) -> int:
    """Chips that count against a quota."""
    rows = [row for _, row in world.store.items(QUEUED)] + [row for _, row in world.store.items(NODES) if not row["queued"]]
    return sum(
        catalog.BY_NAME[row["kind"]].chips for row in rows if row["zone"] == zone and quota_id(row["kind"], spot=row["spot"]) == identifier
    )


def require(call: Call, zone: str, kind: str, *, spot: bool) -> None:
    """Raise 429 where a new one would be too many."""
    identifier = quota_id(kind, spot=spot)
    allowed = limit(call.world, identifier, zone)
    if used(call.world, identifier, zone) + catalog.BY_NAME[kind].chips > allowed:
        raise ApiError(429, f"Quota limit '{identifier}' has been exceeded. Limit: {allowed} in zone {zone}.")
