"""Rows: taken in by whoever may write, read by queries a little later, gone with their partition.

1. ``insertAll`` takes all rows of a request or none, unless ``skipInvalidRows``. 2. A partition older than its expiration is not there.
3. A table's bytes are those of its rows by type: 8 for a number or an instant, 2 and the length for a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.bigquery.names import full, invalid, own_project, table_row
from emulator.services.bigquery.types import BadValueError, canonical, instant, shown_row
from emulator.services.compute.pages import page
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
DAY = 86_400 * SECOND
KEPT = 50_000
BUFFERED = 5_400 * SECOND
LARGEST = 50_000
REFRESHED: list[Callable[[World, str, int], None]] = []
"""What brings a table up to date before it is read: Google's own exports."""
documented("bigquery-insert-errors", "insertAll answers 200 with insertErrors by row: reason invalid, for the others stopped.")
documented(
    "bigquery-streaming-buffer",
    "Rows written by streaming can be queried within seconds, and stand in the streaming buffer up to 90 minutes.",
)
documented("bigquery-partition-expiration", "A partition older than its expiration is dropped with its rows, and rows for it are refused.")
assumed("bigquery-rows-kept", "The emulator keeps the last 50,000 rows of a table.")
assumed("bigquery-insert-visible", "A row is there for all readers at one instant, a few seconds after it was written: see durations.yaml.")
assumed("bigquery-partition-refused", "A row for a partition that has expired is dropped without a word.")


def _tab(key: str) -> str:
    return f"bigquery rows {key}"


def forget(world: World, key: str) -> None:
    """Drop every row of a table."""
    for each, _ in world.store.items(_tab(key)):
        world.store.delete(_tab(key), each)


def append(world: World, table: Json, values: list[Json], now: int, *, visible: int, drop_unknown: bool = False) -> None:
    """Write rows into a table; raises BadValueError and writes none."""
    ready = [canonical(each, table["fields"], drop_unknown=drop_unknown) for each in values]
    tab = _tab(table["key"])
    for row in ready:
        at = partition(table, row, now)
        if not _expired(table, at, now):
            world.store.put(tab, world.identity.numeric(), {"row": row, "at": now, "partition": at, "visible": visible, "bytes": size(row)})
    if world.store.count(tab) > KEPT:
        for each, _ in list(world.store.items(tab))[: KEPT // 10]:
            world.store.delete(tab, each)


def partition(table: Json, row: Json, now: int) -> int | None:
    """The instant that places a row in its partition; None where the table has none, or the row's column is null."""
    rule = table["body"].get("timePartitioning")
    if not rule:
        return None
    column = rule.get("field")
    if not column:
        return now
    return None if row.get(column) is None else instant(row[column] if len(str(row[column])) > 10 else f"{row[column]}T00:00:00Z")


def _expired(table: Json, at: int | None, now: int) -> bool:
    keep = int((table["body"].get("timePartitioning") or {}).get("expirationMs") or 0) * 1000
    return bool(keep) and at is not None and at - at % DAY + keep <= now


def stored(world: World, key: str, now: int) -> Iterator[Json]:
    """Every row of a table that can be read now, with when it came (``at``)."""
    for refresh in REFRESHED:
        refresh(world, key, now)
    table = world.store.get("bigquery tables", key)
    for each, row in world.store.items(_tab(key)):
        if table is not None and _expired(table, row["partition"], now):
            world.store.delete(_tab(key), each)
        elif row["visible"] <= now:
            yield row


def size(row: Json) -> int:
    """The bytes of a row by its columns' types (documented)."""
    return sum(_size(value) for value in row.values())


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return size(value)
    if isinstance(value, list):
        return sum(_size(each) for each in value)
    if isinstance(value, bool):
        return 1
    return 2 + len(value.encode()) if isinstance(value, str) and not _is_instant(value) else 8


def _is_instant(text: str) -> bool:
    return len(text) == 27 and text[10] == "T" and text.endswith("Z")


def total(world: World, key: str, now: int) -> tuple[int, int, int]:
    """(rows, bytes, rows in the streaming buffer) of a table."""
    found = list(stored(world, key, now))
    young = sum(1 for each in found if each["at"] + BUFFERED > now)
    return len(found), sum(each["bytes"] for each in found), young


def insert_all(call: Call) -> Json:
    """Stream rows in."""
    own_project(call)
    world, body = call.world, call.values.get("resource") or {}
    table = table_row(world, call.text("datasetId"), call.text("tableId"))
    given = body.get("rows") or []
    if not given:
        raise invalid("No rows present in the request.")
    if len(given) > LARGEST:
        raise ApiError(413, f"Request payload has {len(given)} rows; the most is {LARGEST}.", reason="invalid")
    drop, good, errors = bool(body.get("ignoreUnknownValues")), [], []
    for index, each in enumerate(given):
        try:
            canonical(each.get("json") or {}, table["fields"], drop_unknown=drop)
        except BadValueError as error:
            errors.append(_error(index, "invalid", error.location, error.message))
        else:
            good.append(index)
    if errors and not body.get("skipInvalidRows"):
        errors += [_error(index, "stopped", "", "") for index in good]
        good = []
    visible = call.now + world.durations.of("bigquery.rows.visible")
    append(world, table, [given[index].get("json") or {} for index in good], call.now, visible=visible, drop_unknown=drop)
    return {"kind": "bigquery#tableDataInsertAllResponse", **({"insertErrors": errors} if errors else {})}


def _error(index: int, reason: str, location: str, message: str) -> Json:
    return {"index": index, "errors": [{"reason": reason, "location": location, "debugInfo": "", "message": message}]}


def list_(call: Call) -> Json:
    """A table's rows, as they came."""
    own_project(call)
    world = call.world
    table = table_row(world, call.text("datasetId"), call.text("tableId"))
    found = [each["row"] for each in stored(world, table["key"], call.now)]
    wanted = str(call.values.get("selectedFields") or "")
    fields = [each for each in table["fields"] if not wanted or each["name"] in wanted.split(",")]
    options = call.values.get("formatOptions") or {}
    micros = str(options.get("useInt64Timestamp", "")).lower() == "true"
    start = int(call.values.get("startIndex") or 0)
    if call.values.get("maxResults") == "0":
        return {"kind": "bigquery#tableDataList", "etag": table["key"], "totalRows": str(len(found))}
    values = {"max_results": min(int(call.values.get("maxResults") or 500), 500), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, found[start:])
    shown = {"rows": [shown_row(each, fields, micros=micros) for each in chosen]} if chosen else {}
    more = {"pageToken": token} if token else {}
    return {"kind": "bigquery#tableDataList", "etag": full(world, table["key"]), "totalRows": str(len(found)), **shown, **more}
