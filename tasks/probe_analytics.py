"""Is what is served kept? A validation asks for the rows of its own predictions, as an analyst would."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from google.cloud import bigquery

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.pubsub import ACTIVE
from cloud.errors import translated
from ironwood.errors import CloudError
from ironwood.graph import Graph
from ironwood.profile_regions import home_of
from ironwood.resources.base import Address
from ironwood.resources.budget import Subscription
from tasks.finding import Finding
from tasks.retries import google_task

WITHIN = timedelta(minutes=10)
"""As long as for health: an image that never publishes is found out, a machine that is busy is waited for."""
POLL = timedelta(seconds=5)
MOST_BYTES = 1 << 30
"""What one question may read at the most; a day's partition of the table is far below."""
QUERY = "SELECT endpoint_tier AS tier, COUNT(*) AS found FROM `{table}` WHERE timestamp >= @since GROUP BY tier ORDER BY tier"


@google_task(name="analytics", run_name="ask for the rows of served requests")
def probe_analytics(connection: Connection, live: Graph, wanted: Graph, since: datetime, tiers: frozenset[str]) -> list[Finding]:
    """A finding for each subscription that is to write into a table: can it, and have requests of `tiers` since `since` come to be rows?

    `tiers` are those that were asked, which a route leads to; without any, only the state is told.
    """
    with connection.clock.participating("analytics"):
        writing = [each for each in live if isinstance(each, Subscription) and each.table is not None and each.address in wanted]
        return [_finding(connection, each, each.table, since, tiers) for each in writing if each.table is not None]


def _finding(connection: Connection, subscription: Subscription, table: Address, since: datetime, tiers: frozenset[str]) -> Finding:
    check = f"analytics {table.name}"
    if subscription.state != ACTIVE:
        return Finding(check=check, passed=False, found=f"{subscription.name} cannot write into it: {subscription.state}")
    if not tiers:
        return Finding(check=check, passed=True, found="can be written; no tier was asked")
    latest = connection.clock.now() + WITHIN
    while True:
        try:
            rows = _rows(connection, table, since)
        except CloudError as error:
            return Finding(check=check, passed=False, found=str(error).splitlines()[0])
        missing = sorted(tiers - rows.keys())
        if not missing:
            return Finding(check=check, passed=True, found=", ".join(f"{rows[tier]} rows of {tier}" for tier in sorted(tiers)))
        if connection.clock.now() >= latest:
            told = f"no row of {', '.join(missing)} within {WITHIN.seconds // 60} min; does the serving image publish on METRICS_TOPIC?"
            return Finding(check=check, passed=False, found=told)
        sleep(connection.clock, POLL)


def _rows(connection: Connection, table: Address, since: datetime) -> dict[str, int]:
    """How many rows of each tier there are since an instant, whichever region served them."""
    client: Any = connection.client(bigquery.Client)
    options = bigquery.QueryJobConfig(
        query_parameters=[bigquery.ScalarQueryParameter("since", "TIMESTAMP", since)],
        maximum_bytes_billed=MOST_BYTES,
        use_query_cache=False,
    )
    with translated(f"asking {table}"):
        found: Counter[str] = Counter()
        for row in client.query_and_wait(QUERY.format(table=table.name), job_config=options):
            found[home_of(str(row["tier"]))] += int(row["found"])
        return dict(found)
