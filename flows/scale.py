"""Scale: bring the tiers to other sizes. Growing probes before traffic, shrinking drains before it deletes."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from prefect import flow
from prefect.context import FlowRunContext

from cloud.connection import Connection, connect
from flows.command_line import Argument, run
from flows.permitted import demand
from flows.reconcile import Reconciliation, compare, owned_count, run_id
from flows.reconcile import ours as owned
from flows.run_names import named
from flows.teardown import teardown
from flows.when_to_look import look_no_more, look_when_sizes_change
from flows.writing import written
from ironwood.cost.budget import pods_of
from ironwood.decision import Decision, choices
from ironwood.desired import desired
from ironwood.errors import IronwoodError
from ironwood.profile import Profile, sizes_within
from ironwood.sizes import shown
from ironwood.windows.now import SizesNow
from tasks import report
from tasks.decisions import keep
from tasks.inputs import load_price_book, load_profile
from tasks.preflight.check import Check
from tasks.target import sizes_foreseen, sizes_now


@flow(name="scale", flow_run_name=named("scale {profile}"))
def scale(profile: str = "embedded", sizes: dict[str, int] | None = None, dry_run: bool = False) -> int:
    """Bring every tier to its size in `sizes` (pods by tier; a tier not named goes to what the windows in force want now).

    Where nothing of the profile is there, nothing is made: a look that comes after a teardown does not undo it. A profile that has expired is
    torn down. Behind a teardown that is not at its end nothing is changed.
    `dry_run` stops after the plan. Returns the number of changes planned.
    """
    ours = load_profile(profile)
    connection = connect(ours)
    sizes_within(ours, sizes or {})  # what is wrong with the input is told before anything is asked
    if ours.expired(connection.clock.now()) and not dry_run:
        report.say("expired", f"profile {ours.name} has expired: everything of it is torn down")
        return teardown(profile, confirm=ours.name)
    if dry_run:
        now = sizes_foreseen(connection, ours, sizes)
        _say(ours, now.sizes)
        found = compare(connection, ours, now.sizes)
        found.show(ours)
        return len(found.plan)
    demand(connection, "scale", desired(ours, ours.baseline))
    seen: list[tuple[SizesNow, Reconciliation]] = []
    wanted: list[SizesNow] = []

    def target() -> Mapping[str, int]:
        wanted.append(sizes_now(connection, ours, sizes))
        _say(ours, wanted[-1].sizes)
        return wanted[-1].sizes

    def first(found: Reconciliation, checks: list[Check]) -> bool:
        del checks  # what they refuse is a decision too, and kept
        if not owned_count(found.observation.live, ours):
            look_no_more(profile)
            report.say("scale", f"nothing of profile {ours.name} is there; `python -m flows.provision --profile {profile}` makes it")
            return False
        if (since := wanted[-1].leaving) is not None:
            report.say(
                "scale",
                f"a teardown of profile {ours.name} began on {since:%a %d %b %H:%M} UTC and is not at its end, so nothing is changed: finish it with "
                f"`python -m flows.teardown --profile {profile} --confirm {ours.name}`, or keep what is there with `python -m flows.provision --profile {profile}`",
            )
            return False
        look_when_sizes_change(connection, profile, ours)
        seen.append((wanted[-1], found))
        return True

    try:
        done = written(connection, ours, "scale", target, first)
    except IronwoodError as error:
        _kept(connection, ours, seen, f"not done: {str(error).splitlines()[0]}")
        raise
    _kept(connection, ours, seen, done.found.plan.summary if done else "left to a run that waits for a person")
    return len(done.found.plan) if done else 0


def _kept(connection: Connection, ours: Profile, seen: list[tuple[SizesNow, Reconciliation]], done: str) -> None:
    """Keep what was decided, first of all what was seen when it was."""
    if not seen:
        return
    now, found = seen[0]
    held = pods_of(ours, owned(found.observation.live, ours))
    context = FlowRunContext.get()
    due = context.flow_run.expected_start_time if context and context.flow_run else None
    decision = Decision(
        at=now.moment,
        scheduled=due or now.moment,
        profile=ours.name,
        in_force=now.in_force,
        seen=held,
        reasons=now.reasons,
        choices=choices(ours, now, held, load_price_book(ours.price_book)),
        done=done,
        outlook=now.outlook,
    )
    keep(connection, ours, decision, run_id())


def _say(ours: Profile, target: Mapping[str, int]) -> None:
    report.say("scale", f"profile {ours.name} to {shown(ours, target)}")


if __name__ == "__main__":
    sys.exit(run(scale, Argument.PROFILE, Argument.SIZES, Argument.DRY_RUN))
