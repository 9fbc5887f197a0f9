"""The billing account's detailed export: what the embedded cloud bills, by the hour, as rows of a table that queries read, hours late.

1. At Google somebody directs the export to a dataset in the console; here it goes to a dataset called ``billing_export`` once there is one.
2. A row is an hour, or a part of one, of a resource at a price. 3. It is there when its hour is over and the lag has passed, and never changes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator.rules import assumed, documented
from emulator.services.bigquery import rows, tables
from emulator.services.bigquery.names import TABLES
from emulator.services.cloudbilling.account import ACCOUNT
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
DATASET = "billing_export"
HEAD = "gcp_billing_export_resource_v1_"
TAB = "billing export"
HOUR = 3_600 * SECOND
documented(
    "billing-export-table",
    "The detailed usage cost export is the table gcp_billing_export_resource_v1_ACCOUNT, the account's id with underscores, by ingestion day.",
)
documented(
    "billing-export-resource",
    "Its rows carry the resource's name and global name beside service, SKU, project, cost and the usage's interval.",
)
assumed("billing-export-dataset", "The export goes to the dataset billing_export of the project, from the instant that dataset is made on.")
assumed("billing-export-lag", "A row is written six hours after its hour is over (durations.yaml); rows are not corrected later.")
COLUMNS: list[Json] = [
    {"name": "billing_account_id", "type": "STRING"},
    {"name": "service", "type": "RECORD", "fields": [{"name": "id", "type": "STRING"}, {"name": "description", "type": "STRING"}]},
    {"name": "sku", "type": "RECORD", "fields": [{"name": "id", "type": "STRING"}, {"name": "description", "type": "STRING"}]},
    {"name": "usage_start_time", "type": "TIMESTAMP"},
    {"name": "usage_end_time", "type": "TIMESTAMP"},
    {"name": "project", "type": "RECORD", "fields": [{"name": "id", "type": "STRING"}, {"name": "number", "type": "STRING"}]},
    {"name": "resource", "type": "RECORD", "fields": [{"name": "name", "type": "STRING"}, {"name": "global_name", "type": "STRING"}]},
    {"name": "export_time", "type": "TIMESTAMP"},
    {"name": "cost", "type": "FLOAT"},
    {"name": "currency", "type": "STRING"},
]


_BUSY: set[int] = set()
"""Worlds whose bill is being written: reading the bill asks for the size of every table, this one among them."""


def begin(world: World, dataset: str, now: int) -> None:
    """The export's table, where the dataset just made is the one it goes to; what was used before is in it too."""
    if dataset != DATASET:
        return
    body = {"schema": {"fields": COLUMNS}, "timePartitioning": {"type": "DAY"}}
    tables.make(world, DATASET, HEAD + ACCOUNT.replace("-", "_"), body, now)


def refresh(world: World, key: str, now: int) -> None:
    """Bring the export's table up to date before it is read."""
    table = world.store.get(TABLES, key)
    if table is None or not key.startswith(f"{DATASET}.{HEAD}") or id(world) in _BUSY:
        return
    _BUSY.add(id(world))
    try:
        _write(world, table, now)
    finally:
        _BUSY.discard(id(world))


def _write(world: World, table: Json, now: int) -> None:
    """Write the hours of the bill whose time has come."""
    begun = min((usage.start for usage in world.meter.usages(now)), default=now)
    hour = int((world.store.get(TAB, table["key"]) or {"until": begun - begun % HOUR})["until"])
    lag = world.durations.of("billing_export.lag")
    while hour + HOUR + lag <= now:
        written = hour + HOUR + lag
        content = [_row(world, table, line, hour, written) for line in world.meter.bill(now, since=hour, until=hour + HOUR)["lines"]]
        rows.append(world, table, [each for each in content if each["cost"]], written, visible=written)
        hour += HOUR
        world.store.put(TAB, table["key"], {"until": hour})


def _row(world: World, table: Json, line: Json, hour: int, written: int) -> Json:
    return {
        "billing_account_id": table["name"].removeprefix(HEAD).replace("_", "-"),
        "service": {"id": "6F81-5844-456A", "description": line["kind"].partition(".")[0]},
        "sku": {"id": line["sku"], "description": line["sku"]},
        "usage_start_time": line["start"],
        "usage_end_time": line["end"] or utc(hour + HOUR),
        "project": {"id": world.project, "number": world.settings.project_number},
        "resource": {"name": line["resource"].rpartition("/")[2], "global_name": line["resource"]},
        "export_time": utc(written),
        "cost": float(Decimal(line["amount_usd"])),
        "currency": "USD",
    }
