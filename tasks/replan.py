"""Plan anew under what the budget leaves: the demand of the plan in force, a hard budget, few windows.

1. What is left until the month ends is spent evenly by the week; the solver never plans beyond it. 2. A plan can be made anew only where the plan
in force carries its demand (`ironwood/windows/demand.py`) and the tiers' minima leave room; where not, that is said and the caller shrinks.
3. The new plan holds until the month ends. Half a minute is all that is thought about it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from ironwood.capacity import QUICK, CapacityProblem, solve
from ironwood.capacity.problem import InfeasibleError
from ironwood.capacity.replay import make_rules
from ironwood.capacity.window_reasons import as_windows
from ironwood.capacity.windowing import fit_windows
from ironwood.cost.budget import month_end
from ironwood.errors import ProblemError, StateError
from ironwood.profile import Profile
from ironwood.state import PlanInForce, State
from ironwood.windows.demand import WeekDemand, demand_in, with_demand
from ironwood.windows.document import digest_of, in_force, written
from tasks import report
from tasks.meter import Metered, zone_of
from tasks.optimize import offers_of

WEEK = timedelta(days=7)
_GRAIN_MINUTES: Final = 60
_MOST_WINDOWS: Final = 8
_SECONDS: Final = 15.0
_EFFORT: Final = replace(QUICK, highs_nodes=0)


def replan(path: str, profile: Profile, state: State, metered: Metered) -> PlanInForce | None:
    """The plan to put in force from now on, of the profile at `path`; None, having said why, where none can be made."""
    plan = state.capacity_plan
    demand = demand_in(plan.document) if plan else None
    end = month_end(metered.at, zone_of(profile)).astimezone(UTC)
    left = profile.budget.amount_usd - metered.spent_usd
    if plan is None or demand is None:
        _said("no capacity plan is in force" if plan is None else "the plan in force does not carry the demand it was made for")
        return None
    if left <= 0:
        _said("nothing is left of the budget")
        return None
    try:
        before = in_force(plan, where="the capacity plan in force")
        assert before is not None
        document = _planned(path, profile, demand, before.windows.zone, _a_week(left, metered.at, end))
    except (InfeasibleError, ProblemError, StateError) as error:
        _said(str(error))
        return None
    report.say(
        "budget",
        f"replan: {report.usd(left)} left until {end:%d %b}, {report.usd(_a_week(left, metered.at, end))} a week: a new plan is in force",
    )
    return PlanInForce(digest=digest_of(document), since=metered.at, until=end, document=document)


def _planned(path: str, profile: Profile, demand: WeekDemand, zone: str, budget_usd: Decimal) -> str:
    """The document of the cheapest windows for `demand` that spend at most `budget_usd` a week."""
    rules = make_rules(offers_of(path), shortfall_usd_per_unit_hour=demand.shortfall_usd)
    enabled = profile.enabled_tiers
    floor = [enabled[tier.name].min_replicas for tier in rules.tiers]
    problem = CapacityProblem(
        tiers=tuple(replace(tier, initial_pods=least) for tier, least in zip(rules.tiers, floor, strict=True)),
        period_minutes=_GRAIN_MINUTES,
        demand_units=np.array(demand.units),
        shortfall_usd_per_unit_hour=demand.shortfall_usd,
        min_pods=np.tile(floor, (len(demand.units), 1)),
        budget_usd=float(budget_usd),
        name=f"a week within {report.usd(budget_usd)}",
    )
    over = time.perf_counter() + _SECONDS
    plan = solve(problem, effort=_EFFORT, stop=lambda: time.perf_counter() > over)
    fits = fit_windows(problem, plan_sizes=plan.sizes, grain_minutes=_GRAIN_MINUTES, most=_MOST_WINDOWS)
    chosen = min(fits, key=lambda fit: fit.bill.cost_usd)
    return with_demand(written(as_windows(problem, chosen, grain_minutes=_GRAIN_MINUTES, zone=zone)), demand)


def _a_week(left: Decimal, now: datetime, end: datetime) -> Decimal:
    return left * Decimal(WEEK / (end - now))


def _said(why: str) -> None:
    report.say("budget", f"replan: {why}; every tier goes to its min_replicas instead")
