"""What a run leaves behind besides what it made: its entry in the ledger's log."""

from __future__ import annotations

from collections.abc import Mapping

from cloud.connection import Connection
from flows.reconcile import Reconciliation, run_id
from ironwood.cost.estimate import Estimate
from ironwood.cost.runs import RunRecord
from ironwood.errors import CloudError
from ironwood.profile import Profile
from tasks import report
from tasks.record import record_run


def record(connection: Connection, profile: Profile, operation: str, found: Reconciliation, sizes: Mapping[str, int]) -> None:
    """Record a run that carried out `found.plan` and left the tiers at `sizes` (pods by tier); one that changed nothing leaves no trace."""
    if len(found.plan):
        _record(connection, profile, operation, found.plan.summary, (found.before, found.after), sizes)


def record_end(connection: Connection, profile: Profile, summary: str, before: Estimate, after: Estimate) -> None:
    """Record a teardown before the log's bucket goes; that it cannot be recorded is told and does not hold the teardown up."""
    try:
        _record(connection, profile, "teardown", summary, (before, after), dict.fromkeys(profile.enabled_tiers, 0))
    except CloudError as error:
        report.say("record", f"this teardown could not be recorded and goes on: {error}")


def _record(
    connection: Connection, profile: Profile, operation: str, plan: str, costs: tuple[Estimate, Estimate], sizes: Mapping[str, int]
) -> None:
    before, after = costs
    entry = RunRecord(
        at=connection.clock.now(),
        profile=profile.name,
        operation=operation,
        plan=plan,
        sizes=sizes,
        book=after.book,
        hourly_before_usd=before.hourly_usd,
        hourly_after_usd=after.hourly_usd,
    )
    record_run(connection, profile, entry, run_id())
