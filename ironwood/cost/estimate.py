"""What a graph costs an hour, line by line, and what a plan changes about it; with autoscalers also the most it may come to.

Charged: chips and boot disks by VM (reserved chips are paid by their reservation, used or not), the NAT gateway by the VMs that use it,
forwarding rules (the first five together), addresses no rule uses, stored bytes, alert conditions, scheduler jobs beyond the free ones, the cache, Cloud Armor by policy
and rule. What
our logs, metrics and uptime checks use stays in Google's free allotments (documented). Traffic and requests are not estimated. Source of each
price: the price book.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from ironwood import tpu, tpu_v5e
from ironwood.cost.pricebook import HOURS_A_DAY, HOURS_A_MONTH, PriceBook
from ironwood.graph import Graph
from ironwood.resources.autoscaler import ON, Autoscaler
from ironwood.resources.base import Address
from ironwood.resources.bucket import Bucket
from ironwood.resources.cache import RedisInstance
from ironwood.resources.group import PROVISIONING_MODELS, InstanceGroup, InstanceTemplate
from ironwood.resources.load_balancer import ForwardingRule, SecurityPolicy
from ironwood.resources.monitoring import AlertPolicy
from ironwood.resources.network import GlobalAddress, Router
from ironwood.resources.queued_tpu import ACTIVE, QueuedTpu
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.vertex import DeployedModel

CENT = Decimal("0.01")
NAT_FLAT_FROM_VMS = 32
GIB = 1 << 30
JOBS_FREE = 3
"""Cloud Scheduler jobs a billing account has free; counted as if it had no others."""
FORWARDING_RULES_TOGETHER = 5
UNWATCHED = timedelta(hours=8)
"""How long nobody looks in the worst case we tell: a night."""

_CONSUMPTION = {model: consumption for consumption, model in PROVISIONING_MODELS.items()}


@dataclass(frozen=True, kw_only=True)
class CostLine:
    """What one resource costs an hour, and for what; `committed_usd` an hour is paid for it whether it is used or not; `unleased_usd` is
    the part of `hourly_usd` that goes on when the lease has ended.
    """

    address: Address
    what: str
    hourly_usd: Decimal
    committed_usd: Decimal = Decimal(0)
    unleased_usd: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The hourly cost of a graph under one price book; `at_most` are the lines with every group as large as its autoscaler may make it."""

    book: str
    lines: tuple[CostLine, ...]
    at_most: tuple[CostLine, ...]

    @property
    def hourly_usd(self) -> Decimal:
        """US dollars an hour, unrounded."""
        return sum((line.hourly_usd for line in self.lines), Decimal(0))

    @property
    def most_usd(self) -> Decimal:
        """US dollars an hour that autoscalers may take it to."""
        return sum((line.hourly_usd for line in self.at_most), Decimal(0))

    @property
    def unleased_usd(self) -> Decimal:
        """US dollars an hour of groups that go on when all leases have ended."""
        return sum((line.unleased_usd for line in self.lines), Decimal(0))

    @property
    def daily_usd(self) -> Decimal:
        """US dollars a day, unrounded."""
        return self.hourly_usd * HOURS_A_DAY

    @property
    def committed_usd(self) -> Decimal:
        """US dollars an hour of reservations in use: paid whether they are used or not, so no part of `hourly_usd`."""
        return sum((line.committed_usd for line in self.lines), Decimal(0))

    def exposure_usd(self, unwatched: timedelta = UNWATCHED) -> Decimal:
        """What it costs if everything of ours dies now and nobody looks for `unwatched`."""
        return self.most_usd * Decimal(unwatched.total_seconds()) / 3600


def estimate(graph: Graph, book: PriceBook) -> Estimate:
    """What everything in `graph` costs an hour under `book`; a group that an autoscaler is to bring within its bounds counts as it will be."""
    owners = {each.group: each for each in graph if isinstance(each, Autoscaler) and each.mode == ON}
    groups = [each for each in graph if isinstance(each, InstanceGroup)]
    now = [_within(each, owners.get(each.address)) for each in groups]
    lines = tuple(_lines(graph, now, book))
    most = [replace(each, size=owners[each.address].most) if each.address in owners else each for each in now]
    return Estimate(book=book.name, lines=lines, at_most=tuple(_lines(graph, most, book)) if owners else lines)


def _within(group: InstanceGroup, owner: Autoscaler | None) -> InstanceGroup:
    return group if owner is None else replace(group, size=min(max(group.size, owner.least), owner.most))


def _lines(graph: Graph, groups: list[InstanceGroup], book: PriceBook) -> Iterator[CostLine]:
    every = (
        _groups(graph, groups, book),
        _deployed(graph, book),
        _development(graph, book),
        _nat(graph, groups, book),
        _rules(graph, book),
        _addresses(graph, book),
        _stored(graph, book),
        _alarms(graph, book),
        _jobs(graph, book),
        _caches(graph, book),
        _policies(graph, book),
    )
    return (line for of in every for line in of if line.hourly_usd or line.committed_usd)


def cents(usd: Decimal) -> Decimal:
    """Rounded to whole cents."""
    return usd.quantize(CENT, rounding=ROUND_HALF_UP)


def _groups(graph: Graph, groups: Iterable[InstanceGroup], book: PriceBook) -> Iterator[CostLine]:
    for group in groups:
        template = graph.get(group.template)
        if not isinstance(template, InstanceTemplate):
            continue
        if template.machine_type not in tpu.BY_MACHINE_TYPE:
            yield from _plain(graph, group, template, book)
            continue
        generation = tpu.BY_MACHINE_TYPE[template.machine_type]
        pod_chips = int(dict(template.labels).get("pod-chips", generation.chips_per_vm))
        consumption, region = _CONSUMPTION[template.provisioning_model], tpu.region_of(group.scope)
        price = book.chip_hour_usd(family=generation.name, consumption=consumption, pod_chips=pod_chips, region=region)
        chips = group.size * generation.chips_per_vm
        if template.reservation:
            what = f"{chips:,} {generation.name} chips of reservation {template.reservation}"
            yield CostLine(address=group.address, what=what, hourly_usd=Decimal(0), committed_usd=chips * price)
        else:
            what = f"{chips:,} {generation.name} chips"
            yield CostLine(address=group.address, what=what, hourly_usd=chips * price, unleased_usd=_unleased(graph, group) * chips * price)
        disk = book.boot_disk_gib_month.get("hyperdisk-balanced")
        if disk is not None:
            gib = group.size * template.boot_disk_gib
            hourly = gib * disk.usd / HOURS_A_MONTH
            what = f"{gib:,} GiB boot disks"
            yield CostLine(address=group.address, what=what, hourly_usd=hourly, unleased_usd=_unleased(graph, group) * hourly)


def _plain(graph: Graph, group: InstanceGroup, template: InstanceTemplate, book: PriceBook) -> Iterator[CostLine]:
    """VMs without TPUs, such as those of `probe_cloud`, with the standard disks they boot from."""
    if (price := book.vm_hour.get(template.machine_type)) is None:
        return
    disk = book.vm_disk_gib_month.usd * template.boot_disk_gib / HOURS_A_MONTH if book.vm_disk_gib_month else Decimal(0)
    hourly = group.size * (price.usd + disk)
    what = f"{group.size} {template.machine_type} VMs with disks"
    yield CostLine(address=group.address, what=what, hourly_usd=hourly, unleased_usd=_unleased(graph, group) * hourly)


def _deployed(graph: Graph, book: PriceBook) -> Iterator[CostLine]:
    """Models at Vertex AI: chips of the replicas that run, at prices of Vertex AI's own."""
    for each in graph:
        if isinstance(each, DeployedModel) and each.machine_type in tpu.BY_MACHINE_TYPE:
            generation = tpu.BY_MACHINE_TYPE[each.machine_type]
            consumption = "spot" if each.spot else "on_demand"
            family, region = f"vertex-{generation.name}", tpu.region_of(each.scope)
            price = book.chip_hour_usd(family=family, consumption=consumption, pod_chips=generation.chips_per_vm, region=region)
            chips = each.running * generation.chips_per_vm
            yield CostLine(address=each.address, what=f"{chips:,} {generation.name} Vertex AI chips", hourly_usd=chips * price)


def _development(graph: Graph, book: PriceBook) -> Iterator[CostLine]:
    """Chips of development TPUs that are there or are to be; VM and boot disk are part of their price (documented)."""
    for each in graph:
        if isinstance(each, QueuedTpu) and each.state == ACTIVE and (chips := tpu_v5e.chips_of(each.accelerator_type)):
            region = tpu.region_of(each.scope)
            price = book.chip_hour_usd(family=tpu_v5e.FAMILY, consumption=each.consumption, pod_chips=chips, region=region)
            yield CostLine(address=each.address, what=f"{chips:,} {tpu_v5e.FAMILY} chips", hourly_usd=chips * price)


def _unleased(graph: Graph, group: InstanceGroup) -> Decimal:
    """The share of the group's VMs that its lease leaves alone when it ends."""
    job = graph.get(group.lease) if group.lease else None
    stays = job.call.rpartition("size=")[2] if isinstance(job, SchedulerJob) else "0"
    return Decimal(stays) / group.size if group.size and stays.isdigit() else Decimal(0)


def _nat(graph: Graph, groups: Iterable[InstanceGroup], book: PriceBook) -> Iterator[CostLine]:
    """Each region's gateway by the VMs that stand there."""
    groups = tuple(groups)
    if book.nat_vm_hour is None or book.nat_hour_most is None:
        return
    for router in graph:
        if isinstance(router, Router):
            vms = sum(group.size for group in groups if tpu.region_of(group.scope) == tpu.region_of(router.scope))
            hourly = book.nat_hour_most.usd if vms > NAT_FLAT_FROM_VMS else vms * book.nat_vm_hour.usd
            yield CostLine(address=router.address, what="NAT gateway", hourly_usd=hourly)


def _rules(graph: Graph, book: PriceBook) -> Iterator[CostLine]:
    rules = [each for each in graph if isinstance(each, ForwardingRule)]
    if book.forwarding_rules_hour is None or not rules:
        return
    more = book.forwarding_rule_more_hour.usd if book.forwarding_rule_more_hour else Decimal(0)
    share = (book.forwarding_rules_hour.usd + more * max(0, len(rules) - FORWARDING_RULES_TOGETHER)) / len(rules)
    for rule in rules:
        yield CostLine(address=rule.address, what="forwarding rule", hourly_usd=share)


def _addresses(graph: Graph, book: PriceBook) -> Iterator[CostLine]:
    """A reserved address bills while no forwarding rule uses it."""
    if book.address_unused_hour is None:
        return
    used = {rule.ip_address for rule in graph if isinstance(rule, ForwardingRule)}
    for address in graph:
        if isinstance(address, GlobalAddress) and address.address not in used:
            yield CostLine(address=address.address, what="address not in use", hourly_usd=book.address_unused_hour.usd)


def _stored(graph: Graph, book: PriceBook) -> Iterator[CostLine]:
    if book.storage_gib_month is None:
        return
    for bucket in graph:
        if isinstance(bucket, Bucket):
            hourly = bucket.size_bytes * book.storage_gib_month.usd / GIB / HOURS_A_MONTH
            yield CostLine(address=bucket.address, what=f"{bucket.size_bytes:,} bytes stored", hourly_usd=hourly)


def _alarms(graph: Graph, book: PriceBook) -> Iterator[CostLine]:
    if book.alert_condition_month is None:
        return
    for alarm in graph:
        if isinstance(alarm, AlertPolicy):
            yield CostLine(address=alarm.address, what="alert condition", hourly_usd=book.alert_condition_month.usd / HOURS_A_MONTH)


def _jobs(graph: Graph, book: PriceBook) -> Iterator[CostLine]:
    jobs = [each for each in graph if isinstance(each, SchedulerJob)]
    if book.scheduler_job_month is None or not jobs:
        return
    share = book.scheduler_job_month.usd * max(0, len(jobs) - JOBS_FREE) / len(jobs) / HOURS_A_MONTH
    for job in jobs:
        yield CostLine(address=job.address, what="scheduler job", hourly_usd=share)


def _caches(graph: Graph, book: PriceBook) -> Iterator[CostLine]:
    """A cache bills whatever the tiers do, and no lease ends it."""
    for cache in graph:
        if isinstance(cache, RedisInstance):
            hourly = book.redis_hour_usd(tier=cache.tier, gib=cache.memory_gib)
            what = f"{cache.memory_gib} GiB {cache.tier}, used or not, whatever the leases: Redis cache"
            yield CostLine(address=cache.address, what=what, hourly_usd=hourly)


def _policies(graph: Graph, book: PriceBook) -> Iterator[CostLine]:
    """Cloud Armor's policies and rules; what it charges for requests is not estimated."""
    policies = [each for each in graph if isinstance(each, SecurityPolicy)]
    if book.security_policy_month is None or book.security_rule_month is None:
        return
    for policy in policies:
        hourly = (book.security_policy_month.usd + policy.rules * book.security_rule_month.usd) / HOURS_A_MONTH
        yield CostLine(address=policy.address, what=f"{policy.rules} rules of a Cloud Armor policy", hourly_usd=hourly)
