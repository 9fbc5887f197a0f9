"""Record a run that changed something: one entry in the ledger's log, kept for as long as the profile says, and a point of each of our metrics."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from cloud import audit, metering
from cloud.connection import Connection
from ironwood import metrics, naming
from ironwood.cost.runs import KIND, RunRecord, month_of, read_record, spent_usd
from ironwood.desired.observability import ledger_log
from ironwood.profile import Profile
from tasks.retries import google_task

CARRIED_OVER = timedelta(days=62)
"""How far before the month a run is looked for whose rate still holds."""


@google_task(name="record", run_name="record the {record.operation}")
def record_run(connection: Connection, profile: Profile, record: RunRecord, run: UUID) -> None:
    """Write `record` of the flow run `run`; repeated, it is kept once."""
    entry = audit.Entry(id=str(uuid5(run, record.operation)), at=record.at, content=record.content())
    with connection.clock.participating("record"):
        audit.write(connection, log=ledger_log(profile), owner=profile.name, entries=[entry])


@google_task(name="meter", run_name="write our metrics")
def write_metrics(connection: Connection, profile: Profile, record: RunRecord, there: frozenset[str]) -> None:
    """Write US dollars an hour, the share of the budget spent and each tier's pods as `record` left them; only metrics that are `there`."""
    with connection.clock.participating("meter"):
        month = month_of(record.at)
        runs = [*recorded_runs(connection, profile, month - CARRIED_OVER), record]
        spent = spent_usd({run.at: run for run in runs}.values(), since=month, until=record.at)
        prefix = profile.name_prefix
        readings = [
            metering.Reading(metric=metrics.own(prefix, "hourly_usd"), value=float(record.hourly_after_usd)),
            metering.Reading(metric=metrics.own(prefix, "budget_used"), value=float(spent / profile.budget.amount_usd)),
            *(
                metering.Reading(metric=metrics.own(prefix, "tier_pods"), value=pods, labels={"tier": tier})
                for tier, pods in record.sizes.items()
            ),
        ]
        metering.write(connection, [each for each in readings if each.metric in there])


def recorded_runs(connection: Connection, profile: Profile, since: datetime) -> list[RunRecord]:
    """The profile's runs the ledger's log has since an instant, oldest first."""
    entries = audit.read(connection, bucket=naming.ledger(profile.name_prefix), log=ledger_log(profile), since=since, kind=KIND)
    found = [read_record(each.at, each.content) for each in entries]
    return [each for each in found if each is not None and each.profile == profile.name]
