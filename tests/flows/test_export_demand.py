"""What the load balancer served is exported from Cloud Monitoring, bin by bin, as a trace that the planner reads."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cloud.connection import connect
from cloud.observe import observe
from flows.export_demand import export_demand
from flows.provision import provision
from ironwood.desired import desired
from ironwood.errors import InputError
from running import EmbeddedCloud
from tasks.inputs import load_profile
from tasks.optimize import TraceUse, read_demand
from tasks.probe import QUESTION, routes


def test_requests_served_become_a_trace(stepped_cloud: EmbeddedCloud, small_profile: Path, tmp_path: Path):
    small_profile.write_text(
        small_profile.read_text().replace("{chips: 16}", "{enabled: false}").replace("8080}", "8080, default_tier: small}")
    )
    provision(str(small_profile))
    profile = load_profile(str(small_profile))
    connection = connect(profile)
    live = observe(connection).live
    url = routes(live, desired(profile, profile.baseline, live))[0][0]
    # The other routes and the probes of provision have asked too; from here on the bins are ours.
    begun = connection.clock.now()
    stepped_cloud.tell("clock/advance", {"seconds": 600})
    asked: dict[str, int] = {}
    for count in (3, 0, 7):
        at = connection.clock.now()
        for _ in range(count):
            assert httpx.post(url, json=QUESTION, timeout=30).status_code == 200
        asked[f"{at - timedelta(minutes=at.minute % 5):%Y-%m-%dT%H:%M}"] = count
        stepped_cloud.tell("clock/advance", {"seconds": 300})
    stepped_cloud.tell("clock/advance", {"seconds": 300})
    path = tmp_path / "demand.csv"
    total = export_demand(str(small_profile), str(path), days=1)
    rows = {row["timestamp"][:16]: int(row["requests"]) for row in csv.DictReader(path.read_text().splitlines())}
    assert {start: rows[start] for start in asked} == asked
    assert sum(count for start, count in rows.items() if start > f"{begun + timedelta(minutes=5):%Y-%m-%dT%H:%M}") == 10
    assert total == sum(rows.values()) >= 10
    assert len(rows) == 288
    demand = read_demand(path, TraceUse(), peak_units=100)
    assert demand.bins == 288
    assert demand.native_minutes == 5
    with pytest.raises(InputError, match="there is such a file already"):
        export_demand(str(small_profile), str(path))
    first = datetime.fromisoformat(min(rows) + "+00:00")
    assert connection.clock.now() - first < timedelta(days=1, minutes=10)


@pytest.mark.usefixtures("flows_here")
def test_a_load_balancer_nobody_asked_has_no_demand_to_export(small_profile: Path, tmp_path: Path):
    with pytest.raises(InputError, match="days 90: Cloud Monitoring keeps 42 days"):
        export_demand(str(small_profile), str(tmp_path / "d.csv"), days=90)
    with pytest.raises(InputError, match="name the new CSV file"):
        export_demand(str(small_profile))
    assert not (tmp_path / "d.csv").exists()
