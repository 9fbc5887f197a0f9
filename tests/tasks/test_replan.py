"""Planning anew under what the budget leaves: within the money, for the demand the plan in force was made for, and said where it cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from ironwood.capacity import CapacityProblem
from ironwood.capacity.problem import Tier
from ironwood.capacity.windows import WeeklyWindows, always
from ironwood.cost.ledger import Book
from ironwood.cost.meter import Spend
from ironwood.state import PlanInForce, State
from ironwood.windows.demand import LEVELS, WeekDemand, demand_in, demand_of_week, with_demand
from ironwood.windows.document import digest_of, in_force, read_windows, written
from tasks.inputs import load_profile
from tasks.meter import Metered
from tasks.replan import replan

NOW = datetime(2026, 11, 10, tzinfo=UTC)
WEEKS_LEFT = 3
SMALL = 96
"""US dollars an hour of a pod of 8 chips."""
BUSY = WeekDemand(units=tuple((0.0,) * 5 if hour % 24 < 12 else (4.0, 6.0, 8.0, 10.0, 12.0) for hour in range(168)), shortfall_usd=120.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "replanned.yaml"
    path.write_text(
        "cloud: embedded\nproject_id: embedded-project\ntiers: {small: {chips: 8, min_replicas: 0, max_replicas: 3}, medium: {enabled: false}}\n"
        "load_balancer: {default_tier: small}\nbudget: {amount_usd: 60000, actions: [{at: 0.5, do: replan}]}\n"
    )
    return path


def metered(spent: int) -> Metered:
    spend = Spend(vms_usd=Decimal(spent), others_usd=Decimal(0), by_tier={})
    return Metered(
        at=NOW, since=NOW.replace(day=1), spend=spend, hourly_usd=Decimal(0), most_hourly_usd=Decimal(0), factor=Decimal(1), billed=None, book=Book(), entries=(), told=()
    )  # fmt: skip


def in_state(document: str) -> State:
    plan = PlanInForce(digest=digest_of(document), since=NOW, until=None, document=document)
    return State(profile="replanned", capacity_plan=plan)


def hours(windows: WeeklyWindows) -> float:
    """Pod-hours of a week."""
    return sum(
        len(each.days) * ((each.end_minute - each.begin_minute) % 1440 or 1440) / 60 * each.sizes.get("small", 0)
        for each in windows.windows
    )


PLAN = with_demand(written(always({"small": 3}, "Europe/Paris")), BUSY)


def test_the_demand_survives_the_plans_document_and_the_windows_too():
    assert demand_in(PLAN) == BUSY
    assert read_windows(PLAN, where="here") == always({"small": 3}, "Europe/Paris")
    assert demand_in(written(always({"small": 3}, "Europe/Paris"))) is None


def test_a_week_of_quarters_is_kept_as_hours_of_five_levels():
    tier = Tier(name="small", capacity_units=8.0, max_pods=3, price_usd_per_pod_hour=96.0, startup_usd_per_pod=0.0)
    quarters = np.repeat(np.arange(672.0)[:, None], 9, axis=1) + np.arange(9.0)
    demand = demand_of_week(CapacityProblem(tiers=(tier,), period_minutes=15, demand_units=quarters, shortfall_usd_per_unit_hour=7.0))
    assert np.shape(demand.units) == (168, len(LEVELS))
    assert demand.units[1] == pytest.approx([5.5 + 8 * level for level in LEVELS])
    assert demand.shortfall_usd == 7.0


def test_a_new_plan_keeps_what_is_left_and_needs_less_the_less_there_is(path: Path):
    profile = load_profile(str(path))
    bought = []
    for spent in (0, 30_000, 40_000):
        planned = replan(str(path), profile, in_state(PLAN), metered(spent))
        assert planned is not None
        assert planned.until == datetime(2026, 12, 1, tzinfo=UTC)
        found = in_force(planned, where="here")
        assert found is not None
        assert found.windows.zone == "Europe/Paris"
        bought.append(hours(found.windows))
        assert bought[-1] * SMALL <= (60_000 - spent) / WEEKS_LEFT
        assert demand_in(planned.document) == BUSY
    assert bought == sorted(bought, reverse=True)
    assert bought[0] > bought[-1] > 0


@pytest.mark.parametrize(
    ("state", "spent", "why"),
    [
        (State(profile="replanned"), 0, "no capacity plan is in force"),
        (in_state(written(always({"small": 3}, "Etc/UTC"))), 0, "does not carry the demand"),
        (in_state(PLAN), 60_000, "nothing is left of the budget"),
    ],
)
def test_where_it_cannot_be_planned_anew_it_is_said(path: Path, state: State, spent: int, why: str, capsys: pytest.CaptureFixture[str]):
    assert replan(str(path), load_profile(str(path)), state, metered(spent)) is None
    told = " ".join(capsys.readouterr().out.split())
    assert why in told
    assert "goes to its min_replicas instead" in told


def test_minima_that_leave_no_room_are_said(path: Path, capsys: pytest.CaptureFixture[str]):
    path.write_text(path.read_text().replace("min_replicas: 0", "min_replicas: 3"))
    assert replan(str(path), load_profile(str(path)), in_state(PLAN), metered(59_000)) is None
    assert "which minima and locked pods cost already" in " ".join(capsys.readouterr().out.split())
