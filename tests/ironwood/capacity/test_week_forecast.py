from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from ironwood.capacity.demand import BINS_PER_DAY, Demand, make_calendar, parse_zone
from ironwood.capacity.forecast.week import week_ahead
from ironwood.capacity.throughput import LLAMA_70B_TPU7X, Work, in_chips
from ironwood.errors import TraceError


def demand_of(units, *, start=datetime(2026, 3, 2, tzinfo=UTC), zone="UTC", special=frozenset()):
    units = np.asarray(units, dtype=float)
    return Demand(name="made", units=units, calendar=make_calendar(start, len(units), zone=parse_zone(zone), special_days=special))


def test_a_constant_past_makes_a_constant_week():
    week = week_ahead(demand_of(np.full(3 * BINS_PER_DAY, 7.0)), period_minutes=60)
    assert week.units.shape == (168, 24)
    assert week.units == pytest.approx(7.0)


def test_weekends_are_expected_like_weekends():
    days = [np.full(BINS_PER_DAY, 100.0 if day % 7 < 5 else 10.0) for day in range(21)]
    middle = week_ahead(demand_of(np.concatenate(days)), period_minutes=60).quantile(0.5).reshape(7, 24)
    assert middle[:5] == pytest.approx(100.0)
    assert middle[5:] == pytest.approx(10.0)


def test_the_week_is_in_local_time_and_a_change_of_clocks_moves_nothing():
    zone = parse_zone("Europe/Paris")
    start = datetime(2026, 3, 22, 23, tzinfo=UTC)  # Monday 00:00 in Paris; clocks go forward on the Sunday after
    calendar = make_calendar(start, 14 * BINS_PER_DAY, zone=zone)
    busy = np.array([8 <= calendar.local(i).hour < 20 for i in range(14 * BINS_PER_DAY)])
    made = Demand(name="made", units=np.where(busy, 50.0, 5.0), calendar=calendar)
    middle = week_ahead(made, period_minutes=60).quantile(0.5).reshape(7, 24)
    assert middle[:, 9:19] == pytest.approx(50.0)
    assert middle[:, 21:24] == pytest.approx(5.0)
    assert middle[:, 0:7] == pytest.approx(5.0)


def test_the_mean_of_a_period_is_kept_and_its_scenarios_rise():
    units = np.random.default_rng(0).lognormal(3, 1, 10 * BINS_PER_DAY)
    week = week_ahead(demand_of(units), period_minutes=15)
    assert (np.diff(week.units, axis=1) >= -1e-9).all()
    assert week.units.mean() == pytest.approx(units.mean(), rel=0.1)
    doubted = week.in_doubt(np.array([0.5, 1.0, 2.0]))
    assert doubted.units.shape == (672, 72)
    assert doubted.units.mean() == pytest.approx(week.units.mean() * 3.5 / 3)


def test_a_time_of_day_never_seen_is_named():
    with pytest.raises(TraceError, match="no day of the history holds 12:00 local time"):
        week_ahead(demand_of(np.ones(144)))


def test_a_trace_counts_in_chips_what_it_asks_of_them():
    made = replace(demand_of(np.array([1.0, 2.0])), column="requests", peak_value=600.0, native_minutes=10.0)
    work = Work(input_tokens_per_request=1000, output_tokens_per_request=250, input_cost=0.05)
    assert in_chips(made, work, LLAMA_70B_TPU7X).units == pytest.approx([0.1, 0.2])  # 1 request a second x 300 tokens / 1,500
    tokens = replace(made, column="total_tokens", peak_value=600.0 * 1250)
    assert in_chips(tokens, work, LLAMA_70B_TPU7X).units == pytest.approx([0.1, 0.2])
