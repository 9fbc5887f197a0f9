"""The budget at work: a breach is acted on within a minute, overshoots by one interval's spending at the most, and is acted on once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from cloud import state as states
from cloud.connection import Connection, connect
from cloud.observe import observe
from flows.check_budget import check_budget
from flows.provision import provision
from flows.reconcile import ours
from flows.scale import scale
from ironwood.capacity.windows import always
from ironwood.cost.estimate import estimate
from ironwood.errors import BudgetError, PermissionDeniedError, UnfinishedError
from ironwood.profile import Profile
from ironwood.windows.demand import WeekDemand
from running import HTTP, EmbeddedCloud, wait_until
from tasks.budget import reserve
from tasks.in_force import put_in_force
from tasks.inputs import load_price_book, load_profile

GROUPS = "compute/v1/projects/embedded-project/zones/us-central1-c/instanceGroupManagers"
MINUTE = timedelta(minutes=1)
SMALL, MEDIUM = Decimal(96), Decimal(192)
"""US dollars an hour of a pod: 8 and 16 chips at 12."""


def budgeted(path: Path, amount: int, *actions: str) -> Profile:
    """The profile with a budget that does `actions`, whose tiers drain within seconds."""
    text = path.read_text().partition("budget:")[0].replace("chips: 8}", "chips: 8, draining_seconds: 30}")
    text = text.replace("chips: 16}", "chips: 16, draining_seconds: 30}").replace("logging: {enabled: false}\n", "")
    listed = "".join(f"    - {{{each}}}\n" for each in actions)
    path.write_text(f"{text}budget:\n  amount_usd: {amount}\n  actions:\n{listed}")
    return load_profile(str(path))


def bill(cloud: EmbeddedCloud) -> Decimal:
    return Decimal(cloud.ask("bill")["total_usd"])


def rate(cloud: EmbeddedCloud) -> Decimal:
    return Decimal(cloud.ask("bill")["usd_per_hour"])


def sizes(cloud: EmbeddedCloud) -> dict[str, int]:
    found = HTTP.get(f"http://{cloud.rest}/{GROUPS}").raise_for_status().json().get("items", [])
    return {each["name"].split("-")[2]: each["targetSize"] for each in found}


def tick(cloud: EmbeddedCloud, path: Path, until: Callable[[], bool], minutes: int) -> datetime:
    """Check the budget every minute until something is so; answers the instant of the look before it was."""
    connection = connect(load_profile(str(path)))
    for _ in range(minutes):
        at = connection.clock.now()
        check_budget(str(path))
        if until():
            return at
        left = (at + MINUTE - connection.clock.now()).total_seconds()
        cloud.tell("clock/advance", {"seconds": max(1.0, left)})
    raise AssertionError(f"not within {minutes} minutes: {sizes(cloud)}, {bill(cloud)}")


def fast_forward(cloud: EmbeddedCloud, path: Path, usd: Decimal) -> None:
    """Let time pass until so much is spent, and look once."""
    cloud.tell("clock/advance", {"seconds": int((usd - bill(cloud)) / rate(cloud) * 3600)})
    check_budget(str(path))


def first_write(cloud: EmbeddedCloud, after: int, method: str) -> datetime:
    found = next(each for each in cloud.writes() if each["n"] > after and method in each["method"])
    return datetime.fromisoformat(found["at"])


def last(cloud: EmbeddedCloud) -> int:
    return int(cloud.requests()[-1]["n"])


def test_a_price_raised_and_a_size_raised_by_hand_are_acted_on_within_a_minute(stepped_cloud: EmbeddedCloud, small_profile: Path):
    profile = budgeted(small_profile, 1_000, "at: 0.5, do: notify", "at: 0.8, do: stop_growth", "at: 1.0, do: shrink_to_floor")
    provision(str(small_profile))
    connection = connect(profile)
    assert check_budget(str(small_profile)) == 0
    fast_forward(stepped_cloud, small_profile, Decimal(930))
    assert dict(remembered(connection, profile).done) == {"0.5 notify of 1000": "told", "0.8 stop_growth of 1000": "ceiling"}
    assert sizes(stepped_cloud) == {"small": 2, "medium": 4}

    # A price tripled: what runs costs three times as much from this instant on.
    stepped_cloud.tell("faults", {"type": "price", "sku": "tpu7x.us-central1.on_demand", "factor": 3})
    ahead = timedelta(seconds=30) + 2 * MINUTE
    breach = connection.clock.now() + timedelta(hours=float((1_000 - bill(stepped_cloud)) / rate(stepped_cloud))) - ahead
    before = last(stepped_cloud)
    tick(stepped_cloud, small_profile, lambda: sizes(stepped_cloud) == {"small": 0, "medium": 0}, 20)
    assert first_write(stepped_cloud, before, "deleteInstances") <= breach + MINUTE + timedelta(seconds=10)
    stepped_cloud.tell("clock/advance", {"seconds": 600})
    assert 1_000 - 2 * 3 * (SMALL + MEDIUM) / 60 < bill(stepped_cloud) < 1_000 + 3 * (SMALL + MEDIUM) / 60
    assert remembered(connection, profile).drift
    assert check_budget(str(small_profile)) == 0  # done once

    # A size raised by hand above what is allowed is brought down at the next look.
    group = f"http://{stepped_cloud.rest}/{GROUPS}/ironwood-cluster-small-001/resize"
    HTTP.post(group, params={"size": 4}).raise_for_status()
    tick(stepped_cloud, small_profile, lambda: sizes(stepped_cloud) == {"small": 0, "medium": 0}, 2)
    scale(str(small_profile), {"small": 1})
    assert sizes(stepped_cloud)["small"] == 0


def test_two_growing_runs_at_once_cannot_pass_the_budget_together(flows_here: EmbeddedCloud, small_profile: Path):
    profile = budgeted(small_profile, 1_000, "at: 1.0, do: stop_growth")
    provision(str(small_profile))
    connection = connect(profile)
    seen = observe(connection)
    live = ours(seen.live, profile)
    running = estimate(live, load_price_book("list")).hourly_usd
    left = 1_000 - running
    each = left * Decimal("0.3")  # a third of them fit

    def grow(_: int) -> str:
        try:
            reserve.fn(connection, profile, uuid4(), live, each, seen.at)
        except BudgetError as refused:
            return str(refused)
        return ""

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(grow, range(8)))
    granted = [text for text in told if not text]
    assert 1 <= len(granted) <= 3
    assert all("the budget leaves" in text for text in told if text)
    held = states.read(connection, profile).state
    assert len(held.reservations) == len(granted)
    assert held.reserved_usd(seen.at) + running <= 1_000
    with pytest.raises(BudgetError, match="promised to other runs"):
        scale(str(small_profile), {"small": 3, "medium": 0})  # what shrinks is carried out all the same
    assert sizes(flows_here) == {"small": 2, "medium": 0}


@pytest.mark.long
def test_a_run_that_waits_for_vms_gives_way_to_the_budget_which_takes_back_what_it_ordered(
    tmp_path: Path, flows_here: EmbeddedCloud, small_profile: Path, monkeypatch: pytest.MonkeyPatch
):
    assert flows_here
    cloud = EmbeddedCloud(folder=tmp_path, scale=60).start()
    monkeypatch.setenv("IRONWOOD_EMULATOR", cloud.rest)
    try:
        profile = budgeted(small_profile, 1_000, "at: 0.9, do: shrink_to_floor")
        small_profile.write_text(small_profile.read_text().replace("medium: {", "medium: {replicas: 0, min_replicas: 0, "))
        provision(str(small_profile))
        with ThreadPoolExecutor(1) as pool:
            growing = pool.submit(copy_context().run, scale, str(small_profile), {"medium": 1})
            wait_until(lambda: sizes(cloud)["medium"] == 4, "the order of medium's VMs")
            cloud.tell("faults", {"type": "price", "sku": "tpu7x.us-central1.on_demand", "factor": 1_000})
            assert check_budget(str(small_profile)) == 1
            assert sizes(cloud)["medium"] == 0
            with pytest.raises(UnfinishedError, match="stops growing: tier medium, 1 wanted, 0 allowed: shrink_to_floor at 90%"):
                growing.result()
        assert remembered(connect(profile), profile).done
    finally:
        cloud.stop()


def test_growth_is_blocked_without_the_ledger_and_shrinking_is_not(flows_here: EmbeddedCloud, small_profile: Path):
    budgeted(small_profile, 100_000, "at: 1.0, do: stop_growth")
    provision(str(small_profile))
    flows_here.tell("faults", {"type": "error", "method": "logging.entries.write", "status": 403})
    with pytest.raises(
        UnfinishedError, match=r"ironwood-cluster-small-001 was not grown to 4 VMs, because the ledger could not be written"
    ):
        scale(str(small_profile), {"small": 2, "medium": 1})
    assert sizes(flows_here) == {"small": 2, "medium": 4}
    with pytest.raises(PermissionDeniedError, match="ironwood-ledger"):  # the run itself cannot be recorded either
        scale(str(small_profile), {"small": 0, "medium": 1})
    assert sizes(flows_here) == {"small": 0, "medium": 4}


def remembered(connection: Connection, profile: Profile):
    found = states.read(connection, profile).state.spending
    assert found is not None
    return found


def test_a_plan_is_made_anew_within_what_is_left_and_is_in_force_at_once(
    flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    profile = budgeted(small_profile, 60_000, "at: 0.0001, do: replan")  # what runs passes that before a tier has drained
    provision(str(small_profile))
    connection = connect(profile)
    never = WeekDemand(units=((0.0,) * 5,) * 168, shortfall_usd=100.0)
    now = connection.clock.now()
    before = put_in_force.fn(connection, profile, always({"small": 1, "medium": 1}, "Etc/UTC"), now, None, uuid4(), never)
    assert check_budget(str(small_profile)) == 1
    kept = states.read(connection, profile).state
    assert kept.capacity_plan is not None
    assert kept.capacity_plan.digest != before.digest
    assert kept.capacity_plan.until is not None
    assert set(kept.spending.done.values() if kept.spending else ()) == {"planned"}
    assert sizes(flows_here) == {"small": 0, "medium": 0}  # nothing is asked for, so nothing is held
    told = " ".join(capsys.readouterr().out.split())
    assert "a new plan is in force" in told
    assert "by the end" in told
    assert "the sizes planned" in told
