"""Provision: bring everything a profile describes into being, or back into shape."""

from __future__ import annotations

import sys

from prefect import flow

from cloud.connection import connect
from flows.command_line import Argument, run
from flows.paying import paid
from flows.permitted import demand, tell
from flows.reconcile import carry_out, compare, converge
from flows.recording import record
from flows.validate import validate
from flows.when_to_look import look_when_sizes_change
from ironwood.desired import desired
from ironwood.plan import Plan
from ironwood.profile import sizes_within
from ironwood.resources.base import SERVICES
from tasks import report
from tasks.inputs import load_profile
from tasks.lock import writer
from tasks.preflight import preflight, refuse
from tasks.target import sizes_now


@flow(name="provision", flow_run_name="provision {profile}")
def provision(profile: str = "embedded", sizes: dict[str, int] | None = None, dry_run: bool = False) -> int:
    """Make what is missing, change what differs, delete what is no longer wanted; then validate.

    `sizes` (pods by tier) stand in place of what the windows in force want now; `dry_run` stops after the plan. Returns the number of
    changes planned.
    """
    ours = load_profile(profile)
    connection = connect(ours)
    report.opening(ours, connection)
    sizes_within(ours, sizes or {})  # what is wrong with the input is told before anything is asked
    if dry_run:
        tell(connection, "provision", desired(ours, ours.baseline))
    else:
        demand(connection, "provision", desired(ours, ours.baseline))
    target = sizes_now(connection, ours, sizes).sizes
    if dry_run:
        found = compare(connection, ours, target)
        report.checks(preflight(connection, ours, found.plan, found.wanted, found.observation.live))
        found.show(ours)
        return len(found.plan)
    with writer(ours):
        found = compare(connection, ours, target)
        checks = preflight(connection, ours, found.plan, found.wanted, found.observation.live)
        report.checks(checks)
        found.show(ours)
        refuse(checks)
        if enabling := found.plan.of_kind(SERVICES.kind).changes:
            # What the project may do can be asked only once the APIs are on: they go first, then preflight is whole.
            carry_out(connection, Plan(enabling))
            demand(connection, "provision", desired(ours, target))
            found = compare(connection, ours, target)
            checks = preflight(connection, ours, found.plan, found.wanted, found.observation.live)
            report.checks(checks)
            refuse(checks)
        with paid(connection, ours, target, found) as (target, found):
            converge(connection, ours, target, found)
            record(connection, ours, "provision", found, target)
    validate(profile, dict(target))
    look_when_sizes_change(connection, profile, ours)
    return len(found.plan)


if __name__ == "__main__":
    sys.exit(run(provision, Argument.PROFILE, Argument.SIZES, Argument.DRY_RUN))
