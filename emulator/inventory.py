"""Everything that exists in the emulated project, whoever made it; fixed catalogue data apart. Each service lists its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]


def inventory(world: World) -> list[Json]:
    """All resources. ``origin: google`` marks what enabling an API left in the project; ``state: PENDING_DELETION`` what only waits to be purged."""
    return [row for source in world.inventories for row in source(world)]
