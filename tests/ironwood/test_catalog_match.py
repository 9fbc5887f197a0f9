"""A price book beside the catalog: the right SKU or none, drift in percent, a refreshed book that says where each price came from."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from builders import a_price_book
from ironwood.cost.catalog import Sku, compare, refreshed

LIST = a_price_book("list")
SPOT = ("chip_hour", "tpu7x", "spot")


def a_sku(**fields: object) -> Sku:
    sku = Sku(
        sku_id="AAAA-BBBB-CCCC",
        description="Tpu7x spot in Iowa",
        usage_type="Preemptible",
        regions=("us-central1",),
        unit="h",
        usd=Decimal(5),
    )
    return replace(sku, **fields)


def of(key: tuple[str, ...], *skus: Sku):
    return next(each for each in compare(LIST, skus, "us-central1") if each.key == key)


def test_drift_is_told_in_percent():
    found = of(SPOT, a_sku(usd=Decimal("4.5486")))
    assert found.drift_percent == Decimal(5)
    assert found.out_of_date
    assert not of(SPOT, a_sku(usd=Decimal("4.34"))).out_of_date


@pytest.mark.parametrize(
    "other",
    [
        {"usage_type": "OnDemand"},
        {"regions": ("europe-west4",)},
        {"unit": "GiBy.mo"},
        {"description": "Ct6e spot in Iowa"},
        {"description": "Tpu7x flex start in Iowa"},
    ],
)
def test_a_sku_of_another_thing_is_not_taken(other):
    found = of(SPOT, a_sku(**other))
    assert (found.sku, found.drift_percent) == (None, None)
    assert "no SKU that fits" in found.why


def test_a_sku_named_in_the_source_is_taken_whatever_it_is_called():
    named = a_sku(sku_id="0F71-4391-B6CA", description="renamed", usage_type="OnDemand", usd=Decimal(12))
    found = of(("chip_hour", "tpu7x", "on_demand"), named, a_sku(usage_type="OnDemand", usd=Decimal(1)))
    assert found.sku == named


def test_the_one_sold_in_the_fewest_regions_is_taken_and_a_tie_is_said():
    wide = a_sku(sku_id="1111-1111-1111", regions=("us-central1", "us-east5"), usd=Decimal(9))
    assert of(SPOT, wide, a_sku()).sku == a_sku()
    tie = of(SPOT, a_sku(), a_sku(sku_id="2222-2222-2222", usd=Decimal(6)))
    assert tie.sku is None
    assert "several fit: AAAA-BBBB-CCCC, 2222-2222-2222" in tie.why


def test_a_refreshed_book_has_the_catalogs_price_with_its_sku_and_the_day_and_keeps_the_rest():
    today = date(2026, 12, 1)
    new = refreshed(LIST, compare(LIST, [a_sku()], "us-central1"), name="newer", date=today)
    spot = new.chip_hour["tpu7x"]["spot"]
    assert (spot.usd, spot.source, spot.date, spot.region) == (5, "Cloud Billing Catalog, SKU AAAA-BBBB-CCCC", today, "us-central1")
    assert new.chip_hour["tpu7x"]["on_demand"] == LIST.chip_hour["tpu7x"]["on_demand"]
    assert (new.name, new.nat_vm_hour) == ("newer", LIST.nat_vm_hour)
