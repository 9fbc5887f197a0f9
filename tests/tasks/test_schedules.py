"""Schedules of scale on a real Prefect server: made, changed and removed with the windows; doing it twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

from cloud.connection import connect
from flows.provision import provision
from flows.scale import scale
from flows.schedules import schedules
from flows.teardown import teardown
from ironwood.capacity.windows import WeeklyWindows, Window
from ironwood.windows.looks import TICK
from running import EmbeddedCloud
from tasks.in_force import put_in_force
from tasks.inputs import load_profile

WINDOWS = "windows:\n  - {name: office, days: Mon-Fri, from: '08:00', until: '20:00', sizes: {medium: 2}}\n"
OFFICE = {"ironwood-mon-fri-0744-etc-utc": "44 7 * * 1,2,3,4,5", "ironwood-mon-fri-2000-etc-utc": "0 20 * * 1,2,3,4,5"}
TICKING = {TICK.slug: TICK.cron}


@pytest.fixture
def deployment(flows_here: EmbeddedCloud, small_profile: Path) -> Iterator[UUID]:
    """A deployment of scale for the profile, with a schedule of somebody else's."""
    assert flows_here
    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("scale")
        made = client.create_deployment(flow, f"test-{uuid4().hex[:8]}", parameters={"profile": str(small_profile)})
        theirs = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 0 1 1 *"), slug="happy-new-year", active=False)
        client.create_deployment_schedules(made, [theirs])
        yield made
        client.delete_deployment(made)


def kept(deployment: UUID) -> dict[str | None, DeploymentSchedule]:
    with get_client(sync_client=True) as client:
        return {each.slug: each for each in client.read_deployment_schedules(deployment)}


def ours(deployment: UUID) -> dict[str | None, str]:
    """Slug and cron of each but somebody else's, which is always there."""
    found = kept(deployment)
    theirs = found.pop("happy-new-year")
    assert isinstance(theirs.schedule, CronSchedule)
    assert (theirs.schedule.cron, theirs.active) == ("0 0 1 1 *", False)
    return {slug: each.schedule.cron for slug, each in found.items() if isinstance(each.schedule, CronSchedule)}


def test_schedules_come_and_go_with_the_windows(deployment: UUID, small_profile: Path):
    plain = small_profile.read_text()
    assert schedules(str(small_profile)) == 1
    assert ours(deployment) == TICKING
    small_profile.write_text(plain + WINDOWS)
    assert schedules(str(small_profile)) == 3
    assert ours(deployment) == TICKING | OFFICE
    assert {each.parameters.get("profile") for each in kept(deployment).values()} == {str(small_profile), None}
    before = {slug: (each.id, each.updated) for slug, each in kept(deployment).items()}
    schedules(str(small_profile))
    assert {slug: (each.id, each.updated) for slug, each in kept(deployment).items()} == before, "the second time nothing is written"
    small_profile.write_text(plain + WINDOWS.replace("20:00", "18:30").replace("windows", "time_zone: Europe/Paris\nwindows"))
    schedules(str(small_profile))
    assert ours(deployment) == TICKING | {
        "ironwood-mon-fri-0744-europe-paris": "44 7 * * 1,2,3,4,5",
        "ironwood-mon-fri-1830-europe-paris": "30 18 * * 1,2,3,4,5",
    }
    assert {each.schedule.timezone for slug, each in kept(deployment).items() if slug in ours(deployment) and slug != TICK.slug} == {
        "Europe/Paris"
    }
    small_profile.write_text(plain)
    schedules(str(small_profile))
    assert ours(deployment) == TICKING


def test_what_somebody_changed_comes_back_and_what_somebody_paused_stays_paused(deployment: UUID, small_profile: Path):
    small_profile.write_text(small_profile.read_text() + WINDOWS)
    schedules(str(small_profile))
    found = kept(deployment)
    with get_client(sync_client=True) as client:
        client.update_deployment_schedule(deployment, found[TICK.slug].id, schedule=IntervalSchedule(interval=3600.0))
        client.update_deployment_schedule(deployment, found["ironwood-mon-fri-0744-etc-utc"].id, active=False)
        client.delete_deployment_schedule(deployment, found["ironwood-mon-fri-2000-etc-utc"].id)
    schedules(str(small_profile))
    assert ours(deployment) == TICKING | OFFICE
    assert not kept(deployment)["ironwood-mon-fri-0744-etc-utc"].active


def test_provision_scale_and_a_plan_in_force_keep_them_and_teardown_removes_them(deployment: UUID, small_profile: Path):
    name = load_profile(str(small_profile)).name
    scale(str(small_profile))
    assert ours(deployment) == {}, "nothing is there to look at"
    provision(str(small_profile))
    assert ours(deployment) == TICKING
    profile = load_profile(str(small_profile))
    connection = connect(profile)
    windows = (
        Window(days=tuple(range(7)), begin_minute=6 * 60, end_minute=18 * 60, sizes={"small": 1, "medium": 1}),
        Window(days=tuple(range(7)), begin_minute=18 * 60, end_minute=30 * 60, sizes={"small": 1, "medium": 0}),
    )
    put_in_force.fn(connection, profile, WeeklyWindows(zone="Asia/Tokyo", windows=windows), connection.clock.now(), None, uuid4())
    scale(str(small_profile))
    assert ours(deployment) == TICKING | {"ironwood-daily-0544-asia-tokyo": "44 5 * * *", "ironwood-daily-1800-asia-tokyo": "0 18 * * *"}
    teardown(str(small_profile), confirm=name)
    assert ours(deployment) == {}


def test_without_a_deployment_nothing_is_scheduled(flows_here: EmbeddedCloud, small_profile: Path):
    assert schedules(str(small_profile)) == 0
    assert flows_here.writes() == []
