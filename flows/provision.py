"""Provision: bring everything a profile describes into being, or back into shape."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from prefect import flow

from cloud.connection import connect
from flows.command_line import Argument, run
from flows.permitted import demand, tell
from flows.reconcile import Reconciliation, carry_out, compare, run_id
from flows.run_names import named
from flows.validate import validate
from flows.when_to_look import look_when_sizes_change
from flows.writing import written
from ironwood.desired import desired
from ironwood.errors import ApprovalError, ProfileError
from ironwood.plan import Plan
from ironwood.profile import sizes_within
from ironwood.resources.base import SERVICES
from tasks import report
from tasks.inputs import load_profile
from tasks.leaving import stay
from tasks.preflight import preflight, refuse
from tasks.preflight.check import Check
from tasks.target import sizes_foreseen, sizes_now


@flow(name="provision", flow_run_name=named("provision {profile}"))
def provision(profile: str = "embedded", sizes: dict[str, int] | None = None, dry_run: bool = False) -> int:
    """Make what is missing, change what differs, delete what is no longer wanted; then validate.

    `sizes` (pods by tier) stand in place of what the windows in force want now; `dry_run` stops after the plan. Returns the number of
    changes planned. What an unfinished teardown left is made whole again.
    """
    ours = load_profile(profile)
    connection = connect(ours)
    report.opening(ours, connection)
    sizes_within(ours, sizes or {})  # what is wrong with the input is told before anything is asked
    if ours.expired(connection.clock.now()):
        raise ProfileError(f"profile {ours.name} has expired; give `expires` a later date, or remove it, to have anything provisioned")
    if dry_run:
        tell(connection, "provision", desired(ours, ours.baseline))
        target = sizes_foreseen(connection, ours, sizes).sizes
        found = compare(connection, ours, target)
        report.checks(preflight(connection, ours, found.plan, found.wanted, found.observation.live))
        found.show(ours)
        return len(found.plan)
    demand(connection, "provision", desired(ours, ours.baseline))

    def wanted() -> Mapping[str, int]:
        now = sizes_now(connection, ours, sizes)
        if now.leaving is not None:
            stay(connection, ours, run_id())
        return now.sizes

    def first(found: Reconciliation, checks: list[Check]) -> bool:
        refuse(checks)
        if enabling := found.plan.of_kind(SERVICES.kind).changes:
            # What the project may do can be asked only once the APIs are on: they go first, then preflight is whole.
            carry_out(connection, Plan(enabling))
            demand(connection, "provision", desired(ours, ours.baseline))
        return True

    done = written(connection, ours, "provision", wanted, first)
    if done is None:
        raise ApprovalError(f"nothing was provisioned: the answer to the question of another run of profile {ours.name} is awaited")
    validate(profile, dict(done.sizes))
    look_when_sizes_change(connection, profile, ours)
    return len(done.found.plan)


if __name__ == "__main__":
    sys.exit(run(provision, Argument.PROFILE, Argument.SIZES, Argument.DRY_RUN))
