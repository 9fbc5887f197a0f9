"""The ledger beside Google's billing export: the same to the cent, an alarm where prices differ, and no harm where it cannot be read."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from cloud import state as states
from cloud.connection import connect
from flows.check_budget import check_budget
from flows.provision import provision
from running import HTTP, EmbeddedCloud, wait_until
from tasks.inputs import load_profile

SERVICES = "v1/projects/embedded-project/services"
HOUR = 3_600


def with_export(path: Path) -> None:
    text = path.read_text().replace("logging: {enabled: false}\n", "billing_account: 012345-6789AB-CDEF01\n")
    path.write_text(text + "budget: {amount_usd: 1000000, billing_export: embedded-project.billing_export}\n")


def directed(cloud: EmbeddedCloud, path: Path) -> None:
    """The account's export directed to a dataset, as somebody does in the console."""
    HTTP.post(f"http://{cloud.rest}/{SERVICES}:batchEnable", json={"serviceIds": ["bigquery.googleapis.com"]}).raise_for_status()
    cloud.tell("clock/advance", {"seconds": 60})
    wait_until(lambda: HTTP.get(f"http://{cloud.rest}/{SERVICES}/bigquery.googleapis.com").json()["state"] == "ENABLED", "the API")
    client: Any = connect(load_profile(str(path))).client(bigquery.Client)
    client.create_dataset("billing_export")


def looked(path: Path) -> Any:
    check_budget(str(path))
    profile = load_profile(str(path))
    spending = states.read(connect(profile), profile).state.spending
    assert spending is not None
    return spending


def test_the_ledger_is_googles_bill_to_the_cent_until_a_price_changes_and_then_the_higher_counts(
    stepped_cloud: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    with_export(small_profile)
    provision(str(small_profile))
    directed(stepped_cloud, small_profile)
    stepped_cloud.tell("clock/advance", {"seconds": 30 * HOUR})
    first = looked(small_profile)
    assert first.exported.billed_usd > 1_000
    assert abs(first.exported.billed_usd - first.exported.ledger_usd) < Decimal("0.01")
    assert "Google's bill of VMs up to" in capsys.readouterr().out

    stepped_cloud.tell("faults", {"type": "price", "sku": "tpu7x.us-central1.on_demand", "factor": 1.5})
    stepped_cloud.tell("clock/advance", {"seconds": 5 * HOUR})
    assert "Google billed" not in capsys.readouterr().out
    stepped_cloud.tell("clock/advance", {"seconds": 30 * HOUR})
    second = looked(small_profile)
    told = capsys.readouterr().out
    assert second.exported.until > first.exported.until
    assert second.exported.billed_usd > second.exported.ledger_usd * Decimal("1.1")
    assert "price book list is out of date, or VMs run that are not ours; the higher of the two counts" in told
    asked = len([each for each in stepped_cloud.requests() if each["method"].startswith("bigquery.jobs")])
    assert looked(small_profile).exported == second.exported
    assert len([each for each in stepped_cloud.requests() if each["method"].startswith("bigquery.jobs")]) == asked, "once an hour is enough"


@pytest.mark.long
def test_an_export_that_is_not_there_is_told_and_the_meter_goes_on(
    stepped_cloud: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    with_export(small_profile)
    provision(str(small_profile))
    stepped_cloud.tell("clock/advance", {"seconds": 30 * HOUR})
    found = looked(small_profile)
    assert found.spent_usd > 1_000
    assert found.exported is None
    assert "the ledger could not be compared with Google's bill: reading the billing export" in capsys.readouterr().out
