"""The windows in force: the profile's own and the capacity plan that the state object keeps, asked what they want at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cloud import state
from cloud.connection import Connection
from ironwood import naming
from ironwood.cost.leads import ahead_of
from ironwood.errors import ApiDisabledError, NotFoundError, PermissionDeniedError
from ironwood.profile import Profile
from ironwood.state import State
from ironwood.windows.document import in_force
from ironwood.windows.now import SizesNow
from ironwood.windows.occurrences import InForce, Occurrence
from ironwood.windows.timeline import Leads, sizes_of_now
from tasks.retries import google_task


def plan_in_force(connection: Connection, profile: Profile) -> InForce | None:
    """The capacity plan in force, also one that has run out; None where none is, or nothing was provisioned yet. Raises StateError."""
    return in_force(state_now(connection, profile).capacity_plan, where=kept_at(profile))


@google_task(name="state", run_name="read the state of {profile.name}")
def state_now(connection: Connection, profile: Profile) -> State:
    """The state of `profile`, empty before it was provisioned. Raises StateError."""
    with connection.clock.participating("state"):
        return known_state(connection, profile)


def plan_and_leads(profile: Profile, kept: State) -> tuple[InForce | None, dict[str, timedelta]]:
    """The capacity plan in force, also one that has run out, and how long before its window a pod of each tier is ordered: learned where the ledger
    has taught it. Raises StateError.
    """
    return in_force(kept.capacity_plan, where=kept_at(profile)), ahead_of(profile, kept.leads)


def known_state(connection: Connection, profile: Profile) -> State:
    """The state of `profile`, empty before it was provisioned; a bucket that is somebody else's is for preflight to name. Raises StateError."""
    try:
        return state.read(connection, profile).state
    except (NotFoundError, ApiDisabledError, PermissionDeniedError):
        return State(profile=profile.name)


def kept_at(profile: Profile) -> str:
    """Where the plan in force is kept."""
    return f"gs://{naming.bucket(profile.name_prefix, profile.project_id)}/{state.OBJECT}: the capacity plan in force"


def sizes_wanted(profile: Profile, plan: InForce | None, moment: datetime, leads: Leads, also: Sequence[Occurrence] = ()) -> SizesNow:
    """What is to be held at `moment`, every tier grown its lead ahead; `also` is what wants sizes besides the profile and the plan."""
    return sizes_of_now(profile, plan, moment, leads, also)
