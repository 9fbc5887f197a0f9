"""The driver of development TPUs: whoever looks next takes up what a killed one left, and an order is never doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from builders import a_profile
from cloud import progress
from cloud.connection import Connection, connect
from cloud.drivers.queued_tpu import QUEUED_TPU
from cloud.drivers.registry import DRIVERS
from cloud.journal import Attempt
from ironwood.desired import desired
from ironwood.errors import CloudError, ConflictError, LeaseError, QuotaError, StockoutError
from ironwood.profile import LeaseSettings, Profile
from ironwood.resources.base import Address
from ironwood.resources.iam_binding import IamBinding
from ironwood.resources.queued_tpu import QueuedTpu
from running import HTTP, ROOT, EmbeddedCloud, wait_until

PROJECT, ZONE, TYPE = "embedded-project", "us-central1-a", "v5litepod-4"
STOPPER = f"tpu-stopper-sa@{PROJECT}.iam.gserviceaccount.com"
ACCOUNT = Address(kind="service_account", scope="global", name="tpu-stopper-sa")
PATH = f"v2/projects/{PROJECT}/locations/{ZONE}/queuedResources"
WAITS = """
from test_queued_tpu_driver import a_tpu, attempt, here
from cloud.drivers.queued_tpu import QUEUED_TPU
QUEUED_TPU.create(here(), attempt(), a_tpu())
"""


def profile() -> Profile:
    text = f"cloud: embedded\nname: driver\nlease: {{enabled: false}}\ndevelopment: {{bench: {{accelerator_type: {TYPE}}}}}\n"
    return a_profile(text).model_copy(update={"project_id": PROJECT})


def here() -> Connection:
    return connect(profile())


def a_tpu() -> QueuedTpu:
    """The one of the profile, in the project's default network."""
    wanted = next(each for each in desired(profile(), profile().baseline) if isinstance(each, QueuedTpu))
    network = Address(kind="network", scope="global", name="default")
    return replace(wanted, network=network, subnetwork=Address(kind="subnetwork", scope="regions/us-central1", name="default"))


def attempt() -> Attempt:
    return Attempt(run=uuid4(), step="order it", number=1)


@pytest.fixture
def cloud(in_the_cloud: EmbeddedCloud) -> EmbeddedCloud:
    apis = ["compute.googleapis.com", "tpu.googleapis.com"]
    HTTP.post(f"http://{in_the_cloud.rest}/v1/projects/{PROJECT}/services:batchEnable", json={"serviceIds": apis}).raise_for_status()
    url = f"http://{in_the_cloud.rest}/v1/projects/{PROJECT}/services/tpu.googleapis.com"
    wait_until(lambda: HTTP.get(url).json()["state"] == "ENABLED", "the APIs")
    return in_the_cloud


def state(cloud: EmbeddedCloud) -> str:
    found = HTTP.get(f"http://{cloud.rest}/{PATH}").json().get("queuedResources", [])
    return str(found[0]["state"]["state"]) if found else ""


def empty_the_stock(cloud: EmbeddedCloud) -> str:
    return str(cloud.tell("faults", {"type": "stock", "zone": ZONE, "machine_type": TYPE, "available": 0})["id"])


def count(cloud: EmbeddedCloud, verb: str) -> int:
    return sum(each["method"] == f"tpu.projects.locations.queuedResources.{verb}" for each in cloud.writes())


def test_an_order_a_killed_process_left_waiting_is_waited_for_and_told_of(cloud: EmbeddedCloud):
    fault = empty_the_stock(cloud)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "cloud")])}
    waits = subprocess.Popen([sys.executable, "-c", WAITS], env=environment, cwd=ROOT)
    wait_until(lambda: state(cloud) == "WAITING_FOR_RESOURCES", "the order")
    waits.send_signal(signal.SIGKILL)
    waits.wait()
    cloud.tell(f"faults/{fault}", None, method="DELETE")
    told: list[tuple[Any, ...]] = []
    with progress.listening(lambda *heard: told.append(heard)):
        QUEUED_TPU.create(here(), attempt(), a_tpu())
    assert told[-1] == (1, 1, "")
    assert {each[2] for each in told} & {"WAITING_FOR_RESOURCES", "PROVISIONING"}
    assert count(cloud, "create") == 1
    (live,) = QUEUED_TPU.observe(here())
    assert live.differences(a_tpu()) == {}, "what is there is what was asked for, field by field"
    QUEUED_TPU.delete(here(), attempt(), live)
    assert state(cloud) == ""
    QUEUED_TPU.delete(here(), attempt(), live)


def test_an_order_past_its_deadline_is_cancelled_and_read_back(cloud: EmbeddedCloud):
    empty_the_stock(cloud)
    with pytest.raises(StockoutError):
        QUEUED_TPU.create(here(), attempt(), replace(a_tpu(), patience=timedelta(minutes=5)))
    assert state(cloud) == ""
    assert count(cloud, "create") == 1


def test_one_that_failed_long_ago_is_cleared_away_and_ordered_anew(cloud: EmbeddedCloud):
    fault = empty_the_stock(cloud)
    order(cloud, until="60s")
    wait_until(lambda: state(cloud) == "FAILED", "the end of its time")
    cloud.tell(f"faults/{fault}", None, method="DELETE")
    (before,) = QUEUED_TPU.observe(here())
    assert before.state == "FAILED"
    QUEUED_TPU.update(here(), attempt(), before, a_tpu())
    assert state(cloud) == "ACTIVE"
    node = f"http://{cloud.rest}/{PATH.replace('queuedResources', 'nodes')}/{a_tpu().name}"
    HTTP.post(f"{node}:stop", json={}).raise_for_status()
    wait_until(lambda: HTTP.get(node).json()["state"] == "STOPPED", "the stop")
    (before,) = QUEUED_TPU.observe(here())
    assert before.state == "NODE_STOPPED"
    QUEUED_TPU.update(here(), attempt(), before, a_tpu())
    assert HTTP.get(node).json()["state"] == "READY"


def test_what_somebody_else_made_under_its_name_is_left_alone(cloud: EmbeddedCloud):
    order(cloud, owner="somebody")
    with pytest.raises(ConflictError, match="belongs to profile somebody"):
        QUEUED_TPU.create(here(), attempt(), a_tpu())
    assert count(cloud, "delete") == 0


def test_a_quota_of_the_api_is_told_as_one_and_not_asked_again(cloud: EmbeddedCloud):
    cloud.tell("quotas", {f"{ZONE}/TPUV5sPreemptibleLitepodPerProjectPerZoneForTPUAPI": 0}, method="PUT")
    with pytest.raises(QuotaError, match="Limit: 0 in zone us-central1-a"):
        QUEUED_TPU.create(here(), attempt(), a_tpu())


def test_a_lost_answer_to_the_order_makes_no_second_one(cloud: EmbeddedCloud):
    cloud.tell("faults", {"type": "lost_response", "method": "tpu.projects.locations.queuedResources.create", "times": 1})
    with pytest.raises(CloudError):
        QUEUED_TPU.create(here(), attempt(), a_tpu())
    QUEUED_TPU.create(here(), attempt(), a_tpu())
    assert count(cloud, "create") == 1


@pytest.fixture
def leased(cloud: EmbeddedCloud) -> QueuedTpu:
    """The order under a lease: its job, the job's account and what that may do."""
    apis = ["cloudresourcemanager.googleapis.com", "cloudscheduler.googleapis.com", "iam.googleapis.com"]
    head = f"http://{cloud.rest}/v1/projects/{PROJECT}/services"
    wait_until(lambda: HTTP.post(f"{head}:batchEnable", json={"serviceIds": apis}).is_success, "no other activation")
    wait_until(lambda: all(HTTP.get(f"{head}/{api}").json()["state"] == "ENABLED" for api in apis), "the APIs")
    with_lease = profile().model_copy(update={"lease": LeaseSettings(hours=720)})
    graph = desired(with_lease, with_lease.baseline, now=here().clock.now())
    tpu = next(each for each in graph if isinstance(each, QueuedTpu))
    account = next(each for each in graph if each.address == ACCOUNT)
    job = next(each for each in graph if each.address == tpu.lease)
    bindings = [each for each in graph if isinstance(each, IamBinding) and each.account == ACCOUNT]
    for each in (account, *bindings, job):
        DRIVERS[each.kind].create(here(), attempt(), each)
    return replace(a_tpu(), lease=tpu.lease)


def deleters(cloud: EmbeddedCloud) -> set[str]:
    return {each["caller"] for each in cloud.requests() if each["method"] == "tpu.projects.locations.queuedResources.delete"}


def test_nothing_is_ordered_whose_lease_may_not_delete_it(cloud: EmbeddedCloud, leased: QueuedTpu):
    denied = cloud.tell("faults", {"type": "deny", "member": STOPPER, "permission": "tpu.nodes.delete"})
    with pytest.raises(LeaseError, match=r"-lease was answered code 7.*needs tpu.nodes.delete"):
        QUEUED_TPU.create(here(), attempt(), leased)
    assert state(cloud) == ""
    cloud.tell(f"faults/{denied['id']}", None, method="DELETE")
    QUEUED_TPU.create(here(), attempt(), leased)
    assert deleters(cloud) == {f"serviceAccount:{STOPPER}"}, "it was let through, and found nothing"
    assert state(cloud) == "ACTIVE"


def test_the_lease_itself_clears_a_suspended_one_away(cloud: EmbeddedCloud, leased: QueuedTpu):
    QUEUED_TPU.create(here(), attempt(), leased)
    cloud.tell("faults", {"type": "tpu_preemption", "queued_resource": leased.name})
    (before,) = QUEUED_TPU.observe(here())
    assert before.state in {"SUSPENDING", "SUSPENDED"}
    QUEUED_TPU.update(here(), attempt(), before, leased)
    assert state(cloud) == "ACTIVE"
    assert deleters(cloud) == {f"serviceAccount:{STOPPER}"}


def order(cloud: EmbeddedCloud, *, until: str = "3600s", owner: str = "driver") -> None:
    """The same order by hand."""
    wanted = a_tpu()
    node = {
        "acceleratorType": TYPE,
        "runtimeVersion": wanted.runtime_version,
        "networkConfig": {
            "network": f"projects/{PROJECT}/global/networks/default",
            "subnetwork": f"projects/{PROJECT}/regions/us-central1/subnetworks/default",
        },
        "serviceAccount": {"email": f"{wanted.service_account.name}@{PROJECT}.iam.gserviceaccount.com"},
        "labels": {**dict(wanted.labels), "ironwood-profile": owner},
        "tags": list(wanted.tags),
        "metadata": {"startup-script": wanted.startup_script, "enable-guest-attributes": "TRUE"},
    }
    spec = {"parent": PATH.rpartition("/")[0].removeprefix("v2/"), "nodeId": wanted.name, "node": node}
    body = {"tpu": {"nodeSpec": [spec]}, "spot": {}, "queueingPolicy": {"validUntilDuration": until}}
    HTTP.post(f"http://{cloud.rest}/{PATH}?queuedResourceId={wanted.name}", json=body).raise_for_status()
