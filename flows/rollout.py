"""Rollout: a new serving image or model reaches the VMs that run: a canary first, looked at, then the rest, or back."""

from __future__ import annotations

import argparse
import sys

from prefect import flow

from cloud.connection import Connection, connect
from flows.command_line import Argument, run
from flows.reconcile import Reconciliation, against, carry_out, compare
from flows.recording import record
from flows.run_names import named
from ironwood.errors import InputError, IronwoodError, PreflightError, ProbeError
from ironwood.graph import Graph
from ironwood.outage import regions_of
from ironwood.profile import Profile
from ironwood.rollout import Stage, back, stages
from tasks import report
from tasks.gate import gate
from tasks.inputs import load_profile
from tasks.lock import writer
from tasks.observe import observe
from tasks.preflight import preflight, refuse
from tasks.target import sizes_foreseen, sizes_now

PERCENT = 10


@flow(name="rollout", flow_run_name=named("rollout {profile}"))
def rollout(profile: str = "embedded", sizes: dict[str, int] | None = None, canary_percent: int = PERCENT, dry_run: bool = False) -> int:
    """Bring the VMs to what the profile says of serving, in stages: `canary_percent` of a group's VMs first.

    After each stage every VM must be healthy and predictions must be answered; if not, the templates in use before are put back. No surge:
    nothing beyond the tiers' sizes is ordered. `dry_run` stops after the stages are told. Returns how many stages were carried out.
    """
    if not 1 <= canary_percent <= 100:
        raise InputError(f"canary_percent: {canary_percent} is not between 1 and 100")
    ours = load_profile(profile)
    connection = connect(ours)
    if dry_run:
        target = sizes_foreseen(connection, ours, sizes).sizes
        found = compare(connection, ours, target)
        _tell(stages(found.wanted, found.observation.live, canary_percent=canary_percent))
        return 0
    target = sizes_now(connection, ours, sizes).sizes
    with writer(ours):
        found = compare(connection, ours, target)
        if lost := sorted(found.observation.down & regions_of(found.wanted)):
            raise PreflightError(f"{', '.join(lost)} is down, Google says: its VMs would keep what they have; roll out once it is up")
        refuse(preflight(connection, ours, found.plan, found.wanted, found.observation.live))
        planned = stages(found.wanted, found.observation.live, canary_percent=canary_percent)
        _tell(planned)
        for stage in planned:
            _carried_out(connection, ours, stage, found)
        if planned:
            record(connection, ours, "rollout", found, target)
    return len(planned)


def _tell(planned: tuple[Stage, ...]) -> None:
    if not planned:
        report.say("rollout", "every VM is as the profile wants it; what differs otherwise is for provision")
    for number, stage in enumerate(planned, start=1):
        report.say("rollout", f"stage {number} of {len(planned)}: {stage.name}")


def _carried_out(connection: Connection, ours: Profile, stage: Stage, found: Reconciliation) -> None:
    """Carry out one stage and look at what serves; put everything back if it does not."""
    try:
        gate(connection, _reached(connection, ours, stage.wanted), stage.wanted)
    except IronwoodError as error:
        report.say("rollback", f"{stage.name}: {error}")
        before = found.observation.live
        restored = back(found.wanted, before)
        gate(connection, _reached(connection, ours, restored), restored)
        raise ProbeError(
            f"rolled back, because {stage.name} did not hold: {error}\nThe tiers serve as before. Mend the image or model, then roll out again."
        ) from error
    report.say("rollout", f"{stage.name}: holds")


def _reached(connection: Connection, ours: Profile, wanted: Graph) -> Graph:
    """What is live once `wanted` is reached; what a step leads to (worker 0 of a slice made anew) is another round."""
    names = {each.name for each in wanted}
    while len(plan := against(seen := observe(connection, names), ours, wanted).plan):
        carry_out(connection, plan)
    return seen.live


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--canary-percent", type=int, default=PERCENT, metavar="N", help="share of a group's VMs that go first (default: %(default)s)"
    )


if __name__ == "__main__":
    sys.exit(run(rollout, Argument.PROFILE, Argument.SIZES, Argument.DRY_RUN, more=_more))
