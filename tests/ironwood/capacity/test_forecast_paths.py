from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ironwood.capacity.demand import make_calendar, parse_trace, parse_zone, to_demand
from ironwood.capacity.forecast.calibration import Scoreboard, pinball
from ironwood.capacity.forecast.clock import Clock
from ironwood.capacity.forecast.forecaster import Forecaster
from ironwood.capacity.policies.optimized import HORIZON

TRACES = Path(__file__).parents[2] / "data" / "traces"
DAY = 288
START = datetime(2026, 3, 2, tzinfo=UTC)


def daily(days, noise=0.05, seed=3):
    t = np.arange(days * DAY)
    return (10_000 + 5_000 * np.sin(2 * np.pi * t / DAY)) * np.random.default_rng(seed).lognormal(0, noise, t.size)


def forecast(units, bins=None, native_bins=1, horizon=60):
    calendar = make_calendar(START, bins or len(units) + horizon, native_bins=native_bins)
    made = Forecaster(calendar=calendar, horizon=horizon)
    made.observe(np.asarray(units))
    return made


def test_a_seasonal_day_is_foreseen():
    units = daily(4)
    paths = forecast(units[: 3 * DAY], bins=4 * DAY).paths(3 * DAY)
    middle = np.median(paths, axis=0)
    assert np.abs(middle / units[3 * DAY : 3 * DAY + 60] - 1).mean() < 0.08


@pytest.mark.parametrize(
    "units",
    [
        np.zeros(300),
        np.full(300, 1e12),
        np.r_[np.zeros(299), 1e9],
        np.array([5.0]),
        np.random.default_rng(1).pareto(1.1, 700) * 100,
        np.tile([0.0, 20_000.0], 200),
    ],
    ids=["zero", "huge", "one spike", "one bin", "heavy tails", "on and off"],
)
def test_paths_are_finite_and_never_negative(units):
    paths = forecast(units).paths(len(units))
    assert paths.shape == (64, 60)
    assert np.isfinite(paths).all()
    assert (paths >= 0).all()


def test_one_day_of_history_is_enough_to_start():
    units = daily(2)
    paths = forecast(units[:DAY], bins=2 * DAY).paths(DAY)
    came = units[DAY : DAY + 12]
    assert (np.quantile(paths[:, :12], 0.05, axis=0) < came * 1.3).all()
    assert (np.quantile(paths[:, :12], 0.95, axis=0) > came * 0.7).all()


def test_learning_bin_by_bin_or_all_at_once_gives_the_same_forecast():
    units = daily(2)
    calendar = make_calendar(START, 3 * DAY)
    slow, fast = Forecaster(calendar=calendar, horizon=60), Forecaster(calendar=calendar, horizon=60)
    slow.observe(units[:DAY])
    for known in range(DAY + 1, len(units) + 1):
        slow.observe(units[:known])
    fast.observe(units[:DAY])
    fast.observe(units)
    np.testing.assert_array_equal(slow.paths(len(units)), fast.paths(len(units)))


def test_the_level_is_carried_through_an_outage():
    units = daily(3)
    units[-6:] = 0
    paths = forecast(units).paths(len(units))
    assert np.median(paths[:, 2]) > 5_000


@pytest.mark.parametrize("native_bins", [1, 2], ids=["5 min", "10 min"])
def test_the_level_is_carried_through_the_last_of_several_outages_of_two_days(native_bins):
    units = daily(4)
    for hours_ago in (33, 27, 10, 6):
        begin = len(units) - hours_ago * 12
        units[begin : begin + 2 * 12] = 0
    units[-2 * 12 :] = 0
    units = np.repeat(units[::native_bins], native_bins)
    paths = forecast(units, native_bins=native_bins).paths(len(units))
    assert np.median(paths[:, 2]) > 5_000


def test_where_falls_are_usual_a_low_bin_is_no_outage():
    units = daily(4)
    units[::12] *= 0.05
    units[-6:] *= 0.05
    paths = forecast(units).paths(len(units))
    assert np.median(paths[:, 0]) < 5_000


def test_demand_that_stays_away_is_believed_in_the_end():
    units = daily(3)
    units[-8 * 12 :] = 0
    paths = forecast(units).paths(len(units))
    assert np.median(paths[:, 2]) < 2_500


def test_coarse_bins_forecast_the_bin_in_progress_first():
    units = np.repeat(daily(3)[::2], 2)
    made = forecast(units[:-2], native_bins=2)
    even, odd = made.paths(len(units) - 2), made.paths(len(units) - 1)
    np.testing.assert_array_equal(even[:, 0], even[:, 1])
    np.testing.assert_array_equal(even[:, 1], odd[:, 0])


def test_yesterday_is_the_same_local_time_across_a_change_of_clocks():
    # Paris goes to summer time on 2026-03-29 at 01:00 UTC.
    calendar = make_calendar(datetime(2026, 3, 28, tzinfo=UTC), 3 * DAY, zone=parse_zone("Europe/Paris"))
    clock = Clock(calendar, 0)
    for u in (DAY + 6 * 12, 2 * DAY + 6 * 12):
        assert clock.hour[clock.day_before[u]] == clock.hour[u]
    assert (DAY + 6 * 12) - clock.day_before[DAY + 6 * 12] == DAY - 12


def test_a_holiday_counts_as_a_sunday():
    calendar = make_calendar(START, 3 * DAY, special_days=frozenset({"2026-03-03"}))
    kind = Clock(calendar, 0).kind
    assert (kind[:DAY] == 0).all()
    assert (kind[DAY : 2 * DAY] == 1).all()
    assert (kind[2 * DAY :] == 0).all()


def test_pinball_loss_is_its_definition():
    assert list(pinball(np.array([10.0, 10.0]), np.array([8.0, 12.0]), 0.9)) == pytest.approx([1.8, 0.2])


def test_the_scoreboard_counts_what_was_covered():
    units = np.arange(100, dtype=float)
    board = Scoreboard(100)
    for index in range(50):
        board.watch(index, np.tile(units[index] + np.arange(30), (8, 1)) - (index % 2))
    assert board.score(units)[0].coverage == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["servegen_m_small_10min", "servegen_m_mid_10min"])
def test_the_quantiles_of_real_traffic_hold_what_they_say(name):
    trace = parse_trace((TRACES / f"{name}.csv").read_text(), source=name)
    demand = to_demand(trace, peak_units=20_000)
    first = demand.bins - 7 * DAY
    made = Forecaster(calendar=demand.calendar, horizon=HORIZON)  # the forecast `optimized` decides by
    board = Scoreboard(demand.bins)
    for index in range(first, demand.bins):
        made.observe(demand.units[: demand.calendar.known_at(index)])
        board.watch(index, made.paths(index))
    for score in board.score(demand.units):
        assert 0.88 <= score.coverage <= 0.92
        assert score.pinball < score.naive_pinball
        assert score.finite
