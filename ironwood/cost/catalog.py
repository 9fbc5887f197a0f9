"""A price book beside Google's price catalog: which SKU is which price, what differs, the book brought up to date.

1. A price whose source names a SKU is that SKU. 2. Otherwise its SKU is found by words of its description, its usage type, its unit and the
region; where several fit, the one sold in the fewest regions, everywhere being the most. 3. What is not found, or fits several equally, is said, never guessed.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ironwood.cost.pricebook import Price, PriceBook

Key = tuple[str, ...]
WORTH_SAYING = Decimal(1)
"""Percent of drift from which a price is told to be out of date."""
_SKU = re.compile(r"SKU ([0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4})")
_USAGE: Mapping[str, str] = {"on_demand": "OnDemand", "spot": "Preemptible", "reserved": "Commit1Yr"}
_HOUR, _MONTH, _GIB_MONTH, _GIB_HOUR = "h", "mo", "GiBy.mo", "GiBy.h"
_CAPACITY = {"4": "m1", "10": "m2", "35": "m3", "100": "m4", "300": "m5"}
"""What Google calls the capacity tiers of Memorystore, by their largest size in GiB."""
_WORDS: Mapping[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "forwarding_rules_hour": (_HOUR, (("forwarding", "rule", "minimum"), ("forwarding", "rule", "first"))),
    "forwarding_rule_more_hour": (_HOUR, (("forwarding", "rule", "additional"),)),
    "nat_vm_hour": (_HOUR, (("nat", "gateway", "uptime"), ("nat", "gateway", "vm"))),
    "nat_hour_most": (_HOUR, (("nat", "gateway", "max"),)),
    "address_unused_hour": (_HOUR, (("static", "ip", "charge"), ("address", "unused"))),
    "storage_gib_month": (_GIB_MONTH, (("standard", "storage"),)),
    "security_policy_month": (_MONTH, (("armor", "policy"), ("security", "policy"))),
    "security_rule_month": (_MONTH, (("armor", "rule"), ("security", "rule"))),
    "scheduler_job_month": (_MONTH, (("job",),)),
}
"""The unit of a price and, in lower case, words of the descriptions of its SKU; any of the sets will do."""


@dataclass(frozen=True, kw_only=True)
class Sku:
    """One entry of the catalog: what the first unit that is not free costs, in US dollars."""

    sku_id: str
    description: str
    usage_type: str
    regions: tuple[str, ...]
    unit: str
    usd: Decimal


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One price of a book beside the catalog; `sku` None where `why` says that none was found."""

    key: Key
    price: Price
    sku: Sku | None
    why: str = ""

    @property
    def drift_percent(self) -> Decimal | None:
        """By how much the catalog is above the book; None where it is not known."""
        if self.sku is None or (not self.price.usd and not self.sku.usd):
            return None
        return (self.sku.usd / self.price.usd - 1) * 100 if self.price.usd else Decimal("Infinity")

    @property
    def out_of_date(self) -> bool:
        """Whether the drift is worth saying."""
        return self.drift_percent is not None and abs(self.drift_percent) > WORTH_SAYING


def prices(book: PriceBook) -> Iterator[tuple[Key, Price]]:
    """Every price of a book the catalog could have, with its key; rates by the pod are nobody's but the seed's."""
    for family, by_consumption in book.chip_hour.items():
        for consumption, price in by_consumption.items():
            yield ("chip_hour", family, consumption), price
    for region, by_family in book.chip_hour_in.items():
        for family, by_consumption in by_family.items():
            for consumption, price in by_consumption.items():
                yield ("chip_hour_in", region, family, consumption), price
    for kind, price in book.boot_disk_gib_month.items():
        yield ("boot_disk_gib_month", kind), price
    for tier, by_size in book.redis_gib_hour.items():
        for size, price in by_size.items():
            yield ("redis_gib_hour", tier, size), price
    for name in _WORDS:
        single: Price | None = getattr(book, name)
        if single is not None:
            yield (name,), single


def compare(book: PriceBook, catalog: Iterable[Sku], region: str) -> list[Comparison]:
    """Every price of `book` beside its SKU in `region`, one of another region beside its SKU there."""
    skus = list(catalog)
    by_id = {sku.sku_id: sku for sku in skus}
    found = []
    for key, price in prices(book):
        named = _SKU.search(price.source)
        if named and named[1] in by_id:
            found.append(Comparison(key=key, price=price, sku=by_id[named[1]]))
            continue
        fitting = sorted((sku for sku in skus if _fits(key, sku, region)), key=_regions)
        if not fitting:
            found.append(Comparison(key=key, price=price, sku=None, why="the catalog has no SKU that fits"))
        elif len({sku.usd for sku in fitting if _regions(sku) == _regions(fitting[0])}) > 1:
            several = ", ".join(sku.sku_id for sku in fitting if _regions(sku) == _regions(fitting[0]))
            found.append(
                Comparison(key=key, price=price, sku=None, why=f"several fit: {several}; name one in the price's source as `SKU …`")
            )
        else:
            found.append(Comparison(key=key, price=price, sku=fitting[0]))
    return found


def _regions(sku: Sku) -> float:
    """In how many regions it is sold."""
    return float("inf") if "global" in sku.regions else len(sku.regions)


def refreshed(book: PriceBook, compared: Iterable[Comparison], *, name: str, date: datetime.date) -> PriceBook:
    """`book` under another name with the catalog's prices; what the catalog does not have stays as it is."""
    content = book.model_dump()
    for each in compared:
        if each.sku is None:
            continue
        node = content
        for step in each.key[:-1]:
            node = node[step]
        source = f"Cloud Billing Catalog, SKU {each.sku.sku_id}"
        node[each.key[-1]] = {**node[each.key[-1]], "usd": each.sku.usd, "source": source, "date": date, "confirmed": True}
    return PriceBook.model_validate({**content, "name": name})


def _fits(key: Key, sku: Sku, region: str) -> bool:
    if key[0] == "chip_hour_in":
        return _fits(("chip_hour", *key[2:]), sku, key[1])
    if region not in sku.regions and "global" not in sku.regions:
        return False
    words = set(re.findall(r"[a-z0-9]+", sku.description.lower()))
    if key[0] == "chip_hour":
        family = set(key[1].split("-"))
        flexible = {"flex", "start"} <= words
        usage = "OnDemand" if key[2] == "flex_start" else _USAGE.get(key[2], "")
        return (
            family <= words
            and ("vertex" in words) == ("vertex" in family)
            and sku.unit == _HOUR
            and sku.usage_type == usage
            and flexible == (key[2] == "flex_start")
        )
    if key[0] == "boot_disk_gib_month":
        return set(key[1].split("-")) <= words and sku.unit == _GIB_MONTH
    if key[0] == "redis_gib_hour":
        tier = key[1].partition("_")[0].lower()
        return {tier, _CAPACITY.get(key[2], "")} <= words and bool(words & {"redis", "memorystore"}) and sku.unit == _GIB_HOUR
    unit, sets = _WORDS[key[0]]
    return sku.unit == unit and any(set(each) <= words for each in sets)
