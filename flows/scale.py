"""Scale: bring the tiers to other sizes. Growing probes before traffic, shrinking drains before it deletes."""

from __future__ import annotations

import sys

from prefect import flow

from cloud.connection import connect
from flows.command_line import Argument, run
from flows.paying import paid
from flows.permitted import demand
from flows.reconcile import compare, converge, owned_count
from flows.recording import record
from flows.when_to_look import look_when_sizes_change
from ironwood.desired import desired
from ironwood.profile import sizes_within
from tasks import report
from tasks.inputs import load_profile
from tasks.lock import writer
from tasks.preflight import preflight, refuse
from tasks.target import sizes_now


@flow(name="scale", flow_run_name="scale {profile}")
def scale(profile: str = "embedded", sizes: dict[str, int] | None = None, dry_run: bool = False) -> int:
    """Bring every tier to its size in `sizes` (pods by tier; a tier not named goes to what the windows in force want now).

    Where nothing of the profile is there, nothing is made: a look that comes after a teardown does not undo it.
    `dry_run` stops after the plan. Returns the number of changes planned.
    """
    ours = load_profile(profile)
    connection = connect(ours)
    sizes_within(ours, sizes or {})  # what is wrong with the input is told before anything is asked
    if not dry_run:
        demand(connection, "scale", desired(ours, ours.baseline))
    target = sizes_now(connection, ours, sizes).sizes
    report.say("scale", f"profile {ours.name} to {', '.join(f'{tier} {pods}' for tier, pods in target.items())}")
    if dry_run:
        found = compare(connection, ours, target)
        found.show(ours)
        return len(found.plan)
    with writer(ours):
        found = compare(connection, ours, target)
        if not owned_count(found.observation.live, ours):
            report.say("scale", f"nothing of profile {ours.name} is there; `python -m flows.provision --profile {profile}` makes it")
            return 0
        look_when_sizes_change(connection, profile, ours)
        checks = preflight(connection, ours, found.plan, found.wanted, found.observation.live)
        found.show(ours)
        refuse(checks)
        with paid(connection, ours, target, found) as (target, found):
            converge(connection, ours, target, found)
            record(connection, ours, "scale", found, target)
    return len(found.plan)


if __name__ == "__main__":
    sys.exit(run(scale, Argument.PROFILE, Argument.SIZES, Argument.DRY_RUN))
