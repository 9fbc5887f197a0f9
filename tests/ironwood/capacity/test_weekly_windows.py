import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ironwood.capacity import CapacityProblem, InfeasibleError, Tier, check, solve, verify
from ironwood.capacity.window_reasons import as_windows
from ironwood.capacity.windowing import fit_windows
from ironwood.capacity.windows import WEEK_MINUTES, WeeklyWindows, Window, always
from ironwood.errors import ProblemError

GRAIN = 120


def tiers(initial=(0, 0), *, most=(3, 2)):
    return (
        Tier(
            name="small",
            capacity_units=256.0,
            max_pods=most[0],
            price_usd_per_pod_hour=300.0,
            startup_usd_per_pod=80.0,
            min_up_minutes=60,
            min_down_minutes=15,
            initial_pods=initial[0],
        ),
        Tier(
            name="medium",
            capacity_units=1075.2,
            max_pods=most[1],
            price_usd_per_pod_hour=1200.0,
            startup_usd_per_pod=430.0,
            min_up_minutes=240,
            min_down_minutes=60,
            initial_pods=initial[1],
        ),
    )


def week(rng, *, level=1200.0, scenarios=3, initial=(0, 0), **more):
    hours = np.arange(168)
    shape = 1 + 0.7 * np.sin((hours - rng.integers(0, 24)) * 2 * np.pi / 24) * np.where(hours // 24 < 5, 1.0, rng.uniform(0, 1))
    units = level * shape[:, None] * rng.lognormal(0, 0.3, (168, scenarios))
    return CapacityProblem(
        tiers=tiers(initial), period_minutes=60, demand_units=units, shortfall_usd_per_unit_hour=11.0, name="a week", **more
    )


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_windows_are_feasible_cover_the_week_and_cost_no_less_than_the_bound(seed):
    rng = np.random.default_rng(seed)
    problem = week(rng, level=rng.uniform(200, 2500), initial=(int(rng.integers(0, 4)), int(rng.integers(0, 3))))
    plan = solve(problem)
    curve = fit_windows(problem, plan_sizes=plan.sizes, grain_minutes=GRAIN, most=6)
    costs = [fit.bill.cost_usd for fit in curve]
    assert costs == sorted(costs, reverse=True), "more windows never cost more"
    for fit in curve:
        assert check(problem, fit.sizes) == []
        assert fit.bill.cost_usd >= plan.lower_bound_usd - 1e-6
        weekly = as_windows(problem, fit, grain_minutes=GRAIN, zone="Europe/Paris")
        assert len(weekly.windows) == fit.count
        covered = np.zeros(WEEK_MINUTES, dtype=int)
        for window in weekly.windows:
            for begin, end in window.spans():
                covered[begin:end] += 1
        assert (covered == 1).all()
        hourly = [weekly.at_wall(hour // 24, hour % 24 * 60).sizes for hour in range(168)]
        sizes = np.array([[each["small"], each["medium"]] for each in hourly])
        assert (sizes == fit.sizes).all(), "the windows say what the fit costs"
        assert weekly.usd_per_week == pytest.approx(verify(problem, sizes).cost_usd)


def test_one_window_is_the_cheapest_constant_fleet():
    problem = week(np.random.default_rng(1))
    fit = fit_windows(problem, plan_sizes=solve(problem).sizes, grain_minutes=GRAIN, most=1)[0]
    constant = [verify(problem, np.tile(pods, (168, 1))).cost_usd for pods in itertools.product(range(4), range(3))]
    assert fit.bill.cost_usd == pytest.approx(min(constant))


def test_two_windows_are_the_cheapest_of_all_daily_pairs():
    rng = np.random.default_rng(5)
    day = 900 + 800 * np.sin(np.arange(24) * 2 * np.pi / 24)
    problem = CapacityProblem(
        tiers=tiers(most=(2, 1)),
        period_minutes=60,
        demand_units=np.tile(day, 7) * rng.uniform(0.98, 1.02, 168),
        shortfall_usd_per_unit_hour=11.0,
    )
    curve = fit_windows(problem, plan_sizes=solve(problem).sizes, grain_minutes=GRAIN, most=2)
    cheapest = curve[-1].bill.cost_usd
    states = list(itertools.product(range(3), range(2)))
    for first, second in itertools.product(states, states):
        for begin, length in itertools.product(range(0, 24, 2), range(4, 21, 2)):
            inside = (np.arange(168) - begin) % 24 < length
            sizes = np.where(inside[:, None], first, second)
            assert cost(problem, sizes) >= cheapest - 1e-6 or check(problem, sizes) != []


def cost(problem, sizes):
    """Quick, and checked against `verify` where it decides."""
    rate, start, capacity = (
        np.array([getattr(tier, name) for tier in problem.tiers])
        for name in ("price_usd_per_pod_hour", "startup_usd_per_pod", "capacity_units")
    )
    short = np.maximum(problem.demand_units[:, 0, 0] - sizes @ capacity, 0)
    starts = np.maximum(np.diff(sizes, axis=0, prepend=0), 0)
    return (sizes @ rate).sum() + (starts @ start).sum() + problem.shortfall_usd_per_unit_hour * short.sum()


def test_a_budget_is_kept_and_a_budget_too_small_is_named():
    problem = week(np.random.default_rng(3))
    plan = solve(problem)
    free = fit_windows(problem, plan_sizes=plan.sizes, grain_minutes=GRAIN, most=4)
    limit = free[-1].bill.spend_usd * 0.8
    tight = week(np.random.default_rng(3), budget_usd=limit)
    curve = fit_windows(tight, plan_sizes=plan.sizes, grain_minutes=GRAIN, most=4)
    assert all(fit.bill.spend_usd <= limit for fit in curve)
    assert curve[-1].bill.cost_usd >= free[-1].bill.cost_usd - 1e-6
    floor = np.ones((168, 2), dtype=np.int64)
    with pytest.raises(InfeasibleError, match="no windows cost at most 5"):
        fit_windows(week(np.random.default_rng(3), budget_usd=5.0, min_pods=floor), plan_sizes=plan.sizes + 1, grain_minutes=GRAIN, most=2)


@pytest.mark.parametrize(("grain", "periods", "says"), [(50, 168, "divides a day"), (120, 24, "made from one region's week")])
def test_what_is_no_week_is_named(grain, periods, says):
    problem = CapacityProblem(tiers=tiers(), period_minutes=60, demand_units=np.ones(periods), shortfall_usd_per_unit_hour=1.0)
    with pytest.raises(ProblemError, match=says):
        fit_windows(problem, plan_sizes=np.zeros((periods, 2), dtype=np.int64), grain_minutes=grain)


def daily(begin, end, pods, days=tuple(range(7))):
    return Window(days=days, begin_minute=begin, end_minute=end, sizes={"small": pods})


def test_every_moment_of_a_week_with_a_change_of_clocks_has_one_window_by_its_wall_time():
    weekly = WeeklyWindows(zone="Europe/Paris", windows=(daily(150, 480, 1), daily(480, 1200, 3), daily(1200, 1590, 2)))
    for monday in (datetime(2026, 3, 23, tzinfo=UTC), datetime(2026, 10, 19, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)):
        for minutes in range(0, 8 * 1440, 5):
            moment = monday + timedelta(minutes=minutes)
            local = moment.astimezone(weekly.tzinfo)
            wall = local.hour * 60 + local.minute
            assert weekly.sizes_at(moment) == {"small": 1 if 150 <= wall < 480 else 3 if 480 <= wall < 1200 else 2}


def test_windows_are_half_open_and_may_end_on_the_next_day():
    weekly = WeeklyWindows(zone="UTC", windows=(daily(480, 1200, 3), daily(1200, 1920, 1)))
    sunday = datetime(2026, 11, 22, tzinfo=UTC)
    assert weekly.sizes_at(sunday.replace(hour=19, minute=59)) == {"small": 3}
    assert weekly.sizes_at(sunday.replace(hour=20)) == {"small": 1}
    assert weekly.sizes_at(sunday + timedelta(days=1, hours=7, minutes=59)) == {"small": 1}
    assert weekly.sizes_at(sunday + timedelta(days=1, hours=8)) == {"small": 3}
    assert [window.when for window in weekly.windows] == ["daily 08:00-20:00", "daily 20:00-08:00 next day"]


@pytest.mark.parametrize(
    ("windows", "says"),
    [
        ((daily(0, 720, 1),), "Mon 12:00 is in no window"),
        ((daily(0, 1440, 1), daily(60, 120, 2, days=(2,))), "Wed 01:00 is in two windows"),
        ((), "Mon 00:00 is in no window"),
    ],
)
def test_windows_that_do_not_cover_the_week_once_are_refused(windows, says):
    with pytest.raises(ProblemError, match=says):
        WeeklyWindows(zone="UTC", windows=windows)


@pytest.mark.parametrize("bad", [{"days": ()}, {"days": (7,)}, {"begin_minute": 1500}, {"end_minute": 0}, {"sizes": {"small": -1}}])
def test_a_malformed_window_is_refused(bad):
    with pytest.raises(ProblemError, match="window"):
        Window(**({"days": (0,), "begin_minute": 0, "end_minute": 60, "sizes": {"small": 1}} | bad))


def test_one_size_all_week_is_one_window():
    assert always({"small": 2, "medium": 0}, "UTC").windows[0].when == "daily all day"
    assert always({"small": 2, "medium": 1}, "UTC").windows[0].what == "1 medium + 2 small"
    assert always({"small": 0}, "UTC").windows[0].what == "nothing"
