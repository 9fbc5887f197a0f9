"""A call Google makes for us at a cron time, even if every machine of ours is dead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed

COMPUTE = "https://compute.googleapis.com/compute/v1/"
TPU = "https://tpu.googleapis.com/v2/"


def vertex_host(region: str) -> str:
    """Where jobs call Vertex AI in `region`: each has a host of its own."""
    return f"https://{region}-aiplatform.googleapis.com/v1/"


@dataclass(frozen=True, kw_only=True)
class SchedulerJob(Resource):
    """A Cloud Scheduler job that sends `call` (such as `resize?size=0`) of `target` to `endpoint`, Compute by default, as `account`. Marked in its description.

    `target` is a path below the project, no reference: a job may be there before what it calls, and after it. `granted`: the bindings without
    which the call is refused. `schedule` is a cron expression in `time_zone`. `state` is ENABLED or PAUSED: one paused by hand is drift. A 2xx only says that the call
    was accepted; a failed one is tried again up to five times. `after`: the job that is written before it. `body` is JSON, "" for none.

    An `audience` makes it a call to somebody else's API: `target` and `call` stand right below `endpoint`, and the account brings an identity token (OIDC)
    for that audience instead of an access token of Google's APIs (OAuth).
    """

    kind: ClassVar[str] = "scheduler_job"
    marking: ClassVar[Marking] = "description"

    schedule: str
    time_zone: str
    endpoint: str = COMPUTE
    target: str
    call: str
    method: str = "POST"
    body: str = ""
    account: Address
    audience: str = ""
    granted: tuple[Address, ...] = observed(())
    after: Address | None = field(default=None, compare=False)  # how a plan is ordered, nothing the cloud holds
    retries: int = 5
    state: str = "ENABLED"
    next_run: str = observed("")
    last_run: str = observed("")
    last_code: int = observed(0)
    created: str = observed("")
