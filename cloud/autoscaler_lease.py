"""Prove that a lease can switch an autoscaler off: have its job do so while it is off, and see the call arrive.

While an autoscaler is on Google refuses to resize its group, so the lease of the group is worth nothing without this one. The proof is the change that
the job's own account made, seen among the autoscaler's operations and done without an error.
"""

from __future__ import annotations

from cloud.connection import Connection
from cloud.journal import Attempt
from cloud.lease_runs import until_it_arrives, until_it_reaches
from cloud.zone_calls import carried_out
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.base import Address


def prove(connection: Connection, attempt: Attempt, autoscaler: Autoscaler, lease: Address) -> None:
    """Run the job at `lease` until its change of `autoscaler`, which is off, is done; raises LeaseError, after which it must stay off."""
    until_it_reaches(
        connection,
        lambda: until_it_arrives(
            connection,
            attempt,
            f"running {lease.name} against {autoscaler.name}, which is off",
            lease,
            lambda job, started: carried_out(connection, job, autoscaler.address, "autoscalers", started),
        ),
        lambda answer: (
            f"{autoscaler.address} was not switched on, because the job that would switch it off when nobody of ours lives does not reach it: "
            f"{lease.name} was answered {answer}. Its account needs compute.autoscalers.update; undo what took that away, then run again."
        ),
    )
