"""The ledger and the meter: every size is entered before and after, and what the meter says was spent is what the cloud bills, to the cent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from cloud.clock import sleep
from cloud.connection import Connection, connect
from cloud.observe import observe
from flows.check_budget import check_budget
from flows.provision import provision
from flows.reconcile import ours
from flows.scale import scale
from flows.teardown import teardown
from ironwood.cost.estimate import cents
from ironwood.profile import Profile
from running import EmbeddedCloud
from tasks.inputs import load_profile
from tasks.meter import Metered, changes, look

OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
GROUP = "compute/v1/projects/embedded-project/zones/us-central1-c/instanceGroupManagers"


def read(connection: Connection, profile: Profile, looked: datetime | None = None) -> Metered:
    found = look.fn(connection, profile, ours(observe(connection).live, profile), looked)
    assert found is not None
    return found


def hold(connection: Connection, minutes: int) -> None:
    sleep(connection.clock, timedelta(minutes=minutes))


def billed(cloud: EmbeddedCloud, metered: Metered) -> Decimal:
    interval = {"from": metered.since.isoformat(), "until": metered.at.isoformat()}
    return cents(Decimal(cloud.ask("bill", **interval)["total_usd"]))


def test_the_meter_is_the_bill_to_the_cent_over_sizes_up_and_down(flows_here: EmbeddedCloud, whole_profile: Path):
    provision(str(whole_profile))
    profile = load_profile(str(whole_profile))
    connection = connect(profile)
    for sizes in ({"small": 3}, {"small": 0, "medium": 4}, {"small": 1, "medium": 0}):
        hold(connection, minutes=10)
        scale(str(whole_profile), sizes)
    hold(connection, minutes=10)
    metered = read(connection, profile)
    assert metered.told == ()
    assert cents(metered.spent_usd) == billed(flows_here, metered) > 100
    assert metered.drift is None
    growing = [each for each in changes(metered.entries) if each.after > each.before]
    assert [each.phase for each in growing].count("intent") == [each.phase for each in growing].count("outcome") == 5
    teardown(str(whole_profile), confirm=profile.name)
    provision(str(whole_profile))
    hold(connection, minutes=10)
    again = read(connection, profile, metered.at)
    assert again.told == ()
    # What a teardown deletes last outlives the ledger's log by minutes, at 0.04 $/h; VMs do not.
    assert again.billed is not None
    assert cents(again.billed.vms_usd) == cents(again.spend.vms_usd) > cents(metered.spend.vms_usd)
    assert billed(flows_here, again) - cents(again.spent_usd) < Decimal("0.05")


def test_what_the_ledger_did_not_know_is_told_and_put_right_by_the_clouds_instants(flows_here: EmbeddedCloud, small_profile: Path):
    small_profile.write_text(small_profile.read_text().replace("logging: {enabled: false}\n", ""))
    profile = load_profile(str(small_profile))
    provision(str(small_profile))
    connection = connect(profile)
    for size in (5, 2):  # by hand, and nobody looks between the two
        httpx.post(f"http://{flows_here.rest}/{GROUP}/ironwood-cluster-small-001/resize", params={"size": size}).raise_for_status()
        hold(connection, minutes=15)
    found = read(connection, profile)
    assert [told for told in found.told if "ran and the ledger did not know them" in told]
    assert len(found.book.vms) == 6 + 3
    assert cents(found.spent_usd) == billed(flows_here, found)
    hold(connection, minutes=1)
    again = read(connection, profile, found.at)
    assert again.told == ()
    assert cents(again.spent_usd) == billed(flows_here, again)


def test_a_month_begins_with_what_runs_and_nothing_spent(
    reported: None, whole_profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert reported is None
    cloud = EmbeddedCloud(folder=tmp_path, clock="stepped", start_time="2026-09-30T22:30:00Z").start()
    monkeypatch.setenv("IRONWOOD_EMULATOR", cloud.rest)
    try:
        provision(str(whole_profile))
        profile = load_profile(str(whole_profile))
        connection = connect(profile)
        assert connection.clock.now() < OCTOBER - timedelta(minutes=30), "it has grown in September"
        september = read(connection, profile)
        assert cents(september.spent_usd) == billed(cloud, september) > 0
        sleep(connection.clock, OCTOBER + timedelta(hours=1) - connection.clock.now())
        october = read(connection, profile, september.at)
        assert october.since == OCTOBER
        assert october.told == (), "VMs that ran on are nothing to tell"
        assert cents(october.spent_usd) == billed(cloud, october)
        assert abs(october.spent_usd - october.hourly_usd) < Decimal("0.5"), "an hour of the new month, and not what September cost"
        scale(str(whole_profile), {"small": 0, "medium": 0})
        hold(connection, minutes=30)
        after = read(connection, profile, october.at)
        assert cents(after.spent_usd) == billed(cloud, after)
    finally:
        cloud.stop()


def test_a_profile_without_a_ledger_is_not_metered_and_its_plan_says_so(
    flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    provision(str(small_profile), dry_run=True)
    profile = load_profile(str(small_profile))
    assert look.fn(connect(profile), profile, ours(observe(connect(profile)).live, profile), None) is None
    assert check_budget(str(small_profile)) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "no ledger is kept, because logging is off: what this spends is not metered" in told
    assert f"nothing of profile {profile.name} is there, so nothing is spent" in told
    assert flows_here.writes() == []
