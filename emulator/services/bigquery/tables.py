"""Tables: schema, partitions by day or hour, clustering, labels.

1. A schema may grow by nullable columns and lose none. 2. Partitioning and clustering columns are columns of the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call, Raw
from emulator.identity import fingerprint
from emulator.rules import assumed, documented
from emulator.services.bigquery import datasets, rows
from emulator.services.bigquery.names import TABLES, checked_table, dataset_row, duplicate, full, invalid, own_project, table_row
from emulator.services.bigquery.types import fields_of
from emulator.services.compute.pages import page

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
SETTABLE = ("friendlyName", "description", "labels", "timePartitioning", "clustering", "expirationTime", "requirePartitionFilter")
FIXED = ("timePartitioning.field", "timePartitioning.type")
documented("bigquery-schema-grows", "A schema update may add nullable or repeated columns and relax REQUIRED; anything else is a 400.")
documented(
    "bigquery-partition-fixed",
    "How a table is partitioned is said when it is made; only its expiration changes: 400 'Cannot change partitioning'.",
)
documented("bigquery-clustering", "A table is clustered by one to four of its columns.")
assumed("bigquery-tables-only", "Views, external tables and snapshots are refused with 400.")
assumed("bigquery-table-expiration", "A table's own expirationTime is shown and does not come about; a partition's does.")


def make(world: World, dataset: str, name: str, body: Json, now: int) -> Json:
    """A table's record, put in the store; raises 400."""
    fields = fields_of(body.get("schema") or {})
    columns = {each["name"] for each in fields}
    kept = {key: body[key] for key in SETTABLE if body.get(key) not in (None, {})}
    rule = dict(kept.get("timePartitioning") or {})
    if rule:
        rule = {"type": "DAY", **rule}
        default = dataset_row(world, dataset)["body"].get("defaultPartitionExpirationMs")
        if default and "expirationMs" not in rule:
            rule["expirationMs"] = str(default)
        kept["timePartitioning"] = rule
    if rule.get("field") and rule["field"] not in columns:
        raise invalid(f"The field specified for partitioning cannot be found in the schema: {rule['field']}.")
    clustered = list((kept.get("clustering") or {}).get("fields", []))
    if len(clustered) > 4 or set(clustered) - columns:
        raise invalid(f"The field specified for clustering cannot be found in the schema: {', '.join(clustered)}.")
    key = f"{dataset}.{name}"
    row = {"key": key, "dataset": dataset, "name": name, "created": now, "updated": now, "serial": 1, "fields": fields, "body": kept}
    world.store.put(TABLES, key, row)
    return row


def view(world: World, row: Json, now: int) -> Json:
    """The table as clients see it."""
    count, size, young = rows.total(world, row["key"], now)
    settled = count - young
    buffer = {"estimatedRows": str(young), "estimatedBytes": str(size * young // max(count, 1)), "oldestEntryTime": str(now // 1000)}
    content = {
        "kind": "bigquery#table",
        "id": full(world, row["dataset"], row["name"]),
        "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/projects/{world.project}/datasets/{row['dataset']}/tables/{row['name']}",
        "tableReference": {"projectId": world.project, "datasetId": row["dataset"], "tableId": row["name"]},
        "type": "TABLE",
        "location": dataset_row(world, row["dataset"])["location"],
        "creationTime": str(row["created"] // 1000),
        "lastModifiedTime": str(row["updated"] // 1000),
        "numRows": str(settled),
        "numBytes": str(size * settled // max(count, 1)),
        "schema": {"fields": row["fields"]},
        **row["body"],
        **({"streamingBuffer": buffer} if young else {}),
    }
    return {**content, "etag": fingerprint([row["key"], row["serial"]])}


def insert(call: Call) -> Json:
    """Make a table."""
    own_project(call)
    world, body, dataset = call.world, call.values.get("resource") or {}, call.text("datasetId")
    dataset_row(world, dataset)
    name = checked_table(str((body.get("tableReference") or {}).get("tableId", "")))
    if world.store.get(TABLES, f"{dataset}.{name}"):
        raise duplicate("Table", full(world, dataset, name))
    refused = next(
        (each for each in ("view", "materializedView", "externalDataConfiguration", "snapshotDefinition") if body.get(each)), None
    )
    if refused:
        raise invalid(f"{refused} is not emulated; only tables are.")
    return view(world, make(world, dataset, name, body, call.now), call.now)


def get(call: Call) -> Json:
    """Read a table."""
    own_project(call)
    return view(call.world, table_row(call.world, call.text("datasetId"), call.text("tableId")), call.now)


def list_(call: Call) -> Json:
    """A dataset's tables."""
    own_project(call)
    world, dataset = call.world, call.text("datasetId")
    dataset_row(world, dataset)
    found = [row for _, row in sorted(world.store.items(TABLES)) if row["dataset"] == dataset]
    values = {"max_results": min(int(call.values.get("maxResults") or 50), 500), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, [_listed(world, row) for row in found])
    out: Json = {"kind": "bigquery#tableList", "etag": fingerprint(chosen), "totalItems": len(found)}
    return {**out, **({"tables": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def _listed(world: World, row: Json) -> Json:
    shown = {
        "kind": "bigquery#table",
        "id": full(world, row["dataset"], row["name"]),
        "tableReference": {"projectId": world.project, "datasetId": row["dataset"], "tableId": row["name"]},
        "type": "TABLE",
        "creationTime": str(row["created"] // 1000),
    }
    return {**shown, **{key: row["body"][key] for key in ("labels", "timePartitioning", "clustering") if key in row["body"]}}


def patch(call: Call) -> Json:
    """Replace the fields given."""
    return _change(call, keep=True)


def update(call: Call) -> Json:
    """Replace all that can be set."""
    return _change(call, keep=False)


def _change(call: Call, *, keep: bool) -> Json:
    own_project(call)
    world, body = call.world, call.values.get("resource") or {}
    row = table_row(world, call.text("datasetId"), call.text("tableId"))
    datasets.if_match(call, view(world, row, call.now)["etag"])
    new = {key: body[key] for key in SETTABLE if key in body}
    if "labels" in new:
        new["labels"] = datasets.labelled(row["body"].get("labels", {}) if keep else {}, new["labels"])
    merged = {key: value for key, value in ({**row["body"], **new} if keep else new).items() if value not in (None, {})}
    before, after = row["body"].get("timePartitioning") or {}, merged.get("timePartitioning") or {}
    if [before.get(key) for key in ("type", "field")] != [
        after.get(key, "DAY" if key == "type" else None) for key in ("type", "field")
    ] and before:
        raise invalid("Cannot change partitioning/clustering spec for a partitioned/clustered table.")
    fields = _grown(row["fields"], fields_of(body["schema"])) if body.get("schema") else row["fields"]
    row = {**row, "body": merged, "fields": fields, "updated": call.now, "serial": row["serial"] + 1}
    world.store.put(TABLES, row["key"], row)
    return view(world, row, call.now)


def _grown(before: list[Json], after: list[Json]) -> list[Json]:
    """The new schema where it holds all of the old; raises 400."""
    new = {each["name"]: each for each in after}
    for each in before:
        found = new.get(each["name"])
        if found is None:
            raise invalid(f"Provided Schema does not match Table. Field {each['name']} is missing in new schema")
        if found["type"] != each["type"]:
            raise invalid(
                f"Provided Schema does not match Table. Field {each['name']} has changed type from {each['type']} to {found['type']}"
            )
        if found["mode"] != each["mode"] and (each["mode"], found["mode"]) != ("REQUIRED", "NULLABLE"):
            raise invalid(
                f"Provided Schema does not match Table. Field {each['name']} has changed mode from {each['mode']} to {found['mode']}"
            )
    known = {each["name"] for each in before}
    wrong = next((each["name"] for each in after if each["name"] not in known and each["mode"] == "REQUIRED"), None)
    if wrong:
        raise invalid(f"Provided Schema does not match Table. Cannot add required fields to an existing schema. (field: {wrong})")
    return after


def delete(call: Call) -> Raw:
    """Delete a table with its rows."""
    own_project(call)
    world = call.world
    row = table_row(world, call.text("datasetId"), call.text("tableId"))
    rows.forget(world, row["key"])
    world.store.delete(TABLES, row["key"])
    return Raw(status=204)
