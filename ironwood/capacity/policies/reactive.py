"""React to the load seen last: the autoscaler everybody has. The first tier only, as many pods as it takes.

At the end of each bin: desired = ceil(last observed / target / capacity). Up after the lead; down only below the greatest desire of the
last 600 s. (The stabilisation window of Compute Engine autoscalers.)
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from ironwood.capacity.policies.interface import Controller, World
from ironwood.capacity.replay import Decision, Moment, Rules

_NO_MAXIMUM: Final = 1_000_000
_STABLE_DESIRES: Final = 3


@dataclass(frozen=True, kw_only=True)
class Reactive:
    """Hold the load at `target` of the capacity of the smallest tier."""

    target: float = 0.70
    name: str = "reactive"

    def rules(self, rules: Rules) -> Rules:
        """The smallest tier alone, without a maximum."""
        smallest = min(rules.tiers, key=lambda tier: tier.capacity_units)
        return replace(rules, tiers=(replace(smallest, max_pods=_NO_MAXIMUM),))

    def controller(self, world: World) -> Controller:
        """A controller that has seen nothing yet."""
        capacity = world.rules.tiers[0].capacity_units
        recent: deque[int] = deque(maxlen=_STABLE_DESIRES)

        def decide(moment: Moment) -> Decision:
            recent.append(math.ceil(float(moment.observed[-1]) / self.target / capacity))
            committed = int(moment.committed[0])
            return Decision(starts=(max(0, recent[-1] - committed),), stops=(max(0, committed - max(recent)),))

        return decide
