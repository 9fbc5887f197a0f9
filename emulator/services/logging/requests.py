"""The load balancer's log of requests, as far as a sink routes it into BigQuery: a row a request in the table ``requests``.

1. A backend service whose logConfig is enabled logs its share of requests as projects/P/logs/requests on resource http_load_balancer.
2. The sink's writer writes as itself: without the right to write in the dataset its entries are lost. 3. The first row makes the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.access import roles
from emulator.dataplane.served import Served
from emulator.rules import assumed, documented
from emulator.services.bigquery import datasets, rows, tables
from emulator.services.bigquery.names import DATASETS, TABLES
from emulator.services.compute import links, records
from emulator.services.logging import sinks
from emulator.services.logging.filters import matcher
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TABLE = "requests"
WRITE = "bigquery.tables.updateData"
MAKE = "bigquery.tables.create"
NAMES = ("backend_service_name", "forwarding_rule_name", "project_id", "target_proxy_name", "url_map_name")
COLUMNS: list[Json] = [
    {"name": "logName", "type": "STRING"},
    {
        "name": "resource",
        "type": "RECORD",
        "fields": [
            {"name": "type", "type": "STRING"},
            {"name": "labels", "type": "RECORD", "fields": [{"name": name, "type": "STRING"} for name in NAMES]},
        ],
    },
    {
        "name": "httpRequest",
        "type": "RECORD",
        "fields": [{"name": "status", "type": "INTEGER"}, {"name": "latency", "type": "FLOAT"}],
    },
    {"name": "timestamp", "type": "TIMESTAMP"},
    {"name": "receiveTimestamp", "type": "TIMESTAMP"},
    {"name": "severity", "type": "STRING"},
    {"name": "insertId", "type": "STRING"},
]
documented("sink-bigquery-table", "A sink into BigQuery writes a log into a table of its name, by day where usePartitionedTables is set.")
documented(
    "load-balancer-log", "The load balancer logs a request as log `requests` of resource http_load_balancer if logConfig is enabled."
)
assumed(
    "sink-bigquery-content", "Only request entries of the load balancer go into BigQuery, and they go nowhere else: _Default lacks them."
)
assumed("load-balancer-log-fields", "Of httpRequest they carry status and latency; logConfig's sampleRate is taken as 1 if above 0.")


def witness(world: World, served: Served) -> None:
    """Write what the sinks want of one request."""
    wanted = [sink for sink in sinks.added(world) if sink["destination"].startswith(sinks.BIGQUERY) and not sink.get("disabled")]
    if not wanted or served.service is None:
        return
    log = (records.resource(world, served.service) or {}).get("logConfig") or {}
    if not log.get("enable") or not float(log.get("sampleRate", 1)):
        return
    entry = _entry(world, served)
    for sink in wanted:
        if matcher(sink.get("filter", ""))(entry):
            _write(world, sink, entry, served.ended)


def _entry(world: World, served: Served) -> Json:
    rule = records.resource(world, served.rule) or {}
    proxy = records.resource(world, rule.get("target", "")) or {}
    labels = {
        "backend_service_name": links.name_of(served.service or ""),
        "forwarding_rule_name": links.name_of(served.rule),
        "project_id": world.project,
        "target_proxy_name": links.name_of(rule.get("target", "")),
        "url_map_name": links.name_of(proxy.get("urlMap", "")),
    }
    return {
        "logName": f"projects/{world.project}/logs/{TABLE}",
        "resource": {"type": "http_load_balancer", "labels": labels},
        "httpRequest": {"status": served.status, "latency": (served.ended - served.begun) / SECOND},
        "timestamp": utc(served.begun),
        "receiveTimestamp": utc(served.ended),
        "severity": "INFO" if served.status < 400 else "WARNING",
        "insertId": world.identity.letters(14),
    }


def _write(world: World, sink: Json, entry: Json, now: int) -> None:
    dataset = sink["destination"].rpartition("/")[2]
    member = sink["writerIdentity"]

    def may(permission: str) -> bool:
        held = roles.may(world, member, permission) or datasets.may(world, member, permission, dataset)
        return held and not world.faults.denies(member, permission)

    if world.store.get(DATASETS, dataset) is None or not may(WRITE):
        return
    table = world.store.get(TABLES, f"{dataset}.{_table(sink, entry)}")
    if table is None:
        if not may(MAKE):
            return
        body: Json = {"schema": {"fields": COLUMNS}}
        if (sink.get("bigqueryOptions") or {}).get("usePartitionedTables"):
            body["timePartitioning"] = {"type": "DAY", "field": "timestamp"}
        table = tables.make(world, dataset, _table(sink, entry), body, now)
    rows.append(world, table, [entry], now, visible=now + world.durations.of("logging.bigquery.visible"))


def _table(sink: Json, entry: Json) -> str:
    if (sink.get("bigqueryOptions") or {}).get("usePartitionedTables"):
        return TABLE
    return f"{TABLE}_{entry['timestamp'][:10].replace('-', '')}"
