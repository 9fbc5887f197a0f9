"""An operator's day in Prefect's UI, in a real browser: a real server, a real worker, an embedded cloud of the test's own.

A plan waits for a person and is approved through its form; the run shows its graph and its pages; the windows' schedules, the budget and the proof
of zero are there to be seen. Screenshots are left in `.ironwood/screenshots/`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from builders import ROOT
from running import EmbeddedCloud, PrefectServer, ask_prefect, pause_schedules, run, wait_until

pytestmark = pytest.mark.skipif("IRONWOOD_BROWSER" not in os.environ, reason="takes two minutes and a browser: make browser")
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SCREENSHOTS = ROOT / ".ironwood" / "screenshots"
SLOW_MS = 60_000.0
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
AFTER_HOURS = "2026-09-04T18:30:00Z"
"""Friday evening in Paris: for six minutes here no window begins or ends, which would make another plan of the one that is being agreed to."""
PROFILE = """\
name: shop
cloud: embedded
project_id: embedded-project
load_balancer: {port: 8080}
lease: {enabled: false}
monitoring: {enabled: false}
time_zone: Europe/Paris
windows:
  - {name: office, from: "08:00", until: "20:00", days: Mon-Fri, sizes: {small: 2}}
approval: {above_usd_per_hour: 100}
tiers:
  small: {chips: 8}
  medium: {chips: 16}
"""


@dataclass(frozen=True, kw_only=True)
class Office:
    """What an operator has: a server with a worker and everything deployed, a cloud, a browser."""

    server: PrefectServer
    cloud: EmbeddedCloud
    page: Page

    def start(self, deployment: str, **parameters: object) -> str:
        """Run a deployment; answers the flow run's id."""
        found = ask_prefect("GET", f"{self.server.url}/deployments/name/{deployment}")
        return str(ask_prefect("POST", f"{self.server.url}/deployments/{found['id']}/create_flow_run", {"parameters": parameters})["id"])

    def reaches(self, run_id: str, state: str) -> None:
        """Wait until the run is in a state; one that ended in another fails at once."""

        def there() -> bool:
            now = ask_prefect("GET", f"{self.server.url}/flow_runs/{run_id}")["state"]
            assert now["type"] == state or now["type"] not in ENDED, f"{now['type']}: {now['message']}"
            return bool(now["type"] == state)

        wait_until(there, f"{run_id} to be {state}", 240)

    def open(self, path: str) -> None:
        self.page.goto(self.server.url.removesuffix("/api") + path, timeout=SLOW_MS)

    def sees(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=SLOW_MS)

    def keep(self, name: str) -> None:
        """Take a picture once what moves has come to rest."""
        self.page.wait_for_timeout(1500)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    if CHROMIUM is None:
        pytest.fail("no chromium on this machine: apt-get install chromium")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    server = PrefectServer(folder=tmp_path).start()
    cloud = EmbeddedCloud(folder=tmp_path, start_time=AFTER_HOURS).start()
    environment = {**os.environ, **server.environment, **cloud.environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    profile = tmp_path / "shop.yaml"
    profile.write_text(PROFILE)
    worker = None
    try:
        done = run("deployments.bootstrap", "--profile", str(profile), environment=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        pause_schedules(server)  # nothing comes by itself while the test looks
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "ironwood"]
        worker = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch_persistent_context(
                tmp_path / "browser", executable_path=CHROMIUM, headless=True, args=ARGUMENTS, viewport={"width": 1280, "height": 900}
            )
            yield Office(server=server, cloud=cloud, page=browser.new_page())
            browser.close()
    finally:
        if worker is not None:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait(60)
        cloud.stop()
        server.stop()


def artifacts(office: Office, run_id: str) -> set[Any]:
    body = {"flow_runs": {"id": {"any_": [run_id]}}}
    found = ask_prefect("POST", f"{office.server.url}/artifacts/filter", body)
    return {each["key"] for each in found}


@pytest.mark.timeout(900)
def test_a_day_in_the_ui(office: Office):
    provision = office.start("provision/shop")
    office.reaches(provision, "PAUSED")
    approve(office, provision)
    office.reaches(provision, "COMPLETED")
    assert {"approval-shop", "plan-shop"} <= artifacts(office, provision)
    look_at_the_run(office, provision)
    look_at_the_week(office)
    look_at_the_page(office, "validation-shop", re.compile("no drift"))
    budget, status = office.start("check_budget/shop"), office.start("status/shop")
    office.reaches(budget, "COMPLETED")
    office.reaches(status, "COMPLETED")
    look_at_the_page(office, "budget-shop", re.compile("spent so far"))
    look_at_the_page(office, "status-shop", re.compile("instance_group"))
    teardown = office.start("teardown/shop", profile=office_profile(office, provision), confirm="shop")
    office.reaches(teardown, "COMPLETED")
    look_at_the_page(office, "proof-of-zero-shop", re.compile("proof of zero"))
    assert office.cloud.inventory() == set()


def office_profile(office: Office, run_id: str) -> str:
    return str(ask_prefect("GET", f"{office.server.url}/flow_runs/{run_id}")["parameters"]["profile"])


def approve(office: Office, run_id: str) -> None:
    """Read the plan and its cost in the form, find that an empty form is refused, and fill it in."""
    page = office.page
    office.open(f"/runs/flow-run/{run_id}")
    page.get_by_role("button", name="Resume").first.click(timeout=SLOW_MS)
    form = page.get_by_role("dialog")
    expect(form.get_by_text("shop lets runs add $100.00 by themselves")).to_be_visible(timeout=SLOW_MS)
    expect(form.get_by_text(re.compile(r"\+\$\d")).first).to_be_visible()
    form.get_by_role("button", name="Submit").click()
    expect(form.get_by_role("textbox").first).to_be_visible()
    office.reaches(run_id, "PAUSED")
    form.get_by_role("switch").click()
    name, reason = form.get_by_role("textbox").all()
    name.fill("Kim")
    reason.fill("the launch is on Friday")
    office.keep("approval")
    form.get_by_role("button", name="Submit").click()
    expect(form).to_be_hidden(timeout=SLOW_MS)


def look_at_the_run(office: Office, run_id: str) -> None:
    """Its graph, one task a resource, and its pages."""
    page = office.page
    office.open(f"/v2/runs/flow-run/{run_id}")
    office.sees("provision shop")
    expect(page.locator("canvas").first).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("tab", name="Artifacts").click()
    office.sees("plan-shop")
    page.get_by_role("tab", name="Task Runs").click()
    office.sees(re.compile("create (instance_group|forwarding_rule) "))
    office.keep("run")


def look_at_the_week(office: Office) -> None:
    """The windows of the profile as schedules of scale: weekdays, a lead early in the morning, and the tick."""
    found = ask_prefect("GET", f"{office.server.url}/deployments/name/scale/shop")
    office.open(f"/v2/deployments/deployment/{found['id']}")
    office.sees(re.compile("Every 15 minutes"))
    office.sees(re.compile("At 08:00 PM, only on Monday, Tuesday, Wednesday, Thursday, and Friday"))
    office.sees(re.compile("At 07:.. AM, only on Monday"))
    office.keep("schedules")


def look_at_the_page(office: Office, key: str, text: re.Pattern[str]) -> None:
    """The latest page under a key, found where an operator looks: among the artifacts."""
    office.open("/v2/artifacts")
    office.sees(key)
    body = {"artifacts": {"key": {"any_": [key]}}, "sort": "ID_DESC", "limit": 1}
    (latest,) = ask_prefect("POST", f"{office.server.url}/artifacts/filter", body)
    office.open(f"/v2/artifacts/artifact/{latest['id']}")
    office.sees(text)
    office.keep(key.removesuffix("-shop"))
