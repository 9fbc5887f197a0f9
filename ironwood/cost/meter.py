"""What the stretches of the ledger cost: whole seconds, a started one counts, times the price book; a VM at least a minute.

1. Chips and boot disks by the VM, from RUNNING until gone. Chips of a reservation cost nothing here: the reservation is paid, used or not.
2. The NAT gateway of a region by how many VMs of groups use it: one price a VM up to 32, beyond that one price for all. 3. Forwarding rules: the first five together.
4. A reserved address while there is no forwarding rule; Cloud Armor; alert conditions; scheduler jobs beyond the free ones. 5. A price by the month is charged by
the second, 730 hours to the month. Not metered: stored bytes (a millionth of a cent), traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ironwood.cost.estimate import FORWARDING_RULES_TOGETHER, JOBS_FREE, NAT_FLAT_FROM_VMS
from ironwood.cost.ledger import Book, Make, Thing, Vm
from ironwood.cost.pricebook import HOURS_A_MONTH, Price, PriceBook
from ironwood.resources.group import InstanceGroup
from ironwood.tpu import region_of

AT_LEAST = 60
"""Seconds a VM bills at the least (documented)."""
_SECOND = timedelta(seconds=1)
_HOUR = Decimal(3600)
Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class Spend:
    """US dollars of an interval: of VMs (chips, disks) by tier, and of everything else; unrounded."""

    vms_usd: Decimal
    others_usd: Decimal
    by_tier: dict[str, Decimal]

    @property
    def total_usd(self) -> Decimal:
        """Everything."""
        return self.vms_usd + self.others_usd


def spent(book: Book, prices: PriceBook, since: datetime, until: datetime) -> Spend:
    """What `book`'s stretches cost in [since, until)."""
    by_tier: dict[str, Decimal] = {}
    rates: dict[Make, Decimal] = {}
    for vm in book.vms.values():
        rate = rates.setdefault(vm.make, vm_hour_usd(vm.make, prices))
        seconds = vm_seconds(vm, since, until)
        by_tier[vm.make.tier] = by_tier.get(vm.make.tier, Decimal(0)) + rate * seconds / _HOUR
    others = _nat_usd(book, prices, since, until) + _things_usd(book, prices, since, until)
    return Spend(vms_usd=sum(by_tier.values(), Decimal(0)), others_usd=others, by_tier=by_tier)


def vm_hour_usd(make: Make, prices: PriceBook) -> Decimal:
    """US dollars an hour of one VM: its chips and its disk."""
    chips = Decimal(0)
    if make.consumption != "reserved":
        chips = make.chips * prices.chip_hour_usd(
            family=make.family, consumption=make.consumption, pod_chips=make.pod_chips, region=region_of(make.zone)
        )
    disk = prices.boot_disk_gib_month.get("hyperdisk-balanced")
    return chips + (make.disk_gib * disk.usd / HOURS_A_MONTH if disk else Decimal(0))


def vm_seconds(vm: Vm, since: datetime, until: datetime) -> int:
    """Seconds of [since, until) a VM bills; its minimum belongs to its beginning."""
    if vm.start >= until or (vm.end is not None and (vm.end < vm.start or (vm.end <= since and vm.end > vm.start))):
        return 0
    start, end = max(vm.start, since), until if vm.end is None else min(vm.end, until)
    return max(_whole(start, end), AT_LEAST if start == vm.start else 0)


def hourly_usd(book: Book, prices: PriceBook, at: datetime) -> Decimal:
    """US dollars an hour of the VMs that bill at an instant."""
    there = (vm for vm in book.vms.values() if vm.start <= at and (vm.end is None or vm.end > at))
    return sum((vm_hour_usd(vm.make, prices) for vm in there), Decimal(0))


def peak_hourly_usd(book: Book, prices: PriceBook, since: datetime, until: datetime) -> Decimal:
    """The most US dollars an hour that VMs cost at any instant of [since, until)."""
    edges: list[tuple[datetime, Decimal]] = []
    for vm in book.vms.values():
        if vm.start < until and (vm.end is None or vm.end > since):
            rate = vm_hour_usd(vm.make, prices)
            edges.append((max(vm.start, since), rate))
            if vm.end is not None:
                edges.append((vm.end, -rate))
    highest = now = Decimal(0)
    for _, change in sorted(edges, key=lambda edge: (edge[0], edge[1])):
        now += change
        highest = max(highest, now)
    return highest


def first_use(book: Book) -> datetime | None:
    """When the first of its VMs began to bill."""
    return min((vm.start for vm in book.vms.values()), default=None)


def _nat_usd(book: Book, prices: PriceBook, since: datetime, until: datetime) -> Decimal:
    if prices.nat_vm_hour is None or prices.nat_hour_most is None:
        return Decimal(0)
    each, most = prices.nat_vm_hour.usd, prices.nat_hour_most.usd
    spans: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for vm in book.vms.values():
        if vm.make.group.startswith(InstanceGroup.kind):  # Vertex AI's replicas and development TPUs have a network of Google's
            spans.setdefault(region_of(vm.make.zone), []).append((vm.start, vm.end))
    costs = (
        _counted_usd(there, since, until, lambda count: most if count > NAT_FLAT_FROM_VMS else count * each) for there in spans.values()
    )
    return sum(costs, Decimal(0))


def _things_usd(book: Book, prices: PriceBook, since: datetime, until: datetime) -> Decimal:
    def of(kind: str) -> list[tuple[datetime, datetime | None]]:
        return [(each.start, each.end) for each in book.things if each.kind == kind]

    total = Decimal(0)
    if prices.forwarding_rules_hour is not None:
        first, more = prices.forwarding_rules_hour.usd, _usd(prices.forwarding_rule_more_hour)
        total += _counted_usd(of("forwarding_rule"), since, until, lambda count: first + more * max(0, count - FORWARDING_RULES_TOGETHER))
    if prices.address_unused_hour is not None:
        unused = prices.address_unused_hour.usd
        total += _counted_usd(list(_unused(book.things)), since, until, lambda count: count * unused)
    if prices.alert_condition_month is not None:
        alarm = prices.alert_condition_month.usd / HOURS_A_MONTH
        total += _counted_usd(of("alert_policy"), since, until, lambda count: count * alarm)
    if prices.scheduler_job_month is not None:
        job = prices.scheduler_job_month.usd / HOURS_A_MONTH
        total += _counted_usd(of("scheduler_job"), since, until, lambda count: max(0, count - JOBS_FREE) * job)
    for policy in book.things:
        if policy.kind == "security_policy" and prices.security_policy_month is not None:
            rate = (prices.security_policy_month.usd + int(policy.size or 1) * _usd(prices.security_rule_month)) / HOURS_A_MONTH
            total += _counted_usd([(policy.start, policy.end)], since, until, rate.__mul__)
    for cache in book.things:
        if cache.kind == "redis_instance":
            tier, _, gib = cache.size.partition(":")
            rate = prices.redis_hour_usd(tier=tier, gib=int(gib or 0))
            total += _counted_usd([(cache.start, cache.end)], since, until, rate.__mul__)
    return total


def _unused(things: Iterable[Thing]) -> Iterator[tuple[datetime, datetime | None]]:
    """When addresses stood without any forwarding rule."""
    listed = list(things)
    used = sorted((each.start, each.end) for each in listed if each.kind == "forwarding_rule")
    for address in listed:
        if address.kind != "address":
            continue
        start: datetime | None = address.start
        for begun, ended in used:
            if start is None or (address.end is not None and begun >= address.end):
                break
            if begun > start:
                yield start, begun
            start = None if ended is None else max(start, ended)
        if start is not None and (address.end is None or start < address.end):
            yield start, address.end


def _counted_usd(
    spans: Iterable[tuple[datetime, datetime | None]], since: datetime, until: datetime, rate: Callable[[int], Decimal]
) -> Decimal:
    """The cost of [since, until) where `count` spans at once cost `rate(count)` an hour."""
    edges: dict[datetime, int] = {}
    for start, end in spans:
        last = until if end is None else min(end, until)
        if max(start, since) < last:
            edges[max(start, since)] = edges.get(max(start, since), 0) + 1
            edges[last] = edges.get(last, 0) - 1
    total, count, held, begun = Decimal(0), 0, Decimal(0), since
    for at in sorted(edges):
        now = count + edges[at]
        wanted = rate(now) if now else Decimal(0)
        if wanted != held:
            total += held * _whole(begun, at) / _HOUR
            held, begun = wanted, at
        count = now
    return total + (held * _whole(begun, until) / _HOUR if held else Decimal(0))


def _whole(start: datetime, end: datetime) -> int:
    """Whole seconds, a started one included."""
    return -((start - end) // _SECOND)


def _usd(price: Price | None) -> Decimal:
    return price.usd if price is not None else Decimal(0)
