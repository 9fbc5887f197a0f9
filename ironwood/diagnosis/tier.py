"""Why a tier serves less than it should: its VMs that are not there, those that are and do not answer, and where the rest could be ordered.

1. What is missing is told once a tier, then its causes, each by itself: lost VMs, no stock, no quota, no room in a reservation, whatever a group told.
2. A VM that has just started is no trouble until its startup grace is over. 3. An old complaint counts only while VMs are missing.
4. Every other way to order the rest is held against its quota; where there is none, one is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from ironwood.diagnosis.finding import Finding

STOCK = ("ZONE_RESOURCE_POOL_EXHAUSTED", "RESOURCE_POOL_EXHAUSTED")
QUOTA = "QUOTA_EXCEEDED"
RESERVATION = "RESERVATION"
RECENT = timedelta(hours=12)
"""For how long VMs lost and replaced are worth a note, and how old a complaint may be."""
NAMED = 3
"""How many VMs a finding names."""
CONSOLE = "https://console.cloud.google.com/iam-admin/quotas"


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """What a group told of itself."""

    at: datetime
    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A VM that stopped by itself: preempted, or its host failed."""

    at: datetime
    vm: str
    preempted: bool


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """A VM that has been on its way for longer than that takes, or stands still and is repaired by nobody."""

    vm: str
    doing: str
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class GroupSeen:
    """One group: VMs the profile wants of it, ordered and running; `young` of these started less than the startup grace ago and are not healthy yet. `way`: `spot in us-central1-c`.

    `actions`: VMs by what the group does to them now; `failing`: names of VMs past the grace that do not answer the health check.
    """

    name: str
    zone: str
    way: str
    wanted: int
    ordered: int
    there: int
    young: int = 0
    patience: timedelta = timedelta(minutes=45)
    actions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    failing: tuple[str, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    losses: tuple[Loss, ...] = ()
    stuck: tuple[Stuck, ...] = ()

    @property
    def missing(self) -> int:
        """VMs wanted that do not run, whether they are ordered or the order was given up."""
        return max(0, self.wanted - self.there)


@dataclass(frozen=True, kw_only=True)
class BackendSeen:
    """What the load balancer sees of one backend: servers that should answer, and those that do; `told` is why it could not be read, if so."""

    name: str
    wanted: int
    healthy: int
    told: str = ""


@dataclass(frozen=True, kw_only=True)
class Room:
    """Another way to order what is missing: `chips` of it, `free` of the quota's `limit` (None where Google does not say); `request` asks for more."""

    way: str
    chips: int
    free: int | None
    limit: int
    request: str


@dataclass(frozen=True, kw_only=True)
class TierSeen:
    """One tier of a profile, at `key` in it; `rooms`: its ways to order that hold less than they might; `elsewhere`: zones with its machines it has no way to."""

    profile: str
    tier: str
    key: str
    service: str
    health_check: str
    groups: tuple[GroupSeen, ...]
    backends: tuple[BackendSeen, ...]
    rooms: tuple[Room, ...] = ()
    elsewhere: tuple[str, ...] = ()


def judge(seen: TierSeen, at: datetime) -> Iterator[Finding]:
    """Every finding of one tier at an instant."""
    yield from _serving(seen)
    for group in seen.groups:
        yield from _lost(group, at)
        yield from _missing(seen, group, at)
        yield from _failing(seen, group)
        yield from _stuck(group)
    if any(_short_of(group, at) for group in seen.groups):
        yield from _rooms(seen)


def _serving(seen: TierSeen) -> Iterator[Finding]:
    """N of m healthy, as the load balancer sees them."""
    for backend in seen.backends:
        if backend.told:
            unread = (f"{backend.name}: {backend.told}",)
            yield Finding(check="health", severity="warning", subject=seen.service, what="health could not be read", evidence=unread)
    read = [each for each in seen.backends if not each.told]
    wanted, healthy = sum(each.wanted for each in read), sum(each.healthy for each in read)
    if healthy >= wanted:
        return
    starting = sum(group.young for group in seen.groups)
    evidence = tuple(f"{each.name}: {each.healthy} of {each.wanted} healthy" for each in read if each.healthy < each.wanted)
    what = f"backend {seen.tier}: {healthy} of {wanted} healthy"
    if wanted - healthy <= starting:
        yield Finding(
            check="health", severity="note", subject=seen.service, what=f"{what}, the others are still starting", evidence=evidence
        )
        return
    began = [each for group in seen.groups if (each := _began(group)) is not None]
    remedies = (
        f"gcloud compute backend-services get-health {seen.service} --global",
        "the causes are told below; docs/troubleshooting.md has each",
    )
    yield Finding(
        check="health",
        severity="error",
        subject=seen.service,
        what=what,
        since=min(began, default=None),
        evidence=evidence,
        remedies=remedies,
    )


def _began(group: GroupSeen) -> datetime | None:
    """When VMs of a group began to be missing, as far as it is known."""
    if not group.missing:
        return None
    return min((*(each.at for each in group.losses), *(each.at for each in group.complaints)), default=None)


def _lost(group: GroupSeen, at: datetime) -> Iterator[Finding]:
    """VMs Google took away."""
    for preempted in (True, False):
        lost = [each for each in group.losses if each.preempted == preempted and at - each.at <= RECENT]
        if not lost:
            continue
        latest = max(each.at for each in lost)
        evidence = (f"{_names(each.vm for each in lost)}, the last at {latest:%H:%M} UTC",)
        count = f"{len(lost)} {'VM' if len(lost) == 1 else 'VMs'}"
        word = "preempted" if preempted else "lost with its host" if len(lost) == 1 else "lost with their hosts"
        if group.missing:
            yield Finding(
                check="lost",
                severity="error",
                subject=group.name,
                what=f"{count} {word}, {group.missing} of {group.wanted} are not there",
                since=min(each.at for each in lost),
                evidence=evidence,
                remedies=(
                    "a group replaces them by itself once there is stock; what stands in the way is told beside this",
                    *(("give the tier a fallback that is not Spot",) if preempted else ()),
                ),
            )
        else:
            since = min(each.at for each in lost)
            yield Finding(
                check="lost", severity="note", subject=group.name, what=f"{count} {word} and replaced", since=since, evidence=evidence
            )


def _missing(seen: TierSeen, group: GroupSeen, at: datetime) -> Iterator[Finding]:
    """Why VMs that were ordered do not run."""
    if not group.missing:
        return
    what = f"{group.missing} of {group.wanted} VMs are not there"
    complaints = [each for each in group.complaints if at - each.at <= RECENT]
    causes: dict[str, list[Complaint]] = {}
    for each in complaints:
        causes.setdefault(_cause(each.code), []).append(each)
    for cause, told in causes.items():
        since, last = min(each.at for each in told), max(told, key=lambda each: each.at)
        evidence = (f"{last.at:%H:%M} UTC {last.code}: {last.message}",)
        subject, reason, remedies = _explained(seen, group, cause)
        yield Finding(
            check=cause, severity="error", subject=subject, what=f"{reason}; {what}", since=since, evidence=evidence, remedies=remedies
        )
    if not complaints:
        doing = ", ".join(f"{count} {action}" for action, count in group.actions.items() if count) or "nothing"
        lost = max((each.at for each in group.losses), default=None)
        ordered = f", {group.ordered} are ordered" if group.ordered != group.wanted else ""
        waits = lost is None or at - lost <= group.patience
        yield Finding(
            check="group",
            severity="warning" if waits else "error",
            subject=group.name,
            what=f"{what}{ordered} and Google tells no reason; the group is doing: {doing}",
            since=lost,
            remedies=(
                f"gcloud compute instance-groups managed list-instances {group.name} --zone={group.zone}",
                f"python -m flows.scale --profile {seen.profile}",
            ),
        )


def _cause(code: str) -> str:
    if code.startswith(STOCK):
        return "stock"
    if code == QUOTA:
        return "quota"
    return "reservation" if code.startswith(RESERVATION) else "group"


def _explained(seen: TierSeen, group: GroupSeen, cause: str) -> tuple[str, str, tuple[str, ...]]:
    """Subject, words and remedies of a cause."""
    if cause == "stock":
        zones = _elsewhere(seen) or ("no other zone has these machines: wait, or add another `consumption` to `fallbacks`",)
        return group.name, f"{group.zone} is out of stock ({group.way})", zones
    if cause == "quota":
        return (
            group.name,
            f"the quota is used up ({group.way})",
            (f"ask for more: {CONSOLE}; the quota and the request are told beside this",),
        )
    if cause == "reservation":
        return group.name, f"the reservation has no room ({group.way})", (f"add VMs to it, or `fallbacks` to {seen.key}",)
    return (
        group.name,
        f"the group tells of errors ({group.way})",
        (f"gcloud compute instance-groups managed list-errors {group.name} --zone={group.zone}",),
    )


def _elsewhere(seen: TierSeen) -> tuple[str, ...]:
    return tuple(f"profile: {seen.key}.fallbacks: [{{consumption: on_demand, zone: {zone}}}]" for zone in seen.elsewhere)


def _failing(seen: TierSeen, group: GroupSeen) -> Iterator[Finding]:
    """VMs that run and do not answer the health check."""
    if not group.failing:
        return
    first = group.failing[0]
    yield Finding(
        check="unhealthy",
        severity="error",
        subject=group.name,
        what=f"{len(group.failing)} of {group.there} running VMs do not answer the health check",
        evidence=(_names(group.failing),),
        remedies=(
            f"gcloud compute instances get-serial-port-output {first} --zone={group.zone}",
            f"gcloud compute health-checks describe {seen.health_check}, beside `serving.port` and `serving.readiness_path` of the profile",
            f"a bad image or model: python -m flows.rollout --profile {seen.profile} goes back to the one before",
        ),
    )


def _stuck(group: GroupSeen) -> Iterator[Finding]:
    for doing in sorted({each.doing for each in group.stuck}):
        held = [each for each in group.stuck if each.doing == doing]
        yield Finding(
            check="stuck",
            severity="error",
            subject=group.name,
            what=f"{len(held)} {'VM' if len(held) == 1 else 'VMs'}: {doing}",
            since=min((each.since for each in held if each.since is not None), default=None),
            evidence=(_names(each.vm for each in held),),
            remedies=(
                f"gcloud compute instance-groups managed recreate-instances {group.name} --zone={group.zone} --instances={held[0].vm}",
            ),
        )


def _short_of(group: GroupSeen, at: datetime) -> bool:
    """Whether a group lacks VMs it cannot get where it is."""
    return bool(group.missing) and any(_cause(each.code) != "group" and at - each.at <= RECENT for each in group.complaints)


def _rooms(seen: TierSeen) -> Iterator[Finding]:
    """Whether the rest could be had another way."""
    for room in seen.rooms:
        if room.free is None:
            yield Finding(
                check="fallback",
                severity="note",
                subject=seen.tier,
                what=f"{room.way} would need {room.chips:,} chips; Google does not say how many the quota leaves",
            )
        elif room.free < room.chips:
            yield Finding(
                check="fallback",
                severity="error",
                subject=seen.tier,
                what=f"{room.way} would need {room.chips:,} chips, the quota has {room.free:,} of {room.limit:,} free",
                remedies=(f"ask for more: {room.request} or {CONSOLE}", *_elsewhere(seen)),
            )
        else:
            yield Finding(
                check="fallback",
                severity="note",
                subject=seen.tier,
                what=f"{room.way} would need {room.chips:,} chips, the quota has {room.free:,} free",
                remedies=(f"python -m flows.scale --profile {seen.profile} orders them there once the way before is given up",),
            )


def _names(vms: Iterable[str]) -> str:
    names = sorted(set(vms))
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
