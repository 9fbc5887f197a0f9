"""Prove that a lease can switch an autoscaler off: have its job do so while it is off, and see the call arrive.

While an autoscaler is on Google refuses to resize its group, so the lease of the group is worth nothing without this one. The proof is the change that
the job's own account made, seen among the autoscaler's operations and done without an error.
"""

from __future__ import annotations

from datetime import datetime

from google.cloud import compute_v1

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.journal import Attempt
from cloud.lease_runs import ANSWERED, POLL, failed_since, read, said, start, until_it_reaches
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.base import Address


def prove(connection: Connection, attempt: Attempt, autoscaler: Autoscaler, lease: Address) -> None:
    """Run the job at `lease` until its change of `autoscaler`, which is off, is done; raises LeaseError, after which it must stay off."""
    until_it_reaches(
        connection,
        lambda: _run(connection, attempt, autoscaler, lease),
        lambda answer: (
            f"{autoscaler.address} was not switched on, because the job that would switch it off when nobody of ours lives does not reach it: "
            f"{lease.name} was answered {answer}. Its account needs compute.autoscalers.update; undo what took that away, then run again."
        ),
    )


def _run(connection: Connection, attempt: Attempt, autoscaler: Autoscaler, lease: Address) -> str | None:
    """Run the job once; None when its call was carried out, else what was answered."""
    started = start(connection, attempt, f"running {lease.name} against {autoscaler.name}, which is off", lease)
    while True:
        job = read(connection, lease)
        if _arrived(connection, autoscaler, job.http_target.oauth_token.service_account_email, started):
            return None
        if failed_since(job, started):
            return said(job)
        if connection.clock.now() - started > ANSWERED:
            return "nothing"
        sleep(connection.clock, POLL)


def _arrived(connection: Connection, autoscaler: Autoscaler, account: str, since: datetime) -> bool:
    """Whether a change of the autoscaler by the job's account since then is done."""
    where = {"project": connection.project, "zone": autoscaler.scope.removeprefix("zones/")}
    with translated(f"listing the operations of {autoscaler.address}"):
        request = compute_v1.ListZoneOperationsRequest(**where, filter=f'user = "{account}"')
        found = list(connection.client(compute_v1.ZoneOperationsClient).list(request, **ONCE))
    ours = [
        each
        for each in found
        if each.target_link.endswith(f"/autoscalers/{autoscaler.name}") and datetime.fromisoformat(each.insert_time) >= since - POLL
    ]
    return any(each.status == compute_v1.Operation.Status.DONE and not each.error.errors for each in ours)
