"""Records of runs: written and read back alike, and what they say a month has cost."""

from datetime import UTC, datetime
from decimal import Decimal

from ironwood.cost.runs import RunRecord, month_of, read_record, spent_usd

MONTH = datetime(2026, 11, 1, tzinfo=UTC)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def a_run(when: datetime, before: str, after: str) -> RunRecord:
    return RunRecord(
        at=when,
        profile="prod",
        operation="scale",
        plan="+0 ~1 -0",
        sizes={"small": 2},
        book="list",
        hourly_before_usd=Decimal(before),
        hourly_after_usd=Decimal(after),
    )


def test_a_record_is_read_back_as_it_was_written():
    record = a_run(at(2), "12.5", "25")
    assert read_record(record.at, record.content()) == record
    as_a_struct = record.content() | {"sizes": {"small": 2.0}}  # the log keeps every number as a float
    assert read_record(record.at, as_a_struct) == record


def test_what_is_no_record_is_passed_over():
    assert read_record(at(1), {"kind": "run"}) is None
    assert read_record(at(1), a_run(at(1), "1", "1").content() | {"hourly_after_usd": "much"}) is None


def test_a_month_costs_what_the_rates_left_by_its_runs_cost():
    runs = [a_run(at(2), "0", "10"), a_run(at(3), "10", "100"), a_run(at(3, 12), "100", "0")]
    assert spent_usd(runs, since=MONTH, until=at(20)) == 24 * 10 + 12 * 100
    assert spent_usd(runs, since=MONTH, until=at(3, 6)) == 24 * 10 + 6 * 100
    assert spent_usd([], since=MONTH, until=at(20)) == 0


def test_what_ran_on_from_last_month_is_counted_from_the_first():
    october = a_run(datetime(2026, 10, 30, tzinfo=UTC), "0", "10")
    assert spent_usd([october], since=MONTH, until=at(2)) == 240
    assert month_of(at(17, 9)) == MONTH
