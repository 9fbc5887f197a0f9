"""The price book in use beside the catalog the embedded cloud serves from its own prices."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from flows.refresh_prices import refresh_prices
from ironwood.errors import ApiDisabledError, InputError
from running import EmbeddedCloud, wait_until
from tasks.inputs import load_price_book


@pytest.fixture
def catalog(flows_here: EmbeddedCloud) -> EmbeddedCloud:
    root = f"http://{flows_here.rest}/v1/projects/embedded-project/services"
    httpx.post(f"{root}:batchEnable", json={"serviceIds": ["cloudbilling.googleapis.com"]}).raise_for_status()
    wait_until(lambda: httpx.get(f"{root}/cloudbilling.googleapis.com").json()["state"] == "ENABLED", "the API")
    return flows_here


def test_every_price_of_the_list_is_found_and_none_has_drifted(
    catalog: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    assert catalog
    assert refresh_prices(str(small_profile)) == 0
    told = capsys.readouterr().out
    assert "0 of 40 differ by more than 1 %" in told
    assert "no SKU that fits" not in told


def test_a_price_that_has_drifted_is_said_and_written_to_a_new_book(
    catalog: EmbeddedCloud, small_profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    catalog.tell("faults", {"type": "price", "sku": "tpu7x.us-central1.on_demand", "factor": "1.05"})
    new = tmp_path / "december.yaml"
    assert refresh_prices(str(small_profile), write=str(new)) == 1
    assert "chip_hour.tpu7x.on_demand has drifted by +5.0 %" in capsys.readouterr().out
    book, old = load_price_book(str(new)), load_price_book("list")
    assert book.chip_hour["tpu7x"]["on_demand"].usd == Decimal("12.6")
    assert book.chip_hour["tpu7x"]["spot"].usd == old.chip_hour["tpu7x"]["spot"].usd
    assert book.scheduler_job_month is not None
    assert book.scheduler_job_month.source.startswith("Cloud Billing Catalog, SKU ")
    small_profile.write_text(small_profile.read_text() + f"price_book: {new}\n")
    assert refresh_prices(str(small_profile)) == 0
    with pytest.raises(InputError, match="there is such a file already"):
        refresh_prices(str(small_profile), write=str(new))


@pytest.mark.usefixtures("flows_here")
def test_without_the_api_the_remedy_is_told(small_profile: Path):
    with pytest.raises(ApiDisabledError, match="Enable it by visiting"):
        refresh_prices(str(small_profile))
