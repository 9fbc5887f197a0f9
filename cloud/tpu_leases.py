"""Prove that the lease of a development TPU can delete it, before anything is ordered: have its job call the Cloud TPU API, and see it let through.

1. What is not there yet cannot be deleted: the call is answered 404, where one that is not allowed is answered 403. So "not found" is the proof. The job
does not try again, else a late attempt would delete what is ordered next. 2. One that is there and has to go (suspended, failed) is deleted by the
job itself: that it goes is the proof. 3. What an account may do is known everywhere only after minutes (documented), so a refusal is tried
again for ten minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from google.cloud import scheduler_v1

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.journal import Attempt
from cloud.lease_runs import ANSWERED, POLL, read, said, start, until_it_reaches
from ironwood.resources.base import Address
from ironwood.resources.queued_tpu import QueuedTpu

NOT_FOUND = 5
"""google.rpc.Code of a 404."""
SETTLED = timedelta(seconds=30)
"""After how long the answer of an attempt is its own, where the one before was the same: a delete is answered within seconds."""


def prove(connection: Connection, attempt: Attempt, tpu: QueuedTpu, lease: Address) -> None:
    """Run the job at `lease` while there is no `tpu`, until it is answered "not found"; raises LeaseError, after which nothing may be ordered."""
    until_it_reaches(connection, lambda: _found_nothing(connection, attempt, tpu, lease), lambda answer: _refused(tpu, lease, answer))


def clear(connection: Connection, attempt: Attempt, tpu: QueuedTpu, lease: Address, gone: Callable[[], bool]) -> None:
    """Have the job at `lease` delete `tpu`, until it is `gone`; raises LeaseError."""
    until_it_reaches(connection, lambda: _went(connection, attempt, tpu, lease, gone), lambda answer: _refused(tpu, lease, answer))


def _refused(tpu: QueuedTpu, lease: Address, answer: str) -> str:
    return (
        f"{tpu.address} was not ordered, because the job that would delete it when nobody of ours lives does not reach it: {lease.name} was "
        f"answered {answer}. Its account needs tpu.nodes.delete (roles/tpu.admin holds it); undo what took that away, then run again."
    )


def _found_nothing(connection: Connection, attempt: Attempt, tpu: QueuedTpu, lease: Address) -> str | None:
    before = read(connection, lease)
    again = before.status.code == NOT_FOUND
    started = start(connection, attempt, f"running {lease.name} while there is no {tpu.name}", lease)
    while True:
        job = read(connection, lease)
        waited = connection.clock.now() - started
        if _tried(before, job):
            if job.status.code == NOT_FOUND and (not again or waited > SETTLED):
                return None
            if job.status.code not in {0, NOT_FOUND}:
                return said(job)
        if waited > ANSWERED:
            # A delete that was accepted has found something, and reached it.
            return None if _tried(before, job) and not job.status.code else "nothing"
        sleep(connection.clock, POLL)


def _went(connection: Connection, attempt: Attempt, tpu: QueuedTpu, lease: Address, gone: Callable[[], bool]) -> str | None:
    before = read(connection, lease)
    started = start(connection, attempt, f"having {lease.name} delete {tpu.name}, which is {tpu.state}", lease)
    while not gone():
        job = read(connection, lease)
        if _tried(before, job) and job.status.code not in {0, NOT_FOUND}:
            return said(job)
        if connection.clock.now() - started > ANSWERED:
            return "nothing"
        sleep(connection.clock, POLL)
    return None


def _tried(before: scheduler_v1.Job, job: scheduler_v1.Job) -> bool:
    """Whether there was an attempt since `before`."""
    return bool(job.last_attempt_time) and job.last_attempt_time != before.last_attempt_time
