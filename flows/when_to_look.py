"""Keep the schedules of `scale` as the windows in force want them: after every run that may have changed them, and every tick."""

from __future__ import annotations

from cloud.connection import Connection
from ironwood.profile import Profile
from ironwood.windows.looks import MOST, Look, looks
from tasks import report
from tasks.schedules import FLOW, scheduled_deployments, synchronise
from tasks.windows import plan_and_leads, state_now


def look_when_sizes_change(connection: Connection, named: str, profile: Profile) -> tuple[Look, ...]:
    """Synchronise the schedules of `scale` with the windows in force; answers them. `named` is how the deployments name the profile.

    Nothing happens where the server has no such deployment: then somebody else says when to look. Where Google does, schedules of ours are taken away.
    """
    deployments = scheduled_deployments(named)
    if not deployments:
        return ()
    if FLOW in profile.cloud_scheduler.deployments:
        look_no_more(named)
        return ()
    plan, leads = plan_and_leads(profile, state_now(connection, profile))
    wanted = looks(profile, plan, connection.clock.now(), leads)
    done = synchronise(named, deployments, wanted)
    if done.made or done.removed:
        report.say(
            "schedules",
            f"{done.made} made, {done.removed} removed, {done.kept} kept: scale/{', scale/'.join(each.name for each in deployments)}",
        )
    if len(wanted) == MOST:
        report.say("schedules", f"sizes change at more than {MOST} different times in forty days: the tick looks at the last of them")
    return wanted


def look_no_more(named: str) -> None:
    """Remove the schedules of `scale`: nothing of the profile is to come back by itself."""
    deployments = scheduled_deployments(named)
    if deployments and (done := synchronise(named, deployments, ())).removed:
        report.say("schedules", f"{done.removed} removed")
