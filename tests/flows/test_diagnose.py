"""The on-call engineer's story: nothing is found while all is well; then each thing that breaks is found, with its cause and what would do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cloud import state
from cloud.connection import connect
from flows.diagnose import diagnose
from flows.provision import provision
from ironwood.cost.budget import actions_of, key_of
from ironwood.errors import DiagnosisError
from ironwood.profile import Profile
from ironwood.state import Spending
from running import HTTP, EmbeddedCloud
from tasks.inputs import load_profile

MACHINE = "tpu7x-standard-4t"
SMALL, MEDIUM = "ironwood-cluster-small-001", "ironwood-cluster-medium-001"
COMPUTE = "compute/v1/projects/embedded-project"
FAILED = {
    "logName": "projects/embedded-project/logs/aiplatform.googleapis.com%2Fprediction_container",
    "resource": {"type": "aiplatform.googleapis.com/Endpoint", "labels": {"endpoint_id": "inference-endpoint-small"}},
    "severity": "ERROR",
    "textPayload": "Model server never became ready",
}


@pytest.fixture
def path(tmp_path: Path, small_profile: Path) -> Path:
    """Small on Spot, else on demand in the same zone; a budget that acts, and a ledger."""
    text = small_profile.read_text().replace("logging: {enabled: false}\n", "").replace("vertex: {endpoints: false}\n", "")
    text = text.replace("small: {chips: 8}", "small: {chips: 8, consumption: spot, fallbacks: [{consumption: on_demand}]}")
    path = tmp_path / "oncall.yaml"
    path.write_text(text + "budget: {amount_usd: 100000, actions: [{at: 0.8, do: stop_growth}]}\n")
    return path


Findings = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def findings(path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], Findings]:
    """A diagnosis as a program reads it, by check and subject."""

    def look() -> Findings:
        capsys.readouterr()
        try:
            diagnose(str(path), form="json")
            failed = False
        except DiagnosisError:
            failed = True
        told = json.loads(capsys.readouterr().out)
        assert told["healthy"] is not failed
        return {(each["check"], each["subject"]): each for each in told["findings"]}

    return look


def stop_growth(profile: Profile) -> None:
    """The state as a look at the budget leaves it when a threshold was passed before medium grew to its pod."""
    connection = connect(profile)
    now = connection.clock.now()
    done = {key_of(profile, actions_of(profile)[0]): "ceiling"}
    spending = Spending(
        month=f"{now:%Y-%m}", looked=now - timedelta(hours=1), spent_usd=Decimal(80_001), hourly_usd=Decimal(300), done={}, ceiling={"small": 1, "medium": 0}
    )  # fmt: skip
    state.update(connection, profile, uuid4(), "test", lambda kept: kept.with_spending(replace(spending, done=done)))


def test_it_finds_nothing_while_all_is_well_and_then_everything_that_broke(
    stepped_cloud: EmbeddedCloud, path: Path, findings: Callable[[], Findings]
):
    cloud = stepped_cloud
    provision(str(path))
    assert findings() == {}
    cloud.tell("clock/advance", {"seconds": 3600})
    before = len(cloud.writes())
    cloud.tell("faults", {"type": "stock", "zone": "us-central1-c", "machine_type": MACHINE, "available": 0})
    cloud.tell("faults", {"type": "preemption", "group": SMALL})
    cloud.tell("quotas", {"us-central1/TPU7X": 14}, method="PUT")
    cloud.tell("faults", {"type": "host_failure", "group": MEDIUM})
    fault = cloud.tell("faults", {"type": "error", "method": "cloudbilling.projects.getBillingInfo", "status": 503})["id"]
    HTTP.post(f"http://{cloud.rest}/v2/entries:write", json={"entries": [FAILED]}).raise_for_status()
    cloud.tell("clock/advance", {"seconds": 300})
    found = findings()
    health = found["health", "inference-backend-small"]
    assert (health["severity"], health["what"]) == ("error", "backend small: 1 of 2 healthy")
    lost = found["lost", SMALL]
    assert lost["what"] == "1 VM preempted, 1 of 2 are not there"
    assert lost["since"] == health["since"]
    assert found["lost", MEDIUM]["what"] == "1 VM lost with its host, 1 of 4 are not there"
    assert found["stock", SMALL]["evidence"][0].partition(" UTC ")[2].startswith("ZONE_RESOURCE_POOL_EXHAUSTED: The zone")
    assert found["stock", SMALL]["remedies"] == ["profile: tiers.small.fallbacks: [{consumption: on_demand, zone: us-central1-ai1a}]"]
    assert found["fallback", "small"]["what"] == "on_demand in us-central1-c would need 4 chips, the quota has 2 of 14 free"
    assert "--preferred-value=16 " in found["fallback", "small"]["remedies"][0]
    assert found["quota", "tpu7x chips in us-central1"]["what"] == "2 chips too few for what is wanted"
    assert found["billing", "embedded-project"]["what"] == "could not be looked at"
    assert "never became ready" in found["endpoint", "inference-endpoint-small"]["evidence"][0]
    assert ("drift", load_profile(str(path)).name) not in found
    cloud.tell(f"faults/{fault}", None, method="DELETE")
    assert [each["method"] for each in cloud.writes()[before:]] == ["logging.entries.write"]
    HTTP.delete(f"http://{cloud.rest}/{COMPUTE}/global/firewalls/ai-inference-allow-health-checks").raise_for_status()
    stop_growth(load_profile(str(path)))
    HTTP.post(f"http://{cloud.rest}/v1/projects/embedded-project/services/orgpolicy.googleapis.com:disable", json={}).raise_for_status()
    cloud.tell("clock/advance", {"seconds": 60})
    later = findings()
    assert "0 allowed: stop_growth at 80% of $100,000 a month, $80,001.00 spent" in later["budget", "medium"]["what"]
    assert later["budget", "meter"]["severity"] == "warning"
    assert later["firewall", "ai-inference-allow-health-checks"]["severity"] == "error"
    assert later["api", "APIs"]["what"] == "off: orgpolicy.googleapis.com"
    assert ("billing", "embedded-project") not in later
