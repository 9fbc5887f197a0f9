"""The tiers: groups, their errors and VMs, the health the load balancer sees, and where what is missing could be ordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType

from cloud import facts, vm_events
from cloud.drivers.addresses import backend_url
from cloud.vm_events import LOST, PREEMPTED, Event, TpuVm
from ironwood import naming, tpu
from ironwood.desired import order_of
from ironwood.diagnosis import places, tier
from ironwood.diagnosis.finding import Finding
from ironwood.diagnosis.places import PlaceSeen
from ironwood.diagnosis.tier import RECENT, BackendSeen, GroupSeen, Loss, Room, Stuck, TierSeen
from ironwood.errors import IronwoodError
from ironwood.placement import generation_of, options_of
from ironwood.profile import Tier
from ironwood.profile_regions import home_of, key_of
from ironwood.resources.base import Address
from ironwood.resources.group import EndpointGroup, InstanceGroup
from ironwood.resources.load_balancer import BackendService
from tasks.diagnose.case import Case, attempt
from tasks.preflight.request import chips_request

REMOVED_WITHIN = timedelta(minutes=15)
"""How long a VM may take to go once its connections are drained."""
RUNNING = "RUNNING"


@dataclass(frozen=True, kw_only=True)
class _Vms:
    """What is known of VMs: those that hold chips, and what happened to them."""

    holding: tuple[TpuVm, ...]
    events: tuple[Event, ...]


def tiers(case: Case) -> Iterator[Finding]:
    """Every enabled tier, then the zones they stand in."""
    found: list[Finding] = []
    connection, profile = case.connection, case.profile
    zones = {option.zone for each in profile.enabled_tiers.values() for option in options_of(each)}
    holding = attempt(found, "group", "the project's TPU VMs", partial(vm_events.tpu_vms, connection)) or []
    head = naming.group_head(profile.name_prefix)
    looked = partial(vm_events.events, connection, zones=zones, head=head, since=case.at - RECENT)
    told = attempt(found, "group", "operations on VMs", looked) or []
    vms = _Vms(holding=tuple(holding), events=tuple(told))
    groups: list[GroupSeen] = []
    healthy: Counter[str] = Counter()
    for name, each in profile.enabled_tiers.items():
        seen = _tier(case, name, each, vms, found)
        groups += seen.groups
        healthy.update({backend.name: backend.healthy for backend in seen.backends})
        found += tier.judge(seen, case.at)
    stand = [
        PlaceSeen(zone=zone, status=attempt(found, "place", zone, partial(vm_events.zone_status, connection, zone)) or "UP")
        for zone in sorted(zones)
    ]
    yield from found
    yield from places.judge(stand, groups, healthy)


def _tier(case: Case, name: str, of: Tier, vms: _Vms, found: list[Finding]) -> TierSeen:
    groups = {address: _group(case, address, of, vms, found) for address in _addresses(case, name)}
    options, generation = options_of(of), generation_of(of)
    short = any(group.missing for group in groups.values())
    held = {option.zone for option in options}
    ask = partial(facts.zones_with, case.connection, [generation.machine_type])
    offered = (attempt(found, "fallback", name, ask) or {}) if short else {}
    elsewhere, region = offered.get(generation.machine_type, []), f"{tpu.region_of(of.zone)}-"
    return TierSeen(
        profile=case.called,
        tier=name,
        key=key_of(name),
        service=naming.backend_service(case.profile.name_prefix, home_of(name)),
        health_check=naming.health_check(case.profile.name_prefix),
        groups=tuple(groups.values()),
        backends=tuple(_backends(case, name, groups)),
        rooms=tuple(_rooms(case, name, of, groups, vms, found)) if short else (),
        elsewhere=tuple(zone for zone in elsewhere if zone not in held and zone.startswith(region)),
    )


def _addresses(case: Case, name: str) -> list[Address]:
    """The groups of a tier, wanted or live."""
    both = (*case.wanted, *(each for each in case.live if each.address not in case.wanted))
    return [each.address for each in both if isinstance(each, InstanceGroup) and (order_of(case.profile, each.name) or ("",))[0] == name]


def _group(case: Case, address: Address, of: Tier, vms: _Vms, found: list[Finding]) -> GroupSeen:
    live, wanted = case.live.get(address), case.wanted.get(address)
    size = wanted.size if isinstance(wanted, InstanceGroup) else 0
    zone, name = address.scope.partition("/")[2], address.name
    order = order_of(case.profile, name)
    option = options_of(of)[order[1] if order else 0]
    if not isinstance(live, InstanceGroup):
        there = size if InstanceGroup.kind in case.unlisted else 0  # what could not be listed is told as that
        return GroupSeen(name=name, zone=zone, way=str(option), wanted=size, ordered=there, there=there)
    ask = case.connection
    members = attempt(found, "group", name, partial(vm_events.members, ask, zone=zone, group=name))
    told = attempt(found, "group", name, partial(vm_events.complaints, ask, zone=zone, group=name)) or []
    grace = timedelta(seconds=case.profile.health_check.startup_grace_seconds)
    listed = members or []
    healthy = {each.name for each in listed if each.health == "HEALTHY"}
    fresh = {vm.name for vm in vms.holding if vm.group == name and (vm.started is None or case.at - vm.started < grace)}
    young = fresh - healthy
    running = [each for each in listed if each.status == RUNNING]
    healed = live.health_check is not None
    return GroupSeen(
        name=name,
        zone=zone,
        way=str(option),
        wanted=size,
        ordered=live.size,
        there=len(running) if members is not None else live.size - live.lacking,
        young=len(young),
        patience=option.deadline,
        actions=MappingProxyType(Counter(each.action for each in listed if each.action not in {"NONE", ""})),
        failing=tuple(each.name for each in running if each.health not in {"HEALTHY", ""} and each.name not in young),
        complaints=tuple(told),
        losses=tuple(_losses(name, vms.events)),
        stuck=(
            *_slow(name, vms.events, of, option.deadline, case.at),
            *(
                Stuck(vm=each.name, doing="stand still, and Google repairs none of this group", since=None)
                for each in listed
                if not healed and each.status in vm_events.STOPPED
            ),
        ),
    )


def _losses(group: str, events: tuple[Event, ...]) -> Iterator[Loss]:
    for each in events:
        if each.kind in LOST and each.vm.rpartition("-")[0] == group:
            yield Loss(at=each.begun, vm=each.vm, preempted=each.kind == PREEMPTED)


def _slow(group: str, events: tuple[Event, ...], of: Tier, patience: timedelta, at: datetime) -> Iterator[Stuck]:
    limits = {"delete": timedelta(seconds=of.draining_seconds) + REMOVED_WITHIN, "insert": patience}
    words = {"delete": "should have been deleted long ago", "insert": "should have started long ago"}
    for each in events:
        limit = limits.get(each.kind)
        if each.end is None and limit is not None and at - each.begun > limit and each.vm.rpartition("-")[0] == group:
            yield Stuck(vm=each.vm, doing=words[each.kind], since=each.begun)


def _backends(case: Case, name: str, groups: dict[Address, GroupSeen]) -> Iterator[BackendSeen]:
    """What the load balancer sees of each group of the tier, among those of its namesakes: all of its VMs, or worker 0 of a slice."""
    behind = naming.backend_service(case.profile.name_prefix, home_of(name))
    service = next((each for each in case.wanted if isinstance(each, BackendService) and each.name == behind), None)
    for backend in service.backends if service else ():
        stands = case.wanted.get(backend.group)
        slice_of = stands.group if isinstance(stands, EndpointGroup) else None
        group = groups.get(slice_of or backend.group)
        if group is None:
            continue
        wanted = min(1, group.wanted) if slice_of else group.wanted
        if not wanted:
            continue
        url = backend_url(case.connection.project, backend.group)
        try:
            healthy, told = facts.health(case.connection, service.name if service else "", url).get("HEALTHY", 0), ""
        except IronwoodError as error:
            healthy, told = 0, str(error).splitlines()[0]
        yield BackendSeen(name=group.name, wanted=wanted, healthy=healthy, told=told)


def _rooms(case: Case, name: str, of: Tier, groups: dict[Address, GroupSeen], vms: _Vms, found: list[Finding]) -> Iterator[Room]:
    """Every way of the tier whose own groups lack nothing, against its quota or reservation."""
    connection, generation = case.connection, generation_of(of)
    chips = sum(group.missing for group in groups.values()) * generation.chips_per_vm
    lacking = {order[1] for each in groups.values() if each.missing and (order := order_of(case.profile, each.name)) is not None}
    for number, option in enumerate(options_of(of)):
        if number in lacking:
            continue
        region, spot = option.zone.rpartition("-")[0], option.consumption == "spot"
        if option.reservation is not None:
            held = partial(facts.reservation, connection, zone=option.zone, name=option.reservation)
            free = attempt(found, "fallback", name, held)
            count, room = (free.count, free.free) if free else (0, 0)
            asks = f"more VMs in reservation {option.reservation}"
            yield Room(
                way=str(option),
                chips=chips,
                free=room * generation.chips_per_vm,
                limit=count * generation.chips_per_vm,
                request=asks,
            )
            continue
        allowed = partial(facts.chip_limit, connection, generation=generation, region=region, spot=spot)
        limit = attempt(found, "fallback", name, allowed)
        used = chips_used(vms.holding, generation.machine_type, region, spot=spot) * generation.chips_per_vm
        yield Room(
            way=str(option),
            chips=chips,
            free=None if limit is None else max(0, limit - used),
            limit=limit or 0,
            request=chips_request(connection.project, generation, region, used + chips, spot=spot),
        )


def chips_used(holding: tuple[TpuVm, ...], machine_type: str, region: str, *, spot: bool, owner: str | None = None) -> int:
    """VMs that count against a quota of chips; those of reservations do not. Of one `owner` where it is given."""
    return sum(
        each.machine_type == machine_type
        and each.zone.rpartition("-")[0] == region
        and each.spot == spot
        and not each.reserved
        and (owner is None or each.owner == owner)
        for each in holding
    )
