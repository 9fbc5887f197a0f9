"""Preflight names what is missing before the first write: a quota, a zone, an API; and a run meets what it cannot foresee."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from prefect.logging import disable_run_logger

from cloud.connection import connect
from cloud.observe import observe
from flows.provision import provision
from ironwood.desired import desired
from ironwood.diff import diff
from ironwood.errors import PreflightError, QuotaError
from ironwood.graph import Graph
from running import EmbeddedCloud
from tasks.apply import apply_change
from tasks.inputs import load_profile
from tasks.preflight import preflight


def test_an_exhausted_quota_is_named_before_anything_is_written(flows_here: EmbeddedCloud, small_profile: Path):
    wanted = load_profile(str(small_profile))
    provision(str(small_profile), dry_run=True)
    flows_here.tell("quotas", {"global/BACKEND_SERVICES": 1}, method="PUT")
    asking = r"--quota-id=BACKEND-SERVICES-per-project --preferred-value=2`"
    with pytest.raises(PreflightError, match=asking):
        provision(str(small_profile))
    with pytest.raises(PreflightError, match=r"BACKEND_SERVICES \(global\): 2 more needed, 1 of 1 free.*iam-admin/quotas"):
        provision(str(small_profile))
    assert not any("compute" in each["method"] for each in flows_here.writes())
    flows_here.tell("quotas", {"global/BACKEND_SERVICES": 75}, method="PUT")
    assert wanted.name


def test_apis_that_are_off_are_said_and_enabled_first(flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]):
    provision(str(small_profile))
    assert "APIs: to be enabled first" in capsys.readouterr().out
    assert flows_here.writes()[0]["method"] == "serviceusage.services.batchEnable"


def test_a_zone_that_cannot_host_the_chips_is_named_with_those_that_can(flows_here: EmbeddedCloud, small_profile: Path):
    provision(str(small_profile))
    wanted = load_profile(str(small_profile))
    elsewhere = wanted.model_copy(update={"tiers": {"small": wanted.tiers["small"].model_copy(update={"zone": "us-central1-f"})}})
    connection = connect(wanted)
    plan = diff(desired(wanted, wanted.baseline), observe(connection).live, owner=wanted.name)
    told = [check for check in preflight.fn(connection, elsewhere, plan, desired(wanted, wanted.baseline), Graph()) if check.remedy]
    assert [(check.subject, check.found) for check in told] == [("zone us-central1-f", "does not offer tpu7x-standard-4t")]
    assert "us-central1-ai1a, us-central1-c" in told[0].remedy
    abroad = wanted.model_copy(update={"tiers": {"small": wanted.tiers["small"].model_copy(update={"zone": "europe-west4-a"})}})
    told = [check for check in preflight.fn(connection, abroad, plan, desired(wanted, wanted.baseline), Graph()) if check.remedy]
    lacks = "does not offer tpu7x-standard-4t: europe-west4 has no tpu7x; it has v6e in europe-west4-a, v5p in europe-west4-b"
    assert [(check.subject, check.found) for check in told] == [("zone europe-west4-a", lacks)]
    assert flows_here.inventory()


def test_too_few_chips_are_named_before_anything_is_written(flows_here: EmbeddedCloud, small_profile: Path):
    flows_here.tell("quotas", {"us-central1/TPU7X": 8}, method="PUT")
    try:
        with pytest.raises(
            PreflightError, match=r"tpu7x chips in us-central1: 24 needed, 8 allowed, 16 missing. Ask for 16 more: .*iam-admin/quotas"
        ):
            provision(str(small_profile))
        assert not any("compute" in each["method"] for each in flows_here.writes())
    finally:
        flows_here.tell("quotas", {"us-central1/TPU7X": 16_384}, method="PUT")


def test_a_quota_that_shrinks_during_the_run_is_told_by_the_group(flows_here: EmbeddedCloud, small_profile: Path):
    provision(str(small_profile))
    wanted = load_profile(str(small_profile))
    plan = diff(desired(wanted, {"small": 3, "medium": 1}), observe(connect(wanted)).live, owner=wanted.name)
    flows_here.tell("quotas", {"us-central1/TPU7X": 24}, method="PUT")
    try:
        with disable_run_logger(), pytest.raises(QuotaError, match=r"Quota 'TPUS_PER_TPU_FAMILY' exceeded.*iam-admin/quotas"):
            apply_change.fn(connect(wanted), next(iter(plan)), uuid4())
    finally:
        flows_here.tell("quotas", {"us-central1/TPU7X": 16_384}, method="PUT")
    assert provision(str(small_profile)) > 0


def test_a_bucket_name_that_somebody_else_holds_is_named(flows_here: EmbeddedCloud, small_profile: Path):
    fault = {"type": "error", "method": "storage.buckets.get", "status": 403, "message": "does not have storage.buckets.get access"}
    flows_here.tell("faults", fault)
    with pytest.raises(PreflightError, match=r"bucket ironwood-state-embedded-project: belongs to somebody else.*another name_prefix"):
        provision(str(small_profile))
    assert not any("compute" in each["method"] for each in flows_here.writes())
