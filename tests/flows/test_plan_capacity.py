"""The week's plan from the command: windows, alternatives, what-if and artifacts; wrong input in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.plan_capacity import main, plan_capacity
from ironwood.errors import InputError
from running import EmbeddedCloud, PrefectServer, run


def artifacts(server: PrefectServer) -> dict[str, dict[str, object]]:
    wanted = {"artifacts": {"key": {"like_": "%-embedded"}}}  # one answer holds 200 at most
    found = httpx.post(f"{server.url}/artifacts/latest/filter", json=wanted, timeout=30).raise_for_status().json()
    return {each["key"]: each for each in found}


def test_the_week_is_planned_in_windows_with_alternatives_and_artifacts(
    flows_here: EmbeddedCloud, prefect_server: PrefectServer, three_days: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    count = plan_capacity(
        profile="embedded",
        trace=str(three_days),
        zone="Europe/Paris",
        peak_units=3000.0,
        what_if="price=+10%,lead=30",
        plots=str(tmp_path / "plots"),
    )
    shown = capsys.readouterr().out
    assert f"{count} windows cost $" in shown
    for name in (
        "in force",
        "always_on",
        "no limit on windows",
        "reactive",
        "planned before",
        "price x 1.1",
        "lead 30 min",
        "Europe/Paris",
    ):
        assert name in shown
    assert (tmp_path / "plots" / "week.png").stat().st_size > 10_000
    kept = artifacts(prefect_server)
    assert {"windows-embedded", "week-embedded", "capacity-plan-embedded"} <= kept.keys()
    assert str(kept["week-embedded"]["data"]).startswith("data:image/png;base64,")
    assert len(json.loads(str(kept["windows-embedded"]["data"]))) == count
    assert flows_here.inventory() == set(), "a plan changes nothing"


@pytest.mark.usefixtures("flows_here")
def test_a_budget_is_kept_and_says_what_more_would_buy(three_days: Path, capsys: pytest.CaptureFixture[str]):
    plan_capacity(profile="embedded", trace=str(three_days), peak_units=2000.0, windows=3, budget_usd=2_000_000.0, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert any(row["change"] == "budget $2,200,000" and "the budget binds: $" in row["says"] for row in found["what_if"])
    assert found["pods_usd"] <= 2_000_000.0
    assert found["bound_usd"] <= min(found["unlimited_usd"], found["usd_per_week"]) + 1


@pytest.mark.usefixtures("flows_here")
def test_a_trace_without_a_peak_is_counted_in_chips(three_days: Path, capsys: pytest.CaptureFixture[str]):
    plan_capacity(profile="embedded", trace=str(three_days), throughput="20,40,80", windows=2, as_json=True)
    shown = capsys.readouterr()
    assert "chips at 40 tokens a second each (20 to 80: carried as scenarios)" in shown.err
    found = json.loads(shown.out)
    assert len(found["windows"]) <= 2
    assert found["usd_per_week"] == pytest.approx(sum(window["usd_per_week"] for window in found["windows"]), abs=1)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--trace", "nowhere.csv"], "nowhere.csv: there is no such file"),
        (["--trace", "TRACE", "--profile", "nowhere"], "no profile is called 'nowhere'"),
    ],
)
def test_wrong_input_is_told_before_anything_starts(flags: list[str], says: str, three_days: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(three_days) if flag == "TRACE" else flag for flag in flags]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.usefixtures("flows_here")
@pytest.mark.parametrize("flags", [{"in_force_until": "2100-01-01"}, {"clear": True, "put_in_force": True}])
def test_contradicting_wishes_are_refused(flags: dict[str, Any], three_days: Path):
    with pytest.raises(InputError, match="put_in_force, with in_force_until or without, or clear: choose one of the two"):
        plan_capacity("embedded", trace=str(three_days), **flags)


def test_a_wrong_what_if_is_told_in_one_line(commands: dict[str, str], three_days: Path):
    done = run("flows.plan_capacity", "--trace", str(three_days), "--what-if", "colour=red", environment=commands)
    assert done.returncode == 2
    assert "what if 'colour=red': there is no 'colour'" in done.stderr
    assert "Traceback" not in done.stderr
