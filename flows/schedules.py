"""Schedules: synchronise those of the profile's `scale` deployments with the windows in force, and tell them.

`provision`, `scale` and `plan_capacity` do the same at their end, and `teardown` removes them: this is for looking, and for a new server.
"""

from __future__ import annotations

import sys

from prefect import flow

from cloud.connection import connect
from flows.command_line import Argument, run
from flows.run_names import named
from flows.when_to_look import look_when_sizes_change
from tasks import report
from tasks.inputs import load_profile


@flow(name="schedules", flow_run_name=named("schedules of {profile}"))
def schedules(profile: str = "embedded") -> int:
    """Make, change and remove schedules of `scale` until they are those wanted; returns how many those are."""
    ours = load_profile(profile)
    wanted = look_when_sizes_change(connect(ours), profile, ours)
    if not wanted:
        report.say("schedules", f"this Prefect server has no deployment of scale for profile {profile}; `make ui` makes it")
        return 0
    rows = [(each.slug, each.cron, each.zone) for each in wanted]
    report.page(f"schedules-{ours.name}", f"when scale looks at profile {ours.name}", rows, ("slug", "cron", "time zone"))
    return len(rows)


if __name__ == "__main__":
    sys.exit(run(schedules, Argument.PROFILE))
