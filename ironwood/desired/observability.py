"""What is recorded and watched: the ledger's log in a bucket of its own, and what is counted of it."""

from __future__ import annotations

from collections.abc import Iterator

from ironwood import naming
from ironwood.profile import Profile
from ironwood.resources.base import Resource
from ironwood.resources.logs import LogBucket, LogMetric, LogSink


def ledger_log(profile: Profile) -> str:
    """The full name of the log every run of the profile is recorded in."""
    return f"projects/{profile.project_id}/logs/{naming.ledger(profile.name_prefix)}"


def logs(profile: Profile) -> Iterator[Resource]:
    """The ledger's bucket, the sink that routes its log there, and the count of recorded runs; nothing where logging is off."""
    if not profile.logging.enabled:
        return
    name, owner = naming.ledger(profile.name_prefix), profile.name
    ours = f'logName="{ledger_log(profile)}"'
    bucket = LogBucket(name=name, owner=owner, retention_days=profile.logging.retention_days)
    yield bucket
    yield LogSink(name=name, owner=owner, destination=bucket.address, filter=ours)
    yield LogMetric(
        name=naming.runs_metric(profile.name_prefix),
        owner=owner,
        filter=f'{ours} AND jsonPayload.kind="run"',
        labels=(("operation", "jsonPayload.operation"),),
    )
