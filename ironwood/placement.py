"""Where the VMs of a tier are ordered: its options, in the order of the profile.

1. What an option holds stays where it is: nothing is moved to save money or to tidy up.
2. Growth is ordered from the first option that is not exhausted; the sum of all orders never exceeds what is wanted.
3. Shrinking starts with the last option, but reserved capacity goes last: it is paid whether used or not.
4. The same holds among the groups of one option: what a group holds stays, room is filled from the first, the last is emptied first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

from ironwood import tpu
from ironwood.errors import StockoutError
from ironwood.profile import Consumption, Tier

DEADLINES: Mapping[Consumption, timedelta] = {
    "on_demand": timedelta(minutes=45),
    "spot": timedelta(minutes=45),
    "flex_start": timedelta(hours=24),
    "reserved": timedelta(minutes=45),
}
"""How long a group may stand still before that is a stockout: longer than a start takes; a flex-start queue was seen at 20 h."""


LEAD_TIMES: Mapping[Consumption, str] = {
    "on_demand": "7 to 16 min",
    "spot": "7 to 16 min",
    "flex_start": "7 to 16 min after a queue of minutes to 20 h",
    "reserved": "7 to 16 min",
}
"""From the order to serving: VM boot about 1 min, container 1-5, load and compile 5-10 (reported, v6e)."""

READY_WITHIN: Mapping[Consumption, timedelta] = dict.fromkeys(DEADLINES, timedelta(minutes=16))
"""How long before its window a pod is ordered: the longest of `LEAD_TIMES`; a queue is nobody's to know."""

AVAILABILITY: Mapping[Consumption, str] = {
    "on_demand": "no guarantee",
    "spot": "no guarantee, may be preempted at any time",
    "flex_start": "queued, for seven days at most",
    "reserved": "guaranteed, paid whether used or not",
}
"""What Google promises (documented)."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One way to order a tier's VMs. `label` tells it from the tier's first way in names ("" for the first)."""

    consumption: Consumption
    zone: str
    reservation: str | None
    deadline: timedelta
    label: str

    def __str__(self) -> str:
        """`spot in us-central1-c`."""
        return f"{self.consumption} in {self.zone}"


def lead_of(tier: Tier) -> timedelta:
    """How long before its window a pod of `tier` is ordered: its `lead_minutes`, else what its consumption takes."""
    return READY_WITHIN[tier.consumption] if tier.lead_minutes is None else timedelta(minutes=tier.lead_minutes)


def generation_of(tier: Tier) -> tpu.Generation:
    """The TPU generation of a tier."""
    return tpu.GENERATIONS[tier.generation]


def pod_of(tier: Tier) -> tpu.Slice:
    """The hardware of one pod of a tier."""
    return tpu.slice_of(tier.chips, generation_of(tier))


def options_of(tier: Tier) -> tuple[Option, ...]:
    """The tier's ways to order, first choice first."""
    first = _option(tier.consumption, tier.zone, tier.reservation, tier.deadline_minutes, "")
    rest = []
    seen: dict[str, count[int]] = {}
    for each in tier.fallbacks:
        zone = each.zone or tier.zone
        label = f"{each.consumption.replace('_', '-')}-{zone.rpartition('-')[2]}"
        number = next(seen.setdefault(label, count(1)))
        rest.append(_option(each.consumption, zone, each.reservation, each.deadline_minutes, label if number == 1 else f"{label}-{number}"))
    return (first, *rest)


def place(tier: str, wanted: int, options: Sequence[Option], held: Sequence[int], exhausted: Collection[int]) -> tuple[int, ...]:
    """How many VMs each option is to hold, `wanted` together; `held` is what they hold now.

    `exhausted` are the indices of options that gave nothing by their deadline. Raises StockoutError when growth has nowhere left to go.
    """
    plan = list(held)
    missing = wanted - sum(held)
    if missing > 0:
        free = [index for index in range(len(options)) if index not in exhausted]
        if not free:
            tried = ", ".join(str(option) for option in options)
            raise StockoutError(
                f"tier {tier}: {missing} of {wanted} VMs could not be had from {tried}. What was had stays. Run again later, add `fallbacks` to the tier, or lower its size."
            )
        plan[free[0]] += missing
        return tuple(plan)
    order = sorted(range(len(options)), key=lambda index: (options[index].consumption == "reserved", -index))
    for index in order:
        less = min(plan[index], -missing)
        plan[index] -= less
        missing += less
    return tuple(plan)


def spread(wanted: int, held: Mapping[int, int], capacity: int) -> dict[int, int]:
    """VMs of each of an option's groups, by number from 1, `wanted` together and at most `capacity` each; `held` is what they hold now.

    An option that holds nothing keeps its first group, empty, so that it keeps its place behind the load balancer.
    """
    plan = {number: min(size, capacity) for number, size in sorted(held.items())}
    missing = wanted - sum(plan.values())
    for number in count(1):
        if missing <= 0:
            break
        more = min(capacity - plan.get(number, 0), missing)
        plan[number] = plan.get(number, 0) + more
        missing -= more
    for number in reversed(plan):
        less = min(plan[number], -missing)
        plan[number] -= less
        missing += less
    return {number: size for number, size in sorted(plan.items()) if size} or {1: 0}


def _option(consumption: Consumption, zone: str, reservation: str | None, minutes: int | None, label: str) -> Option:
    deadline = DEADLINES[consumption] if minutes is None else timedelta(minutes=minutes)
    return Option(consumption=consumption, zone=zone, reservation=reservation, deadline=deadline, label=label)
