"""Put a capacity plan in force, or take it out: it is written to the state object and read back.

1. What is in force is what the state object says; whoever asks for the sizes of now finds it at the next look.
2. Putting the same windows in force again is the same plan, holding from now on.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from cloud import state
from cloud.connection import Connection
from ironwood.capacity.windows import WeeklyWindows
from ironwood.errors import InputError, NotFoundError, StateError
from ironwood.profile import Profile
from ironwood.state import PlanInForce
from ironwood.windows.demand import WeekDemand, with_demand
from ironwood.windows.document import digest_of, in_force, written
from ironwood.windows.occurrences import InForce
from tasks.retries import google_task
from tasks.windows import kept_at


@google_task(name="put in force", run_name="put the capacity plan in force")
def put_in_force(
    connection: Connection,
    profile: Profile,
    windows: WeeklyWindows,
    since: datetime,
    until: datetime | None,
    run: UUID,
    demand: WeekDemand | None = None,
) -> InForce:
    """Write `windows` as the plan that holds from `since` until `until`, and read it back; with the `demand` it was made for the budget can plan it anew.

    Raises InputError before the profile was provisioned, StateError when something else was put in force meanwhile.
    """
    document = written(windows) if demand is None else with_demand(written(windows), demand)
    plan = PlanInForce(digest=digest_of(document), since=since, until=until, document=document)
    found = in_force(_kept(connection, profile, run, plan), where=kept_at(profile))
    if found is None or found.digest != plan.digest:
        raise StateError(f"{kept_at(profile)}: somebody else changed it meanwhile; look with `python -m flows.preview` and run again")
    return found


@google_task(name="take out of force", run_name="take the capacity plan out of force")
def take_out_of_force(connection: Connection, profile: Profile, run: UUID) -> None:
    """From now on no capacity plan holds. Raises InputError before the profile was provisioned, StateError when another was put in force meanwhile."""
    if _kept(connection, profile, run, None) is not None:
        raise StateError(f"{kept_at(profile)}: somebody else put one in force meanwhile; run again")


def _kept(connection: Connection, profile: Profile, run: UUID, plan: PlanInForce | None) -> PlanInForce | None:
    """Write `plan`; answers what is there afterwards."""
    try:
        with connection.clock.participating("in force"):
            state.update(connection, profile, run, "capacity plan", lambda kept: kept.with_plan(plan))
            return state.read(connection, profile).state.capacity_plan
    except NotFoundError as error:
        raise InputError(
            f"{kept_at(profile)} has no place to be kept yet; run `python -m flows.provision` for profile {profile.name} first"
        ) from error
