"""What a run leaves behind besides what it made: its entry in the ledger's log."""

from __future__ import annotations

from collections.abc import Mapping

from cloud.connection import Connection
from flows.reconcile import Reconciliation, ours, run_id
from ironwood.cost.estimate import Estimate
from ironwood.cost.runs import RunRecord
from ironwood.errors import CloudError
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.monitoring import MetricDescriptor
from tasks import report
from tasks.meter import close
from tasks.record import CARRIED_OVER, record_run, recorded_runs, write_metrics


def record(connection: Connection, profile: Profile, operation: str, found: Reconciliation, sizes: Mapping[str, int]) -> None:
    """Record a run that carried out `found.plan` and left the tiers at `sizes` (pods by tier).

    One that changed nothing is recorded only where the log does not say so yet: an earlier run was killed before it could. A profile
    without logging keeps no record.
    """
    if not profile.logging.enabled:
        return
    if len(found.plan) or not _known(connection, profile, found, sizes):
        _record(connection, profile, operation, found.plan.summary, (found.before, found.after), sizes, _metrics(found.wanted, profile))


def _known(connection: Connection, profile: Profile, found: Reconciliation, sizes: Mapping[str, int]) -> bool:
    """Whether the last recorded run left what there is."""
    runs = recorded_runs(connection, profile, connection.clock.now() - CARRIED_OVER)
    return bool(runs) and (dict(runs[-1].sizes), runs[-1].hourly_after_usd) == (dict(sizes), found.after.hourly_usd)


def record_end(connection: Connection, profile: Profile, before: Estimate, leaving: Reconciliation) -> None:
    """Record a teardown before the log's bucket goes; that it cannot be recorded is told and does not hold the teardown up.

    Our metrics are written for the last time here: their descriptors go next, and a later point would make one anew.
    """
    if not profile.logging.enabled:
        return
    try:
        nothing = dict.fromkeys(profile.enabled_tiers, 0)
        there = _metrics(leaving.observation.live, profile)
        close(connection, profile, ours(leaving.observation.live, profile))
        _record(connection, profile, "teardown", leaving.plan.summary, (before, leaving.after), nothing, there)
    except CloudError as error:
        report.say("record", f"this teardown could not be recorded and goes on: {error}")


def _metrics(graph: Graph, profile: Profile) -> frozenset[str]:
    """The metrics of the profile's own whose descriptors are in `graph`."""
    return frozenset(each.name for each in graph if isinstance(each, MetricDescriptor) and each.owner == profile.name)


def _record(
    connection: Connection,
    profile: Profile,
    operation: str,
    plan: str,
    costs: tuple[Estimate, Estimate],
    sizes: Mapping[str, int],
    there: frozenset[str],
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
    write_metrics(connection, profile, entry, there)
