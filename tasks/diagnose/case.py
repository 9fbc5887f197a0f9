"""What every check of a diagnosis is asked about: the profile, what is live, what is wanted, as far as it could be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cloud import state as states
from cloud.connection import Connection
from cloud.observe import look_around
from ironwood.claim import claimed
from ironwood.desired import desired
from ironwood.desired.autoscaling import others_on
from ironwood.diagnosis.finding import Finding, not_looked
from ironwood.diff import diff
from ironwood.errors import ApiDisabledError, IronwoodError, NotFoundError, PlanError, StateError
from ironwood.graph import Graph
from ironwood.plan import Plan
from ironwood.profile import Profile
from ironwood.renewal import renewed
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.service_set import ServiceSet
from ironwood.state import State
from ironwood.windows.now import SizesNow
from tasks.target import sizes_of_state

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Case:
    """`called`: the profile as commands take it. `live` is what the profile owns; `unlisted` the kinds nobody could list.
    `foreign`: autoscalers that are not its own over groups that are. `found`: what taking it in told.
    """

    connection: Connection
    profile: Profile
    called: str
    at: datetime
    live: Graph
    wanted: Graph
    plan: Plan
    now: SizesNow
    state: State
    unlisted: frozenset[str]
    foreign: tuple[Autoscaler, ...]
    found: tuple[Finding, ...]


def take_in(connection: Connection, profile: Profile, called: str) -> Case:
    """Look around; whatever cannot be read is a finding, and the rest goes on without it."""
    found: list[Finding] = []
    empty = State(profile=profile.name)
    state = attempt(found, "state", "the state object", lambda: _state(connection, profile, empty)) or empty
    now = _sizes(connection, profile, state, found)
    seen, failed = look_around(connection)
    live = claimed(seen.live, profile)
    wanted = renewed(desired(profile, now.sizes, live, now=seen.at), live)
    found.extend(_unlisted(failed, wanted))
    try:
        plan = diff(wanted, live, owner=profile.name, adopt=profile.adopt)
    except PlanError as error:  # something in the way; each line says what would do
        plan = Plan()
        found += [
            Finding(check="drift", severity="error", subject=profile.name, what=line, remedies=("the line says what would do",))
            for line in str(error).splitlines()
        ]
    return Case(
        connection=connection,
        profile=profile,
        called=called,
        at=seen.at,
        live=Graph.of(each for each in live if each.owner == profile.name or isinstance(each, ServiceSet)),
        wanted=wanted,
        plan=plan,
        now=now,
        state=state,
        unlisted=frozenset(failed),
        foreign=tuple(others_on(live, profile.name)),
        found=tuple(found),
    )


def attempt(found: list[Finding], check: str, subject: str, ask: Callable[[], T]) -> T | None:
    """What `ask` answers; where it cannot, that becomes one of `found` and the answer is None."""
    try:
        return ask()
    except IronwoodError as error:
        found.append(not_looked(check, subject, str(error)))
        return None


def _state(connection: Connection, profile: Profile, empty: State) -> State:
    try:
        return states.read(connection, profile).state
    except (NotFoundError, ApiDisabledError):  # not provisioned yet
        return empty


def _sizes(connection: Connection, profile: Profile, state: State, found: list[Finding]) -> SizesNow:
    try:
        return sizes_of_state(connection, profile, state)
    except StateError as error:
        remedies = (f"python -m flows.plan_capacity --profile {profile.name} --clear takes it out of force",)
        found.append(Finding(check="state", severity="error", subject="capacity plan", what=str(error), remedies=remedies))
        return SizesNow(sizes=profile.baseline, reasons={}, moment=connection.clock.now())


def _unlisted(failed: dict[str, IronwoodError], wanted: Graph) -> list[Finding]:
    """One finding a reason; a kind the profile does not use, whose API is off, hides nothing."""
    used = {each.kind for each in wanted}
    reasons: dict[str, list[str]] = {}
    for kind, error in failed.items():
        if not isinstance(error, ApiDisabledError) or kind in used:
            reason = str(error).partition(": ")[2] or str(error)
            reasons.setdefault(reason, []).append(kind)
    return [not_looked("inventory", ", ".join(sorted(kinds)), reason) for reason, kinds in reasons.items()]
