"""The ledger: every change of what bills, before and after the call, and what the cloud says ran from when until when.

1. A change is two entries, the intent before the call and the outcome after it, with ids made of run, step, attempt and phase. 2. A stretch (a VM, or
another thing that costs, from an instant to an instant the cloud told) is kept once, however often it is written: a VM by its number. 3. What is known
first about a beginning holds; of several ends the earliest. 4. What is found by looking is written under an id made of what was found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from types import MappingProxyType
from typing import Literal, get_args
from uuid import UUID, uuid5

Phase = Literal["intent", "outcome"]
CHANGE, HELD = "change", "held"
"""What entries of the ledger call themselves."""
_FOUND = UUID("0b0f64b1-6f0c-5c1a-9a53-6d1d8c0f7a11")
LAG = timedelta(minutes=2)
"""How long what was just written may not be read yet, so that finding it anew is nothing to tell."""


GOING = timedelta(hours=2)
"""How long after a change the last of its VMs may be gone."""


@dataclass(frozen=True, kw_only=True)
class Make:
    """What a VM is, as it is priced: its group (address as text), tier and zone, and what one VM holds."""

    group: str
    tier: str
    zone: str
    consumption: str
    family: str
    pod_chips: int
    chips: int
    disk_gib: int


@dataclass(frozen=True, kw_only=True)
class Vm:
    """One VM that bills from `start` (RUNNING) until `end` (gone); `end` None while it lives. `id` is the cloud's number."""

    id: str
    make: Make
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Anything else that bills while it exists, by its address as text: `forwarding_rule/global/NAME`; `size` is what it bills by, where it has one."""

    address: str
    start: datetime
    end: datetime | None = None
    size: str = ""

    @property
    def kind(self) -> str:
        """The kind of the address."""
        return self.address.partition("/")[0]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One entry of a change of a group's size, in VMs; `vms` is what the cloud told about its VMs at the outcome."""

    phase: Phase
    at: datetime
    run: UUID
    step: str
    attempt: int
    make: Make
    before: int
    after: int
    vms: tuple[Vm, ...] = ()

    @property
    def key(self) -> str:
        """What intent and outcome share."""
        return str(uuid5(self.run, f"{self.step}#{self.attempt}"))

    @property
    def id(self) -> str:
        """The entry's own id: the same change written again is the same entry."""
        return str(uuid5(self.run, f"{self.step}#{self.attempt}#{self.phase}"))

    def content(self) -> dict[str, object]:
        """The entry as the payload of a log entry."""
        return {
            "kind": CHANGE,
            "phase": self.phase,
            "run": str(self.run),
            "step": self.step,
            "attempt": self.attempt,
            "before": self.before,
            "after": self.after,
            "make": _make_content(self.make),
            "held": _held_content(self.vms),
        }


@dataclass(frozen=True, kw_only=True)
class Found:
    """An entry of what was found by looking at the cloud."""

    vms: tuple[Vm, ...] = ()
    things: tuple[Thing, ...] = ()

    @property
    def id(self) -> str:
        """Made of what was found, so that finding it again is the same entry."""
        return str(uuid5(_FOUND, repr(sorted((vm.id, vm.start, vm.end) for vm in self.vms)) + repr(self.things)))

    @property
    def at(self) -> datetime:
        """The last instant it tells of."""
        return max(each.end or each.start for each in _stretches(self))

    def content(self) -> dict[str, object]:
        """The entry as the payload of a log entry."""
        things = [f"{each.address}{f'|{each.size}' if each.size else ''} {_told(each.start)} {_told(each.end)}" for each in self.things]
        return {"kind": HELD, "held": _held_content(self.vms), "things": things}


Entry = Change | Found


def _stretches(found: Found) -> Iterator[Vm | Thing]:
    yield from found.vms
    yield from found.things


def read_entry(at: datetime, content: Mapping[str, object]) -> Entry | None:
    """The entry in a log entry's payload; None for what is none of ours."""
    try:
        vms = tuple(_held_of(content.get("held", ())))
        if content["kind"] == HELD:
            things = tuple(_thing(str(text)) for text in _listed(content.get("things", ())))
            return Found(vms=vms, things=things)
        phase = str(content["phase"])
        if content["kind"] != CHANGE or phase not in get_args(Phase):
            return None
        return Change(
            phase="intent" if phase == "intent" else "outcome",
            at=at,
            run=UUID(str(content["run"])),
            step=str(content["step"]),
            attempt=_whole(content["attempt"]),
            make=_make_of(content["make"]),
            before=_whole(content["before"]),
            after=_whole(content["after"]),
            vms=vms,
        )
    except (KeyError, ValueError, TypeError):
        return None


@dataclass(frozen=True, kw_only=True)
class Book:
    """What the ledger says ran: VMs by number, other things in the order of their beginnings; and which groups were shrunk when."""

    vms: Mapping[str, Vm] = field(default_factory=lambda: MappingProxyType({}))
    things: tuple[Thing, ...] = ()
    shrunk: tuple[tuple[str, datetime], ...] = ()

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Book:
        """Every stretch the entries tell of, each once."""
        vms: dict[str, Vm] = {}
        things: list[Thing] = []
        shrunk: list[tuple[str, datetime]] = []
        for entry in entries:
            for vm in entry.vms:
                known = vms.get(vm.id)
                vms[vm.id] = vm if known is None else replace(known, end=_earliest(known.end, vm.end))
            if isinstance(entry, Found):
                things.extend(entry.things)
            elif entry.after < entry.before:
                shrunk.append((entry.make.group, entry.at))
        return cls(vms=MappingProxyType(vms), things=tuple(_merged(things)), shrunk=tuple(shrunk))

    def with_found(self, found: Iterable[Found]) -> Book:
        """With what was found besides."""
        own = [Found(vms=tuple(self.vms.values()), things=self.things)] if self.vms or self.things else []
        return replace(Book.of([*own, *found]), shrunk=self.shrunk)

    def let_go(self, vm: Vm, end: datetime) -> bool:
        """Whether a VM that ended then was one of a group being shrunk: draining and removal outlast the change."""
        return any(group == vm.make.group and at <= end < at + GOING for group, at in self.shrunk)

    def at_the_latest(self, vm: Vm, now: datetime) -> datetime:
        """When a VM ended of which nobody says when: some hours after its group was last shrunk, else now."""
        last = max((at for group, at in self.shrunk if group == vm.make.group and at > vm.start), default=now)
        return min(now, last + GOING)

    @property
    def running(self) -> list[Vm]:
        """VMs without an end."""
        return [vm for vm in self.vms.values() if vm.end is None]

    @property
    def standing(self) -> list[Thing]:
        """Other things without an end."""
        return [each for each in self.things if each.end is None]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the cloud shows at an instant: VMs that are there (those that stand still with their end), the ends it tells of VMs by number, whole stretches
    of VMs that came and went, and the other things that bill.
    """

    at: datetime
    vms: tuple[Vm, ...]
    ended: Mapping[str, datetime]
    gone: tuple[Vm, ...]
    things: tuple[Thing, ...]


@dataclass(frozen=True, kw_only=True)
class Repairs:
    """What the ledger lacked, as entries, and what of it is worth telling."""

    found: tuple[Found, ...]
    told: tuple[str, ...]


def repairs(book: Book, seen: Seen, since: datetime, elastic: Collection[str] = ()) -> Repairs:
    """What is to be written so that `book`, the ledger since an instant, says what the cloud shows.

    Not worth telling is what ran on from before it, and what autoscalers do: VMs of the groups `elastic` (addresses as text) come and go unannounced.
    """
    there = {vm.id: vm for vm in seen.vms}
    vms: list[Vm] = []
    told: list[str] = []
    unknown = [vm for vm in (*seen.vms, *seen.gone) if vm.id not in book.vms]
    vms.extend(replace(vm, end=_earliest(vm.end, seen.ended.get(vm.id))) for vm in unknown)
    told.extend(
        _counted(
            [vm for vm in unknown if since <= vm.start < seen.at - LAG and vm.make.group not in elastic],
            "ran and the ledger did not know them; they are counted from when they began",
        )
    )
    late, silent = [], []
    for vm in book.running:
        end = _earliest(there[vm.id].end if vm.id in there else None, seen.ended.get(vm.id))
        if end is not None:
            vms.append(replace(vm, end=end))
            if end < seen.at - LAG and not book.let_go(vm, end) and vm.make.group not in elastic:
                late.append(vm)
        elif vm.id not in there:
            vms.append(replace(vm, end=book.at_the_latest(vm, seen.at)))
            silent.append(vm)
    told.extend(_counted(late, "are gone and the ledger did not know it; they are counted until the cloud says they were"))
    told.extend(_counted(silent, "are gone and the cloud does not say since when; they are counted for as long as it may have been"))
    standing = {(each.address, each.size) for each in book.standing}
    live = {(each.address, each.size) for each in seen.things}
    of_other_size = {each.address for each in book.standing}
    things = [
        replace(each, start=seen.at) if each.address in of_other_size else each
        for each in seen.things
        if (each.address, each.size) not in standing
    ]
    things.extend(replace(each, end=seen.at) for each in book.standing if (each.address, each.size) not in live)
    ordered = sorted(vms, key=lambda vm: (vm.make.group, vm.id))
    found = [Found(vms=tuple(group)) for _, group in groupby(ordered, key=lambda vm: vm.make.group)]
    return Repairs(found=(*found, *([Found(things=tuple(things))] if things else [])), told=tuple(told))


def _counted(vms: list[Vm], what: str) -> Iterator[str]:
    ordered = sorted(vms, key=lambda vm: vm.make.group)
    for group, members in groupby(ordered, key=lambda vm: vm.make.group):
        yield f"{len(list(members))} VMs of {group} {what}"


def _merged(things: Iterable[Thing]) -> Iterator[Thing]:
    """Each address's stretches, those that overlap as one."""
    ordered = sorted(things, key=lambda each: (each.address, each.size, each.start, each.end is None))
    for _, group in groupby(ordered, key=lambda each: (each.address, each.size)):
        last: Thing | None = None
        for each in group:
            if last is not None and (last.end is None or each.start < last.end):
                last = replace(last, end=_earliest(last.end, each.end))
                continue
            if last is not None:
                yield last
            last = each
        if last is not None:
            yield last


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _told(instant: datetime | None) -> str:
    return instant.isoformat() if instant is not None else "-"


def _instant(text: str) -> datetime | None:
    return None if text == "-" else datetime.fromisoformat(text)


def _make_content(make: Make) -> dict[str, str | int]:
    return {
        "group": make.group,
        "tier": make.tier,
        "zone": make.zone,
        "consumption": make.consumption,
        "family": make.family,
        "pod_chips": make.pod_chips,
        "chips": make.chips,
        "disk_gib": make.disk_gib,
    }


def _make_of(content: object) -> Make:
    if not isinstance(content, Mapping):
        raise TypeError(content)
    texts = {key: str(content[key]) for key in ("group", "tier", "zone", "consumption", "family")}
    numbers = {key: _whole(content[key]) for key in ("pod_chips", "chips", "disk_gib")}
    return Make(**texts, **numbers)  # type: ignore[arg-type]  # the keys are the fields, texts and numbers as they are


def _held_content(vms: Iterable[Vm]) -> list[dict[str, object]]:
    """The VMs by what they are: `NUMBER START END`, the end `-` while it lives."""
    ordered = sorted(vms, key=lambda vm: (repr(vm.make), vm.id))
    return [
        {**_make_content(make), "ran": [f"{vm.id} {_told(vm.start)} {_told(vm.end)}" for vm in members]}
        for make, members in groupby(ordered, key=lambda vm: vm.make)
    ]


def _held_of(content: object) -> Iterator[Vm]:
    for each in _listed(content):
        make = _make_of(each)
        assert isinstance(each, Mapping)
        for text in _listed(each["ran"]):
            number, start, end = str(text).split(" ")
            yield Vm(id=number, make=make, start=datetime.fromisoformat(start), end=_instant(end))


def _thing(text: str) -> Thing:
    address, start, end = text.rsplit(" ", 2)  # some names have spaces
    address, _, size = address.partition("|")
    return Thing(address=address, start=datetime.fromisoformat(start), end=_instant(end), size=size)


def _listed(content: object) -> list[object]:
    return list(content) if isinstance(content, list | tuple) else []


def _whole(number: object) -> int:
    return int(float(str(number)))  # the log keeps every number as a float
