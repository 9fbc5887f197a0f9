"""Development TPUs: queued resources from the order to nothing left, through preemption, empty zones and kills."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cloud.connection import connect
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.reconcile import ours
from flows.teardown import teardown
from flows.validate import validate
from ironwood.cost.estimate import estimate
from ironwood.errors import OutOfStockError, PreflightError, ProbeError, UnfinishedError
from ironwood.resources.queued_tpu import QueuedTpu
from running import HTTP, ROOT, EmbeddedCloud, command, wait_until
from tasks.inputs import load_price_book, load_profile
from tasks.meter import look

ZONE, TYPE = "us-central1-a", "v5litepod-4"
NAME = "ironwood-dev-bench-001"
QUOTA = "TPUV5sPreemptibleLitepodPerProjectPerZoneForTPUAPI"
STOPPER = "tpu-stopper-sa@embedded-project.iam.gserviceaccount.com"
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
    """The state of each queued resource in the zone, by name."""
    found = HTTP.get(f"http://{cloud.rest}/{PATH}/queuedResources").raise_for_status().json().get("queuedResources", [])
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


def test_it_lives_a_whole_life_and_its_bill_is_the_estimate_and_the_ledger(
    stepped_cloud: EmbeddedCloud, kept: Path, capsys: pytest.CaptureFixture[str]
):
    provision(str(kept))
    assert queued(stepped_cloud) == {NAME: "ACTIVE"}
    assert re.search(r"readiness 200, prediction\s", capsys.readouterr().out)
    assert provision(str(kept)) == 0
    connection = connect(load_profile(str(kept)))
    start = connection.clock.now()
    stepped_cloud.tell("clock/advance", {"seconds": 3 * 3600})
    end = connection.clock.now()
    assert tpu_usd_hour(kept) == 4 * Decimal("0.607")
    assert abs(billed(stepped_cloud, **{"from": start.isoformat(), "until": end.isoformat()}) - 3 * tpu_usd_hour(kept)) < Decimal("0.0001")
    preempt(stepped_cloud)
    assert tpu_usd_hour(kept) == 0
    assert detect_drift(str(kept)) == 1
    with pytest.raises(ProbeError, match=f"development TPU {NAME}: is SUSPENDED"):
        validate(str(kept))
    assert provision(str(kept)) == 1
    assert queued(stepped_cloud) == {NAME: "ACTIVE"}
    metered = look.fn(connection, load_profile(str(kept)), observe(connection).live, None)
    assert metered is not None
    assert metered.told == ()
    assert abs(metered.spend.by_tier["development bench"] - billed(stepped_cloud)) < Decimal("0.0001")
    teardown(str(kept), confirm=load_profile(str(kept)).name)
    assert not {each for each in stepped_cloud.inventory() if each[0].startswith(("tpu.", "compute.", "iam.", "cloudscheduler."))}
    assert float(stepped_cloud.ask("bill")["usd_per_hour"]) == 0


def preempt(cloud: EmbeddedCloud) -> None:
    cloud.tell("faults", {"type": "tpu_preemption", "queued_resource": NAME})
    if cloud.clock == "stepped":
        cloud.tell("clock/advance", {"seconds": 120})
    wait_until(lambda: queued(cloud)[NAME] == "SUSPENDED", "the preemption")


def test_a_suspended_one_is_cleared_away_before_its_quota_is_needed_again(flows_here: EmbeddedCloud, bench: Path):
    flows_here.tell("quotas", {f"{ZONE}/{QUOTA}": 4}, method="PUT")
    provision(str(bench))
    preempt(flows_here)
    assert provision(str(bench)) == 1
    assert queued(flows_here) == {NAME: "ACTIVE"}
    asked = [each["path"].partition("?")[2] for each in writes(flows_here, "queuedResources.delete")]
    assert len(asked) == 1
    assert "force=true" not in asked[0], "a suspended one goes without force"
    bench.write_text(bench.read_text().replace(f"{TYPE}}}", f"{TYPE}, count: 2}}"))
    with pytest.raises(PreflightError, match=rf"quota of Spot v5e chips in {ZONE}: 8 needed, 4 allowed.*--service=tpu.googleapis.com"):
        provision(str(bench))


def test_a_zone_without_stock_ends_in_a_cancelled_order_and_nothing_counts_any_more(flows_here: EmbeddedCloud, bench: Path):
    bench.write_text(bench.read_text().replace(f"{TYPE}}}", f"{TYPE}, deadline_minutes: 5}}"))
    fault = flows_here.tell("faults", {"type": "stock", "zone": ZONE, "machine_type": TYPE, "available": 0})
    with pytest.raises(OutOfStockError, match=r"no more capacity|the order is cancelled"):
        provision(str(bench))
    assert queued(flows_here) == {}
    flows_here.tell(f"faults/{fault['id']}", None, method="DELETE")
    provision(str(bench))
    assert queued(flows_here) == {NAME: "ACTIVE"}


@pytest.fixture
def leased(kept: Path) -> Path:
    """A lease of two hours, and nobody who watches."""
    kept.write_text(
        kept.read_text().replace("{hours: 720}", "{hours: 2}").replace("development:", "logging: {enabled: false}\ndevelopment:")
    )
    return kept


def test_nothing_is_ordered_whose_lease_may_not_delete_it_and_the_lease_does(stepped_cloud: EmbeddedCloud, leased: Path):
    denied = stepped_cloud.tell("faults", {"type": "deny", "member": STOPPER, "permission": "tpu.nodes.delete"})
    with pytest.raises(UnfinishedError, match=rf"{NAME}-lease was answered code 7.*needs tpu.nodes.delete"):
        provision(str(leased))
    assert queued(stepped_cloud) == {}
    stepped_cloud.tell(f"faults/{denied['id']}", None, method="DELETE")
    provision(str(leased))
    (tries,) = {each["caller"] for each in writes(stepped_cloud, "queuedResources.delete")}
    assert tries == f"serviceAccount:{STOPPER}"
    preempt(stepped_cloud)
    provision(str(leased))
    assert queued(stepped_cloud) == {NAME: "ACTIVE"}, "the lease itself has cleared the suspended one away"
    assert {each["caller"] for each in writes(stepped_cloud, "queuedResources.delete")} == {f"serviceAccount:{STOPPER}"}
    stepped_cloud.tell("clock/advance", {"seconds": 4 * 3600})
    assert queued(stepped_cloud) == {}
    assert float(stepped_cloud.ask("bill")["usd_per_hour"]) < 0.1
    assert provision(str(leased)) >= 1
    assert queued(stepped_cloud) == {NAME: "ACTIVE"}


def test_gcloud_lists_what_was_provisioned(flows_here: EmbeddedCloud, bench: Path, tmp_path: Path):
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud is not installed")
    provision(str(bench))
    environment = {
        **os.environ,
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": "embedded-project",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_TPU": f"http://{flows_here.rest}/",
    }
    asked = ["gcloud", "compute", "tpus", "tpu-vm", "list", f"--zone={ZONE}", "--format=json"]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["name"].rpartition("/")[2], found["state"]) == (NAME, "READY")


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
