"""The ledger and the meter: every size is entered before and after, and what the meter says was spent is what the cloud bills, to the cent."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from cloud.clock import sleep
from cloud.connection import Connection, connect
from cloud.observe import observe
from flows.provision import provision
from flows.reconcile import ours
from flows.scale import scale
from flows.teardown import teardown
from ironwood.cost.estimate import cents
from ironwood.profile import Profile
from running import EmbeddedCloud
from tasks.inputs import load_profile
from tasks.meter import Metered, changes, look

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
    assert cents(again.spent_usd) == billed(flows_here, again) > cents(metered.spent_usd)
