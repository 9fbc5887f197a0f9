"""Scale: bring the tiers to other sizes. Growing probes before traffic, shrinking drains before it deletes."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from prefect import flow

from cloud.connection import Connection, connect
from flows.command_line import Argument, run
from flows.permitted import demand
from flows.reconcile import Reconciliation, compare, owned_count
from flows.run_names import named
from flows.when_to_look import look_no_more, look_when_sizes_change
from flows.writing import written
from ironwood.desired import desired
from ironwood.profile import Profile, sizes_within
from tasks import report
from tasks.inputs import load_profile
from tasks.target import sizes_now


@flow(name="scale", flow_run_name=named("scale {profile}"))
def scale(profile: str = "embedded", sizes: dict[str, int] | None = None, dry_run: bool = False) -> int:
    """Bring every tier to its size in `sizes` (pods by tier; a tier not named goes to what the windows in force want now).

    Where nothing of the profile is there, nothing is made: a look that comes after a teardown does not undo it.
    `dry_run` stops after the plan. Returns the number of changes planned.
    """
    ours = load_profile(profile)
    connection = connect(ours)
    sizes_within(ours, sizes or {})  # what is wrong with the input is told before anything is asked
    if dry_run:
        target = _told(connection, ours, sizes)
        found = compare(connection, ours, target)
        found.show(ours)
        return len(found.plan)
    demand(connection, "scale", desired(ours, ours.baseline))

    def first(found: Reconciliation) -> bool:
        if not owned_count(found.observation.live, ours):
            look_no_more(profile)
            report.say("scale", f"nothing of profile {ours.name} is there; `python -m flows.provision --profile {profile}` makes it")
            return False
        look_when_sizes_change(connection, profile, ours)
        return True

    done = written(connection, ours, "scale", lambda: _told(connection, ours, sizes), first)
    return len(done.found.plan) if done else 0


def _told(connection: Connection, ours: Profile, sizes: dict[str, int] | None) -> Mapping[str, int]:
    """The sizes that are desired now, told."""
    target = sizes_now(connection, ours, sizes).sizes
    report.say("scale", f"profile {ours.name} to {', '.join(f'{tier} {pods}' for tier, pods in target.items())}")
    return target


if __name__ == "__main__":
    sys.exit(run(scale, Argument.PROFILE, Argument.SIZES, Argument.DRY_RUN))
