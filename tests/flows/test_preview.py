"""Preview: thirty days by the clock, with what is marked on them; nothing is changed, and nothing needs to be there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from builders import a_profile
from cloud.connection import connect
from flows.preview import preview
from flows.provision import provision
from ironwood.capacity.windows import always
from ironwood.errors import InputError
from ironwood.windows.preview import preview as look_ahead
from ironwood.windows.timeline import leads_of
from running import EmbeddedCloud, PrefectServer
from tasks.in_force import put_in_force
from tasks.inputs import load_profile

OFFICE = "time_zone: Europe/Paris\nwindows:\n  - {name: office, days: Mon-Fri, from: '08:00', until: '20:00', at_least: {medium: 3}}\n"
MORE = (
    "  - {name: quiet, days: Fri, from: '12:00', until: '13:00', sizes: {medium: 0}}\nholidays: {country: FR}\noverrides:\n"
    "  - {name: launch, from: 2026-10-23T18:00, until: 2026-10-24, expires: 2026-10-30, owner: kim, reason: launch, add: {medium: 2}}\n"
)


def per_pod(sizes) -> Decimal:
    """A dollar an hour a pod."""
    return Decimal(sum(sizes.values()))


def test_every_day_says_its_sizes_its_dollars_and_what_is_marked_on_it():
    profile = a_profile(OFFICE + MORE)
    ahead = look_ahead(profile, None, datetime(2026, 10, 19, 15, tzinfo=UTC), 30, leads_of(profile), per_pod)
    days = {each.day: each for each in ahead.days}
    assert list(days) == [date(2026, 10, 19) + timedelta(days=number) for number in range(30)]
    paris = ZoneInfo("Europe/Paris")
    monday = days[date(2026, 10, 19)]
    assert [(f"{each.begin.astimezone(paris):%H:%M}", each.sizes["medium"]) for each in monday.pieces] == [
        ("00:00", 1),
        ("08:00", 3),
        ("20:00", 1),
    ]
    # Two pods all day, two more for twelve hours and the sixteen minutes before them.
    assert monday.usd == pytest.approx(48 + 24 + 2 * Decimal(16) / 60, abs=Decimal("1e-9"))
    assert days[date(2026, 10, 25)].usd == 50, "the day in which an hour comes twice"
    assert days[date(2026, 10, 25)].marks == ("Europe/Paris: clocks go back 1 h at 03:00", "override launch ends 00:00")
    assert days[date(2026, 11, 11)].marks == ("Armistice Day: like Sun",)
    assert days[date(2026, 11, 11)].usd == 48
    assert days[date(2026, 10, 23)].marks == ("override launch begins 18:00",)
    assert ahead.usd == sum(each.usd for each in ahead.days)
    (conflict,) = ahead.conflicts
    assert conflict.text.startswith("medium: window quiet, Fri 12:00-13:00 Europe/Paris wants exactly 0")
    assert conflict.first == datetime(2026, 10, 23, 10, tzinfo=UTC)
    assert conflict.lasts == timedelta(hours=4), "four Fridays"


def test_clock_changes_of_every_zone_in_use_are_marked():
    profile = a_profile(OFFICE.replace("at_least", "time_zone: America/New_York, at_least"))
    ahead = look_ahead(profile, None, datetime(2027, 3, 1, tzinfo=UTC), 31, leads_of(profile), per_pod)
    assert [(each.day.day, each.marks) for each in ahead.days if each.marks] == [
        (14, ("America/New_York: clocks go forward 1 h at 02:00",)),
        (28, ("Europe/Paris: clocks go forward 1 h at 02:00",)),
    ]


def test_the_preview_is_printed_plotted_and_kept(
    flows_here: EmbeddedCloud, prefect_server: PrefectServer, small_profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    small_profile.write_text(small_profile.read_text() + OFFICE)
    assert preview(str(small_profile), plots=str(tmp_path / "plots")) == 0
    assert flows_here.writes() == []
    shown = capsys.readouterr().out
    assert 'in 30 days at price book "list"; the baseline all the time would cost $' in shown
    assert "08:00 medium 3" in shown
    assert (tmp_path / "plots" / "preview.png").stat().st_size > 10_000
    name = load_profile(str(small_profile)).name
    kept = httpx.post(f"{prefect_server.url}/artifacts/latest/filter", json={}, timeout=30).raise_for_status().json()
    by_key = {each["key"]: each["data"] for each in kept}
    assert by_key[f"preview-{name}"].count("08:00 medium 3") >= 20
    assert by_key[f"preview-plot-{name}"].startswith("data:image/png;base64,")
    with pytest.raises(InputError, match="days: 0 is not between 1 and 366"):
        preview(str(small_profile), days=0)


def test_the_plan_in_force_and_when_it_runs_out_are_told(
    flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    assert flows_here
    provision(str(small_profile))
    profile = load_profile(str(small_profile))
    connection = connect(profile)
    since = connection.clock.now()
    plan = put_in_force.fn(connection, profile, always({"small": 3, "medium": 0}, "Etc/UTC"), since, since + timedelta(days=3), uuid4())
    preview(str(small_profile), days=7)
    shown = capsys.readouterr().out
    assert f"capacity plan {plan.digest[:8]} is in force since" in shown
    assert f"{(since + timedelta(days=3)):%H:%M}" in shown
    assert "runs out" in shown
    assert "small 3, medium 0" in shown
