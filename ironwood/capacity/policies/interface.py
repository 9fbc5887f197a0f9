"""One interface for every policy: it adapts the rules, then makes a controller that turns moments into decisions.

1. A policy is a frozen value; what it learns lives in the controller it makes, one for each replay or each running service.
2. A controller is causal by construction: a moment holds nothing that is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ironwood.capacity.demand import Calendar
from ironwood.capacity.replay import Controller, Rules


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """What is known before the first decision: the rules and the calendar (of the past and of the days to come)."""

    rules: Rules
    calendar: Calendar


class Policy(Protocol):
    """A way to choose pods."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def rules(self, rules: Rules) -> Rules:
        """The rules as this policy uses them: its tiers and their maxima."""
        ...

    def controller(self, world: World) -> Controller:
        """A controller that has seen nothing yet."""
        ...


__all__ = ["Controller", "Policy", "World"]
