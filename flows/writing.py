"""How a flow that changes sizes writes: observe, check, ask where a person must agree, pay, converge, record.

1. One writer at a time; while a person is asked nobody holds the lock, and afterwards everything is looked at again: an agreement to what is no
longer so is void. 2. What shrinks does not wait for an answer: it is carried out before anybody is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cloud.connection import Connection
from flows import approving
from flows.paying import paid
from flows.reconcile import Reconciliation, compare, converge, finished, ours
from flows.recording import record
from ironwood.approval import Question
from ironwood.cost.budget import pods_of
from ironwood.errors import ApprovalError
from ironwood.profile import Profile
from ironwood.resources.base import SERVICES
from ironwood.sizes import below, shrinks
from tasks import report
from tasks.lock import writer
from tasks.preflight import preflight, refuse
from tasks.preflight.check import Check


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was carried out, and the sizes it led to (pods by tier)."""

    found: Reconciliation
    sizes: Mapping[str, int]


def written(
    connection: Connection,
    profile: Profile,
    operation: str,
    wanted: Callable[[], Mapping[str, int]],
    first: Callable[[Reconciliation, list[Check]], bool],
) -> Written | None:
    """Bring `profile` to what `wanted` answers under the lock (pods by tier); None where `first`, which is called there with what was found
    and what preflight says of it, says that there is nothing to do, or where another run waits with the same question.

    Raises PreflightError, ApprovalError, BudgetError, UnfinishedError, and what the cloud says.
    """
    agreed: Question | None = None
    while True:
        with writer(profile):
            target = wanted()  # here: what was wanted before a long wait for the lock, or for a person, may be over
            found, checks = _found(connection, profile, target)
            if agreed is None:
                report.checks(checks)
                found.show(profile)
                if not first(found, checks):
                    return None
                if found.plan.of_kind(SERVICES.kind).changes:
                    found, checks = _found(connection, profile, target)
                    report.checks(checks)
            refuse(checks)
            asked = approving.question(profile, found, checks)
            if asked is None or (agreed is not None and asked.fingerprint == agreed.fingerprint):
                with paid(connection, profile, target, found) as (sizes, payable):
                    converge(connection, profile, sizes, payable)
                    record(connection, profile, operation, payable, sizes)
                    finished(payable, profile, "run the same command again")
                return Written(found=payable, sizes=sizes)
            if agreed is not None:
                raise ApprovalError(
                    f"the agreement is void: plan, prices or quotas are not what was agreed to (fingerprint {agreed.fingerprint}, now {asked.fingerprint}); "
                    "run again, and it is asked again"
                )
            if (run := approving.waiting_elsewhere(asked)) is not None:
                report.say("approval", f"run {run} waits for the answer to the same question; nothing was changed")
                return None
            if _shrunk_first(connection, profile, operation, target, found):
                continue
        approving.ask(profile, asked, found)
        agreed = asked


def _found(connection: Connection, profile: Profile, target: Mapping[str, int]) -> tuple[Reconciliation, list[Check]]:
    found = compare(connection, profile, target)
    return found, preflight(connection, profile, found.plan, found.wanted, found.observation.live)


def _shrunk_first(connection: Connection, profile: Profile, operation: str, target: Mapping[str, int], found: Reconciliation) -> bool:
    """Carry out what shrinks, which asks nobody; whether there was any."""
    held = pods_of(profile, ours(found.observation.live, profile))
    if not shrinks(profile, target, held):
        return False
    smaller = below(profile, target, held)
    shrinking = compare(connection, profile, smaller)
    converge(connection, profile, smaller, shrinking)
    record(connection, profile, operation, shrinking, smaller)
    return True
