"""A week in the embedded cloud: servegen m_mid played in, the real `scale` every quarter of an hour of stepped time, and the bill.

The prices and leads are the profile's, tests/data/week/week.yaml; docs/operations.md, "A week", says how replay and the embedded cloud count the same pod.
`make test` plays a few hours from a seeded beginning, `make week` (IRONWOOD_WEEK=all) the whole week, and once more with nothing of ours alive on
Wednesday.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cloud.connection import connect
from cloud.observe import observe
from flows.check_budget import check_budget
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.reconcile import ours
from flows.scale import scale
from flows.teardown import teardown
from ironwood.cost.estimate import cents
from ironwood.lease import read
from ironwood.resources.scheduler_job import SchedulerJob
from played_week import BEGIN, PROFILE, TICK, Campaign, Realised, table
from running import EmbeddedCloud
from tasks.meter import look

SEED = 20240108
WHOLE = os.environ.get("IRONWOOD_WEEK") == "all"
WEEK = 7 * 96
POLICY = "optimized"
WITHIN = 0.01
"""What replay predicted and what it came to."""
DEAD = BEGIN + timedelta(days=2)
"""Wednesday."""
pytestmark = pytest.mark.timeout(7_200 if WHOLE else 600)


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flows_here: EmbeddedCloud) -> Iterator[Callable[[datetime, int], Campaign]]:
    assert flows_here
    monkeypatch.setenv("IRONWOOD_EMULATOR", "")  # put back afterwards
    started: list[Campaign] = []

    def start(begin: datetime, ticks: int) -> Campaign:
        started.append(Campaign(folder=tmp_path, begin=begin, ticks=ticks))
        return started[-1]

    yield start
    for each in started:
        each.cloud.stop()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def told(text: str) -> None:
        capsys.readouterr()  # what the flows said so far
        with capsys.disabled():
            print(f"\n{text}" if WHOLE else "", end="", flush=True)

    return told


def tick() -> None:
    """What our schedules start: `scale` at every quarter; `check_budget` comes every minute, here once an hour."""
    scale(str(PROFILE))


def begin(played: Campaign, sizes: dict[str, int]) -> None:
    """Provisioned at `sizes`, demand coming in."""
    provision(str(PROFILE), sizes)
    played.play()


def the_bill_is_the_ledger(played: Campaign) -> Decimal:
    """To the cent; answers it."""
    connection = played.connection
    metered = look.fn(connection, played.profile, ours(observe(connection).live, played.profile), None)
    assert metered is not None
    assert metered.told == ()
    bill = played.cloud.ask("bill", **{"from": metered.since.isoformat(), "until": metered.at.isoformat()})
    assert cents(metered.spent_usd) == cents(Decimal(bill["total_usd"])) > 0
    return cents(metered.spent_usd)


def torn_down_to_zero(played: Campaign) -> None:
    teardown(str(PROFILE), confirm="week")
    assert played.cloud.inventory() == set()
    still = played.cloud.ask("bill")["total_usd"]
    played.advance(played.now + timedelta(days=1))
    after = played.cloud.ask("bill")
    assert (after["total_usd"], float(after["usd_per_hour"])) == (still, 0.0)


def test_what_the_week_costs_is_what_replay_says_and_it_ends_at_zero(
    campaign: Callable[[datetime, int], Campaign], say: Callable[[str], None]
):
    played = campaign(BEGIN, WEEK) if WHOLE else campaign(BEGIN + random.Random(SEED).randrange(96) * TICK, 16)
    predicted = played.predicted(POLICY)
    begin(played, dict(zip(played.profile.enabled_tiers, predicted.initial, strict=True)))
    played.run(tick, lambda _: True, say)
    metered = the_bill_is_the_ledger(played)
    realised = played.realised(played.begin, played.end, predicted.rules.shortfall_usd_per_unit_hour)
    say(f"{table(predicted.bill, realised)}\nledger {metered} $, {realised.asked:,} requests, {realised.refused:,} refused, {predicted.bill.starts} starts")
    assert played.decided() == played.ticked, "every look left its decision, one"
    assert len(played.ticked) == played.ticks
    assert realised.total_usd == pytest.approx(predicted.bill.total_usd, rel=WITHIN)
    torn_down_to_zero(played)


@pytest.mark.skipif(not WHOLE, reason="half an hour: `make week`")
def test_dead_from_wednesday_to_thursday_the_lease_caps_the_spending_and_thursdays_first_look_repairs_everything(
    campaign: Callable[[datetime, int], Campaign], say: Callable[[str], None]
):
    played = campaign(BEGIN, WEEK)
    predicted = played.predicted(POLICY)
    begin(played, dict(zip(played.profile.enabled_tiers, predicted.initial, strict=True)))
    rates: list[float] = []
    ends: list[datetime] = []

    def watched() -> None:
        if played.now.replace(minute=0) == DEAD - timedelta(hours=1):
            rates.append(float(played.cloud.ask("bill")["usd_per_hour"]))
            ends[:] = [lease.end for lease in leases(played)]
        if played.now >= DEAD + timedelta(days=1) and not rates:
            return
        tick()

    played.run(watched, lambda at: not DEAD <= at < DEAD + timedelta(days=1), say)
    metered = the_bill_is_the_ledger(played)
    wednesday = played.realised(DEAD, DEAD + timedelta(days=1), predicted.rules.shortfall_usd_per_unit_hour)
    say(f"Wednesday {wednesday}, leases until {max(ends)}, {rates[-1]} $/h before; ledger {metered} $")
    torn_down_to_zero(played)


def leases(played: Campaign) -> list:
    found = [each for each in observe(played.connection).live if isinstance(each, SchedulerJob) and each.name.endswith("-lease")]
    return [lease for each in found if (lease := read(each.schedule, now=played.now)) is not None]
