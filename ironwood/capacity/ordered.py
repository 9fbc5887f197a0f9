"""Orders and stops of pods, from the changes of group sizes in the ledger.

A change is what it intended, once, however often the step was tried; what one run moves between groups of a tier is neither ordered nor stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ironwood.capacity.live import Step
from ironwood.cost.ledger import Change


def steps_of(changes: Iterable[Change]) -> tuple[Step, ...]:
    """What `changes` ordered and stopped, in whole pods, oldest first."""
    tried: set[tuple[UUID, str]] = set()
    first: dict[tuple[UUID, str], Change] = {}
    vms: dict[tuple[UUID, str], int] = {}
    for each in sorted(changes, key=lambda change: change.at):
        if each.phase != "intent" or each.make.family.startswith("vertex-") or (each.run, each.step) in tried:
            continue
        tried.add((each.run, each.step))
        first.setdefault((each.run, each.make.tier), each)
        vms[each.run, each.make.tier] = vms.get((each.run, each.make.tier), 0) + each.after - each.before
    steps = []
    for place, change in first.items():
        pods = round(vms[place] * change.make.chips / change.make.pod_chips)
        if pods:
            steps.append(Step(at=change.at, tier=change.make.tier, pods=pods))
    return tuple(steps)
