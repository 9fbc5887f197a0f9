"""The price catalog: the emulator's own price list in the shape of Cloud Billing's services and SKUs.

1. A SKU is a row of prices.yaml with its price as units and nanos. 2. Prices by the hour are in ``h``, by the month in ``mo``. 3. What a fault has
changed is in the catalog too: it is what is billed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed
from emulator.services.compute.catalog import REGIONS
from emulator.services.compute.pages import page
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
SERVICES = {
    "6F81-5844-456A": ("Compute Engine", "Google"),
    "95FF-2EF5-5EA1": ("Cloud Storage", "Google"),
    "1F51-0D80-9E1E": ("Cloud Scheduler", "Google"),
    "58CD-E7C3-72CA": ("Cloud Monitoring", "Google"),
    "C7E2-9256-1C43": ("Vertex AI", "Google"),
    "5AF5-2C11-D467": ("Cloud Memorystore for Redis", "Google"),
    "EE82-7A5E-871C": ("Secret Manager", "Google"),
}
COMPUTE = "6F81-5844-456A"
VERTEX = "C7E2-9256-1C43"
SERVICE_OF = {
    "vertex-tpu7x": VERTEX,
    "vertex-ct6e": VERTEX,
    "vertex-ct5p": VERTEX,
    "storage": "95FF-2EF5-5EA1",
    "scheduler": "1F51-0D80-9E1E",
    "alerting": "58CD-E7C3-72CA",
    "secret": "EE82-7A5E-871C",
    "memorystore": "5AF5-2C11-D467",
}
TOLD = {"ct6e": "TPU v6e", "ct5p": "TPU v5p", "vertex-ct6e": "Vertex TPU v6e", "vertex-ct5p": "Vertex TPU v5p"}
"""What descriptions call the machine families whose names say something else."""
KNOWN = {"tpu7x.us-central1.on_demand": "0F71-4391-B6CA"}
USAGE_TYPES = {"on_demand": "OnDemand", "spot": "Preemptible", "flex_start": "OnDemand", "reserved": "Commit1Yr"}
UNITS = {
    "chip-hour": ("h", "hour", "s", 3600), "vcpu-hour": ("h", "hour", "s", 3600), "hour": ("h", "hour", "s", 3600),
    "condition-hour": ("h", "hour", "s", 3600), "rule-hour": ("h", "hour", "s", 3600), "VM-hour": ("h", "hour", "s", 3600), "GiB": ("GiBy", "gibibyte", "By", 1 << 30),
    "GiB-month": ("GiBy.mo", "gibibyte month", "By.s", (1 << 30) * 2_628_000), "GiB-hour": ("GiBy.h", "gibibyte hour", "By.s", (1 << 30) * 3600), "job-month": ("mo", "month", "s", 2_628_000),
    "version-month": ("mo", "month", "s", 2_628_000), "policy-month": ("mo", "month", "s", 2_628_000), "rule-month": ("mo", "month", "s", 2_628_000),
    "million-requests": ("count", "count", "count", 1),
}  # fmt: skip
NANO = Decimal("0.000000001")
assumed(
    "catalog-skus",
    "SKU ids but TPU7x on-demand's, descriptions and resource groups of the catalog are the emulator's; ids of services but Compute Engine's too.",
)


def services(call: Call) -> Json:
    """The services there are prices for."""
    listed = [{"name": f"services/{key}", "serviceId": key, "displayName": name, "businessEntityName": f"businessEntities/{who}"}
              for key, (name, who) in SERVICES.items()]  # fmt: skip
    return _paged(call, listed, "services")


def skus(call: Call) -> Json:
    """The SKUs of a service."""
    service = call.text("parent").removeprefix("services/")
    if service not in SERVICES:
        raise ApiError(404, f"Service services/{service} not found")
    if call.values.get("currencyCode") not in {None, "", "USD"}:
        raise ApiError(400, f"Currency {call.values['currencyCode']} is not emulated; ask for USD.")
    return _paged(call, list(_skus(call.world, service, call.now)), "skus")


def _paged(call: Call, items: list[Json], key: str) -> Json:
    size = min(int(call.values.get("pageSize") or 5000), 5000)
    chosen, token = page({"max_results": min(size, 500), "page_token": call.values.get("pageToken")}, items)
    return {**({key: chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def _skus(world: World, service: str, now: int) -> Iterator[Json]:
    for name in world.meter.prices.skus():
        if SERVICE_OF.get(name.partition(".")[0], COMPUTE) == service:
            yield _sku(world, service, name, now)


def _sku(world: World, service: str, name: str, now: int) -> Json:
    prices = world.meter.prices
    head, *rest = name.split(".")
    machine = len(rest) == 2 and rest[1] in USAGE_TYPES
    place = rest[0] if machine else "any"
    regions = [place] if place in REGIONS else [each for each in REGIONS if place == "any" or each.startswith("us-")]
    ((_, _, price),) = prices.periods(name, now, now + 1)
    words = f"{TOLD.get(head, head)} {rest[1].replace('_', ' ')} in {place}" if machine else name.replace(".", " ").replace("-", " ")
    identifier = KNOWN.get(name) or "-".join(
        hashlib.blake2b(name.encode(), digest_size=6).hexdigest().upper()[at : at + 4] for at in (0, 4, 8)
    )
    unit, unit_text, base, factor = UNITS[prices.unit(name)]
    nanos = int((price / NANO).to_integral_value())
    money = {"currencyCode": "USD", "units": str(nanos // 10**9), "nanos": nanos % 10**9}
    free = prices.free(name)
    tiers = [{"startUsageAmount": 0, "unitPrice": {"currencyCode": "USD", "units": "0", "nanos": 0}}] if free else []
    expression = {
        "usageUnit": unit,
        "displayQuantity": 1,
        "tieredRates": [*tiers, {"startUsageAmount": free, "unitPrice": money}],
        "usageUnitDescription": unit_text,
        "baseUnit": base,
        "baseUnitDescription": {"s": "second", "By": "byte", "By.s": "byte second", "count": "count"}[base],
        "baseUnitConversionFactor": factor,
    }
    return {
        "name": f"services/{service}/skus/{identifier}",
        "skuId": identifier,
        "description": words[0].upper() + words[1:],
        "category": {
            "serviceDisplayName": SERVICES[service][0],
            "resourceFamily": "Storage" if head in {"disk", "storage"} else "Network" if not machine else "Compute",
            "resourceGroup": "TPU" if prices.unit(name) == "chip-hour" else head,
            "usageType": USAGE_TYPES.get(rest[1], "OnDemand") if machine else "OnDemand",
        },
        "serviceRegions": regions if place != "any" else ["global"],
        "pricingInfo": [{"effectiveTime": utc(now), "pricingExpression": expression, "currencyConversionRate": 1}],
        "serviceProviderName": "Google",
        "geoTaxonomy": {"type": "REGIONAL" if len(regions) == 1 else "MULTI_REGIONAL", "regions": regions}
        if place != "any"
        else {"type": "GLOBAL"},
    }
