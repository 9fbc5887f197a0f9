"""Development TPUs: queued resources from the order to nothing left, through preemption, empty zones and kills."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cloud.clock import sleep
from cloud.connection import connect
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.reconcile import ours
from flows.teardown import teardown
from flows.validate import validate
from ironwood.cost.estimate import estimate
from ironwood.errors import OutOfStockError, PreflightError, ProbeError
from ironwood.resources.queued_tpu import QueuedTpu
from running import HTTP, ROOT, EmbeddedCloud, command, wait_until
from tasks.inputs import load_price_book, load_profile
from tasks.meter import look

ZONE, TYPE = "us-central1-a", "v5litepod-4"
NAME = "ironwood-dev-bench-001"
QUOTA = "TPUV5sPreemptibleLitepodPerProjectPerZoneForTPUAPI"
TO_THE_CENT = Decimal("0.005")
PATH = f"v2/projects/embedded-project/locations/{ZONE}"


@pytest.fixture
def bench(small_profile: Path) -> Path:
    """The smallest tier there can be, at nothing, and one development TPU."""
    text = small_profile.read_text().replace("{chips: 8}", "{chips: 4, replicas: 0}").replace("{chips: 16}", "{enabled: false}")
    text = text.replace("{port: 8080}", "{port: 8080, default_tier: small}")
    small_profile.write_text(text + f"development:\n  bench: {{accelerator_type: {TYPE}}}\n")
    return small_profile


@pytest.fixture
def kept(bench: Path) -> Path:
    """The same with leases and a ledger."""
    bench.write_text(bench.read_text().replace("lease: {enabled: false}\nlogging: {enabled: false}\n", "lease: {hours: 720}\n"))
    return bench


def queued(cloud: EmbeddedCloud) -> dict[str, str]:
    """The state of each queued resource in the zone, by name; none while the API is off."""
    found = HTTP.get(f"http://{cloud.rest}/{PATH}/queuedResources").json().get("queuedResources", [])
    return {each["name"].rpartition("/")[2]: each["state"]["state"] for each in found}


def writes(cloud: EmbeddedCloud, method: str) -> list[dict[str, Any]]:
    return [each for each in cloud.writes() if each["method"] == f"tpu.projects.locations.{method}"]


def billed(cloud: EmbeddedCloud, **interval: str) -> Decimal:
    lines = cloud.ask("bill", **interval)["lines"]
    return sum((Decimal(each["amount_usd"]) for each in lines if each["kind"] == "tpu.nodes"), Decimal(0))


def tpu_usd_hour(profile: Path) -> Decimal:
    """What the estimate says of the development TPUs that are live."""
    loaded = load_profile(str(profile))
    found = estimate(ours(observe(connect(loaded)).live, loaded), load_price_book("list"))
    return sum((line.hourly_usd for line in found.lines if line.address.kind == QueuedTpu.kind), Decimal(0))


def preempt(cloud: EmbeddedCloud) -> None:
    cloud.tell("faults", {"type": "tpu_preemption", "queued_resource": NAME})
    wait_until(lambda: queued(cloud)[NAME] == "SUSPENDED", "the preemption")


def test_it_lives_a_whole_life_and_its_bill_is_the_estimate_and_the_ledger(
    flows_here: EmbeddedCloud, kept: Path, capsys: pytest.CaptureFixture[str]
):
    provision(str(kept))
    assert queued(flows_here) == {NAME: "ACTIVE"}
    assert re.search(r"readiness 200, prediction\s", capsys.readouterr().out)
    connection = connect(load_profile(str(kept)))
    start = connection.clock.now().replace(microsecond=0) + timedelta(seconds=1)
    end = start + timedelta(minutes=30)
    sleep(connection.clock, timedelta(minutes=31))
    assert tpu_usd_hour(kept) == 4 * Decimal("0.607")
    assert abs(billed(flows_here, **{"from": start.isoformat(), "until": end.isoformat()}) - tpu_usd_hour(kept) / 2) < TO_THE_CENT
    preempt(flows_here)
    assert tpu_usd_hour(kept) == 0
    assert provision(str(kept)) == 1
    assert queued(flows_here) == {NAME: "ACTIVE"}
    metered = look.fn(connection, load_profile(str(kept)), observe(connection).live, None)
    assert metered is not None
    month = {"from": metered.since.isoformat(), "until": metered.at.isoformat()}
    assert abs(metered.spend.by_tier["development bench"] - billed(flows_here, **month)) < TO_THE_CENT
    assert sum(vm.make.family == "v5e" for vm in metered.book.vms.values()) == 2, "one before the preemption, one after"
    teardown(str(kept), confirm=load_profile(str(kept)).name)
    assert not {each for each in flows_here.inventory() if each[0].startswith(("tpu.", "compute.", "iam.", "cloudscheduler."))}
    assert float(flows_here.ask("bill")["usd_per_hour"]) == 0


def gcloud_lists(cloud: EmbeddedCloud, folder: Path) -> dict[str, str]:
    """What `gcloud compute tpus tpu-vm list` prints: states by name."""
    environment = {
        **os.environ,
        "CLOUDSDK_CONFIG": str(folder / "gcloud"),
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": "embedded-project",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_TPU": f"http://{cloud.rest}/",
    }
    asked = ["gcloud", "compute", "tpus", "tpu-vm", "list", f"--zone={ZONE}", "--format=json"]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return {each["name"].rpartition("/")[2]: each["state"] for each in json.loads(done.stdout)}


@pytest.mark.long
def test_a_suspended_one_is_cleared_away_before_its_quota_is_needed_again(flows_here: EmbeddedCloud, bench: Path, tmp_path: Path):
    flows_here.tell("quotas", {f"{ZONE}/{QUOTA}": 4}, method="PUT")
    provision(str(bench))
    asked = HTTP.get(f"http://{flows_here.rest}/v2/projects/embedded-project/locations/{ZONE}/nodes").raise_for_status().json()
    assert {each["name"].rpartition("/")[2]: each["state"] for each in asked["nodes"]} == {NAME: "READY"}, "what gcloud would ask"
    if shutil.which("gcloud"):
        assert gcloud_lists(flows_here, tmp_path) == {NAME: "READY"}
    preempt(flows_here)
    with pytest.raises(ProbeError, match=f"development TPU {NAME}: is SUSPENDED"):
        validate(str(bench))
    assert provision(str(bench)) == 1
    assert queued(flows_here) == {NAME: "ACTIVE"}
    asked = [each["path"].partition("?")[2] for each in writes(flows_here, "queuedResources.delete")]
    assert len(asked) == 1
    assert "force=true" not in asked[0], "a suspended one goes without force"
    bench.write_text(bench.read_text().replace(f"{TYPE}}}", f"{TYPE}, count: 2}}"))
    with pytest.raises(PreflightError, match=rf"quota of Spot v5e chips in {ZONE}: 8 needed, 4 allowed.*--service=tpu.googleapis.com"):
        provision(str(bench))


@pytest.mark.long
def test_a_zone_without_stock_ends_in_a_cancelled_order_and_nothing_counts_any_more(flows_here: EmbeddedCloud, bench: Path):
    bench.write_text(bench.read_text().replace(f"{TYPE}}}", f"{TYPE}, deadline_minutes: 5}}"))
    flows_here.tell("faults", {"type": "stock", "zone": ZONE, "machine_type": TYPE, "available": 0})
    with pytest.raises(OutOfStockError, match=r"no more capacity|the order is cancelled"):
        provision(str(bench))
    assert queued(flows_here) == {}


@pytest.fixture
def leased(kept: Path) -> Path:
    """A lease of two hours, and nobody who watches."""
    kept.write_text(
        kept.read_text().replace("{hours: 720}", "{hours: 2}").replace("development:", "logging: {enabled: false}\ndevelopment:")
    )
    return kept


@pytest.mark.long
def test_its_lease_deletes_it_when_nobody_lives_and_the_next_run_orders_it_anew(stepped_cloud: EmbeddedCloud, leased: Path):
    provision(str(leased))
    stepped_cloud.tell("clock/advance", {"seconds": 4 * 3600})
    assert queued(stepped_cloud) == {}
    assert float(stepped_cloud.ask("bill")["usd_per_hour"]) < 0.1
    assert provision(str(leased)) >= 1
    assert queued(stepped_cloud) == {NAME: "ACTIVE"}


@pytest.mark.long
def test_a_run_killed_while_it_waits_is_taken_up_by_the_next(flows_here: EmbeddedCloud, bench: Path, commands: dict[str, str]):
    fault = flows_here.tell("faults", {"type": "stock", "zone": ZONE, "machine_type": TYPE, "available": 0})
    running = subprocess.Popen(
        command("flows.provision", "--profile", str(bench)), cwd=ROOT, env=commands, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: queued(flows_here) == {NAME: "WAITING_FOR_RESOURCES"}, "the order")
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert detect_drift(str(bench)) >= 1
    flows_here.tell(f"faults/{fault['id']}", None, method="DELETE")
    provision(str(bench))
    assert queued(flows_here) == {NAME: "ACTIVE"}
    assert len(writes(flows_here, "queuedResources.create")) == 1
