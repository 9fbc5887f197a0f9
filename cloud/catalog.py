"""Google's price catalog: the SKUs of the services we use. It is public; the API must be enabled in the project."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from google.cloud import billing_v1

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from ironwood.cost.catalog import Sku

SERVICES = ("Compute Engine", "Cloud Storage", "Cloud Scheduler", "Cloud Memorystore for Redis", "Vertex AI")
NANO = Decimal(10) ** -9


def skus(connection: Connection) -> Iterator[Sku]:
    """Every SKU of the services we use that has a price."""
    client = connection.client(billing_v1.CloudCatalogClient)
    with translated("reading which services have prices"):
        services = [
            each.name for each in client.list_services(request=billing_v1.ListServicesRequest(), **ONCE) if each.display_name in SERVICES
        ]
    for service in services:
        with translated(f"reading the prices of {service}"):
            for found in client.list_skus(parent=service, **ONCE):
                if found.pricing_info:
                    yield _read(found)


def _read(found: billing_v1.Sku) -> Sku:
    expression = found.pricing_info[-1].pricing_expression
    rates = [Decimal(rate.unit_price.units) + rate.unit_price.nanos * NANO for rate in expression.tiered_rates]
    return Sku(
        sku_id=found.sku_id,
        description=found.description,
        usage_type=found.category.usage_type,
        regions=tuple(found.service_regions),
        unit=expression.usage_unit,
        usd=next((rate for rate in rates if rate), Decimal(0)),
    )
