"""What happens when a Compute operation ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.services.compute import records

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]


def inserted(world: World, operation: Json, at: int) -> Json | None:
    """The resource is ready."""
    link = operation["effect"]["link"]
    record = records.find(world, link)
    if record:
        records.put(world, link, {**record, "state": "READY"})
        records.KINDS[record["service"]].inserted(world, link, at)
    return None


def changed(world: World, operation: Json, at: int) -> Json | None:
    """The resource is as the change wanted it."""
    effect = operation["effect"]
    record = records.find(world, effect["link"])
    if record:
        records.put(world, effect["link"], {**record, "resource": effect["new"], "state": "READY"})
        records.KINDS[record["service"]].changed(world, effect["link"], at)
    return None


def deleted(world: World, operation: Json, at: int) -> Json | None:
    """The resource is gone, or, where Google looks only now, still in use."""
    link = operation["effect"]["link"]
    record = records.find(world, link)
    if record is None:
        return None
    kind = records.KINDS[record["service"]]
    user = next(iter(records.users_of(world, link)), None) if kind.async_in_use else None
    if user:
        records.put(world, link, {**record, "state": "READY"})
        message = f"The {kind.noun} resource '{link}' is already being used by '{user}'"
        return {"code": "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", "message": message, "http": 400, "http_message": "BAD REQUEST"}
    world.store.delete(records.TAB, link)
    kind.deleted(world, link, record["resource"], at)
    world.changed()
    return None


def register(world: World) -> None:
    """Register the effects."""
    world.operations.effect("compute.inserted", inserted)
    world.operations.effect("compute.changed", changed)
    world.operations.effect("compute.deleted", deleted)
