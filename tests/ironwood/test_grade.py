"""A decision is graded by the hour after it: each choice at the demand that came, beside what was expected and what was refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from ironwood.capacity.expectation import HOUR_BINS, Shortage
from ironwood.capacity.replay import make_rules
from ironwood.decision import Choice, Decision
from ironwood.grade import Grade, Past, due, grade_of, graded, past_of, summaries

AT = datetime(2026, 11, 23, 12, 2, tzinfo=UTC)
RULES = make_rules(shortfall_usd_per_unit_hour=12.0)  # a small pod serves 256 units after 10 min


def content(**more: Any) -> dict[str, Any]:
    def choice(name: str, pods: int) -> Choice:
        return Choice(name=name, sizes={"small": pods}, usd_hour=Decimal(300 * pods), short=Shortage(units=10.0, share=0.1, usd=120.0))

    made = Decision(
        at=AT,
        scheduled=AT,
        profile="prod",
        in_force="policy optimized",
        seen={"small": 1},
        reasons={"small": "busy"},
        choices=(choice("taken", 2), choice("as it was", 1), choice("always the largest", 3)),
        done="+0 ~1 -0",
    )
    return {**made.content(), **more}


def past(entry: str = "a", at: datetime = AT) -> Past:
    found = past_of(entry, at, content())
    assert found is not None
    return found


def test_every_choice_is_priced_at_the_demand_that_came():
    found = graded(past(), RULES, np.full(HOUR_BINS, 512.0), 0.07)
    late = 256 / 6 * 12  # one pod's worth unserved for the ten minutes until the second serves
    assert found.choices["taken"].usd == pytest.approx(600 + late)
    assert found.choices["as it was"].usd == pytest.approx(300 + 256 * 12)
    assert found.choices["always the largest"].usd == pytest.approx(900 + late)
    assert found.choices["as it was"].short_share == pytest.approx(0.5)
    assert (found.best, found.regret_usd) == ("taken", 0)
    assert found.expected_usd == 720
    assert found.refused_share == 0.07


def test_what_would_have_been_cheaper_is_named_with_what_it_would_have_saved():
    found = graded(past(), RULES, np.full(HOUR_BINS, 100.0), 0.0)
    assert (found.best, found.regret_usd) == ("as it was", 300)


def test_a_decision_is_due_once_its_hour_is_told_and_graded_once():
    later = past("b", AT + timedelta(minutes=15))
    assert due([later, past()], [], AT) == []
    assert [each.id for each in due([later, past()], [], AT + timedelta(minutes=58))] == ["a"]  # from 12:00, the bin it was made in
    done = graded(past(), RULES, np.full(HOUR_BINS, 1.0), 0.0)
    assert [each.id for each in due([later, past()], [done], AT + timedelta(hours=2))] == ["b"]
    assert done.id == graded(past(), RULES, np.zeros(HOUR_BINS), 0.0).id


def test_a_grade_survives_its_entry():
    done = graded(past(), RULES, np.full(HOUR_BINS, 512.0), 0.0)
    again = grade_of(done.content())
    assert again is not None
    assert again.content() == done.content()


@pytest.mark.parametrize("broken", [{"choices": []}, {"choices": "none"}, {"seen": None}])
def test_what_is_no_decision_is_left_out(broken: dict[str, Any]):
    assert past_of("a", AT, content(**broken)) is None


def test_what_is_no_grade_is_left_out():
    assert grade_of({"kind": "grade"}) is None


def test_choices_are_summed_up_over_the_decisions_that_had_them():
    one = graded(past(), RULES, np.full(HOUR_BINS, 512.0), 0.0)
    other = graded(past("b"), RULES, np.full(HOUR_BINS, 100.0), 0.0)
    first, second, *_ = summaries([one, other])
    assert (first.name, first.decisions, first.best) == ("taken", 2, 1)
    assert first.usd_hour == pytest.approx((one.choices["taken"].usd + other.choices["taken"].usd) / 2)
    assert first.short_share == pytest.approx(256 / 6 / 612)
    assert (second.name, second.best) == ("as it was", 1)
    without = Grade(decision="c", at=AT, asked_units=0, refused_share=0, expected_usd=None, choices={"taken": one.choices["taken"]})
    assert summaries([without])[0].short_share == 0
