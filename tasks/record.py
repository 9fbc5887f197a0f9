"""Record a run that changed something: one entry in the ledger's log, kept for as long as the profile says."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from prefect import task
from prefect.cache_policies import NO_CACHE

from cloud import audit
from cloud.connection import Connection
from ironwood import naming
from ironwood.cost.runs import KIND, RunRecord, read_record
from ironwood.desired.observability import ledger_log
from ironwood.profile import Profile
from tasks.retries import PAUSES_SECONDS, RETRIES, may_succeed_later


@task(
    name="record",
    task_run_name="record the {record.operation}",
    cache_policy=NO_CACHE,
    retries=RETRIES,
    retry_delay_seconds=PAUSES_SECONDS,
    retry_condition_fn=may_succeed_later,
    persist_result=False,
)
def record_run(connection: Connection, profile: Profile, record: RunRecord, run: UUID) -> None:
    """Write `record` of the flow run `run`; repeated, it is kept once."""
    entry = audit.Entry(id=str(uuid5(run, record.operation)), at=record.at, content=record.content())
    with connection.clock.participating("record"):
        audit.write(connection, log=ledger_log(profile), owner=profile.name, entries=[entry])


def recorded_runs(connection: Connection, profile: Profile, since: datetime) -> list[RunRecord]:
    """The profile's runs the ledger's log has since an instant, oldest first."""
    entries = audit.read(connection, bucket=naming.ledger(profile.name_prefix), log=ledger_log(profile), since=since, kind=KIND)
    found = [read_record(each.at, each.content) for each in entries]
    return [each for each in found if each is not None and each.profile == profile.name]
