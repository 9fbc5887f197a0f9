"""Google's own bill of our VMs, as its detailed export in BigQuery tells it, hours late.

Somebody directs the billing account's export to a dataset in the console; no API does. Only hours older than `LATE` are asked for: by then their rows
are written (Google promises no time; a day is what it usually keeps).
Source: https://cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/detailed-usage
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from google.cloud import bigquery

from cloud.connection import Connection
from cloud.errors import translated

LATE = timedelta(hours=24)
MOST_BYTES = 10 << 30
"""What one question may read at the most, six cents' worth: an account whose month is larger than that is not asked about."""
QUERY = """
SELECT COALESCE(SUM(cost), 0) AS usd, COUNT(*) AS found
FROM `{table}`
WHERE _PARTITIONTIME >= TIMESTAMP(@day) AND usage_start_time >= @since AND usage_end_time <= @until AND project.id = @project AND ({heads})
"""


def until_when(now: datetime) -> datetime:
    """Up to which full hour the export is taken to be complete at `now`."""
    return (now - LATE).replace(minute=0, second=0, microsecond=0)


def exported(
    connection: Connection, *, dataset: str, account: str, heads: tuple[str, ...], since: datetime, until: datetime
) -> Decimal | None:
    """US dollars of [since, until), full hours, of VMs and disks whose names begin with one of `heads`; None where no row tells of them yet.

    `dataset`: `PROJECT.DATASET` or `DATASET`; `account`: the billing account's id. Raises CloudError: no table, no permission.
    """
    place = dataset if "." in dataset else f"{connection.project}.{dataset}"
    table = f"{place}.gcp_billing_export_resource_v1_{account.replace('-', '_')}"
    values: list[Any] = [
        bigquery.ScalarQueryParameter("day", "DATE", since.date()),
        bigquery.ScalarQueryParameter("since", "TIMESTAMP", since),
        bigquery.ScalarQueryParameter("until", "TIMESTAMP", until),
        bigquery.ScalarQueryParameter("project", "STRING", connection.project),
        *(bigquery.ScalarQueryParameter(f"head{number}", "STRING", head) for number, head in enumerate(heads)),
    ]
    wanted = " OR ".join(f"STARTS_WITH(resource.name, @head{number})" for number in range(len(heads)))
    make: Any = bigquery.QueryJobConfig
    with translated(f"reading the billing export {table}"):
        client: Any = connection.client(bigquery.Client)
        settings = make(query_parameters=values, maximum_bytes_billed=MOST_BYTES)
        (row,) = client.query_and_wait(QUERY.format(table=table, heads=wanted), job_config=settings, retry=None, job_retry=None)
    return Decimal(str(row["usd"])) if row["found"] else None
