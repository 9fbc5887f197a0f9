from datetime import UTC, datetime

import numpy as np
import pytest

from ironwood.capacity.demand import GRID_MINUTES, make_calendar, parse_trace, parse_zone, to_demand
from ironwood.errors import TraceError

HEAD = "timestamp,requests,input_tokens,output_tokens\n"


def rows(*pairs):
    return HEAD + "".join(f"{stamp},{value},,\n" for stamp, value in pairs)


def at(minute, day=1):
    return f"2026-03-{day:02d}T{minute // 60:02d}:{minute % 60:02d}:00Z"


def read(text, **settings):
    return parse_trace(text, source="june.csv", **settings)


def grid(text, peak=100.0, **settings):
    return to_demand(read(text), peak_units=peak, **settings)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column 'timestamp'"),
        ("time,requests\n", "no column 'timestamp'"),
        ("timestamp,latency\n2026-03-01T00:00:00Z,3\n", "no demand in columns"),
        (rows((at(0), 1)), "at least two"),
        (rows((at(0), 1), (at(5), -2)), "june.csv:3: requests is -2; demand is never negative"),
        (rows((at(0), 1), (at(5), "many")), "june.csv:3: requests is 'many', not a number"),
        (rows((at(0), 1), (at(5), "inf")), "june.csv:3: requests is 'inf'"),
        (rows((at(0), 1), ("yesterday", 2)), "june.csv:3: 'yesterday' is not a time"),
        (HEAD + "2026-03-01T00:00:00Z,1\n", "june.csv:2: 2 fields where the header has 4"),
    ],
)
def test_a_trace_that_cannot_be_read_names_its_line_and_what_would_do(text, says):
    with pytest.raises(TraceError, match=says.replace("(", r"\(")):
        read(text)


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(TraceError, match="no column 'load'"):
        read(rows((at(0), 1), (at(5), 2)), column="load")


def test_rows_out_of_order_are_sorted_and_said_so():
    trace = read(rows((at(0), 1), (at(10), 3), (at(5), 2)))
    assert list(trace.values) == [1, 2, 3]
    assert any("sorted" in repair for repair in trace.repairs)


def test_of_duplicates_the_first_stays():
    trace = read(rows((at(0), 1), (at(5), 2), (at(5), 9), (at(10), 3)))
    assert list(trace.values) == [1, 2, 3]
    assert any("duplicated" in repair for repair in trace.repairs)


def test_a_gap_holds_the_last_value_before_it():
    demand = grid(rows((at(0), 2), (at(5), 4), (at(20), 8)), peak=8)
    assert list(demand.units) == [2, 4, 4, 4, 8]
    assert any("2 missing bins in 1 gaps" in repair for repair in demand.repairs)


def test_an_empty_field_is_a_gap_not_a_zero():
    demand = grid(rows((at(0), 2), (at(5), ""), (at(10), 8)), peak=8)
    assert list(demand.units) == [2, 2, 8]


def test_a_coarser_trace_is_carried_forward_and_known_only_when_its_bin_is_complete():
    demand = grid(rows((at(0), 10), (at(10), 20), (at(20), 5)))
    assert list(demand.units) == [50, 50, 100, 100, 25, 25]
    assert [demand.calendar.known_at(i) for i in range(5)] == [0, 0, 2, 2, 4]


def test_a_finer_trace_is_averaged():
    demand = grid(rows(*((at(minute), value) for minute, value in enumerate([1, 2, 3, 4, 5, 10, 10, 10, 10, 10]))), peak=10)
    assert list(demand.units) == [3, 10]


def test_timestamps_that_jitter_are_put_in_place():
    text = rows((at(0), 1), ("2026-03-01T00:05:20Z", 2), ("2026-03-01T00:09:50Z", 3), (at(15), 4))
    demand = grid(text, peak=4)
    assert list(demand.units) == [1, 2, 3, 4]
    assert any("moved" in repair for repair in demand.repairs)


def test_the_peak_of_the_part_used_is_the_peak_asked_for():
    text = rows((at(0), 100), (at(5), 5), (at(10), 10))
    demand = grid(text, peak=20_000, since=datetime(2026, 3, 1, 0, 5, tzinfo=UTC))
    assert list(demand.units) == [10_000, 20_000]


@pytest.mark.parametrize("peak", [0, -1, float("nan")])
def test_a_peak_that_is_not_a_number_above_zero_is_refused(peak):
    with pytest.raises(TraceError, match="peak"):
        grid(rows((at(0), 1), (at(5), 2)), peak=peak)


def test_demand_that_is_always_zero_is_refused():
    with pytest.raises(TraceError, match="every value"):
        grid(rows((at(0), 0), (at(5), 0)))


def test_local_times_of_the_repeated_hour_are_two_hours():
    # Clocks in Paris went back on 2026-10-25 at 03:00: 02:30 was twice.
    stamps = ["2026-10-25T02:00:00", "2026-10-25T02:30:00", "2026-10-25T02:00:00", "2026-10-25T02:30:00", "2026-10-25T03:00:00"]
    trace = read(rows(*((stamp, i + 1) for i, stamp in enumerate(stamps))), zone=parse_zone("Europe/Paris"))
    assert list(np.diff(trace.seconds)) == [1800] * 4
    assert any("second pass" in repair for repair in trace.repairs)


def test_the_hour_that_is_skipped_in_spring_is_no_gap():
    stamps = ["2026-03-29T01:00:00", "2026-03-29T01:30:00", "2026-03-29T03:00:00", "2026-03-29T03:30:00"]
    trace = read(rows(*((stamp, 1) for stamp in stamps)), zone=parse_zone("Europe/Paris"))
    assert list(np.diff(trace.seconds)) == [1800] * 3
    assert not any("missing" in repair for repair in trace.repairs)


def test_a_calendar_knows_local_time_on_both_sides_of_a_change_of_clocks():
    calendar = make_calendar(datetime(2026, 3, 28, 23, tzinfo=UTC), 36, zone=parse_zone("Europe/Paris"))
    assert calendar.local(0).isoformat() == "2026-03-29T00:00:00"
    assert calendar.local(2 * 60 // GRID_MINUTES).isoformat() == "2026-03-29T03:00:00"


@pytest.mark.parametrize("name", ["Mars/Olympus", "UTC-x", ""])
def test_a_zone_that_does_not_exist_is_refused(name):
    with pytest.raises(TraceError, match="time zone"):
        parse_zone(name)


def test_tokens_stand_in_where_there_are_no_requests():
    text = HEAD + f"{at(0)},,10,1\n{at(5)},,20,2\n"
    assert list(read(text).values) == [11, 22]
    assert read(text).column == "input_tokens+output_tokens"
