"""BigQuery v2 put together. Its Python package has no generated transport: routes and types come from the discovery document."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator.billing import Usage
from emulator.call import Handler, Methods
from emulator.rules import assumed, documented
from emulator.services.bigquery import billing_export, datasets, jobs, rows, tables
from emulator.services.bigquery.names import DATASETS, TABLES
from emulator.wire.described import described_routes
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "bigquery.googleapis.com"
SKU = "bigquery.storage"
GIB = 1 << 30
documented(
    "bill-bigquery", "Stored bytes bill by the GiB-month beyond the first 10 GiB of a billing account; a table without rows costs nothing."
)
assumed("bill-bigquery-queries", "Queries stay within the first TiB a month, which is free: none is on the bill.")
assumed("bill-bigquery-now", "What is stored bills by what is stored now, since the first table was made: no history of sizes is kept.")


def register(world: World, methods: Methods) -> None:
    """Add the handlers, the inventory and the usage."""
    world.inventories.append(_inventory)
    for told, ours in ((datasets.MADE, billing_export.begin), (rows.REFRESHED, billing_export.refresh)):
        if ours not in told:
            told.append(ours)
    world.meter.sources.append(lambda now: _usages(world, now))
    handlers: dict[str, Handler] = {
        "datasets.insert": datasets.insert, "datasets.get": datasets.get, "datasets.list": datasets.list_, "datasets.patch": datasets.patch,
        "datasets.update": datasets.update, "datasets.delete": datasets.delete, "tables.insert": tables.insert, "tables.get": tables.get,
        "tables.list": tables.list_, "tables.patch": tables.patch, "tables.update": tables.update, "tables.delete": tables.delete,
        "tabledata.insertAll": rows.insert_all, "tabledata.list": rows.list_, "jobs.query": jobs.query, "jobs.insert": jobs.insert,
        "jobs.get": jobs.get, "jobs.list": jobs.list_, "jobs.getQueryResults": jobs.results,
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(f"bigquery.{verb}", handler)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    served = frozenset(name for name in methods.names() if name.startswith("bigquery."))
    return described_routes(API, "bigquery.v2", served)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """None: REST only."""
    return iter(())


def _inventory(world: World) -> Iterator[Json]:
    now = world.clock.now()
    for name, row in world.store.items(DATASETS):
        yield _row("datasets", "global", name, row, billing=False)
    for key, row in world.store.items(TABLES):
        yield _row("tables", f"datasets/{row['dataset']}", row["name"], row, billing=bool(rows.total(world, key, now)[1]))


def _row(kind: str, scope: str, name: str, row: Json, *, billing: bool) -> Json:
    return {
        "kind": f"bigquery.{kind}",
        "scope": scope,
        "name": name,
        "self_link": f"{scope}/{name}",
        "description": row["body"].get("description", ""),
        "labels": row["body"].get("labels", {}),
        "billing": billing,
        "state": "READY",
    }


def _usages(world: World, now: int) -> Iterator[Usage]:
    found = list(world.store.items(TABLES))
    stored = sum(rows.total(world, key, now)[1] for key, _ in found)
    beyond = stored - world.meter.prices.free(SKU) * GIB
    if beyond > 0:
        since = min(row["created"] for _, row in found)
        yield Usage(
            resource=f"projects/{world.project}/datasets", kind="bigquery.tables", sku=SKU, quantity=Decimal(beyond) / GIB, start=since
        )
