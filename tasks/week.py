"""Plan a week: read demand, forecast, solve, cut the plan into windows, and price the alternatives beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity import QUICK, STANDARD, CapacityPlan, CapacityProblem, solve, verify
from ironwood.capacity.demand import BINS_PER_DAY, Calendar, Demand, parse_zone
from ironwood.capacity.forecast.week import WeekForecast, week_ahead
from ironwood.capacity.policies import AlwaysOn, Policy, Reactive, Scheduled, World
from ironwood.capacity.replay import Replayed, Rules, cheapest_static, clairvoyant_problem, make_rules, replay
from ironwood.capacity.throughput import Throughput, in_doubt
from ironwood.capacity.verify import Bill, bill
from ironwood.capacity.whatif import Change, Effect, effects
from ironwood.capacity.window_reasons import as_windows
from ironwood.capacity.windowing import Fit, fit_windows
from ironwood.capacity.windows import WeeklyWindows, always
from ironwood.errors import TraceError
from ironwood.profile import Profile
from ironwood.windows.wall import instant
from tasks.inputs import load_profile
from tasks.optimize import offers_of

IntArray = NDArray[np.int64]
Say = Callable[[str], None]

PERIOD_MINUTES: Final = 15
GRAIN_MINUTES: Final = 30
MOST_WINDOWS: Final = 12
WORTH_SHARE: Final = 0.005
"""Of the week's cost without a limit: what a further window must save by default."""
_WHAT_IF_MINUTES: Final = 60
_SOLVE_SECONDS: Final = 60.0
_BUDGET_EFFORT: Final = replace(QUICK, highs_nodes=0)  # one multiplier, about a percent open, which is said; polishing takes minutes
_BACKTEST_BINS: Final = 7 * BINS_PER_DAY
_DOUBT_DRAWS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the plan is made under. `zone`: the windows' time zone. `windows`: their number, None to let `worth_usd` decide: what a further
    window must save a week, None for a share of the cost. `shortfall_usd`: price of a unit-hour not served, None for ten times the cheapest tier's.
    `budget_usd`: of a week's pods. `throughput`: what a chip serves, if demand was counted in its units. `in_force`: the windows in force until now,
    None where the profile's replicas hold. `lead_minutes`: by tier, where they are learned.
    """

    profile: str
    zone: str
    windows: int | None = None
    worth_usd: float | None = None
    shortfall_usd: float | None = None
    budget_usd: float | None = None
    throughput: Throughput | None = None
    changes: tuple[Change, ...] = ()
    in_force: WeeklyWindows | None = None
    lead_minutes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """A way to hold pods, in expected dollars a week. `short_share`: of the demand expected."""

    name: str
    pods_usd: float
    shortfall_usd: float
    short_share: float
    note: str = ""

    @property
    def total_usd(self) -> float:
        """Both together."""
        return self.pods_usd + self.shortfall_usd


@dataclass(frozen=True, kw_only=True, eq=False)
class WeekPlan:
    """The week ahead. `curve`: the cheapest windows for each number; `chosen` is one of them and `windows` says it for people.

    `backtest`: the last days of the history under each way, the windows planned from the days before them; `backtest_bound_usd` is a bound
    that no sizes beat there.
    """

    demand: Demand
    profile: Profile
    rules: Rules
    forecast: WeekForecast
    problem: CapacityProblem
    plan: CapacityPlan
    curve: tuple[Fit, ...]
    worth_usd: float
    chosen: Fit
    windows: WeeklyWindows
    alternatives: tuple[Alternative, ...]
    backtest: tuple[Replayed, ...]
    backtest_bound_usd: float
    effects: tuple[Effect, ...]


def plan_week(demand: Demand, terms: Terms, say: Say) -> WeekPlan:
    """The plan of the week after the demand's last bin. Raises InputError."""
    profile = load_profile(terms.profile)
    rules = make_rules(offers_of(terms.profile, terms.lead_minutes), shortfall_usd_per_unit_hour=terms.shortfall_usd)
    say("forecast, solve and verify the week")
    forecast, problem, plan = _solved(demand, profile, rules, terms, PERIOD_MINUTES)
    if problem.budget_usd is not None:
        plan = _solve(problem)
    say("windows")
    curve = tuple(fit_windows(problem, plan_sizes=plan.sizes, grain_minutes=GRAIN_MINUTES, most=max(MOST_WINDOWS, terms.windows or 1)))
    worth = terms.worth_usd if terms.worth_usd is not None else WORTH_SHARE * plan.cost_usd
    chosen = choose(curve, terms.windows, worth)
    windows = as_windows(problem, chosen, grain_minutes=GRAIN_MINUTES, zone=terms.zone)
    say("alternatives, and the last days of the history")
    backtest, bound = _backtest(demand, profile, rules, terms)
    found: tuple[Effect, ...] = ()
    if terms.changes:
        say("what if")
        _, coarse, _ = _solved(demand, profile, rules, terms, _WHAT_IF_MINUTES)
        found = tuple(effects(coarse, terms.changes, _solve))
    return WeekPlan(
        demand=demand,
        profile=profile,
        rules=rules,
        forecast=forecast,
        problem=problem,
        plan=plan,
        curve=curve,
        worth_usd=worth,
        chosen=chosen,
        windows=windows,
        alternatives=tuple(_alternatives(demand, profile, problem, plan, chosen, terms)),
        backtest=backtest,
        backtest_bound_usd=bound,
        effects=found,
    )


def choose(curve: tuple[Fit, ...], count: int | None, worth_usd: float) -> Fit:
    """The cheapest fit with at most `count` windows; without a count the one that is cheapest when each window costs `worth_usd` as well."""
    if count is not None:
        within = [fit for fit in curve if fit.count <= count]
        return min(within or curve[:1], key=lambda fit: fit.bill.cost_usd)
    return min(curve, key=lambda fit: fit.bill.cost_usd + worth_usd * fit.count)


def _solve(problem: CapacityProblem) -> CapacityPlan:
    effort = STANDARD if problem.budget_usd is None else _BUDGET_EFFORT
    end = time.perf_counter() + _SOLVE_SECONDS
    return solve(problem, effort=effort, stop=lambda: time.perf_counter() > end)


def _solved(
    demand: Demand, profile: Profile, rules: Rules, terms: Terms, period_minutes: int
) -> tuple[WeekForecast, CapacityProblem, CapacityPlan]:
    """The forecast of a week that repeats, its problem and the plan without a budget: it begins with the pods that it ends with."""
    forecast = week_ahead(demand, period_minutes=period_minutes)
    if terms.throughput is not None:
        factors, _ = in_doubt(np.ones(1), terms.throughput, _DOUBT_DRAWS)
        forecast = forecast.in_doubt(factors.ravel())
    enabled = profile.enabled_tiers
    periods = len(forecast.units)
    free = CapacityProblem(
        tiers=tuple(replace(tier, initial_pods=min(enabled[tier.name].replicas, tier.max_pods)) for tier in rules.tiers),
        period_minutes=period_minutes,
        demand_units=forecast.units,
        shortfall_usd_per_unit_hour=rules.shortfall_usd_per_unit_hour,
        min_pods=np.tile([enabled[tier.name].min_replicas for tier in rules.tiers], (periods, 1)),
        name=f"week after {demand.name}",
    )
    end = solve(free, effort=QUICK).sizes[-1]
    repeating = replace(free, tiers=tuple(replace(tier, initial_pods=int(pods)) for tier, pods in zip(free.tiers, end, strict=True)))
    return forecast, replace(repeating, budget_usd=terms.budget_usd), _solve(repeating)


def _alternatives(
    demand: Demand, profile: Profile, problem: CapacityProblem, plan: CapacityPlan, chosen: Fit, terms: Terms
) -> list[Alternative]:
    tiers = problem.tiers
    baseline = tuple(profile.baseline[tier.name] for tier in tiers)
    peak = cheapest_static(tiers, float(demand.units.max()))
    many = int((np.diff(plan.sizes, axis=0) != 0).any(axis=1).sum()) + 1
    bound = f"proven: nothing costs less than ${plan.lower_bound_usd:,.0f}"
    replicas = _constant(
        "in force: the profile's replicas" if terms.in_force is None else "the profile's replicas",
        baseline,
        problem,
        sizes_text(problem, baseline),
    )
    return [
        *([] if terms.in_force is None else [_before(terms.in_force, terms.zone, demand, problem)]),
        replicas,
        _constant("always_on: the history's peak", peak, problem, sizes_text(problem, peak)),
        _alternative(f"{chosen.count} windows", chosen.sizes, problem, ""),
        _alternative("no limit on windows", plan.sizes, problem, f"{many} changes a week; {bound}"),
    ]


def sizes_text(problem: CapacityProblem, pods: tuple[int, ...]) -> str:
    """`2 medium + 1 small`."""
    return " + ".join(f"{n} {tier.name}" for n, tier in reversed(list(zip(pods, problem.tiers, strict=True))) if n) or "nothing"


def _constant(name: str, pods: tuple[int, ...], problem: CapacityProblem, note: str) -> Alternative:
    at_once = replace(
        problem,
        tiers=tuple(replace(tier, initial_pods=n) for tier, n in zip(problem.tiers, pods, strict=True)),
        min_pods=None,
        budget_usd=None,
    )
    return _alternative(name, np.tile(np.array(pods, dtype=np.int64), (problem.periods, 1)), at_once, note)


def _before(windows: WeeklyWindows, zone: str, demand: Demand, problem: CapacityProblem) -> Alternative:
    """The windows in force until now, held against the demand of the new plan; they may break its rules, and cost what they cost."""
    last = demand.calendar.local(demand.bins - 1).date()
    monday = last + timedelta(days=7 - last.weekday())
    steps = [instant(monday, round(problem.period_minutes * period), parse_zone(zone)) for period in range(problem.periods)]
    held = [windows.sizes_at(each) for each in steps]
    sizes = np.array([[each.get(tier.name, 0) for tier in problem.tiers] for each in held], dtype=np.int64)
    repeating = tuple(replace(tier, initial_pods=int(pods)) for tier, pods in zip(problem.tiers, sizes[-1], strict=True))
    free = replace(problem, tiers=repeating, min_pods=None, budget_usd=None)
    return _priced("in force: the capacity plan until now", bill(free, sizes), problem, f"{len(windows.windows)} windows, {windows.zone}")


def _alternative(name: str, sizes: IntArray, problem: CapacityProblem, note: str) -> Alternative:
    return _priced(name, verify(replace(problem, budget_usd=None), sizes), problem, note)


def _priced(name: str, costs: Bill, problem: CapacityProblem, note: str) -> Alternative:
    expected = float((problem.demand_units[:, :, 0] * problem.weights).sum()) * problem.hours
    return Alternative(
        name=name,
        pods_usd=costs.spend_usd,
        shortfall_usd=costs.shortfall_usd,
        short_share=costs.shortfall_unit_hours / expected if expected > 0 else 0.0,
        note=note,
    )


def _backtest(demand: Demand, profile: Profile, rules: Rules, terms: Terms) -> tuple[tuple[Replayed, ...], float]:
    """The last week, or the last half of a shorter history, under windows planned before it. Nothing where less than a day would be left."""
    bins = min(_BACKTEST_BINS, demand.bins // 2)
    earlier = _first(demand, demand.bins - bins)
    try:
        _, problem, plan = _solved(earlier, profile, rules, terms, PERIOD_MINUTES)
    except TraceError:
        return (), 0.0
    curve = tuple(fit_windows(problem, plan_sizes=plan.sizes, grain_minutes=GRAIN_MINUTES, most=max(MOST_WINDOWS, terms.windows or 1)))
    fit = choose(curve, terms.windows, terms.worth_usd if terms.worth_usd is not None else WORTH_SHARE * plan.cost_usd)
    planned = as_windows(problem, fit, grain_minutes=GRAIN_MINUTES, zone=terms.zone)
    policies: tuple[Policy, ...] = (
        Scheduled(weekly=terms.in_force or always(profile.baseline, terms.zone), name="in force"),
        AlwaysOn(),
        Reactive(),
        Scheduled(weekly=planned, name=f"{fit.count} windows, planned before"),
    )
    runs = []
    for policy in policies:
        own = policy.rules(rules)
        controller = policy.controller(World(rules=own, calendar=demand.calendar))
        runs.append(replay(name=policy.name, rules=own, demand=demand, test_bins=bins, controller=controller))
    optimum = solve(clairvoyant_problem(rules, demand, bins), effort=QUICK)
    return tuple(runs), optimum.lower_bound_usd


def _first(demand: Demand, bins: int) -> Demand:
    """The first bins of the demand, in the same units."""
    old = demand.calendar
    calendar = Calendar(start=old.start, offset_minutes=old.offset_minutes[:bins], native_bins=old.native_bins, special=old.special[:bins])
    return Demand(name=demand.name, units=demand.units[:bins], calendar=calendar)
