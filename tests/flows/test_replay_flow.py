import csv
import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from flows.replay import main, replay

TRACES = Path(__file__).parents[1] / "data" / "traces"
PRICES = {"small": (307.2, 81.92, 256.0), "medium": (1228.8, 430.08, 1075.2), "large": (11059.2, 6635.52, 10137.6)}


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


@pytest.fixture(scope="module")
def short_trace(tmp_path_factory):
    """Two days of a real trace."""
    lines = (TRACES / "servegen_m_small_10min.csv").read_text().splitlines()
    path = tmp_path_factory.mktemp("trace") / "two-days.csv"
    path.write_text("\n".join(lines[: 1 + 2 * 144]) + "\n")
    return path


def test_the_cost_can_be_recomputed_from_the_sizes(short_trace, tmp_path, capsys):
    sizes = tmp_path / "sizes.csv"
    code = main(["--trace", str(short_trace), "--policy", "optimized", "--test-days", "0.5", "--json", "--sizes", str(sizes)])
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    rows = list(csv.DictReader(sizes.read_text().splitlines()))
    assert len(rows) == 144
    pods = np.array([[int(row[name]) for name in PRICES] for row in rows])
    units = np.array([float(row["demand_units"]) for row in rows])
    rate, startup, capacity = (np.array([PRICES[name][i] for name in PRICES]) for i in range(3))
    started = np.maximum(np.diff(pods, axis=0), 0)
    infrastructure = (pods @ rate).sum() / 12
    shortfall = np.maximum(units - pods @ capacity, 0).sum() / 12 * 12
    assert found["infrastructure"] == pytest.approx(infrastructure, abs=0.01)
    assert found["shortfall"] == pytest.approx(shortfall, abs=0.01)
    assert found["startup"] == pytest.approx((started @ startup).sum(), abs=0.01)
    assert found["total"] == pytest.approx(found["infrastructure"] + found["startup"] + found["shortfall"], abs=0.02)
    assert found["bound"] <= found["clairvoyant"] <= found["total"]
    assert {"trace", "policy", "short_percent", "starts", "decision_ms_p50", "decision_ms_p99"} <= found.keys()


def test_every_policy_stands_in_one_table_with_plots(short_trace, tmp_path, capsys):
    code = main(["--trace", str(short_trace), "--policy", "all", "--test-days", "0.25", "--plots", str(tmp_path / "plots")])
    shown = capsys.readouterr()
    assert code == 0
    for name in ("always_on", "windows", "reactive", "day_ahead", "optimized", "clairvoyant", "told 30 min", "0.9 quantile"):
        assert name in shown.out
    assert "day 1 of" in shown.err
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {
        "cost-by-policy.png",
        "frontier.png",
        *(f"capacity-{name}.png" for name in ("always_on", "windows", "reactive", "day_ahead", "optimized")),
    }


@pytest.mark.parametrize(
    ("lines", "flags", "says"),
    [
        (["timestamp,requests", "2026-01-01T00:00:00Z,1"], [], "at least two"),
        (["timestamp,latency", "2026-01-01T00:00:00Z,1"], [], "no demand in columns"),
        (["timestamp,requests", "2026-01-01T00:00:00Z,-1", "2026-01-01T00:05:00Z,1"], [], "bad.csv:2: requests is -1"),
        (None, ["--test-days", "9"], "leave no history"),
        (None, ["--decide-every", "7"], "multiple of 5"),
        (None, ["--peak-units", "0"], "peak"),
        (None, ["--zone", "Mars"], "time zone"),
        (None, ["--since", "soon"], "not a time"),
        (None, ["--holidays", "ZZ"], "holidays of 'ZZ'"),
        (None, ["--column", "load"], "no column 'load'"),
        (None, ["--profile", "nowhere"], "nowhere"),
    ],
)
def test_wrong_input_is_told_in_one_line_with_exit_code_2(lines, flags, says, short_trace, tmp_path, capsys):
    path = short_trace
    if lines is not None:
        path = tmp_path / "bad.csv"
        path.write_text("\n".join(lines) + "\n")
    assert main(["--trace", str(path), "--policy", "reactive", *flags]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error


def test_a_file_that_is_not_there_is_named(capsys):
    assert main(["--trace", "nowhere.csv"]) == 2
    assert "nowhere.csv: cannot be read" in capsys.readouterr().err


def test_a_profile_sets_tiers_prices_and_leads_end_to_end(short_trace, tmp_path, capsys):
    book = tmp_path / "book.yaml"
    prices = {128: "4608", 1024: "86016", 9216: "774144"}  # USD a day: 1.5, 3.5 and 3.5 a chip-hour
    rows = "".join(f"  '{chips}': {{usd: '{usd}', source: a contract, date: 2026-11-01}}\n" for chips, usd in prices.items())
    book.write_text(f"name: ours\npod_day:\n{rows}")
    profile = tmp_path / "ours.yaml"
    profile.write_text(
        f"name: ours\ncloud: embedded\nproject_id: embedded-project\nprice_book: {book}\nload_balancer: {{port: 8080}}\ntiers:\n"
        "  small: {chips: 128, max_replicas: 4}\n  medium: {max_replicas: 2}\n  large: {enabled: true, max_replicas: 1}\n"
    )
    sizes = tmp_path / "sizes.csv"
    flags = ["--trace", str(short_trace), "--test-days", "0.5", "--profile", str(profile), "--peak-units", "4000"]
    assert main([*flags, "--policy", "optimized", "--json", "--sizes", str(sizes)]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = list(csv.DictReader(sizes.read_text().splitlines()))
    pods = np.array([[int(row[name]) for name in PRICES] for row in rows])
    units = np.array([float(row["demand_units"]) for row in rows])
    rate = np.array([128 * 1.5, 1024 * 3.5, 9216 * 3.5])
    capacity = np.array([128.0, 1024 * 1.05, 9216 * 1.10])
    startup = rate * (np.array([10, 15, 30]) / 60 + 0.1)
    assert (pods.max(axis=0) <= [4, 2, 1]).all()
    assert found["infrastructure"] == pytest.approx((pods @ rate).sum() / 12, abs=0.01)
    assert found["startup"] == pytest.approx((np.maximum(np.diff(pods, axis=0), 0) @ startup).sum(), abs=0.01)
    shortfall_price = 10 * (rate / capacity).min()
    assert found["shortfall"] == pytest.approx(np.maximum(units - pods @ capacity, 0).sum() / 12 * shortfall_price, abs=0.01)


def test_a_replay_reports_to_a_server_and_leaves_its_figures(flows_here, prefect_server, short_trace, capsys):
    replay(trace=str(short_trace), policy="always_on", test_days=0.25, profile="embedded", as_json=True)
    printed = json.loads(capsys.readouterr().out)
    found = httpx.post(f"{prefect_server.url}/artifacts/latest/filter", json={}, timeout=30).raise_for_status().json()
    (kept,) = [each for each in found if each["key"] == "replay"]
    (row,) = json.loads(kept["data"])
    assert row["total"] == printed["total"]
    assert flows_here.inventory() == set()
