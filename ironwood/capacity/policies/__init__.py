"""Policies behind one interface, all causal; `optimized` is the default."""

from ironwood.capacity.policies.always_on import AlwaysOn
from ironwood.capacity.policies.day_ahead import DayAhead
from ironwood.capacity.policies.interface import Policy, World
from ironwood.capacity.policies.optimized import SEEN, Control, Optimized, Tree, priced
from ironwood.capacity.policies.reactive import Reactive
from ironwood.capacity.policies.scheduled import Scheduled
from ironwood.capacity.policies.windows import Windows

POLICIES: dict[str, Policy] = {policy.name: policy for policy in (AlwaysOn(), Windows(), Reactive(), DayAhead(), Optimized())}

__all__ = [
    "POLICIES",
    "SEEN",
    "AlwaysOn",
    "Control",
    "DayAhead",
    "Optimized",
    "Policy",
    "Reactive",
    "Scheduled",
    "Tree",
    "Windows",
    "World",
    "priced",
]
