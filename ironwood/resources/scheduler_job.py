"""A call Google makes for us at a cron time, even if every machine of ours is dead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class SchedulerJob(Resource):
    """A Cloud Scheduler job that POSTs `call` (such as `resize?size=0`) of `target`, a Compute resource, as `account`. Marked in its description.

    `schedule` is a cron expression in `time_zone`. `state` is ENABLED or PAUSED: one paused by hand is drift. A 2xx only says that the call
    was accepted; a failed one is tried again up to five times.
    """

    kind: ClassVar[str] = "scheduler_job"
    marking: ClassVar[Marking] = "description"

    schedule: str
    time_zone: str
    target: Address
    call: str
    account: Address
    retries: int = 5
    state: str = "ENABLED"
    next_run: str = observed("")
    last_run: str = observed("")
    last_code: int = observed(0)
    created: str = observed("")
