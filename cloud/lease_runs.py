"""Running the job of a lease and reading what came of it: what the proofs of all leases share.

What an account may do is known everywhere only after minutes (documented), so what does not reach is tried again for ten of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from google.cloud import scheduler_v1

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.errors import LeaseError
from ironwood.resources.base import Address

POLL = timedelta(seconds=2)
ANSWERED = timedelta(minutes=2)
"""How long an attempt may take until its call is seen; a job's own deadline is longer, but what leases ask for is accepted at once."""
KNOWN = timedelta(minutes=10)


def until_it_reaches(connection: Connection, once: Callable[[], str | None], refused: Callable[[str], str]) -> None:
    """Try `once`, which answers None when the lease has reached what it is to stop, else what it was answered; raises LeaseError with `refused` of that."""
    began = connection.clock.now()
    while (answer := once()) is not None:
        if connection.clock.now() - began > KNOWN:
            raise LeaseError(refused(answer))
        sleep(connection.clock, POLL * 10)


def until_it_arrives(
    connection: Connection, attempt: Attempt, doing: str, lease: Address, arrived: Callable[[scheduler_v1.Job, datetime], bool]
) -> str | None:
    """Run the job at `lease` once; None when its call has `arrived` (asked with the job and when it was run), else what was answered."""
    started = start(connection, attempt, doing, lease)
    while True:
        job = read(connection, lease)  # first, so that what a run needs does not depend on how fast the call arrives
        if arrived(job, started):
            return None
        if failed_since(job, started):
            return said(job)
        if connection.clock.now() - started > ANSWERED:
            return "nothing"
        sleep(connection.clock, POLL)


def start(connection: Connection, attempt: Attempt, doing: str, lease: Address) -> datetime:
    """Run the job at `lease`; answers when that was."""
    started = connection.clock.now()
    with attempt.write(doing), translated(doing):
        connection.client(scheduler_v1.CloudSchedulerClient).run_job(name=_name(connection, lease), **ONCE)
    return started


def read(connection: Connection, lease: Address) -> scheduler_v1.Job:
    """The job at `lease` as it is now."""
    with translated(f"reading {lease.name}"):
        return connection.client(scheduler_v1.CloudSchedulerClient).get_job(name=_name(connection, lease), **ONCE)


def failed_since(job: scheduler_v1.Job, started: datetime) -> bool:
    """Whether an attempt since then was answered with an error."""
    return bool(job.status.code and job.last_attempt_time and job.last_attempt_time >= started - POLL)


def said(job: scheduler_v1.Job) -> str:
    """What the last attempt was answered."""
    return f"code {job.status.code}{f' ({job.status.message})' if job.status.message else ''}"


def _name(connection: Connection, lease: Address) -> str:
    return f"projects/{connection.project}/locations/{lease.scope.partition('/')[2]}/jobs/{lease.name}"
