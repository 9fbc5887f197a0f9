"""The budget at work: sizes capped by what was done this month, money set aside before anything grows.

A profile whose budget only tells is never capped and sets nothing aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from cloud import state as states
from cloud.connection import Connection
from ironwood.cost import budget
from ironwood.cost.budget import Capped, Growth
from ironwood.cost.estimate import estimate
from ironwood.errors import ApiDisabledError, NotFoundError, PermissionDeniedError
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.state import State
from tasks import report
from tasks.inputs import load_price_book
from tasks.meter import look, zone_of
from tasks.retries import google_task


def capped_sizes(profile: Profile, kept: State, sizes: Mapping[str, int], moment: datetime) -> Capped:
    """`sizes` (pods by tier) as far as the budget lets them be at `moment`, with the reason for each tier it lowers."""
    if not budget.is_hard(profile):
        return Capped(sizes=sizes, reasons={})
    return budget.cap(profile, kept, sizes, budget.month_name(moment, zone_of(profile)))


def state_of(connection: Connection, profile: Profile) -> State | None:
    """What the state object says; None where there is no state object yet."""
    try:
        return states.read(connection, profile).state
    except (NotFoundError, ApiDisabledError, PermissionDeniedError):
        return None


@google_task(name="reserve", run_name="set money aside for {profile.name}")
def reserve(connection: Connection, profile: Profile, run: UUID, live: Graph, more_usd_hour: Decimal, seen: datetime) -> None:
    """Set money aside for growth by `more_usd_hour` over `live` as it was `seen`; raises BudgetError where the budget does not leave it."""
    with connection.clock.participating("reserve"):
        memory = states.read(connection, profile).state
        metered = look.fn(connection, profile, live, memory.spending.looked if memory.spending else None)
        factor = metered.factor if metered else Decimal(1)
        growth = Growth(
            run=str(run),
            at=seen,
            spent_usd=metered.spent_usd if metered else Decimal(0),
            running_usd_hour=estimate(live, load_price_book(profile.price_book)).hourly_usd * factor,
            more_usd_hour=more_usd_hour * factor,
            month_end=budget.month_end(seen, zone_of(profile)).astimezone(UTC),
        )
        states.update(connection, profile, run, "set money aside", lambda state: budget.reserved(profile, state, growth))
    report.say("budget", f"{report.usd(growth.usd)} set aside for growing by {report.usd(growth.more_usd_hour)}/h")


@google_task(name="settle", run_name="settle the money of {profile.name}")
def settle(connection: Connection, profile: Profile, run: UUID, usd_hour: Decimal) -> None:
    """Release what was set aside for a run and write down what runs now."""
    with connection.clock.participating("settle"):
        at = connection.clock.now()
        states.update(connection, profile, run, "settle", lambda state: budget.settled(state, str(run), usd_hour, at))
