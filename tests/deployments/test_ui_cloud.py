"""The embedded cloud of `make ui`: at the scale asked for, with what it holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from builders import ROOT
from running import HTTP, PrefectServer

ASKS = """
import httpx
from cloud import embedded
from deployments.ui import cloud_at

first = cloud_at(60)
httpx.post(f"{first.url}/storage/v1/b", params={"project": "embedded-project"}, json={"name": "kept"})
second = cloud_at(120)
again = cloud_at(120)
kept = [each["name"] for each in httpx.get(f"{again.url}/storage/v1/b", params={"project": "embedded-project"}).json()["items"]]
print(first.scale, second.scale, again.rest == second.rest, kept, embedded.stop())
"""


@pytest.fixture
def idle(prefect_server: PrefectServer) -> PrefectServer:
    """The server, where nothing is under way any more: other tests leave runs they have killed."""
    states = {"flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING", "PAUSED", "CANCELLING"]}}}}
    for run in HTTP.post(f"{prefect_server.url}/flow_runs/filter", json=states).raise_for_status().json():
        ended = {"state": {"type": "CRASHED"}, "force": True}
        HTTP.post(f"{prefect_server.url}/flow_runs/{run['id']}/set_state", json=ended).raise_for_status()
    return prefect_server


def test_a_cloud_at_another_scale_is_started_anew_with_what_it_holds(tmp_path: Path, idle: PrefectServer):
    environment = {**os.environ, **idle.environment, "IRONWOOD_HOME": str(tmp_path)}
    environment.pop("IRONWOOD_EMULATOR", None)
    done = subprocess.run([sys.executable, "-c", ASKS], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    noted, answers = done.stdout.splitlines()
    assert "runs at 60 times real time, not 120: started anew with what it holds" in noted
    assert answers == "60.0 120.0 True ['kept'] True"
