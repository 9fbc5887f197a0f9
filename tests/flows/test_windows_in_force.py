"""Windows in force, in stepped time: each look brings the tiers to what holds then, and what the state object says counts at the next look."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.concurrency.sync import concurrency

from cloud import state
from cloud.connection import connect
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.plan_capacity import plan_capacity
from flows.provision import provision
from flows.scale import scale
from flows.status import status
from ironwood.capacity.windows import always
from ironwood.errors import InputError, ProfileError, StateError
from ironwood.resources.group import InstanceGroup
from ironwood.state import PlanInForce
from running import EmbeddedCloud
from tasks.in_force import put_in_force, take_out_of_force
from tasks.inputs import load_profile
from tasks.lock import LEASE_SECONDS, limit_name

VMS = {"small": 2, "medium": 4}
"""A pod's."""


def now(cloud: EmbeddedCloud) -> datetime:
    return datetime.fromisoformat(cloud.ask("clock")["now"]).astimezone(UTC)


def pods(profile: Path) -> dict[str, int]:
    """By tier, as the cloud has them."""
    groups = [each for each in observe(connect(load_profile(str(profile)))).live if isinstance(each, InstanceGroup)]
    return {tier: sum(each.size for each in groups if f"-{tier}-" in each.name) // vms for tier, vms in VMS.items()}


@pytest.mark.long
@pytest.mark.usefixtures("flows_here")
def test_each_look_brings_the_tiers_to_what_holds_then(
    stepped_cloud: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    # From half an hour from now nothing of small, though one is its minimum; two medium from then on, for two hours.
    begin = (now(stepped_cloud) + timedelta(minutes=40)).replace(second=0, microsecond=0)
    end = begin + timedelta(hours=2)
    small_profile.write_text(
        small_profile.read_text().replace("{chips: 8}", "{chips: 8, min_replicas: 1}")
        + f"windows:\n  - {{name: quiet, from: '{begin:%H:%M}', until: '{end:%H:%M}', sizes: {{small: 0, medium: 2}}}}\n"
    )
    provision(str(small_profile))
    assert pods(small_profile) == {"small": 1, "medium": 1}
    stepped_cloud.tell("clock/advance", {"until": (begin - timedelta(minutes=15)).isoformat()})
    assert scale(str(small_profile)) == 1, "grown a lead ahead"
    assert "medium 2: ahead of" in capsys.readouterr().out
    assert pods(small_profile) == {"small": 1, "medium": 2}
    stepped_cloud.tell("clock/advance", {"until": begin.isoformat()})
    assert detect_drift(str(small_profile)) == 1
    assert provision(str(small_profile)) == 1, "shrunk to nothing, and validated"
    assert pods(small_profile) == {"small": 0, "medium": 2}
    assert scale(str(small_profile)) == 0
    status(str(small_profile))
    assert f"small 0, medium 2 until {end - timedelta(minutes=16):%a %d %b %H:%M} UTC" in capsys.readouterr().out
    with pytest.raises(ProfileError, match="outside min_replicas 1 to max_replicas 3"):
        scale(str(small_profile), {"small": 0})
    stepped_cloud.tell("clock/advance", {"until": end.isoformat()})
    assert scale(str(small_profile)) == 2
    assert pods(small_profile) == {"small": 1, "medium": 1}


def test_a_plan_put_in_force_holds_until_it_runs_out_or_is_taken_out(
    flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    profile = load_profile(str(small_profile))
    connection = connect(profile)
    windows = always({"small": 2, "medium": 0}, "Europe/Paris")
    with pytest.raises(InputError, match=r"has no place to be kept yet; run `python -m flows\.provision`"):
        put_in_force.fn(connection, profile, windows, connection.clock.now(), None, uuid4())
    assert scale(str(small_profile)) == 0, "before anything was provisioned a look makes nothing"
    assert flows_here.writes() == []
    provision(str(small_profile))
    since = connection.clock.now()
    found = put_in_force.fn(connection, profile, windows, since, since + timedelta(days=2), uuid4())
    assert scale(str(small_profile)) == 2
    assert pods(small_profile) == {"small": 2, "medium": 0}
    assert f"small 2: capacity plan {found.digest[:8]}, daily all day Europe/Paris" in capsys.readouterr().out
    assert detect_drift(str(small_profile)) == 0
    put_in_force.fn(connection, profile, windows, since - timedelta(days=2), since - timedelta(days=1), uuid4())
    assert detect_drift(str(small_profile)) == 2
    assert f"capacity plan {found.digest[:8]} ran out on" in capsys.readouterr().out
    put_in_force.fn(connection, profile, windows, since, None, uuid4())
    take_out_of_force.fn(connection, profile, uuid4())
    assert detect_drift(str(small_profile)) == 2
    assert scale(str(small_profile)) == 2
    damaged = PlanInForce(digest="0" * 64, since=since, until=None, document="{}")
    state.update(connection, profile, uuid4(), "damage", lambda kept: kept.with_plan(damaged))
    with pytest.raises(
        StateError, match=r"state\.json: the capacity plan in force: does not match its digest 00000000; put a plan in force anew"
    ):
        detect_drift(str(small_profile))
    plan_capacity(str(small_profile), clear=True)
    assert detect_drift(str(small_profile)) == 0


def test_a_week_is_planned_and_put_in_force_in_place_of_what_was(
    flows_here: EmbeddedCloud, small_profile: Path, three_days: Path, capsys: pytest.CaptureFixture[str]
):
    assert flows_here
    provision(str(small_profile))
    profile = load_profile(str(small_profile))
    connection = connect(profile)
    first = put_in_force.fn(connection, profile, always({"small": 1}, "Asia/Tokyo"), connection.clock.now(), None, uuid4())
    with pytest.raises(InputError, match="in force until '2001-01-01': that is over"):
        plan_capacity(str(small_profile), trace=str(three_days), put_in_force=True, in_force_until="2001-01-01")
    plan_capacity(str(small_profile), trace=str(three_days), peak_units=20.0, windows=2, put_in_force=True, in_force_until="2100-01-01")
    second = state.read(connection, profile).state.capacity_plan
    assert second is not None
    assert second.digest != first.digest
    shown = " ".join(capsys.readouterr().out.split())
    assert f"capacity plan {second.digest[:8]} since" in shown
    assert "until Sat 02 Jan 2100 00:00 UTC" in shown
    assert f"in place of capacity plan {first.digest[:8]} of" in shown
    assert "in force: the capacity plan until now" in shown


def test_a_run_that_waited_for_another_does_what_is_wanted_when_its_turn_comes(flows_here: EmbeddedCloud, small_profile: Path):
    assert flows_here
    provision(str(small_profile))
    profile = load_profile(str(small_profile))
    connection = connect(profile)
    waits = Waits()
    logger = logging.getLogger("prefect.flow_runs")
    logger.addHandler(waits)
    try:
        with ThreadPoolExecutor(1) as other:
            with concurrency(limit_name(profile.name), occupy=1, lease_duration=LEASE_SECONDS, strict=True):
                run = other.submit(copy_context().run, scale, str(small_profile))
                assert waits.event.wait(60)
                put_in_force.fn(connection, profile, always({"small": 0, "medium": 1}, "Etc/UTC"), connection.clock.now(), None, uuid4())
            assert run.result(120) == 1
    finally:
        logger.removeHandler(waits)
    assert pods(small_profile) == {"small": 0, "medium": 1}


class Waits(logging.Handler):
    """Knows when a run has said that it waits for the writer lock."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "waiting for the writer lock" in record.getMessage():
            self.event.set()
