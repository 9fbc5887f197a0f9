"""Who sizes a group by its load: Google's autoscaler, within bounds that are ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed

ON, OFF = "ON", "OFF"


@dataclass(frozen=True, kw_only=True)
class Signal:
    """What is kept where: without a `metric` the load balancer's rate at `target` of what the backend takes; a metric at `target` on each VM, or a metric
    of the whole group at `per_vm` for each VM of it (then `target` is 0).
    """

    target: float = 0.0
    metric: str = ""
    filter: str = ""
    per_vm: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Autoscaler(Resource):
    """Sizes `group` between `least` and `most` VMs by `signal` while its mode is ON. Marked in its description.

    `stabilization_seconds`: it shrinks to what the busiest moment of so long needed; `initialization_seconds`: new VMs are not measured for so long.
    While it is ON Google refuses to resize the group (412), so a group is emptied with it OFF: by us, or by `lease`, the job that switches it off when
    nobody of ours lives, which has been seen to reach it before it is ON. `service` is the backend service it goes by. `others` are signals and
    schedules somebody added, which are drift. What it orders, it orders itself: `patience` is how long its group may stay below `least`.
    """

    kind: ClassVar[str] = "autoscaler"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"group"})

    group: Address
    least: int
    most: int
    signal: Signal
    stabilization_seconds: int
    initialization_seconds: int
    mode: str = ON
    others: tuple[str, ...] = ()
    lease: Address | None = field(default=None, compare=False)  # how a plan is ordered, nothing the cloud holds
    service: Address | None = field(default=None, compare=False)
    patience: timedelta = field(default=timedelta(minutes=45), compare=False)
    status: str = observed("")
    told: tuple[str, ...] = observed(())
    created: str = observed("")
