"""Whether the call of a job was carried out: the change its own account made, seen among the operations of a zone and done without an error.

That a job's attempt has no error only means that the call was accepted.
"""

from __future__ import annotations

from datetime import datetime

from google.cloud import compute_v1, scheduler_v1

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.lease_runs import POLL
from ironwood.resources.base import Address


def carried_out(connection: Connection, job: scheduler_v1.Job, of: Address, collection: str, since: datetime, kept: str = "") -> bool:
    """Whether a change of the zonal object at `of`, which Compute keeps in `collection`, by the account of `job` since then is done.

    `kept` narrows the operations that are asked for, in Compute's filter language.
    """
    by = f'user = "{job.http_target.oauth_token.service_account_email}"'
    request = compute_v1.ListZoneOperationsRequest(
        project=connection.project, zone=of.scope.removeprefix("zones/"), filter=f"{kept} AND {by}" if kept else by
    )
    with translated(f"listing the operations of {of}"):
        found = list(connection.client(compute_v1.ZoneOperationsClient).list(request, **ONCE))
    return any(
        each.status == compute_v1.Operation.Status.DONE and not each.error.errors
        for each in found
        if each.target_link.endswith(f"/{collection}/{of.name}") and datetime.fromisoformat(each.insert_time) >= since - POLL
    )
