"""Queries, really run: GoogleSQL turned into DuckDB's (sqlglot) over the rows the tables hold.

1. Only what reads is run: SELECT with everything that belongs to it. 2. CURRENT_TIMESTAMP is emulated time. 3. A query reads every column of the
tables it names, and bills at least 10 MiB for each. 4. DuckDB sees the tables named and nothing else, neither files nor the network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.access import roles
from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.services.bigquery import datasets, rows
from emulator.services.bigquery.names import TABLES, dataset_row, denied, full, invalid, not_found
from emulator.services.bigquery.types import duck_type
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
READ = "bigquery.tables.getData"
LEAST_BYTES = 10 << 20
DAY = 86_400 * SECOND
_BACK = {
    "BIGINT": "INTEGER", "INTEGER": "INTEGER", "SMALLINT": "INTEGER", "TINYINT": "INTEGER", "HUGEINT": "INTEGER", "UBIGINT": "INTEGER",
    "UINTEGER": "INTEGER", "DOUBLE": "FLOAT", "FLOAT": "FLOAT", "VARCHAR": "STRING", "BOOLEAN": "BOOLEAN", "DATE": "DATE", "TIME": "TIME",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP", "TIMESTAMP": "DATETIME", "BLOB": "BYTES", "JSON": "JSON", '"NULL"': "INTEGER",
}  # fmt: skip
documented("bigquery-query-bytes", "A query bills the columns it reads, at least 10 MiB for each table it names.")
documented("bigquery-invalid-query", "A query that cannot be run is a 400 invalidQuery with the location 'query'.")
documented(
    "bigquery-query-location", "A query runs where its datasets are; one from elsewhere is a 404 '... was not found in location ...'."
)
assumed("bigquery-engine", "Queries are run by DuckDB after sqlglot has turned them from GoogleSQL; their errors' texts are DuckDB's.")
assumed("bigquery-select-only", "DML, DDL, scripts, wildcard tables and INFORMATION_SCHEMA are refused with 400.")
assumed("bigquery-all-columns", "A query bills all columns of the tables it names, not only those it reads; no partition is passed over.")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a query answered: fields, rows by column name, bytes read, bytes billed, where it ran."""

    fields: list[Json]
    rows: list[Json]
    processed: int
    billed: int
    location: str


def invalid_query(message: str) -> ApiError:
    """The 400 of a query."""
    return ApiError(400, message, reason="invalidQuery")


def run(call: Call, sql: str, *, parameters: list[Json], default: str = "", location: str = "", most_bytes: int = 0) -> Result:
    """Run a query as the caller; raises 400, 403 or 404."""
    import sqlglot  # slow import
    from sqlglot import exp

    world = call.world
    try:
        statements = [each for each in sqlglot.parse(sql, read="bigquery") if each is not None]
    except sqlglot.errors.SqlglotError as error:
        raise invalid_query(f"Syntax error: {_plain(str(error))}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise invalid_query("Only one SELECT statement is emulated.")
    tree: Any = statements[0]
    named = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    tables: dict[str, str] = {}
    place = ""
    for node in list(tree.find_all(exp.Table)):
        if not isinstance(node.this, exp.Identifier) or (not node.db and node.name in named):
            continue
        key, place = _table(call, node, default, location)
        tables.setdefault(key, f"t{len(tables)}")
        node.replace(exp.to_table(tables[key], alias=node.alias_or_name))
    for node in list(tree.find_all(exp.CurrentTimestamp, exp.CurrentDate)):
        kind = "DATE" if isinstance(node, exp.CurrentDate) else "TIMESTAMPTZ"
        node.replace(exp.cast(exp.Literal.string(utc(call.now)[:10] if kind == "DATE" else utc(call.now)), kind))
    _fill_parameters(tree, parameters)
    held = {key: list(rows.stored(world, key, call.now)) for key in tables}
    processed = sum(each["bytes"] for found in held.values() for each in found)
    billed = sum(max(LEAST_BYTES, sum(each["bytes"] for each in found)) for found in held.values())
    if most_bytes and billed > most_bytes:
        message = f"Query exceeded limit for bytes billed: {most_bytes}. {billed} or higher required."
        raise ApiError(400, message, reason="bytesBilledLimitExceeded")
    fields, found = _answered(world, tree.sql(dialect="duckdb"), tables, held)
    return Result(fields=fields, rows=found, processed=processed, billed=billed, location=place or location or "US")


def _table(call: Call, node: Any, default: str, location: str) -> tuple[str, str]:
    """The key of a table a query names, and where it is; raises 400, 403 or 404."""
    world = call.world
    if node.catalog and node.catalog not in {world.project, world.settings.project_number}:
        raise denied("Table", f"{node.catalog}:{node.db}.{node.name}", READ)
    dataset = node.db or default
    if not dataset:
        raise invalid(f'Table "{node.name}" must be qualified with a dataset (e.g. dataset.table).')
    if "*" in node.name or "INFORMATION_SCHEMA" in (dataset, node.name, node.catalog):
        raise invalid_query(f"{dataset}.{node.name}: wildcard tables and INFORMATION_SCHEMA are not emulated.")
    if call.entry is not None and READ not in call.entry.permissions:
        call.entry.permissions.append(READ)
    allowed = roles.may(world, call.caller, READ) or datasets.may(world, call.caller, READ, dataset)
    if not allowed or world.faults.denies(call.caller, READ):
        raise denied("Table", full(world, dataset, node.name), READ)
    place = str(dataset_row(world, dataset)["location"])
    if location and location.lower() != place.lower():
        raise ApiError(404, f"Not found: Dataset {full(world, dataset)} was not found in location {location}", reason="notFound")
    key = f"{dataset}.{node.name}"
    if world.store.get(TABLES, key) is None:
        raise not_found("Table", f"{full(world, dataset, node.name)} was not found in location {place}")
    return key, place


def _fill_parameters(tree: Any, parameters: list[Json]) -> None:
    """Put the values of ``@name`` and ``?`` into a query; raises 400 for one that is not given."""
    from sqlglot import exp  # slow import

    by_name = {str(each["name"]).lower(): each for each in parameters if each.get("name")}
    in_order = iter([each for each in parameters if not each.get("name")])
    for node in list(tree.find_all(exp.Parameter, exp.Placeholder)):
        name = str(node.name)
        given = by_name.get(name.lower()) if isinstance(node, exp.Parameter) or name not in {"", "?"} else next(in_order, None)
        if given is None:
            raise invalid_query(f"Query parameter '{name}' not found")
        node.replace(_literal(given.get("parameterType") or {}, given.get("parameterValue") or {}))


def _literal(kind: Json, value: Json) -> Any:
    from sqlglot import exp  # slow import

    name = str(kind.get("type", "STRING")).upper()
    if name == "ARRAY":
        inner = kind.get("arrayType") or {}
        return exp.Array(expressions=[_literal(inner, each) for each in value.get("arrayValues") or []])
    if name == "STRUCT":
        raise invalid_query("STRUCT parameters are not emulated.")
    given = value.get("value")
    text = exp.null() if given is None else exp.Literal.string(str(given))
    return exp.cast(text, {"TIMESTAMP": "TIMESTAMPTZ", "STRING": "VARCHAR", "DATETIME": "TIMESTAMP"}.get(name, name))


def _answered(world: World, sql: str, tables: dict[str, str], held: dict[str, list[Json]]) -> tuple[list[Json], list[Json]]:
    import duckdb  # slow import

    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "threads": "1",
    }
    with duckdb.connect(":memory:", config=settings) as database:
        database.execute("SET TimeZone = 'UTC'")
        for key, name in tables.items():
            _load(database, name, world.store.get(TABLES, key) or {}, held[key], "_PARTITIONTIME" in sql)
        database.execute("SET enable_external_access = false")
        try:
            relation = database.sql(sql)
            fields = [_field(name, str(kind), kind) for name, kind in zip(relation.columns, relation.types, strict=True)]
            return fields, [dict(zip(relation.columns, each, strict=True)) for each in relation.fetchall()]
        except duckdb.Error as error:
            raise invalid_query(_plain(str(error))) from error


def _load(database: Any, name: str, table: Json, held: list[Json], partitioned: bool) -> None:
    """One table with its rows; by ingestion partitioned ones show ``_PARTITIONTIME`` to those who ask for it."""
    shape: Json = {each["name"]: duck_type(each) for each in table["fields"]}
    rule = table["body"].get("timePartitioning") or {}
    pseudo = partitioned and rule and not rule.get("field")
    if pseudo:
        shape["_PARTITIONTIME"] = "TIMESTAMPTZ"
    content = [{**each["row"], **({"_PARTITIONTIME": utc(each["at"] - each["at"] % DAY)} if pseudo else {})} for each in held]
    columns = ", ".join(f'r."{column}" AS "{column}"' for column in shape)
    source = "SELECT unnest(from_json(?::JSON, ?)) AS r"
    database.execute(f"CREATE TABLE {name} AS SELECT {columns} FROM ({source})", [json.dumps(content), json.dumps([shape])])  # noqa: S608  # our own names


def _field(name: str, text: str, kind: Any) -> Json:
    """A column of an answer from DuckDB's type of it."""
    if kind.id == "list":
        return {**_field(name, str(kind.child), kind.child), "mode": "REPEATED"}
    if kind.id == "struct":
        return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": [_field(part, str(of), of) for part, of in kind.children]}
    found = "NUMERIC" if text.startswith("DECIMAL") else _BACK.get(text)
    if found is None:
        raise invalid_query(f"Column {name} has a type the emulator has no word for: {text}")
    return {"name": name, "type": found, "mode": "NULLABLE"}


def _plain(text: str) -> str:
    """An error on one line, without terminal colours."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())


def pages(found: list[Any], start: int, most: int) -> Iterator[Any]:
    """``most`` of the rows from ``start`` on."""
    yield from found[start : start + most]
