"""Cloud Storage put together. Its Python package has no generated transport: routes and types come from the discovery document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.billing import Usage
from emulator.call import Methods
from emulator.rules import assumed, documented
from emulator.services.storage import buckets, objects, uploads
from emulator.times import utc
from emulator.wire.described import described_routes
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "storage.googleapis.com"
documented("bill-storage", "Stored bytes bill by the GiB-month, soft-deleted ones too.")
assumed("bill-storage-operations", "Requests to Cloud Storage are not billed: the state object's few a day cost less than a cent a year.")


def register(world: World, methods: Methods) -> None:
    """Add the handlers, the inventory and the usage."""
    world.inventories.append(_inventory)
    world.meter.sources.append(lambda now: _usages(world, now))
    handlers = {
        "buckets.insert": buckets.insert, "buckets.get": buckets.get, "buckets.list": buckets.list_, "buckets.patch": buckets.patch,
        "buckets.update": buckets.update, "buckets.delete": buckets.delete, "objects.insert": uploads.insert, "objects.get": objects.get,
        "objects.list": objects.list_, "objects.patch": objects.patch, "objects.delete": objects.delete,
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(f"storage.{verb}", handler)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes, uploads and downloads included."""
    served = frozenset(name for name in methods.names() if name.startswith("storage."))
    return described_routes(API, "storage.v1", served)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """None: the JSON API only."""
    return iter(())


def _inventory(world: World) -> Iterator[Json]:
    now = world.clock.now()
    for name, row in world.store.items(buckets.TAB):
        yield {
            "kind": "storage.buckets",
            "scope": "global",
            "name": name,
            "self_link": f"https://www.googleapis.com/storage/v1/b/{name}",
            "description": "",
            "labels": row["body"].get("labels", {}),
            "billing": True,
            "state": "READY",
        }
    for key, row in world.store.items(objects.TAB):
        if row["deleted"] is not None and not objects.soft_deleted(row, now):
            continue
        entry: Json = {
            "kind": "storage.objects",
            "scope": f"buckets/{row['bucket']}",
            "name": row["name"],
            "self_link": key,
            "description": "",
            "labels": {},
            "billing": True,
            "state": "READY" if row["deleted"] is None else "PENDING_DELETION",
        }
        yield entry if row["deleted"] is None else {**entry, "purge_at": utc(row["purge"])}


def _usages(world: World, now: int) -> Iterator[Usage]:
    for _, row in world.store.items(objects.TAB):
        purge = row.get("purge")
        yield objects.usage(row, purge if purge is not None and purge <= now else None)
