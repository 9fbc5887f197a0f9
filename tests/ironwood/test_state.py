"""The state object's value: it survives its text, its changes may be applied twice, a newer schema is refused."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ironwood.cost.leads import Lead
from ironwood.decided import Anchor, Decided
from ironwood.errors import StateError
from ironwood.state import PlanInForce, Reservation, Settled, Spending, State

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLAN = PlanInForce(digest="abc", since=NOON, until=None, document='{"windows": []}')
HELD = Reservation(usd=Decimal("12.50"), reason="scale small to 3", until=NOON + timedelta(hours=1))
SPENT = Spending(
    month="2026-11", looked=NOON, spent_usd=Decimal("1.5"), hourly_usd=Decimal(2), done={"0.8 notify of 10": "told"}, ceiling={"small": 1}
)
DECIDED = Decided(at=NOON, sizes={"small": 2}, why={"small": "busy"}, anchor=Anchor(learns_from=NOON - timedelta(days=9), begun=NOON))
LEAD = Lead(p50=timedelta(minutes=8), p95=timedelta(minutes=9), count=6)
FULL = (
    State(profile="prod")
    .with_plan(PLAN)
    .reserving("run-1", HELD)
    .owning("iam_binding/global/x")
    .with_spending(SPENT)
    .settling(Settled(usd_hour=Decimal(3), at=NOON))
    .learning({("small", "us-central1-c"): LEAD})
    .deciding(DECIDED)
)


def test_a_state_survives_its_text():
    assert State.from_json(FULL.to_json(), where="here") == FULL
    assert State.from_json(FULL.to_json(), where="here").to_json() == FULL.to_json()


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.with_plan(PLAN),
        lambda state: state.reserving("run-1", HELD),
        lambda state: state.releasing("run-1"),
        lambda state: state.owning("a/b/c"),
        lambda state: state.with_spending(SPENT.joined(state.spending)),
        lambda state: state.settling(Settled(usd_hour=Decimal(3), at=NOON)),
        lambda state: state.learning({("medium", "us-central1-c"): LEAD}),
        lambda state: state.disowning("iam_binding/global/x"),
    ],
)
def test_a_change_applied_twice_is_applied_once(change):
    assert change(change(FULL)) == change(FULL)


def test_money_reserved_lapses():
    assert FULL.reserved_usd(NOON) == Decimal("12.50")
    assert FULL.reserved_usd(NOON + timedelta(hours=1)) == 0
    assert FULL.releasing("run-1").reserved_usd(NOON) == 0


def test_a_state_written_before_there_was_money_in_it_is_read():
    content = json.loads(FULL.to_json())
    for key in ("spending", "settled", "leads"):
        del content[key]
    assert State.from_json(json.dumps(content), where="here").spending is None


def test_a_field_of_another_writer_is_kept():
    content = {**json.loads(FULL.to_json()), "of_a_later_version": [1]}
    assert json.loads(State.from_json(json.dumps(content), where="here").to_json())["of_a_later_version"] == [1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "gs://b/o is no state object"),
        ("[]", "gs://b/o is no state object"),
        ('{"schema": 2}', "newer version .schema 2, this one knows 1.; update"),
        ('{"schema": 1}', "is no state object .KeyError"),
        (FULL.to_json().replace("12.50", "much"), "is no state object .InvalidOperation"),
    ],
)
def test_what_cannot_be_read_is_told(text, told):
    with pytest.raises(StateError, match=told):
        State.from_json(text, where="gs://b/o")


def test_of_two_decisions_of_a_slot_the_first_with_sizes_counts_and_a_later_slots_over_both():
    nothing, other, later = Decided(at=NOON), replace(DECIDED, sizes={"small": 9}), Decided(at=NOON + timedelta(minutes=15))
    began = State(profile="prod").deciding(nothing)
    assert began.deciding(DECIDED).decided == DECIDED
    assert began.deciding(DECIDED).deciding(other).decided == DECIDED
    assert began.deciding(DECIDED).deciding(later).decided == later
    assert began.deciding(later).deciding(DECIDED).decided == later


def test_a_forecast_is_learnt_on_for_a_week_from_where_it_began():
    anchor = Anchor(learns_from=NOON - timedelta(days=9), begun=NOON)
    assert [anchor.holds(NOON + timedelta(days=days)) for days in (-1, 0, 6, 7)] == [False, True, True, False]
