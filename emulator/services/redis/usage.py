"""What Memorystore bills: GiB-hours by tier and size, from the instant an instance is made until it is gone."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator.billing import Usage
from emulator.rules import assumed, documented

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
CLASSES = ((4, "m1"), (10, "m2"), (35, "m3"), (100, "m4"), (300, "m5"))
"""The capacity tiers: the largest size of each, in GiB."""
KIND = "redis.instances"
documented(
    "bill-redis", "Memorystore bills provisioned GiB-hours by the second from the creation on, at the rate of tier and capacity tier."
)
assumed("bill-redis-end", "An instance bills until its delete operation has ended; a changed size from the end of the change on.")


def opened(world: World, instance: Json, at: int) -> None:
    """From now on it bills at its size."""
    gib = int(instance["memorySizeGb"])
    tier = "standard" if instance["tier"] == "STANDARD_HA" else "basic"
    sku = f"memorystore.{tier}.{next(name for most, name in CLASSES if gib <= most)}"
    world.meter.open(Usage(resource=instance["name"], kind=KIND, sku=sku, quantity=Decimal(gib), start=at))


def closed(world: World, name: str, at: int) -> None:
    """It bills no more."""
    world.meter.close(name, at)
