"""The meter: what a profile has spent this month, from the ledger, put right by what the cloud shows.

1. The ledger is read first, then the cloud; what differs is written to the ledger with the cloud's instants, so the next look finds nothing to repair.
2. Spending is the ledger's stretches at the price book; where the cloud's own bill is higher, the bill counts. 3. A month is a calendar month in the
profile's time zone. 4. A profile without a ledger is not metered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud import audit, bill, tpus, vertex, vms
from cloud.connection import Connection
from ironwood import naming
from ironwood.claim import claimed
from ironwood.cost.budget import month_of
from ironwood.cost.estimate import estimate
from ironwood.cost.ledger import Book, Change, Entry, Found, Make, Repairs, Seen, Thing, Vm, read_entry, repairs
from ironwood.cost.meter import Spend, hourly_usd, spent
from ironwood.desired import desired, order_of
from ironwood.desired.observability import ledger_log
from ironwood.errors import CloudError, TransientError
from ironwood.graph import Graph
from ironwood.placement import generation_of, options_of
from ironwood.profile import Profile
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.base import Resource
from ironwood.resources.cache import RedisInstance
from ironwood.resources.load_balancer import SecurityPolicy
from ironwood.resources.logs import LogBucket
from ironwood.resources.queued_tpu import QueuedTpu, StrayTpu
from ironwood.resources.vertex import DeployedModel
from ironwood.state import Exported
from tasks.inputs import load_price_book
from tasks.ledger import as_ordered, write
from tasks.retries import google_task

BILLING = ("forwarding_rule", "address", "alert_policy", "scheduler_job", "redis_instance", "security_policy")
"""Kinds that bill while they exist; groups bill by their VMs, the NAT gateway too."""
WORTH_SAYING = Decimal("0.01")
"""The share by which the bill may differ from the ledger before that is an alarm."""


@dataclass(frozen=True, kw_only=True)
class Metered:
    """What was spent since the month began. `hourly_usd`: now, of everything ordered, at the cloud's prices where they are higher than the book's;
    `most_hourly_usd`: what autoscalers may take that to.

    `billed` is the cloud's bill for the VMs, where it can be read. `told`: what the ledger did not know. `entries`: the ledger's own.
    """

    at: datetime
    since: datetime
    spend: Spend
    hourly_usd: Decimal
    most_hourly_usd: Decimal
    factor: Decimal
    billed: bill.Billed | None
    book: Book
    entries: tuple[Entry, ...]
    told: tuple[str, ...]
    exported: Exported | None = None

    @property
    def spent_usd(self) -> Decimal:
        """What counts against the budget: the ledger, or the cloud's own bill where that is higher."""
        above = self.billed.vms_usd - self.spend.vms_usd if self.billed else Decimal(0)
        exported = self.exported.billed_usd - self.exported.ledger_usd if self.exported else Decimal(0)
        return self.spend.total_usd + max(Decimal(0), above, exported)

    @property
    def drift(self) -> Decimal | None:
        """By which share the cloud's bill is above the ledger; None where it is not worth saying or not known."""
        if self.billed is None or not self.spend.vms_usd:
            return None
        share = self.billed.vms_usd / self.spend.vms_usd - 1
        return share if abs(share) > WORTH_SAYING else None


def zone_of(profile: Profile) -> ZoneInfo:
    """The time zone a profile's months are counted in."""
    return ZoneInfo(profile.time_zone)


@google_task(name="look", run_name="read the meter of {profile.name}")
def look(connection: Connection, profile: Profile, live: Graph, looked: datetime | None) -> Metered | None:
    """Read the meter of `profile`, of which `live` is there; `looked`: when it was read last. None for a profile without a ledger."""
    with connection.clock.participating("meter"):
        at = connection.clock.now()
        since = month_of(at, zone_of(profile)).astimezone(UTC)
        prices = load_price_book(profile.price_book)
        entries = ledger_entries(connection, profile, live, since)
        if entries is None:
            return None
        book = Book.of(entries)
        seen = _seen(connection, profile, live, book, at, looked)
        elastic = {str(each.group) for each in live if isinstance(each, Autoscaler) and each.owner == profile.name}
        mended = repairs(book, seen, since, elastic)
        told = [*mended.told, *_mend(connection, profile, mended, since)]
        book = book.with_found(mended.found)
        heads = (naming.group_head(profile.name_prefix), naming.development_head(profile.name_prefix))
        billed = bill.billed(connection, heads=heads, since=since, until=at)
        running = hourly_usd(book, prices, at)
        factor = max(Decimal(1), billed.hourly_usd / running) if billed and running else Decimal(1)
        now = estimate(live, prices)
        return Metered(
            at=at,
            since=since,
            spend=spent(book, prices, since, at),
            hourly_usd=now.hourly_usd * factor,
            most_hourly_usd=now.most_usd * factor,
            factor=factor,
            billed=billed,
            book=book,
            entries=tuple(entries),
            told=tuple(told),
        )


def _mend(connection: Connection, profile: Profile, mended: Repairs, since: datetime) -> Iterator[str]:
    """Write what the ledger lacked; that it cannot be written is told, and what was found counts all the same."""
    written = [audit.Entry(id=each.id, at=max(each.at, since), content=each.content()) for each in mended.found]
    try:
        if written:
            audit.write(connection, log=ledger_log(profile), owner=profile.name, entries=written)
    except TransientError:
        raise
    except CloudError as error:
        yield f"what was found could not be written to the ledger and counts all the same: {error}"


def close(connection: Connection, profile: Profile, live: Graph) -> None:
    """Write the end of everything but VMs that bills, before a teardown takes the ledger's log away; VMs are found by their operations."""
    metered = look(connection, profile, live, None)
    if metered is not None and metered.book.standing:
        ended = Found(things=tuple(replace(each, end=metered.at) for each in metered.book.standing))
        write(connection, log_name=ledger_log(profile), owner=profile.name, entries=[ended])


def ledger_entries(connection: Connection, profile: Profile, live: Graph, since: datetime) -> list[Entry] | None:
    """The ledger's entries since an instant, oldest first; None where no ledger is kept, or not yet."""
    name = naming.ledger(profile.name_prefix)
    if not profile.logging.enabled or not any(isinstance(each, LogBucket) and each.name == name for each in live):
        return None
    found = audit.read(connection, bucket=name, log=ledger_log(profile), since=since)
    return [entry for each in found if (entry := read_entry(each.at, each.content)) is not None]


def changes(entries: tuple[Entry, ...] | list[Entry]) -> list[Change]:
    """The changes of size among entries."""
    return [each for each in entries if isinstance(each, Change)]


def _seen(connection: Connection, profile: Profile, live: Graph, book: Book, at: datetime, looked: datetime | None) -> Seen:
    deployed = [each for each in claimed(live, profile) if isinstance(each, DeployedModel) and each.owner == profile.name]
    there = [*vms.running(connection, profile.name), *(vm for each in deployed for vm in vertex.replicas(each))]
    zones = {option.zone for tier in profile.enabled_tiers.values() for option in options_of(tier)} | {
        vm.make.zone for vm in there if not vm.make.family.startswith("vertex-")
    }
    since = max(looked or at - vms.KEPT, at - vms.KEPT)
    told = vms.told(connection, zones=zones, head=naming.group_head(profile.name_prefix), since=since)
    there, past = (
        [*there, *(tpus.running(connection, profile.name) if _develops(profile, live, book) else ())],
        _past(connection, profile, live, book),
    )
    known = {vm.id for vm in there} | set(book.vms)
    gone = [vm for each in told.vms.values() if each.id not in known for vm in _came_and_went(profile, each)]
    return Seen(
        at=at,
        vms=tuple(there),
        ended=told.ends | {vm.id: vm.end for vm in past if vm.end is not None},
        gone=(*gone, *(vm for vm in past if vm.id not in known)),
        things=tuple(_things(profile, live, at)),
    )


def _develops(profile: Profile, live: Graph, book: Book) -> bool:
    """Whether development TPUs are wanted, there, or in the ledger: else their API may be off."""
    there = any(isinstance(each, QueuedTpu | StrayTpu) and each.owner == profile.name for each in live)
    return bool(profile.development) or there or any(_is_tpu(vm) for vm in book.vms.values())


def _is_tpu(vm: Vm) -> bool:
    return vm.make.group.startswith(QueuedTpu.kind)


def _past(connection: Connection, profile: Profile, live: Graph, book: Book) -> list[Vm]:
    """Every stretch of a development TPU that has ended, as far as operations tell; what each was is known by the profile, or by the ledger."""
    if not _develops(profile, live, book):
        return []
    makes = {vm.make.group.rpartition("/")[2]: vm.make for vm in book.vms.values() if _is_tpu(vm)}
    wanted = (
        change for each in desired(profile, profile.baseline) if isinstance(each, QueuedTpu) for change in [as_ordered(each)] if change
    )
    makes |= {change.address.name: change.make for change in wanted}
    zones = {make.zone for make in makes.values()}
    return tpus.gone(connection, zones, makes, naming.development_head(profile.name_prefix))


def _came_and_went(profile: Profile, ended: vms.Ended) -> Iterator[Vm]:
    """The stretch of a VM nobody saw; what it was is known by its group's name."""
    order = order_of(profile, ended.group)
    if order is None or ended.start is None or ended.end is None:
        return
    tier = profile.enabled_tiers[order[0]]
    generation = generation_of(tier)
    make = Make(
        group=f"instance_group/zones/{ended.zone}/{ended.group}",
        tier=order[0],
        zone=ended.zone,
        consumption=options_of(tier)[order[1]].consumption,
        family=generation.name,
        pod_chips=tier.chips,
        chips=generation.chips_per_vm,
        disk_gib=profile.serving.boot_disk_gib,
    )
    yield Vm(id=ended.id, make=make, start=ended.start, end=ended.end)


def _things(profile: Profile, live: Graph, at: datetime) -> Iterator[Thing]:
    for each in live:
        if each.kind in BILLING and each.owner == profile.name:
            created = str(getattr(each, "created", ""))
            start = datetime.fromisoformat(created).astimezone(UTC) if created else at
            yield Thing(address=str(each.address), start=start, size=_size(each))


def _size(thing: Resource) -> str:
    """What the price of a thing depends on, "" for most."""
    if isinstance(thing, SecurityPolicy):
        return str(thing.rules)
    return f"{thing.tier}:{thing.memory_gib}" if isinstance(thing, RedisInstance) else ""
