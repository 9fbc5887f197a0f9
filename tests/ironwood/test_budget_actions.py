"""The budget: what is due when, what it does to the sizes, and that the last dollar is promised once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from builders import a_price_book, a_profile
from ironwood.cost.budget import (
    Growth,
    actions_of,
    cap,
    due,
    is_hard,
    key_of,
    limit_usd,
    month_end,
    month_name,
    month_of,
    more_usd_hour,
    pods_of,
    reserved,
    settled,
)
from ironwood.desired import desired
from ironwood.errors import BudgetError
from ironwood.state import Effect, Spending, State

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
HARD = a_profile(
    "tiers: {small: {draining_seconds: 180, min_replicas: 1}, medium: {draining_seconds: 0}}\n"
    "budget:\n  amount_usd: 1000\n  actions:\n    - {at: 0.5, do: notify}\n    - {at: 0.8, do: stop_growth}\n"
    "    - {at: 0.9, do: shrink_to_floor}\n    - {at: 1.0, do: tear_down, tiers: [small]}\n"
)
PARIS = ZoneInfo("Europe/Paris")


def spending(*done: str, ceiling: dict[str, int] | None = None) -> Spending:
    effects: dict[str, Effect] = {"notify": "told", "stop_growth": "ceiling", "shrink_to_floor": "floor", "tear_down": "zero"}
    keys = {key_of(HARD, each): effects[each.do] for each in actions_of(HARD) if each.do in done}
    return Spending(
        month="2026-11", looked=NOW, spent_usd=Decimal(900), hourly_usd=Decimal(1), done=MappingProxyType(keys),
        ceiling=MappingProxyType(ceiling or {"small": 2, "medium": 3}),
    )  # fmt: skip


def growth(run: str, more: int, *, spent: int = 0, running: int = 0, at: datetime = NOW) -> Growth:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    return Growth(run=run, at=at, spent_usd=Decimal(spent), running_usd_hour=Decimal(running), more_usd_hour=Decimal(more), month_end=end)


def test_months_are_calendar_months_of_the_time_zone():
    newyear = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert month_name(newyear, PARIS) == "2027-01"
    assert month_of(newyear, PARIS) == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert month_end(datetime(2026, 10, 1, tzinfo=UTC), PARIS) == datetime(2026, 10, 31, 23, tzinfo=UTC)


def test_without_actions_each_threshold_is_told_and_nothing_is_capped():
    plain = a_profile("budget: {thresholds: [0.5, 1.0]}\n")
    assert [(each.at, each.do) for each in actions_of(plain)] == [(0.5, "notify"), (1.0, "notify")]
    assert not is_hard(plain)
    assert limit_usd(plain) is None
    assert reserved(plain, State(profile="test"), growth("a", 10**9)) == State(profile="test")


@pytest.mark.parametrize(
    ("spent", "hourly", "expected"),
    [
        (499, 0, []),
        (500, 0, ["notify"]),
        (800, 0, ["notify", "stop_growth"]),
        (800, 1199, ["notify", "stop_growth"]),  # five minutes more: draining, removal, the next look
        (800, 1200, ["notify", "stop_growth", "shrink_to_floor"]),
        (1000, 0, ["notify", "stop_growth", "shrink_to_floor", "tear_down"]),
    ],
)
def test_what_shrinks_is_due_as_early_as_money_goes_on_running_out(spent: int, hourly: int, expected: list[str]):
    assert [each.do for each in due(HARD, None, Decimal(spent), Decimal(hourly))] == expected


def test_an_action_is_done_once_a_month_and_anew_for_another_amount():
    done = spending("notify", "stop_growth")
    assert due(HARD, done, Decimal(850), Decimal(0)) == []
    raised = HARD.model_copy(update={"budget": HARD.budget.model_copy(update={"amount_usd": 1001})})
    assert [each.do for each in due(raised, done, Decimal(850), Decimal(0))] == ["notify", "stop_growth"]
    assert cap(raised, State(profile="test", spending=done), {"small": 3, "medium": 4}, "2026-11").sizes == {"small": 3, "medium": 4}


@pytest.mark.parametrize(
    ("done", "sizes"),
    [
        ((), {"small": 3, "medium": 4}),
        (("notify",), {"small": 3, "medium": 4}),
        (("stop_growth",), {"small": 2, "medium": 3}),
        (("shrink_to_floor",), {"small": 1, "medium": 0}),
        (("stop_growth", "shrink_to_floor", "tear_down"), {"small": 0, "medium": 0}),
    ],
)
def test_sizes_are_capped_by_what_was_done_this_month(done: tuple[str, ...], sizes: dict[str, int]):
    state = State(profile="test", spending=spending(*done))
    capped = cap(HARD, state, {"small": 3, "medium": 4}, "2026-11")
    assert capped.sizes == sizes
    assert set(capped.reasons) == {tier for tier, pods in sizes.items() if pods != {"small": 3, "medium": 4}[tier]}
    assert cap(HARD, state, {"small": 3, "medium": 4}, "2026-12").sizes == {"small": 3, "medium": 4}
    assert cap(HARD, state, {"small": 0, "medium": 0}, "2026-11").reasons == {}


def test_two_looks_at_once_lose_no_action():
    one, other = spending("stop_growth"), spending("notify", ceiling={"small": 9})
    assert set(one.joined(other).done) == {*one.done, *other.done}
    assert one.joined(other).ceiling == {"small": 9}
    assert one.joined(replace(other, month="2026-10")) == one


def test_the_last_dollar_is_promised_once():
    state = reserved(HARD, State(profile="test"), growth("a", 500, spent=300))
    with pytest.raises(BudgetError, match=r"growing by \$1.00/h needs \$1.00 for the next hour, and the budget leaves \$0.00"):
        reserved(HARD, state, growth("b", 1, spent=300))
    assert reserved(HARD, state, growth("a", 500, spent=300)) == state
    later = growth("b", 500, spent=300, at=NOW + timedelta(hours=1))
    assert "b" in reserved(HARD, state, later).reservations  # whoever died holds nothing after an hour


def test_who_looked_before_another_grew_reckons_with_what_that_one_runs():
    state = reserved(HARD, State(profile="test"), growth("a", 400, spent=300))
    state = settled(state, "a", Decimal(400), NOW + timedelta(minutes=9))
    assert state.reservations == {}
    with pytest.raises(BudgetError, match=r"\$400.00 for an hour of what runs"):
        reserved(HARD, state, growth("b", 200, spent=300))
    assert reserved(HARD, state, growth("b", 200, spent=300, at=NOW + timedelta(minutes=10))).reservations


def test_growth_is_summed_over_all_groups_and_not_set_off_by_what_shrinks():
    prices = a_price_book()
    small = desired(HARD, {"small": 1, "medium": 2})
    other = desired(HARD, {"small": 2, "medium": 0})
    assert round(more_usd_hour(small, other, prices)) == 256 * 12 + 1
    assert more_usd_hour(other, other, prices) == 0
    assert pods_of(HARD, other) == {"small": 2, "medium": 0}
