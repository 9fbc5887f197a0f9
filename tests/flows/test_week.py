"""A week in the embedded cloud: servegen m_mid played in, the real `scale` every quarter of an hour of stepped time, and the bill.

The prices and leads are the profile's, tests/data/week/week.yaml; docs/week.md says how replay and the embedded cloud count the same pod.
`make test` plays one day of it, seeded; `make week` (IRONWOOD_WEEK=all) the whole week, and once more with nothing of ours alive on
Wednesday; IRONWOOD_WEEK=2 its first two days.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cloud.observe import observe
from flows.check_budget import check_budget
from flows.detect_drift import detect_drift
from flows.reconcile import ours
from flows.scale import scale
from flows.teardown import teardown
from ironwood.cost.estimate import cents
from ironwood.lease import Lease, read
from ironwood.resources.scheduler_job import SchedulerJob
from played_week import BEGIN, PROFILE, TICK, Campaign, Reconciled, table
from running import EmbeddedCloud
from tasks.meter import look

SEED = 20240108
ASKED = os.environ.get("IRONWOOD_WEEK", "")
DAY = 96
"""Looks a day."""
POLICY = "optimized"
WITHIN = 0.01
"""Of what replay predicted, everything that was billed and everything that was refused."""
RECONCILED = 0.001
"""The same of the TPUs alone, once what the two count differently is taken into account."""
DEAD = BEGIN + timedelta(days=2)
"""Wednesday."""
pytestmark = pytest.mark.timeout(10_800 if ASKED else 1_800)


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
            print(f"\n{text}" if ASKED else "", end="", flush=True)

    return told


def tick() -> None:
    """What the schedule of `scale` starts. That of `check_budget`, every minute, is left out: nothing is to happen between two quarters."""
    scale(str(PROFILE))


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


def stretch() -> tuple[datetime, int]:
    """The week, so many days of it, or one day, seeded."""
    if ASKED:
        return BEGIN, DAY * (7 if ASKED == "all" else int(ASKED))
    return BEGIN + random.Random(SEED).randrange(7) * timedelta(days=1), DAY


def test_what_it_costs_is_what_replay_says_and_it_ends_at_zero(campaign: Callable[[datetime, int], Campaign], say: Callable[[str], None]):
    played = campaign(*stretch())
    predicted = played.predicted(POLICY)
    played.begin_with(dict(zip(played.profile.enabled_tiers, predicted.initial, strict=True)))
    played.run(tick, say, played.so_far(predicted))
    realised = played.realised(played.begin, played.end, predicted.rules.shortfall_usd_per_unit_hour)
    between = Reconciled.of(played, predicted)
    say(f"{table(predicted.bill, realised, between)}\n{realised}\n{predicted.bill}\n{between}")
    metered = the_bill_is_the_ledger(played)
    say(f"ledger and bill of the month {metered} $; {len(played.decided())} decisions of {played.ticks} looks")
    assert played.decided() == played.ticked, "every look left its decision, one"
    assert len(played.ticked) == played.ticks
    assert realised.total_usd == pytest.approx(predicted.bill.total_usd, rel=WITHIN)
    if played.ticks <= DAY:  # in a week a decision or two differs where two choices cost nearly the same, and parts are shifted
        assert realised.shortfall_usd == pytest.approx(predicted.bill.shortfall_usd, rel=WITHIN)
        billed = predicted.bill.infrastructure_usd + predicted.bill.startup_usd - between.unbilled_usd - between.ahead_usd
        assert float(realised.chips_usd) == pytest.approx(billed, rel=RECONCILED)
    torn_down_to_zero(played)


@pytest.mark.skipif(not ASKED, reason="an hour: `make week`")
def test_dead_from_wednesday_to_thursday_the_lease_caps_the_spending_and_thursdays_first_look_repairs_everything(
    campaign: Callable[[datetime, int], Campaign], say: Callable[[str], None]
):
    whole = ASKED == "all"
    played = campaign(BEGIN if whole else DEAD - timedelta(hours=3), 7 * DAY if whole else DAY + 36)
    predicted = played.predicted(POLICY)
    played.begin_with(dict(zip(played.profile.enabled_tiers, predicted.initial, strict=True)))
    thursday = DEAD + timedelta(days=1)
    before: list[float] = []

    def look_and_check() -> None:
        at = played.now
        if at == thursday:
            assert set(played.pods().values()) == {0}, "Google emptied what nobody renewed"
            assert float(played.cloud.ask("bill")["usd_per_hour"]) < 1
        tick()
        if at == DEAD - TICK:
            before.append(float(played.cloud.ask("bill")["usd_per_hour"]))
        if at == thursday:
            check_budget(str(PROFILE))  # whose meter finds what Google did while nobody of ours could enter it in the ledger
            assert detect_drift(str(PROFILE)) == 0
            assert sum(played.pods().values()) > 0
            assert min(lease.end for lease in leases(played)) > played.now + timedelta(hours=1)

    played.run(look_and_check, say, played.so_far(predicted), lambda at: not DEAD <= at < thursday)
    dead = played.realised(DEAD - TICK, thursday, predicted.rules.shortfall_usd_per_unit_hour)
    hours = played.profile.lease.hours
    say(f"dead: {dead}; {before[0]:.2f} $/h at its beginning, lease of {hours} h")
    metered = the_bill_is_the_ledger(played)
    say(f"ledger and bill of the month {metered} $")
    assert played.decided() == played.ticked
    # A lease ends on a full hour, its job comes within five minutes, what drains and goes is billed for six more.
    assert float(dead.billed_usd) <= before[0] * (hours + 1 + 11 / 60)
    torn_down_to_zero(played)


def leases(played: Campaign) -> list[Lease]:
    """Those of the groups that hold VMs."""
    found = [each for each in observe(played.connection).live if isinstance(each, SchedulerJob) and each.name.endswith("-lease")]
    return [lease for each in found if (lease := read(each.schedule, now=played.now)) is not None]
