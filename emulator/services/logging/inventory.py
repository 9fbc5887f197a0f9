"""What exists of Cloud Logging: buckets not purged yet, sinks, log-based metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.services.logging import buckets, metrics, sinks
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]


def inventory(world: World) -> Iterator[Json]:
    """One row a thing that exists."""
    for name, row in buckets.rows(world, world.clock.now()):
        short = name.rpartition("/")[2]
        entry = _row("buckets", name, short, row["bucket"].get("description", ""))
        if short in buckets.BUILT_IN:
            entry["origin"] = "google"
        if row["deleted"] is not None:
            entry |= {"state": "PENDING_DELETION", "purge_at": utc(row["deleted"] + buckets.PENDING)}
        yield entry
    for sink in sinks.every(world):
        entry = _row("sinks", f"projects/{world.project}/sinks/{sink['name']}", sink["name"], sink.get("description", ""))
        if sink["name"] in buckets.BUILT_IN:
            entry["origin"] = "google"
        yield entry
    for metric in metrics.every(world):
        yield _row("metrics", f"projects/{world.project}/metrics/{metric['name']}", metric["name"], metric.get("description", ""))


def _row(kind: str, link: str, name: str, description: str) -> Json:
    return {
        "kind": f"logging.{kind}",
        "scope": "global",
        "name": name,
        "self_link": link,
        "description": description,
        "labels": {},
        "billing": False,
        "state": "READY",
    }
