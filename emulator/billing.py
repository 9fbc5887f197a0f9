"""The embedded cloud's own bill.

1. What bills is a usage: a resource, a price, a quantity, from an instant to an instant. Whole seconds, a started one counts; a VM at least 60 s.
2. Usages of VMs are read off the groups while the VMs live, and kept here when they end; the others are opened and closed here.
3. A change of price counts from the instant it was made.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from emulator.rules import assumed, documented
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "usage"
HOUR = 3600
HOURS_A_MONTH = 730
AMOUNTS = frozenset({"GiB", "million-requests"})
"""Units of what is charged once, not by the time it is there."""
MICRO_DOLLAR = Decimal("0.000001")

documented("bill-seconds", "VMs bill per second with a minimum of 60 s, from RUNNING until deleted.")
documented("bill-month", "A price by the month is charged by the second, 730 hours to the month.")
documented("bill-forwarding-rules", "The first five forwarding rules cost 0.025 $/h together, each further one 0.01 $/h.")
documented("bill-nat", "A NAT gateway costs 0.0014 $ per VM-hour up to 32 VMs, then 0.044 $/h.")
documented("bill-unused-address", "A reserved static external address bills while no forwarding rule uses it.")
assumed("bill-rounding", "A started second counts as a whole one; each line is rounded to a millionth of a dollar.")
assumed("bill-draining-vm", "A VM bills until it is gone, draining and removal included.")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """One thing that bills. ``end`` None: it still does. ``minimum`` in seconds."""

    resource: str
    kind: str
    sku: str
    quantity: Decimal
    start: int
    end: int | None = None
    minimum: int = 0


Source = Callable[[int], Iterable[Usage]]


class Prices:
    """The price list with the changes made while running."""

    def __init__(self, world: World) -> None:
        text = importlib.resources.files("emulator").joinpath("prices.yaml").read_text()
        self._rows: dict[str, Json] = YAML(typ="safe").load(text)
        self._world = world

    def skus(self) -> list[str]:
        """Every SKU."""
        return list(self._rows)

    def unit(self, sku: str) -> str:
        """What one quantity is."""
        return str(self._rows[sku]["unit"])

    def free(self, sku: str) -> int:
        """How much of it is free for a billing account."""
        return int(self._rows[sku].get("free", 0))

    def sku(self, family: str, region: str, model: str) -> str:
        """The SKU of a machine family in a region under a consumption model."""
        places = [region, "us", "any"] if region.startswith("us-") else [region, "any"]
        return next(name for place in places if (name := f"{family}.{place}.{model}") in self._rows)

    def change(self, sku: str, factor: Decimal, at: int) -> None:
        """Multiply the list price from this instant on."""
        if sku not in self._rows:
            raise ValueError(f"{sku!r} is no SKU; there are {', '.join(self._rows)}")
        row = self._world.store.get("prices", sku) or {"changes": []}
        self._world.store.put("prices", sku, {"changes": [*row["changes"], [at, str(factor)]]})

    def periods(self, sku: str, start: int, end: int) -> list[tuple[int, int, Decimal]]:
        """The prices that hold between two instants: (from, to, USD)."""
        price = Decimal(self._rows[sku]["price"])
        out = [(start, end, price)]
        for at, factor in (self._world.store.get("prices", sku) or {"changes": []})["changes"]:
            last_start, last_end, _ = out[-1]
            if at <= last_start:
                out[-1] = (last_start, last_end, price * Decimal(factor))
            elif at < last_end:
                out[-1] = (last_start, at, out[-1][2])
                out.append((at, last_end, price * Decimal(factor)))
        return out


class Meter:
    """Collects usages and makes the bill of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.prices = Prices(world)
        self.sources: list[Source] = []

    def open(self, usage: Usage) -> None:
        """Start a usage; the same resource and SKU has one open usage at most."""
        key = f"{usage.resource} {usage.sku} {usage.start}"
        self._world.store.put(TAB, key, _record(usage))

    def close(self, resource: str, at: int, sku: str | None = None) -> None:
        """End what is open of a resource."""
        for key, row in self._world.store.items(TAB):
            if row["resource"] == resource and row["end"] is None and sku in {None, row["sku"]}:
                self._world.store.put(TAB, key, {**row, "end": at})

    def usages(self, now: int) -> Iterator[Usage]:
        """Everything that has billed or does."""
        for _, row in self._world.store.items(TAB):
            yield _usage(row)
        for source in self.sources:
            yield from source(now)

    def bill(self, now: int, *, since: int = 0, until: int | None = None) -> Json:
        """The bill of [since, until), as of now: lines with amounts, their total, and the rate at the end of it."""
        lines: list[Json] = []
        rate = Decimal(0)
        end = now if until is None else min(until, now)
        for usage in self.usages(now):
            for line, per_hour in self._lines(within(usage, since, end), end):
                lines.append(line)
                rate += per_hour
        total = sum((Decimal(line["amount_usd"]) for line in lines), Decimal(0))
        return {"as_of": utc(end), "total_usd": str(total), "usd_per_hour": str(rate.normalize() + 0), "lines": lines}

    def _lines(self, usage: Usage, now: int) -> Iterator[tuple[Json, Decimal]]:
        until = now if usage.end is None else usage.end
        if until < usage.start:
            return
        unit = self.prices.unit(usage.sku)
        whole = max(-((usage.start - until) // SECOND), usage.minimum)
        left = whole
        periods = self.prices.periods(usage.sku, usage.start, max(until, usage.start + 1))
        if unit in AMOUNTS:  # an amount, not a time: the price now
            periods = [(usage.start, periods[-1][1], periods[-1][2])]
        for index, (start, end, price) in enumerate(periods):
            last = index == len(periods) - 1
            seconds = left if last else min(left, (end - start) // SECOND)
            left -= seconds
            timed = unit not in AMOUNTS
            hourly = usage.quantity * price / (HOURS_A_MONTH if unit.endswith("-month") else 1)
            amount = hourly * Decimal(seconds) / HOUR if timed else hourly
            line = {
                "resource": usage.resource,
                "kind": usage.kind,
                "sku": usage.sku,
                "quantity": str(usage.quantity),
                "unit": unit,
                "start": utc(start),
                "end": utc(end) if usage.end is not None or not last else None,
                "seconds": seconds,
                "unit_price_usd": str(price),
                "amount_usd": str(amount.quantize(MICRO_DOLLAR)),
            }
            open_now = last and usage.end is None and timed
            yield line, hourly if open_now else Decimal(0)


def within(usage: Usage, since: int, until: int) -> Usage:
    """The part of a usage that lies in [since, until); its minimum belongs to its beginning. An empty part ends before it starts."""
    start = max(usage.start, since)
    end = None if usage.end is None or usage.end > until else usage.end
    if usage.end is not None and start >= usage.end > usage.start:
        return replace(usage, start=until, end=until - 1, minimum=0)
    return replace(usage, start=start, end=end, minimum=usage.minimum if start == usage.start else 0)


def _record(usage: Usage) -> Json:
    return {**vars(usage), "quantity": str(usage.quantity)}


def _usage(row: Json) -> Usage:
    return Usage(**{**row, "quantity": Decimal(row["quantity"])})


def counted(spans: Iterable[tuple[int, int | None]], now: int) -> Iterator[tuple[int, int | None, int]]:
    """How many spans hold when: (from, to, count) for each stretch with a constant count above 0; ``to`` None for the stretch that still holds."""
    edges: list[tuple[int, int]] = []
    for start, end in spans:
        edges.append((start, 1))
        if end is not None:
            edges.append((end, -1))
    edges.sort()
    count, since = 0, 0
    for at, change in edges:
        if at > now:
            break
        if count and at > since:
            yield since, at, count
        count, since = count + change, at
    if count:
        yield since, None, count
